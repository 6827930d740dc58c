/* SPDX-License-Identifier: MIT */
/*
 * embedded_server.c - the delay server on a thread of this program.
 *
 * Threads: start and stop run on the caller's thread, serve() and the future
 * on the server's. `started` publishes the port and the waker, or the error;
 * `stopping` and the waker end the server.
 */
#include "cli/embedded_server.h"

#include <errno.h>
#include <pthread.h>
#include <reveil/http_server.h>
#include <reveil/runtime.h>
#include <reveil/trace.h>
#include <semaphore.h>
#include <stdlib.h>

#include "cli/delay.h"

struct embedded_server_state {
    pthread_t thread;
    sem_t started; /* posted once `error`, `port` and `waker` are set */
    int error;
    uint16_t port;
    struct rv_waker waker; /* of the future */
    _Atomic bool stopping;

    /* Private to the server's thread. */
    struct rv_future future; /* READY when `stopping` is set */
    struct rv_http_server server;
};

static enum rv_poll serve_poll(struct rv_future *future, struct rv_cx *cx)
{
    struct embedded_server_state *self =
        RV_CONTAINER_OF(future, struct embedded_server_state, future);

    if (!future->at++) {
        self->waker = rv_waker_clone(&cx->waker);
        sem_post(&self->started);
    }
    /* acquire: pairs with embedded_server_stop(). */
    if (atomic_load_explicit(&self->stopping, memory_order_acquire))
        return RV_READY;
    return rv_poll(&self->server.future, cx);
}

/* Listen on a free port. Returns: 0, negative errno. */
static int listen_anywhere(struct embedded_server_state *self)
{
    const struct rv_http_handler handler = delay_handler();
    struct rv_addr addr;
    int error = rv_addr_parse(&addr, "localhost", 0);

    if (!error)
        error = rv_http_server_init(&self->server, &addr, &handler);
    if (!error)
        error = rv_http_server_addr(&self->server, &addr);
    self->port = error ? 0 : rv_addr_port(&addr);
    return error;
}

static void *serve(void *arg)
{
    static const struct rv_future_ops ops = {.name = "embedded_server",
                                             .poll = serve_poll};
    struct embedded_server_state *self = arg;
    struct rv_runtime *runtime;
    int error = 0;

    rv_trace_mute_thread(true);
    self->error = rv_runtime_start(&runtime);
    if (self->error)
        goto report;
    self->error = listen_anywhere(self);
    if (!self->error) {
        rv_future_init(&self->future, &ops);
        error = rv_runtime_block_on(runtime, &self->future);
    }
    rv_drop(&self->server.future);
    rv_runtime_stop(runtime);
    if (self->future.at) /* it was polled, and has posted `started` */
        return NULL;
    if (error)
        self->error = error;
report:
    sem_post(&self->started);
    return NULL;
}

static void state_free(struct embedded_server_state *state)
{
    rv_waker_drop(&state->waker);
    sem_destroy(&state->started);
    free(state);
}

int embedded_server_start(struct embedded_server *server, uint16_t *port)
{
    struct embedded_server_state *state = calloc(1, sizeof *state);
    int error;

    if (!state)
        return -ENOMEM;
    sem_init(&state->started, 0, 0);
    error = -pthread_create(&state->thread, NULL, serve, state);
    if (error) {
        state_free(state);
        return error;
    }
    while (sem_wait(&state->started) < 0)
        ; /* EINTR */
    if (state->error) {
        error = state->error;
        pthread_join(state->thread, NULL);
        state_free(state);
        return error;
    }
    *port = state->port;
    server->state = state;
    return 0;
}

void embedded_server_stop(struct embedded_server *server)
{
    struct embedded_server_state *state = server->state;

    /* release: pairs with serve_poll(). */
    atomic_store_explicit(&state->stopping, true, memory_order_release);
    rv_waker_wake(&state->waker);
    pthread_join(state->thread, NULL);
    state_free(state);
    server->state = NULL;
}
