/* SPDX-License-Identifier: MIT */
/*
 * serve_many.c - `reveil serve --executors N`: a server on each of N executors.
 *
 * Threads: the main thread waits for signals. Each executor has a server that
 * only its own thread uses. The main thread controls it by commands: futures
 * that it spawns on that executor and awaits.
 */
#include <errno.h>
#include <reveil/async.h>
#include <reveil/executors.h>
#include <reveil/http_server.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/delay.h"
#include "cli/language.h"
#include "cli/serve.h"

/* One executor's server. */
struct server_thread {
    /* Owned by the executor's thread, from the first command on. */
    struct rv_addr addr; /* to listen on; then the actual one */
    const struct serve_options *options;
    bool first; /* to listen: the others share its port */
    bool over;  /* failed, or stopped */
    struct rv_http_server server;

    struct rv_remote_join served; /* the main thread's */
};

/* --- commands: on the executor's thread -------------------------------- */

struct command {
    struct rv_future future;
    struct server_thread *thread;
    int64_t deadline_ns;
};

static struct server_thread *server_of(struct rv_future *future)
{
    return RV_CONTAINER_OF(future, struct command, future)->thread;
}

/* Returns: 0, negative errno. */
static int open_server(struct server_thread *thread)
{
    const struct rv_listen_options shared = {.reuse_port = true,
                                             .first = thread->first};
    const struct rv_http_handler handler = delay_handler();
    struct rv_stream listener = {0};
    int error = rv_tcp_listen_with(&listener, &thread->addr, &shared);

    if (error)
        return error;
    rv_http_server_init_on(&thread->server, &listener, &handler);
    serve_set_limits(thread->options, &thread->server);
    return rv_http_server_addr(&thread->server, &thread->addr);
}

/* Listen, then serve. result: the connections that were cut; or a negative
 * errno. */
static enum rv_poll serve_poll(struct rv_future *future, struct rv_cx *cx)
{
    struct server_thread *thread = server_of(future);

    RV_BEGIN(future);
    future->result = open_server(thread);
    if (future->result < 0) {
        thread->over = true;
        RV_RETURN(future, future->result);
    }
    RV_AWAIT(future, cx, &thread->server.future);
    thread->over = true;
    RV_RETURN(future, thread->server.future.result);
    RV_END(future);
}

static void serve_drop(struct rv_future *future)
{
    rv_drop(&server_of(future)->server.future);
}

/* Spawned after `serve`, which has been polled once by then. result: 0 if the
 * server listens; -ECANCELED. */
static enum rv_poll is_listening_poll(struct rv_future *future,
                                      struct rv_cx *cx)
{
    (void)cx;
    future->result = server_of(future)->over ? -ECANCELED : 0;
    return RV_READY;
}

/* result: how many responses are still open. */
static enum rv_poll stop_poll(struct rv_future *future, struct rv_cx *cx)
{
    struct command *self = RV_CONTAINER_OF(future, struct command, future);

    (void)cx;
    future->result = self->thread->over
                         ? 0
                         : (int32_t)rv_http_server_shutdown(
                               &self->thread->server, self->deadline_ns);
    return RV_READY;
}

static const struct rv_future_ops serve_ops = {
    .name = "serve", .poll = serve_poll, .drop = serve_drop};
static const struct rv_future_ops is_listening_ops = {
    .name = "is-listening", .poll = is_listening_poll};
static const struct rv_future_ops stop_ops = {.name = "stop",
                                              .poll = stop_poll};

/* --- on the main thread ------------------------------------------------ */

struct many {
    struct rv_future future;
    struct rv_future opening;  /* first step of `future` */
    struct rv_future stopping; /* its step after a signal */
    const struct serve_options *options;
    struct rv_executors *executors;
    struct server_thread *threads;
    uint32_t count;                /* of executors, and so of threads */
    uint32_t i;                    /* the thread being opened or stopped */
    struct rv_remote_join command; /* sent to that thread */
    struct rv_signals signals;
    struct rv_signal_wait wait;
    struct rv_addr addr;
    int64_t deadline_ns; /* of the stop; 0: not stopping */
    uint32_t responses;  /* still open when it began to stop */
    uint32_t left;       /* servers still running */
    int32_t error;       /* of one of the servers */
    bool listening;      /* all servers listen */
    bool said;           /* that it stops */
};

/* Spawn a command on an executor. Returns: 0, -ENOMEM. */
static int run_command(struct many *self, uint32_t index,
                       const struct rv_future_ops *ops,
                       struct rv_remote_join *join)
{
    struct command *command = rv_alloc(sizeof *command);
    int error;

    if (!command)
        return -ENOMEM;
    rv_future_init(&command->future, ops);
    command->thread = &self->threads[index];
    command->deadline_ns = self->deadline_ns;
    error = rv_remote_spawn(rv_executors_remote(self->executors, index),
                            &command->future, join);
    if (error)
        rv_free(command);
    return error;
}

/* Returns: 0, -ENOMEM. */
static int begin_server(struct many *self, uint32_t index)
{
    struct server_thread *thread = &self->threads[index];
    int error;

    thread->addr = self->addr;
    thread->first = index == 0;
    thread->options = self->options;
    error = run_command(self, index, &serve_ops, &thread->served);
    return error ? error
                 : run_command(self, index, &is_listening_ops, &self->command);
}

