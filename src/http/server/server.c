/* SPDX-License-Identifier: MIT */
/*
 * server.c - the server: its connections, and how it ends. It accepts them with
 * the loop of serve.h. What a connection does is in connection.c.
 *
 * Threads: the executor's.
 */
#include <reveil/async.h>
#include <reveil/http_server.h>
#include <string.h>

#include "base/base_internal.h"
#include "http/server/connection.h"

enum { IDLE_S = 60 /* default of idle_timeout_ns */ };

static const uint64_t max_body = UINT64_C(1) << 20;

/* Close the connection that has been idle longest, if any is idle. The list is
 * ordered by the time of the last response, so that is the first idle one. */
static void close_idlest(struct rv_http_server *server)
{
    struct rv_list *node;

    for (node = server->connections.next; node != &server->connections;
         node = node->next) {
        struct rv_http_connection *conn =
            RV_CONTAINER_OF(node, struct rv_http_connection, node);

        if (!rv_http_connection_is_idle(conn))
            continue;
        rv_http_connection_abort(conn);
        return;
    }
}

static struct rv_http_server *server_of(struct rv_accept_loop *loop)
{
    return RV_CONTAINER_OF(loop, struct rv_http_server, loop);
}

/* For rv_accept_loop_ops. */
static int start_connection(struct rv_accept_loop *loop,
                            struct rv_stream *stream, struct rv_cx *cx)
{
    return rv_http_connection_start(server_of(loop), stream, cx->executor);
}

/* For rv_accept_loop_ops. */
static void give_up_one(struct rv_accept_loop *loop)
{
    close_idlest(server_of(loop));
}

/* What points into the server. It may be moved before its first poll, and so
 * before it has connections. */
static void settle(struct rv_http_server *server)
{
    server->loop.listener = &server->listener;
    if (server->open == 0)
        rv_list_init(&server->connections);
}

/* Accept until there is a permanent error. The options may have been changed
 * before the first poll. */
static enum rv_poll accept_all(struct rv_http_server *self, struct rv_cx *cx)
{
    settle(self);
    self->loop.max_open = self->max_connections;
    if (rv_poll(&self->loop.future, cx) == RV_PENDING)
        return RV_PENDING;
    self->future.result = self->loop.future.result;
    return RV_READY;
}

/* --- stop -------------------------------------------------------------- */

static void stop_accepting(struct rv_http_server *server)
{
    rv_drop(&server->loop.future);
    rv_stream_close(&server->listener);
}

/* Abort every connection. Returns: how many there were. */
static int32_t cut_all(struct rv_http_server *server)
{
    struct rv_list *node;
    int32_t count = 0;

    server->open = 0;
    server->loop.open = 0;
    for (; (node = rv_list_pop(&server->connections)); count++)
        rv_http_connection_abort(
            RV_CONTAINER_OF(node, struct rv_http_connection, node));
    return count;
}

/* READY when the last connection has ended, or at the deadline. */
static enum rv_poll wait_for_the_last(struct rv_http_server *self,
                                      struct rv_cx *cx)
{
    if (!rv_list_empty(&self->connections) &&
        rv_poll(&self->limit.future, cx) == RV_PENDING)
        return RV_PENDING;
    RV_RETURN(&self->future, cut_all(self));
}

void rv_http_server_lost_one(struct rv_http_server *server)
{
    server->open--;
    rv_accept_loop_lost_one(&server->loop);
    if (server->stopping && server->open == 0)
        rv_waker_wake(&server->waker);
}

uint32_t rv_http_server_shutdown(struct rv_http_server *server,
                                 int64_t deadline_ns)
{
    struct rv_list *node;
    uint32_t count = 0;

    settle(server);
    stop_accepting(server);
    server->stopping = true;
    rv_drop(&server->limit.future); /* of an earlier shutdown */
    rv_sleep_init(&server->limit, deadline_ns);
    for (node = server->connections.next; node != &server->connections;
         node = node->next)
        count += rv_http_connection_stop(
            RV_CONTAINER_OF(node, struct rv_http_connection, node));
    rv_waker_wake(&server->waker);
    return count;
}

/* --- the future -------------------------------------------------------- */

static enum rv_poll server_poll(struct rv_future *future, struct rv_cx *cx)
{
    struct rv_http_server *self =
        RV_CONTAINER_OF(future, struct rv_http_server, future);

    rv_waker_store(&self->waker, &cx->waker);
    return self->stopping ? wait_for_the_last(self, cx) : accept_all(self, cx);
}

static void server_drop(struct rv_future *future)
{
    struct rv_http_server *self =
        RV_CONTAINER_OF(future, struct rv_http_server, future);

    settle(self);
    stop_accepting(self);
    cut_all(self);
    rv_drop(&self->limit.future);
    rv_waker_drop(&self->waker);
}

static void init(struct rv_http_server *server,
                 const struct rv_http_handler *handler)
{
    static const struct rv_future_ops ops = {
        .name = "http-server", .poll = server_poll, .drop = server_drop};
    static const struct rv_accept_loop_ops loop_ops = {
        .start = start_connection, .give_up_one = give_up_one};

    memset(server, 0, sizeof *server);
    rv_accept_loop_init(&server->loop, &server->listener, &loop_ops);
    rv_future_init(&server->future, &ops);
    rv_list_init(&server->connections);
    server->limits = rv_http_default_limits;
    server->limits.body_bytes = max_body;
    server->idle_timeout_ns = IDLE_S * RV_NS_PER_S;
    server->handler_timeout_ns = RV_NEVER;
    server->handler = *handler;
}

int rv_http_server_init(struct rv_http_server *server,
                        const struct rv_addr *addr,
                        const struct rv_http_handler *handler)
{
    init(server, handler);
    return rv_tcp_listen(&server->listener, addr);
}

void rv_http_server_init_on(struct rv_http_server *server,
                            struct rv_stream *listener,
                            const struct rv_http_handler *handler)
{
    init(server, handler);
    server->listener = *listener;
    *listener = (struct rv_stream){0};
}

int rv_http_server_addr(const struct rv_http_server *server,
                        struct rv_addr *out)
{
    return rv_tcp_local_addr(&server->listener, out);
}
