/* SPDX-License-Identifier: MIT */
/*
 * server.c - the accept loop. What a connection does is in connection.c.
 *
 * Threads: the executor's.
 */
#include <errno.h>
#include <reveil/async.h>
#include <reveil/http_server.h>
#include <string.h>

#include "http/connection.h"

enum {
    ACCEPTS_A_TURN = 64, /* then the new connections have theirs */
    PAUSE_MS = 20,       /* when descriptors or memory ran out */
    IDLE_S = 60
};

static const uint64_t max_body = UINT64_C(1) << 20;

/* One more connection, or the reason why not. Returns: 0, negative errno. */
static int take(struct rv_http_server *server, struct rv_cx *cx)
{
    int err = server->accept.future.result;

    if (err < 0)
        return err;
    err = rv_http_connection_start(server, &server->accepted, cx->executor);
    if (err < 0)
        rv_tcp_close(&server->accepted);
    return err;
}

static enum rv_poll server_poll(struct rv_future *future, struct rv_cx *cx)
{
    struct rv_http_server *self =
        RV_CONTAINER_OF(future, struct rv_http_server, future);

    RV_BEGIN(future);
    for (;;) {
        rv_tcp_accept_init(&self->accept, &self->listener, &self->accepted);
        RV_AWAIT(future, cx, &self->accept.future);
        if (take(self, cx) < 0) {
            /* The listener stays as it is: the queue in the kernel holds on
             * to the clients until something was closed. */
            rv_sleep_init(&self->pause, rv_after_ms(PAUSE_MS));
            RV_AWAIT(future, cx, &self->pause.future);
        }
        if (++self->taken % ACCEPTS_A_TURN == 0) {
            rv_yield_init(&self->yield);
            RV_AWAIT(future, cx, &self->yield.future);
        }
    }
    RV_END(future);
}

static void server_drop(struct rv_future *future)
{
    struct rv_http_server *self =
        RV_CONTAINER_OF(future, struct rv_http_server, future);
    struct rv_list *node;

    rv_drop(&self->accept.future);
    rv_drop(&self->pause.future);
    rv_tcp_close(&self->accepted);
    rv_tcp_close(&self->listener);
    while ((node = rv_list_pop(&self->connections)))
        rv_http_connection_abort(
            RV_CONTAINER_OF(node, struct rv_http_connection, node));
}

int rv_http_server_init(struct rv_http_server *server,
                        const struct rv_addr *addr,
                        const struct rv_http_handler *handler)
{
    static const struct rv_future_ops ops = {
        .name = "http-server", .poll = server_poll, .drop = server_drop};

    memset(server, 0, sizeof *server);
    rv_future_init(&server->future, &ops);
    rv_list_init(&server->connections);
    server->limits = rv_http_default_limits;
    server->limits.body_bytes = max_body;
    server->idle_timeout_ns = IDLE_S * RV_NS_PER_S;
    server->handler = *handler;
    return rv_tcp_listen(&server->listener, addr);
}

int rv_http_server_addr(const struct rv_http_server *server,
                        struct rv_addr *out)
{
    return rv_tcp_local_addr(&server->listener, out);
}
