/* SPDX-License-Identifier: MIT */
/*
 * pieces.c - responses whose body a handler sends in pieces.
 *
 * A piece is one call of sendmsg(): what is queued, which is the head at first,
 * the line with the size of a chunk, and the caller's data. The line end after
 * a chunk goes with the line before the next one:
 *
 *     head 5\r\nhello    \r\n6\r\nworld!    \r\n0\r\n\r\n
 *
 * Threads: the executor's.
 */
#include <errno.h>
#include <stdio.h>

#include "http/server/connection.h"

int rv_http_begin(struct rv_http_exchange *exchange, int status,
                  const char *type, int64_t len_bytes)
{
    struct rv_http_connection *conn = exchange->connection;
    int error;

    if (!conn->handling)
        return -ECANCELED;
    error = rv_http_queue_head(conn, status, type, len_bytes, 0);
    if (error < 0)
        return error;
    conn->piecewise = true;
    conn->bodiless = exchange->head_only || rv_http_is_bodiless(status);
    conn->chunk_sent = false;
    conn->begun = false;
    conn->body_left = len_bytes < 0 ? UINT64_MAX : (uint64_t)len_bytes;
    return 0;
}

/* The end of the chunk before, if there is one, and the size of this one.
 * Returns: 0, -ENOMEM. */
static int queue_size(struct rv_http_connection *conn, size_t len)
{
    char line[32];
    const int line_len = snprintf(line, sizeof line, "%s%zx\r\n",
                                  conn->chunk_sent ? "\r\n" : "", len);

    return rv_http_queue(conn, line, (size_t)line_len);
}

/* May this piece be sent? Then the size of the chunk is queued. Returns: 1; 0:
 * it has no bytes to send; negative errno. */
static int begin_piece(struct rv_http_connection *conn, size_t len)
{
    int error = 0;

    if (!conn->answered || !conn->piecewise)
        return -EINVAL;
    if (conn->torn)
        return -EPIPE;
    if (len > conn->body_left)
        return -EMSGSIZE;
    if (conn->body_left != UINT64_MAX)
        conn->body_left -= len;
    if (conn->bodiless || (len == 0 && conn->out_len == 0))
        return 0;
    if (conn->exchange.chunked && len > 0)
        error = queue_size(conn, len);
    if (error < 0)
        return error;
    conn->chunk_sent |= len > 0;
    conn->torn = true; /* until all of it is sent */
    return 1;
}

/* Send what is queued and the rest of the piece. Returns: 0: all of it; as
 * rv_stream_poll_sendv(). */
static int send_piece(struct rv_http_send *send, struct rv_cx *cx)
{
    struct rv_http_connection *conn = send->exchange->connection;

    for (;;) {
        const size_t queued = conn->out_len - conn->out_sent;
        const size_t left = send->len_bytes - send->sent_bytes;
        struct iovec parts[2] = {
            {.iov_base = conn->out + conn->out_sent, .iov_len = queued},
            {.iov_base = (void *)(uintptr_t)(send->data + send->sent_bytes),
             .iov_len = left}};
        ssize_t len;

        if (queued == 0 && left == 0) {
            conn->torn = false;
            return 0;
        }
        len = queued > 0
                  ? rv_http_link_sendv(conn->link, &conn->stream, cx, parts, 2)
                  : rv_http_link_send(conn->link, &conn->stream, cx,
                                      parts[1].iov_base, left);
        if (len < 0)
            return (int)len;
        conn->begun = true;
        if ((size_t)len < queued) {
            conn->out_sent += (size_t)len;
            continue;
        }
        send->sent_bytes += (size_t)len - queued;
        if (queued > 0)
            rv_http_empty(conn);
    }
}

static enum rv_poll send_poll(struct rv_future *future, struct rv_cx *cx)
{
    struct rv_http_send *send =
        RV_CONTAINER_OF(future, struct rv_http_send, future);
    struct rv_http_connection *conn = send->exchange->connection;
    int error = 1;

    if (!conn->handling) {
        future->result = -ECANCELED;
        return RV_READY;
    }
    if (!send->begun) {
        error = begin_piece(conn, send->len_bytes);
        send->begun = true;
    }
    if (error > 0)
        error = send_piece(send, cx);
    if (error == -EAGAIN)
        return RV_PENDING;
    future->result = error;
    return RV_READY;
}

void rv_http_send_init(struct rv_http_send *send,
                       struct rv_http_exchange *exchange, const void *data,
                       size_t len_bytes)
{
    static const struct rv_future_ops ops = {.name = "http-send",
                                             .poll = send_poll};

    rv_future_init(&send->future, &ops);
    send->exchange = exchange;
    send->data = data;
    send->len_bytes = len_bytes;
    send->sent_bytes = 0;
    send->begun = false;
}

int rv_http_end_pieces(struct rv_http_connection *conn)
{
    const bool by_length = conn->body_left != UINT64_MAX;

    if (conn->torn || (by_length && conn->body_left > 0 && !conn->bodiless))
        return -EPIPE;
    if (conn->bodiless || !conn->exchange.chunked)
        return 0;
    return conn->chunk_sent ? rv_http_queue(conn, "\r\n0\r\n\r\n", 7)
                            : rv_http_queue(conn, "0\r\n\r\n", 5);
}
