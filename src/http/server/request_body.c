/* SPDX-License-Identifier: MIT */
/*
 * request_body.c - give the body of a request to its handler.
 *
 * The head stays where it is in the input, because the handler has slices of
 * it. Behind it is what was received of the body. When that is used up, a body
 * of known length is received into the handler's buffer, so that it is not
 * copied, and never beyond its end. A body in chunks passes through the input:
 * its last piece may be followed by the next request.
 *
 * Threads: the executor's.
 */
#include <errno.h>
#include <string.h>

#include "http/message/buffer.h"
#include "http/server/connection.h"

/* Behind the head, for a body in chunks. */
enum { CHUNKED_ROOM_BYTES = 16 * 1024 };

static struct rv_http_connection *conn_of(struct rv_http_exchange *exchange)
{
    return exchange->connection;
}

/* Does the client wait for "100 Continue"? */
static bool is_waiting(const struct rv_http_connection *conn)
{
    return conn->parser.head.expect_continue && !conn->asked &&
           conn->next_at == conn->in_end;
}

int rv_http_body_prepare(struct rv_http_connection *conn)
{
    const size_t len = conn->in_end - conn->in_start;
    const size_t room = conn->head_len + CHUNKED_ROOM_BYTES;

    conn->asked = false;
    conn->asking = false;
    conn->recv_since_ns = 0;
    conn->body_error = 0;
    if (conn->parser.done || conn->parser.head.framing != RV_HTTP_CHUNKED)
        return 0;
    if (conn->in_start > 0)
        memmove(conn->in, conn->in + conn->in_start, len);
    conn->in_start = 0;
    conn->in_end = len;
    conn->next_at = conn->head_len;
    return room <= conn->in_room
               ? 0
               : rv_http_grow(&conn->in, len, &conn->in_room, room);
}

/* Remember why the body cannot be received: the connection ends. */
static ssize_t fail(struct rv_http_connection *conn, ssize_t error)
{
    conn->body_error = (int)error;
    conn->exchange.keep_alive = false;
    return error;
}

/* Decode what was received, at most `len` bytes of it. Returns: the number of
 * bytes of the body, which may be 0; the parser's error. */
static ssize_t decode(struct rv_http_connection *conn, char *buffer, size_t len)
{
    const char *data = conn->in + conn->next_at;
    const size_t had = conn->in_end - conn->next_at;
    struct rv_http_slice piece;
    const ssize_t used =
        rv_http_parse_body(&conn->parser, data, had < len ? had : len, &piece);

    if (used < 0)
        return used;
    memcpy(buffer, data + piece.at, piece.len);
    conn->next_at += (size_t)used;
    return piece.len;
}

/* Send "100 Continue" if the client waits for it. Returns: 0; -EAGAIN: the
 * waker was stored; negative errno. */
static int ask(struct rv_http_connection *conn, struct rv_cx *cx)
{
    static const char go_on[] = "HTTP/1.1 100 Continue\r\n\r\n";

    if (is_waiting(conn) && !conn->answered) {
        const int error = rv_http_queue(conn, go_on, sizeof go_on - 1);

        if (error < 0)
            return error;
        conn->asking = true;
    }
    conn->asked = true;
    if (!conn->asking)
        return 0;
    while (conn->out_sent < conn->out_len) {
        const ssize_t len = rv_http_link_send(conn->link, &conn->stream, cx,
                                              conn->out + conn->out_sent,
                                              conn->out_len - conn->out_sent);

        if (len < 0)
            return (int)len;
        conn->out_sent += (size_t)len;
        /* rv_http_begin() may have queued its head meanwhile. */
        conn->begun |= conn->piecewise && conn->out_sent > conn->head_at;
    }
    rv_http_empty(conn);
    conn->asking = false;
    return 0;
}

/* Receive once: into `buffer`, or into the input. Returns: the number of bytes
 * of the body; 0: of the input; -EAGAIN; -EPIPE; negative errno. */
