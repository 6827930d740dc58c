/* SPDX-License-Identifier: MIT */
/*
 * server.c - the connections of a server: which one is given up, and how they
 * end. Each is a task: a future of the caller's here, a coroutine in serve.c.
 *
 * Threads: the executor's.
 */
#include "net/server.h"

#include <errno.h>

#include "base/base_internal.h"
#include "executor/task.h"

/* A client that continues sends more within this time, even on a busy machine.
 * One that has waited longer may be given up. */
static const int64_t least_idle_ns = RV_NS_PER_S;

/* --- a connection ------------------------------------------------------ */

static struct rv_connection *connection_at(struct rv_list *node)
{
    return RV_CONTAINER_OF(node, struct rv_connection, node);
}

/* The handler reads the end of its input after what has arrived; how:
 * SHUT_RDWR, if it may not send any more either. */
static void end_input(struct rv_connection *conn, int how)
{
    conn->is_ended = true;
    if (conn->stream->fd_plus_1)
        shutdown(rv_stream_fd(conn->stream), how);
}

void rv_connection_add(struct rv_connection *conn, struct rv_server *server,
                       struct rv_stream *stream, uint64_t task)
{
    *conn = (struct rv_connection){
        .server = server, .stream = stream, .task = task};
    rv_list_push(&server->connections, &conn->node);
    if (server->is_stopping)
        end_input(conn, SHUT_RD);
}

void rv_connection_remove(struct rv_connection *conn)
{
    struct rv_server *server = conn->server;

    if (!server)
        return;
    conn->server = NULL;
    rv_list_remove(&conn->node);
    rv_stream_close(conn->stream);
    rv_accept_loop_lost_one(&server->loop);
    if (server->is_stopping && server->loop.open == 0)
        rv_waker_wake(&server->waker);
}

/* --- a shortage of descriptors or memory ------------------------------- */

/* Returns: the connection that has waited longest for its peer; or NULL. */
static struct rv_connection *find_idlest(struct rv_server *server)
{
    struct rv_connection *found = NULL;
    int64_t since_ns = INT64_MAX;
    struct rv_list *node;

    for (node = server->connections.next; node != &server->connections;
         node = node->next) {
        struct rv_connection *conn = connection_at(node);
        const int64_t its_ns = conn->stream->waits_since_ns;

        if (conn->is_ended || its_ns == 0 || its_ns >= since_ns)
            continue;
        found = conn;
        since_ns = its_ns;
    }
    return found;
}

void rv_server_give_up_one(struct rv_accept_loop *loop)
{
    struct rv_server *server = RV_CONTAINER_OF(loop, struct rv_server, loop);
    struct rv_connection *conn = find_idlest(server);
    char byte;

    if (!conn ||
        rv_coarse_now_ns() - conn->stream->waits_since_ns < least_idle_ns)
        return;
    /* Data may have arrived that the reactor has not reported yet. */
    if (recv(rv_stream_fd(conn->stream), &byte, 1, MSG_PEEK | MSG_DONTWAIT) > 0)
        return;
    end_input(conn, SHUT_RDWR);
}

/* --- a connection that is a future ------------------------------------- */

struct future_connection {
    struct rv_future future;
    struct rv_connection base;
    struct rv_stream stream;
    _Alignas(max_align_t) char frame[]; /* begins with a struct rv_future */
};

static struct rv_future *frame_of(struct future_connection *self)
{
    return (struct rv_future *)(void *)self->frame;
}

static enum rv_poll connection_poll(struct rv_future *future, struct rv_cx *cx)
{
    struct future_connection *self =
        RV_CONTAINER_OF(future, struct future_connection, future);

    return rv_poll(frame_of(self), cx);
}

static void connection_drop(struct rv_future *future)
{
    struct future_connection *self =
        RV_CONTAINER_OF(future, struct future_connection, future);

    rv_drop(frame_of(self));
    rv_connection_remove(&self->base);
}

/* For rv_accept_loop_ops. */
static int start_future(struct rv_accept_loop *loop, struct rv_stream *stream,
                        struct rv_cx *cx)
{
    static const struct rv_future_ops ops = {.name = "rv_server connection",
                                             .poll = connection_poll,
                                             .drop = connection_drop};

