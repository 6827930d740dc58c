/* SPDX-License-Identifier: MIT */
/*
 * await.c - the calls of an exchange in a handler that is a coroutine.
 *
 * Each awaits the future of the same name, also if it could be done at once: so
 * it notices that the handler was canceled, and leaves the thread to other
 * tasks from time to time.
 *
 * Threads: the executor's, in the handler's coroutine.
 */
#include <errno.h>
#include <reveil/resolve.h>

#include "base/base_internal.h"
#include "coro/host.h"
#include "http/server/connection.h"

/* The shutdown needs a moment after its deadline, to cut what is left. */
enum { CUT_MS = 1000 };

int rv_http_serve(struct rv_http_server *server, int64_t drain_ns)
{
    int result = rv_coro_stays(); /* its connections do not move either */

    if (result) {
        rv_drop(&server->future);
        return result;
    }
    result = rv_await(&server->future);
    if (server->future.at != RV_AT_END) {
        const int64_t deadline_ns = rv_after_ns(drain_ns);

        result = rv_coro_grace(deadline_ns < RV_NEVER - CUT_MS * RV_NS_PER_MS
                                   ? deadline_ns + CUT_MS * RV_NS_PER_MS
                                   : RV_NEVER);
        if (result == 0) {
            rv_http_server_shutdown(server, deadline_ns);
            result = rv_await(&server->future);
        }
    }
    rv_drop(&server->future);
    return result;
}

int rv_http_serve_at(const char *where, const struct rv_http_handler *handler,
                     int64_t drain_ns)
{
    char host[RV_RESOLVE_NAME];
    struct rv_http_server server;
    struct rv_stream listener;
    uint16_t port;
    int error = rv_coro_stays();

    if (!error)
        error = rv_host_port_parse(where, host, sizeof host, &port);
    if (!error)
        error = rv_tcp_listen_at(&listener, host, port);
    if (error)
        return error;
    rv_http_server_init_on(&server, &listener, handler);
    return rv_http_serve(&server, drain_ns);
}

int rv_http_recv(struct rv_http_exchange *exchange, void *buffer,
                 size_t len_bytes, int64_t deadline_ns)
{
    struct rv_http_recv recv;
    int result;

    rv_http_recv_init(&recv, exchange, buffer, len_bytes);
    result = rv_await_and_drop(&recv.future, deadline_ns);
    /* A handler that returns now, without a response, answers with 408. */
    if (result == -ETIMEDOUT)
        exchange->connection->body_error = result;
    return result;
}

int rv_http_recv_whole(struct rv_http_exchange *exchange, void *buffer,
                       size_t size_bytes, size_t *got_bytes,
                       int64_t deadline_ns)
{
    struct rv_http_connection *conn = exchange->connection;
    int len = 1;
    char more;

    *got_bytes = 0;
    if (!conn->parser.done && conn->parser.head.content_length > size_bytes) {
        conn->body_error = -EMSGSIZE;
        return -EMSGSIZE;
    }
    while (*got_bytes < size_bytes && len > 0) {
        len = rv_http_recv(exchange, (char *)buffer + *got_bytes,
                           size_bytes - *got_bytes, deadline_ns);
        if (len > 0)
            *got_bytes += (size_t)len;
    }
    /* In chunks, the end of the body is only known behind the last byte. */
    if (len > 0)
        len = rv_http_recv(exchange, &more, 1, deadline_ns);
    if (len <= 0)
        return len;
    conn->body_error = -EMSGSIZE;
    exchange->keep_alive = false;
    return -EMSGSIZE;
}

int rv_http_send(struct rv_http_exchange *exchange, const void *data,
                 size_t len_bytes, int64_t deadline_ns)
{
    struct rv_http_send send;

    rv_http_send_init(&send, exchange, data, len_bytes);
    return rv_await_and_drop(&send.future, deadline_ns);
}