static ssize_t receive(struct rv_http_connection *conn, struct rv_cx *cx,
                       char *buffer, size_t len)
{
    struct rv_http_parser *parser = &conn->parser;
    const bool direct = parser->head.framing == RV_HTTP_LENGTH;
    const size_t body_at = conn->in_start + conn->head_len;
    struct rv_http_slice piece;
    ssize_t got;

    conn->next_at = body_at;
    conn->in_end = body_at;
    if (direct && len > parser->remaining)
        len = (size_t)parser->remaining;
    got = direct
              ? rv_http_link_recv(conn->link, &conn->stream, cx, buffer, len)
              : rv_http_link_recv(conn->link, &conn->stream, cx,
                                  conn->in + body_at, conn->in_room - body_at);
    if (got <= 0)
        return got < 0 ? got : -EPIPE;
    conn->recv_since_ns = 0;
    conn->body_error = 0;
    if (direct)
        return rv_http_parse_body(parser, buffer, (size_t)got, &piece);
    conn->in_end += (size_t)got;
    return 0;
}

/* The socket has nothing: has that been so for too long? */
static ssize_t nothing_yet(struct rv_http_connection *conn)
{
    const int64_t now_ns = rv_now_ns();

    if (conn->recv_since_ns == 0)
        conn->recv_since_ns = now_ns;
    if (now_ns - conn->recv_since_ns < conn->server->idle_timeout_ns)
        return -EAGAIN;
    conn->recv_since_ns = 0;
    return fail(conn, -ETIMEDOUT);
}

ssize_t rv_http_poll_recv(struct rv_http_exchange *exchange, struct rv_cx *cx,
                          void *buffer, size_t len_bytes)
{
    struct rv_http_connection *conn = conn_of(exchange);
    ssize_t len = 0;

    if (!conn->handling)
        return -ECANCELED;
    /* After these two, the rest may still be received. */
    if (conn->body_error < 0 && conn->body_error != -ETIMEDOUT &&
        conn->body_error != -EMSGSIZE)
        return conn->body_error;
    while (len == 0 && !conn->parser.done && len_bytes > 0) {
        if (conn->next_at < conn->in_end) {
            len = decode(conn, buffer, len_bytes);
        } else {
            len = ask(conn, cx);
            if (len == 0)
                len = receive(conn, cx, buffer, len_bytes);
            if (len == -EAGAIN)
                return nothing_yet(conn);
        }
    }
    return len < 0 ? fail(conn, len) : len;
}

/* --- the rest of a body ------------------------------------------------ */

bool rv_http_body_is_long(const struct rv_http_connection *conn)
{
    const struct rv_http_parser *parser = &conn->parser;

    if (parser->done)
        return false;
    return is_waiting(conn) || (parser->head.framing == RV_HTTP_LENGTH &&
                                parser->remaining > RV_HTTP_SKIPPED_BYTES);
}

/* --- the future -------------------------------------------------------- */

static enum rv_poll recv_poll(struct rv_future *future, struct rv_cx *cx)
{
    struct rv_http_recv *recv =
        RV_CONTAINER_OF(future, struct rv_http_recv, future);
    const ssize_t len =
        rv_http_poll_recv(recv->exchange, cx, recv->buffer, recv->len_bytes);

    if (len == -EAGAIN)
        return RV_PENDING;
    future->result = (int32_t)len;
    return RV_READY;
}

/* The time without a byte counts while there is a recv. */
static void recv_drop(struct rv_future *future)
{
    struct rv_http_recv *recv =
        RV_CONTAINER_OF(future, struct rv_http_recv, future);

    if (future->at != RV_AT_END)
        conn_of(recv->exchange)->recv_since_ns = 0;
}

void rv_http_recv_init(struct rv_http_recv *recv,
                       struct rv_http_exchange *exchange, void *buffer,
                       size_t len_bytes)
{
    static const struct rv_future_ops ops = {
        .name = "http-recv", .poll = recv_poll, .drop = recv_drop};

    rv_future_init(&recv->future, &ops);
    recv->exchange = exchange;
    recv->buffer = buffer;
    recv->len_bytes = len_bytes < INT32_MAX ? len_bytes : INT32_MAX;
}