    struct rv_server *server = RV_CONTAINER_OF(loop, struct rv_server, loop);
    struct future_connection *conn =
        rv_alloc(sizeof *conn + server->handler.frame_bytes);
    uint64_t task;
    int error;

    if (!conn)
        return -ENOMEM;
    rv_future_init(&conn->future, &ops);
    error =
        rv_task_spawn(cx->executor, &conn->future, NULL, 0, ops.name, &task);
    if (error) {
        rv_free(conn);
        return error;
    }
    conn->stream = *stream;
    *stream = (struct rv_stream){0};
    server->handler.init(frame_of(conn), &conn->stream, server->handler.data);
    rv_connection_add(&conn->base, server, &conn->stream, task);
    return 0;
}

/* --- stop -------------------------------------------------------------- */

/* What points into the server. It may be moved before its first poll, and so
 * before it has connections. */
static void settle(struct rv_server *server)
{
    server->loop.listener = &server->listener;
    if (server->loop.open == 0)
        rv_list_init(&server->connections);
}

/* Cancel every connection. Returns: how many there were. */
static int32_t cancel_all(struct rv_server *server)
{
    int32_t count = 0;

    for (; !rv_list_empty(&server->connections); count++) {
        struct rv_list *first = server->connections.next;

        rv_task_abort(server->executor, connection_at(first)->task);
        RV_CHECK(server->connections.next != first,
                 "a server was dropped by one of its own connections");
    }
    return count;
}

void rv_server_shutdown(struct rv_server *server, int64_t deadline_ns)
{
    struct rv_list *node;

    rv_drop(&server->limit.future);
    rv_sleep_init(&server->limit, deadline_ns);
    rv_waker_wake(&server->waker);
    if (server->is_stopping)
        return;
    settle(server);
    server->is_stopping = true;
    rv_drop(&server->loop.future);
    rv_stream_close(&server->listener);
    for (node = server->connections.next; node != &server->connections;
         node = node->next)
        end_input(connection_at(node), SHUT_RD);
}

/* --- the future -------------------------------------------------------- */

static enum rv_poll server_poll(struct rv_future *future, struct rv_cx *cx)
{
    struct rv_server *self = RV_CONTAINER_OF(future, struct rv_server, future);

    rv_waker_store(&self->waker, &cx->waker);
    self->executor = cx->executor;
    if (!self->is_stopping) {
        settle(self);
        self->loop.max_open = self->max_connections;
        if (rv_poll(&self->loop.future, cx) == RV_PENDING)
            return RV_PENDING;
        self->error = self->loop.future.result;
        rv_server_shutdown(self, rv_after_ns(self->drain_ns));
    }
    if (self->loop.open > 0 && rv_poll(&self->limit.future, cx) == RV_PENDING)
        return RV_PENDING;
    future->result = cancel_all(self);
    if (self->error)
        future->result = self->error;
    return RV_READY;
}

static void server_drop(struct rv_future *future)
{
    struct rv_server *self = RV_CONTAINER_OF(future, struct rv_server, future);

    settle(self);
    rv_drop(&self->loop.future);
    rv_stream_close(&self->listener);
    cancel_all(self);
    rv_drop(&self->limit.future);
    rv_waker_drop(&self->waker);
}

void rv_server_init_with(struct rv_server *server, struct rv_stream *listener,
                         const struct rv_accept_loop_ops *ops)
{
    static const struct rv_future_ops future_ops = {
        .name = "rv_server", .poll = server_poll, .drop = server_drop};

    *server = (struct rv_server){.listener = *listener,
                                 .drain_ns = RV_SERVE_DRAIN_S * RV_NS_PER_S};
    rv_future_init(&server->future, &future_ops);
    rv_list_init(&server->connections);
    rv_accept_loop_init(&server->loop, &server->listener, ops);
    *listener = (struct rv_stream){0};
}

void rv_server_init(struct rv_server *server, struct rv_stream *listener,
                    const struct rv_server_handler *handler)
{
    static const struct rv_accept_loop_ops ops = {
        .start = start_future, .give_up_one = rv_server_give_up_one};

    rv_server_init_with(server, listener, &ops);
    server->handler = *handler;
}

uint32_t rv_server_open(const struct rv_server *server)
{
    return server->loop.open;
}
