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

#include "base/base_internal.h"
#include "http/server/connection.h"

enum {
    ACCEPTS_A_TURN = 64, /* then the task yields to the new connections */
    PAUSE_MS = 20,       /* between two tries while resources are short */
    IDLE_S = 60          /* default of idle_timeout_ns */
};

static const uint64_t max_body = UINT64_C(1) << 20;

/*
 * Close the connection that has been idle longest. The list is ordered by the
 * time of the last response, so that is the first idle one.
 *
 * Returns: false if no connection is idle.
 */
static bool close_idlest(struct rv_http_server *server)
{
    struct rv_list *node;

    for (node = server->connections.next; node != &server->connections;
         node = node->next) {
        struct rv_http_connection *conn =
            RV_CONTAINER_OF(node, struct rv_http_connection, node);

        if (!rv_http_connection_is_idle(conn))
            continue;
        rv_http_connection_abort(conn);
        return true;
    }
    return false;
}

/* Errors that trying again cannot solve: of the listener, or of a reactor that
 * has failed for good. */
static bool is_lasting(int error)
{
    const struct rv_reactor *reactor = rv_reactor_current();

    return error == -EBADF || error == -EINVAL || error == -ENOTSOCK ||
           error == -EOPNOTSUPP ||
           (error < 0 && reactor && rv_reactor_error(reactor) == error);
}

static bool is_full(const struct rv_http_server *server)
{
    return server->max_connections > 0 &&
           server->open >= server->max_connections;
}

/* Accept until there is a permanent error. */
static enum rv_poll accept_all(struct rv_http_server *self, struct rv_cx *cx)
{
    struct rv_future *future = &self->future;
    int error;

    RV_BEGIN(future);
    for (;;) {
        /* When full, rv_http_server_lost_one() wakes this task. */
        RV_AWAIT_UNTIL(future, !is_full(self));
        if (rv_stream_fd(&self->accepted) < 0) {
            rv_stream_accept_init(&self->accept, &self->listener,
                                  &self->accepted);
            RV_AWAIT(future, cx, &self->accept.future);
        }
        /* An accepted socket is kept until there are resources for it. */
        error = self->accept.future.result;
        if (error == 0)
            error =
                rv_http_connection_start(self, &self->accepted, cx->executor);
        if (is_lasting(error))
            RV_RETURN(future, error);
        if (error < 0 && !(rv_error_is_shortage(error) && close_idlest(self))) {
            /* The listener stays open and READY: clients wait in its queue
             * until something is closed. */
            rv_sleep_init(&self->pause, rv_after_ms(PAUSE_MS));
            RV_AWAIT(future, cx, &self->pause.future);
        }
        if (++self->accepts_in_a_row == ACCEPTS_A_TURN) {
            self->accepts_in_a_row = 0;
            rv_yield_init(&self->yield);
            RV_AWAIT(future, cx, &self->yield.future);
        }
    }
    RV_END(future);
}

/* --- stop -------------------------------------------------------------- */

static void stop_accepting(struct rv_http_server *server)
{
    rv_drop(&server->accept.future);
    rv_drop(&server->pause.future);
    rv_stream_close(&server->accepted);
    rv_stream_close(&server->listener);
}

/* Abort every connection. Returns: how many there were. */
static int32_t cut_all(struct rv_http_server *server)
{
    struct rv_list *node;
    int32_t count = 0;

    server->open = 0;
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
        rv_poll(&self->pause.future, cx) == RV_PENDING)
        return RV_PENDING;
    RV_RETURN(&self->future, cut_all(self));
}

void rv_http_server_lost_one(struct rv_http_server *server)
{
    const bool was_full = is_full(server);

    server->open--;
    if (was_full || (server->stopping && server->open == 0))
        rv_waker_wake(&server->waker);
}

uint32_t rv_http_server_shutdown(struct rv_http_server *server,
                                 int64_t deadline_ns)
{
    struct rv_list *node;
    uint32_t count = 0;

    stop_accepting(server);
    server->stopping = true;
    rv_sleep_init(&server->pause, deadline_ns);
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

    stop_accepting(self);
    cut_all(self);
    rv_waker_drop(&self->waker);
}

static void init(struct rv_http_server *server,
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
