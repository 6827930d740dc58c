/* SPDX-License-Identifier: MIT */
/*
 * serve.c - a server whose connections are coroutines.
 *
 * A connection lies on the stack of its coroutine, which gets the stream as a
 * copied argument. So nothing else is allocated.
 *
 * Threads: the executor's.
 */
#include <errno.h>
#include <reveil/resolve.h>

#include "base/base_internal.h"
#include "coro/host.h"
#include "executor/task.h"
#include "net/server.h"

struct serve {
    struct rv_server server;
    rv_serve_entry entry;
    void *arg;
    struct rv_coro_options coro;
    struct rv_scope scope; /* of the connections */
};

/* What a connection gets. Its memory is the coroutine's. */
struct argument {
    struct serve *serve;
    struct rv_stream stream;
    struct rv_connection conn;
};

/* The coroutine of a connection. If it is aborted before its first run, it only
 * closes the stream. */
static int32_t run_connection(void *arg)
{
    struct argument *self = arg;
    struct serve *serve = self->serve;
    const bool aborted = rv_coro_canceled();

    rv_connection_add(&self->conn, &serve->server, &self->stream,
                      aborted ? 0 : rv_task_current(serve->scope.executor));
    if (!aborted)
        serve->entry(&self->stream, serve->arg);
    rv_connection_remove(&self->conn);
    return 0;
}

/* For rv_accept_loop_ops. */
static int start_coroutine(struct rv_accept_loop *loop,
                           struct rv_stream *stream,
                           struct rv_cx *cx __attribute__((unused)))
{
    struct rv_server *server = RV_CONTAINER_OF(loop, struct rv_server, loop);
    struct serve *serve = RV_CONTAINER_OF(server, struct serve, server);
    struct argument argument = {.serve = serve, .stream = *stream};
    const int error =
        rv_scope_spawn_coro(&serve->scope, run_connection, &argument,
                            sizeof argument, &serve->coro);

    if (!error)
        *stream = (struct rv_stream){0};
    return error;
}

static void init(struct serve *serve, struct rv_stream *listener,
                 const struct rv_serve_options *options)
{
    static const struct rv_accept_loop_ops ops = {
        .start = start_coroutine, .give_up_one = rv_server_give_up_one};

    rv_server_init_with(&serve->server, listener, &ops);
    serve->server.max_connections = options->max_connections;
    if (options->drain_ns)
        serve->server.drain_ns = options->drain_ns;
    serve->coro = (struct rv_coro_options){.name = options->name ? options->name
                                                                 : "connection",
                                           .stack_bytes = options->stack_bytes};
    rv_scope_init(&serve->scope, rv_executor_current());
}

int rv_serve(struct rv_stream *listener, rv_serve_entry entry, void *arg,
             const struct rv_serve_options *options)
{
    static const struct rv_serve_options none;
    struct serve serve;
    int result = rv_coro_stays();

    if (result)
        return result;
    init(&serve, listener, options ? options : &none);
    serve.entry = entry;
    serve.arg = arg;
    result = rv_await(&serve.server.future);
    if (serve.server.future.at != RV_AT_END && !rv_coro_grace(RV_NEVER)) {
        rv_server_shutdown(&serve.server, rv_after_ns(serve.server.drain_ns));
        rv_await(&serve.server.future);
        rv_coro_grace(0);
    }
    rv_drop(&serve.server.future);
    rv_drop(&serve.scope.future);
    return result;
}

int rv_serve_at(const char *where, rv_serve_entry entry, void *arg,
                const struct rv_serve_options *options)
{
    char host[RV_RESOLVE_NAME];
    struct rv_stream listener;
    uint16_t port;
    int error = rv_coro_stays();

    if (!error)
        error = rv_host_port_parse(where, host, sizeof host, &port);
    if (!error)
        error = rv_tcp_listen_at(&listener, host, port);
    return error ? error : rv_serve(&listener, entry, arg, options);
}