/* One after the other: with --port 0 the first one determines the port. */
static enum rv_poll opening_poll(struct rv_future *future, struct rv_cx *cx)
{
    struct many *self = RV_CONTAINER_OF(future, struct many, opening);
    struct server_thread *thread = &self->threads[self->i];

    RV_BEGIN(future);
    for (; self->i < self->count; self->i++) {
        thread = &self->threads[self->i];
        future->result = begin_server(self, self->i);
        if (future->result)
            RV_RETURN(future, future->result);
        RV_AWAIT(future, cx, &self->command.future);
        if (self->command.future.result) {
            RV_AWAIT(future, cx, &thread->served.future);
            RV_RETURN(future, thread->served.future.result);
        }
        self->addr = thread->addr;
    }
    RV_RETURN(future, 0);
    RV_END(future);
}

static enum rv_poll stopping_poll(struct rv_future *future, struct rv_cx *cx)
{
    struct many *self = RV_CONTAINER_OF(future, struct many, stopping);

    RV_BEGIN(future);
    self->responses = 0;
    for (self->i = 0; self->i < self->count; self->i++) {
        future->result = run_command(self, self->i, &stop_ops, &self->command);
        if (future->result)
            RV_RETURN(future, future->result);
        RV_AWAIT(future, cx, &self->command.future);
        self->responses += (uint32_t)self->command.future.result;
    }
    RV_RETURN(future, 0);
    RV_END(future);
}

static const struct rv_future_ops opening_ops = {.name = "serve: opening",
                                                 .poll = opening_poll};
static const struct rv_future_ops stopping_ops = {.name = "serve: stopping",
                                                  .poll = stopping_poll};

/* Returns: how many servers are still running. */
static uint32_t poll_servers(struct many *self, struct rv_cx *cx)
{
    uint32_t left = 0;

    for (uint32_t i = 0; i < self->count; i++) {
        struct rv_future *served = &self->threads[i].served.future;

        if (served->at != RV_AT_END && rv_poll(served, cx) == RV_PENDING)
            left++;
        else if (served->result < 0)
            self->error = served->result;
    }
    return left;
}

/* A signal has arrived, or no server is running. */
static bool something_happened(struct many *self, struct rv_cx *cx)
{
    const bool signalled = rv_poll(&self->wait.future, cx) == RV_READY;

    self->left = poll_servers(self, cx);
    return signalled || self->left == 0;
}

static enum rv_poll many_poll(struct rv_future *future, struct rv_cx *cx)
{
    struct many *self = RV_CONTAINER_OF(future, struct many, future);

    RV_BEGIN(future);
    RV_AWAIT(future, cx, &self->opening);
    if (self->opening.result < 0)
        RV_RETURN(future, self->opening.result);
    self->listening = true;
    future->result = serve_say_where(self->options, &self->addr);
    if (future->result < 0)
        RV_RETURN(future, future->result);
    for (;;) {
        rv_signal_wait_init(&self->wait, &self->signals);
        RV_AWAIT_UNTIL(future, something_happened(self, cx));
        if (self->left == 0)
            RV_RETURN(future, self->error);
        if (self->wait.future.result < 0)
            RV_RETURN(future, self->wait.future.result);
        /* First signal: finish the open responses. Second: stop at once. */
        self->deadline_ns = self->deadline_ns
                                ? rv_now_ns()
                                : rv_after_ms(self->options->grace_s * 1000);
        rv_future_init(&self->stopping, &stopping_ops);
        RV_AWAIT(future, cx, &self->stopping);
        if (self->stopping.result < 0)
            RV_RETURN(future, self->stopping.result);
        if (!self->said)
            serve_say_stopping(self->options, self->responses);
        self->said = true;
    }
    RV_END(future);
}

/* Servers that still run are dropped with the executors. */
static void many_drop(struct rv_future *future)
{
    struct many *self = RV_CONTAINER_OF(future, struct many, future);

    rv_remote_join_drop(&self->command);
    for (uint32_t i = 0; i < self->count; i++)
        rv_remote_join_drop(&self->threads[i].served);
    rv_drop(&self->wait.future);
    rv_signals_close(&self->signals);
}

/* Returns: 0, negative errno. */
static int run(struct rv_runtime *runtime, struct many *self)
{
    static const struct rv_future_ops ops = {
        .name = "serve: many", .poll = many_poll, .drop = many_drop};
    int error = rv_executors_start(&self->executors, runtime, self->count);

    if (error)
        return error;
    rv_future_init(&self->future, &ops);
    rv_future_init(&self->opening, &opening_ops);
    error = serve_signals_open(&self->signals);
    if (!error)
        error = rv_runtime_block_on(runtime, &self->future);
    rv_drop(&self->future);
    rv_executors_stop(self->executors);
    return error;
}

int serve_many(struct rv_runtime *runtime, const struct serve_options *options)
{
    struct many self = {.options = options,
                        .count = (uint32_t)options->executors};
    int status = serve_addr(options, &self.addr);
    int error;

    if (status != CLI_OK)
        return status;
    self.threads = rv_alloc(self.count * sizeof self.threads[0]);
    error = self.threads ? run(runtime, &self) : -ENOMEM;
    rv_free(self.threads);
    if (error < 0 && self.executors && !self.listening)
        return serve_listen_error(options, error);
    if (error < 0)
        return cli_fail(
            CLI_FAILED,
            say("the server ended: %s", "le serveur s’est arrêté : %s"),
            cli_error_text(error));
    return CLI_OK;
}
