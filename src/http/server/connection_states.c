/* SPDX-License-Identifier: MIT */
/*
 * connection_states.c - what a connection of the server does in each of its
 * states.
 *
 * Each state does as much as it can. PENDING means that its waker is stored: in
 * the socket's source, or wherever the handler waits. A request that the
 * handler answers at once costs one recv and one send and allocates nothing:
 * both buffers and the handler's frame are reused.
 *
 * Threads: the executor's.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/base_internal.h"
#include "http/message/buffer.h"
#include "http/server/connection.h"

enum { IN_FIRST_BYTES = 2048 };

/* --- buffers ----------------------------------------------------------- */

/* Make free space behind the received bytes: move them to the front of the
 * buffer, or enlarge it. Returns: 0, -ENOMEM. */
static int reserve_in(struct rv_http_connection *conn)
{
    const size_t len = conn->in_end - conn->in_start;

    if (conn->in_start == 0)
        return rv_http_grow(&conn->in, len, &conn->in_room,
                            conn->in_room ? 2 * conn->in_room : IN_FIRST_BYTES);
    memmove(conn->in, conn->in + conn->in_start, len);
    conn->in_start = 0;
    conn->in_end = len;
    return 0;
}

/* While the server stops: receive data that the reactor has not reported yet.
 */
static ssize_t receive_unreported(struct rv_http_connection *conn)
{
    const ssize_t len =
        recv(rv_stream_fd(&conn->stream), conn->in + conn->in_end,
             conn->in_room - conn->in_end, MSG_DONTWAIT);

    return len < 0 ? -errno : len;
}

/* Receive once. Returns: bytes; 0 at the end of the stream; -EAGAIN; other
 * errors. */
static ssize_t receive(struct rv_http_connection *conn, struct rv_cx *cx)
{
    ssize_t len;

    if (conn->in_end == conn->in_room) {
        const int error = reserve_in(conn);

        if (error < 0)
            return error;
    }
    len = rv_stream_poll_recv(&conn->stream, cx, conn->in + conn->in_end,
                              conn->in_room - conn->in_end);
    if (len == -EAGAIN && conn->server->stopping)
        len = receive_unreported(conn);
    if (len > 0)
        conn->in_end += (size_t)len;
    return len;
}

/* --- from one state to the next ---------------------------------------- */

void rv_http_enter(struct rv_http_connection *conn,
                   enum rv_http_connection_state state)
{
    conn->state = state;
    conn->deadline_ns = 0;
}

static void send_then(struct rv_http_connection *conn,
                      enum rv_http_connection_state next)
{
    conn->after_send = next;
    rv_http_flow_start(conn);
    rv_http_enter(conn, RV_HTTP_CONN_SEND);
}

void rv_http_next_request(struct rv_http_connection *conn)
{
    conn->in_start = conn->next_at;
    if (conn->in_start == conn->in_end) {
        conn->in_start = 0;
        conn->in_end = 0;
    }
    conn->answered = false;
    conn->exchange.head_only = false;
    rv_http_parser_init(&conn->parser, RV_HTTP_REQUEST, &conn->server->limits);
    rv_http_enter(conn, RV_HTTP_CONN_HEAD);
}

/*
 * The last response was sent; its held-back tail goes out with the FIN. Closing
 * a socket with unread input makes the kernel send a reset, which could destroy
 * the response before the client reads it. So the connection drains its input
 * for a moment, unless the client asked to close and nothing followed its
 * request.
 */
static void end_stream(struct rv_http_connection *conn)
{
    const struct rv_http_parser *parser = &conn->parser;
    const bool all_read = parser->done && !parser->head.keep_alive &&
                          conn->next_at == conn->in_end;

    if (all_read)
        rv_stream_finish(&conn->stream);
    if (all_read || rv_stream_shutdown_write(&conn->stream) < 0)
        rv_http_enter(conn, RV_HTTP_CONN_OVER);
    else
        rv_http_enter(conn, RV_HTTP_CONN_DRAIN);
}

static void after_response(struct rv_http_connection *conn)
{
    struct rv_http_server *server = conn->server;

    server->requests++;
    rv_list_remove(&conn->node);
    rv_list_push(&server->connections, &conn->node);
    if (conn->exchange.keep_alive)
        rv_http_next_request(conn);
    else
        end_stream(conn);
}

void rv_http_refuse(struct rv_http_connection *conn, int status)
{
    char text[64];
    const int len =
        snprintf(text, sizeof text, "%d %s\n", status, rv_http_reason(status));

    conn->exchange.keep_alive = false;
    if (rv_http_reply(&conn->exchange, status, "text/plain", text,
                      (size_t)len) < 0)
        rv_http_enter(conn, RV_HTTP_CONN_OVER);
    else
        send_then(conn, RV_HTTP_CONN_HEAD);
}

/* The status for an error of the parser. */
static int refusal(const struct rv_http_connection *conn, ssize_t error)
{
    const struct rv_http_head *head = &conn->parser.head;

    if (error == -EMSGSIZE) {
        if (conn->state == RV_HTTP_CONN_BODY ||
            head->content_length > conn->server->limits.body_bytes)
            return 413;
        return head->target.len > 0 ? 431 : 414;
    }
    if (error == -ENOTSUP) /* without headers it was the version */
        return head->header_count > 0 ? 501 : 505;
    return 400;
}

/* --- the states -------------------------------------------------------- */

static void start_handler(struct rv_http_connection *conn)
{
    const struct rv_http_handler *handler = &conn->server->handler;
    struct rv_future *frame = (struct rv_future *)(void *)conn->frame;

    conn->exchange.bytes = conn->in + conn->in_start;
    memset(frame, 0, handler->frame_bytes);
    handler->init(frame, &conn->exchange, handler->data);
    conn->handling = true;
    conn->handler_ns = RV_NEVER;
    if (conn->server->handler_timeout_ns != RV_NEVER)
        conn->handler_ns = rv_after_ns(conn->server->handler_timeout_ns);
    rv_http_flow_start(conn);
    rv_http_enter(conn, RV_HTTP_CONN_HANDLER);
}

/* With "Expect: 100-continue" the client waits for a 100 before it sends the
 * body. */
static void start_body(struct rv_http_connection *conn)
{
    static const char go_on[] = "HTTP/1.1 100 Continue\r\n\r\n";
    const size_t body_at = conn->in_start + conn->head_len;

    rv_http_enter(conn, RV_HTTP_CONN_BODY);
    if (!conn->parser.head.expect_continue || conn->in_end > body_at)
        return;
    if (rv_http_queue(conn, go_on, sizeof go_on - 1) < 0)
        rv_http_enter(conn, RV_HTTP_CONN_OVER);
    else
        send_then(conn, RV_HTTP_CONN_BODY);
}

static bool is_last(struct rv_http_connection *conn)
{
    const struct rv_http_server *server = conn->server;

    return server->stopping || ++conn->requests == server->max_requests;
}

static void start_request(struct rv_http_connection *conn)
{
    const struct rv_http_head *head = &conn->parser.head;
    const char *method = conn->in + conn->in_start + head->method.at;

    conn->exchange.keep_alive = head->keep_alive && !is_last(conn);
    conn->exchange.head_only =
        head->method.len == 4 && memcmp(method, "HEAD", 4) == 0;
    conn->next_at = conn->in_start + conn->head_len;
    if (conn->parser.done)
        start_handler(conn);
    else
        start_body(conn);
}

static enum rv_poll read_head(struct rv_http_connection *conn, struct rv_cx *cx)
{
    const size_t had = conn->in_end - conn->in_start;
    ssize_t len = -EAGAIN;

    if (had > 0)
        len = rv_http_parse_head(&conn->parser, conn->in + conn->in_start, had);
    if (len >= 0) {
        conn->head_len = (size_t)len;
        start_request(conn);
        return RV_READY;
    }
    if (len != -EAGAIN) {
        rv_http_refuse(conn, refusal(conn, len));
        return RV_READY;
    }

    len = receive(conn, cx);
    if (len == -EAGAIN && (had > 0 || !conn->server->stopping))
        return RV_PENDING;
    if (len <= 0)
        rv_http_enter(conn, RV_HTTP_CONN_OVER);
    else if (had == 0)
        conn->deadline_ns = 0; /* now the timeout for the whole head starts */
    return RV_READY;
}

/* Parse and discard the received part of the body. Returns: 0, or the parser's
 * error. */
static int skip_body(struct rv_http_connection *conn)
{
    const size_t body_at = conn->in_start + conn->head_len;
    struct rv_http_slice piece;
    ssize_t used;

    conn->next_at = body_at;
    do {
        used = rv_http_parse_body(&conn->parser, conn->in + conn->next_at,
                                  conn->in_end - conn->next_at, &piece);
        if (used < 0)
            return (int)used;
        conn->next_at += (size_t)used;
    } while (!conn->parser.done && conn->next_at < conn->in_end);

    if (!conn->parser.done)
        conn->in_end = body_at; /* the handler needs the head */
    return 0;
}

static enum rv_poll read_body(struct rv_http_connection *conn, struct rv_cx *cx)
{
    const int error = skip_body(conn);
    ssize_t len;

    if (error < 0) {
        rv_http_refuse(conn, refusal(conn, error));
        return RV_READY;
    }
    if (conn->parser.done) {
        start_handler(conn);
        return RV_READY;
    }
    len = receive(conn, cx);
    if (len == -EAGAIN)
        return RV_PENDING;
    if (len <= 0)
        rv_http_enter(conn, RV_HTTP_CONN_OVER);
    return RV_READY;
}

void rv_http_cut(struct rv_http_connection *conn)
{
    rv_tcp_reset(&conn->stream);
    rv_http_enter(conn, RV_HTTP_CONN_OVER);
}

static void end_handler(struct rv_http_connection *conn, int result)
{
    const bool queued = conn->out_len > 0;

    conn->handling = false;
    if (result == RV_HTTP_RESET)
        rv_http_cut(conn);
    else if (result == RV_HTTP_HANG_UP)
        rv_http_enter(conn, RV_HTTP_CONN_OVER);
    else if (!conn->answered)
        rv_http_refuse(conn, 500);
    else if (queued)
        send_then(conn, RV_HTTP_CONN_HEAD);
    else if (result < 0)
        /* The handler sent a part of the response itself. */
        rv_http_enter(conn, RV_HTTP_CONN_OVER);
    else
        after_response(conn);
}

static enum rv_poll run_handler(struct rv_http_connection *conn,
                                struct rv_cx *cx)
{
    struct rv_future *frame = (struct rv_future *)(void *)conn->frame;

    if (rv_poll(frame, cx) == RV_READY) {
        rv_drop(frame);
        end_handler(conn, frame->result);
        return RV_READY;
    }
    /* A client that has reset the connection does not want the response. */
    if (!conn->stream.source || !rv_stream_poll_gone(&conn->stream, cx))
        return RV_PENDING;
    rv_http_enter(conn, RV_HTTP_CONN_OVER);
    return RV_READY;
}

void rv_http_check_send(struct rv_http_connection *conn)
{
    if (rv_http_flow_is_stuck(conn, conn->server->idle_timeout_ns))
        rv_http_cut(conn);
    else
        conn->deadline_ns = 0;
}

void rv_http_check_handler(struct rv_http_connection *conn)
{
    if (!conn->answered && rv_now_ns() >= conn->handler_ns) {
        rv_drop((struct rv_future *)(void *)conn->frame);
        conn->handling = false;
        rv_http_refuse(conn, 503);
    } else {
        rv_http_check_send(conn);
    }
}

/* Are these the last bytes on this connection? */
static bool is_last_send(const struct rv_http_connection *conn)
{
    return conn->after_send == RV_HTTP_CONN_HEAD && !conn->exchange.keep_alive;
}

static enum rv_poll send_out(struct rv_http_connection *conn, struct rv_cx *cx)
{
    const char *data = conn->out + conn->out_sent;
    const size_t left = conn->out_len - conn->out_sent;
    const ssize_t len =
        is_last_send(conn)
            ? rv_stream_poll_send_last(&conn->stream, cx, data, left)
            : rv_stream_poll_send(&conn->stream, cx, data, left);

    if (len == -EAGAIN)
        return RV_PENDING;
    if (len < 0) {
        rv_http_enter(conn, RV_HTTP_CONN_OVER);
        return RV_READY;
    }
    conn->deadline_ns = 0; /* progress: the timeout starts again */
    conn->out_sent += (size_t)len;
    if (conn->out_sent < conn->out_len)
        return RV_READY;
    rv_http_empty(conn);
    if (conn->after_send == RV_HTTP_CONN_HEAD)
        after_response(conn);
    else
        rv_http_enter(conn, conn->after_send);
    return RV_READY;
}

static enum rv_poll drain(struct rv_http_connection *conn, struct rv_cx *cx)
{
    ssize_t len;

    conn->in_start = 0;
    conn->in_end = 0;
    len = receive(conn, cx);
    if (len == -EAGAIN)
        return RV_PENDING;
    if (len <= 0)
        rv_http_enter(conn, RV_HTTP_CONN_OVER);
    return RV_READY;
}

enum rv_poll rv_http_go_on(struct rv_http_connection *conn, struct rv_cx *cx)
{
    static enum rv_poll (*const states[])(struct rv_http_connection *,
                                          struct rv_cx *) = {
        [RV_HTTP_CONN_HEAD] = read_head,      [RV_HTTP_CONN_BODY] = read_body,
        [RV_HTTP_CONN_HANDLER] = run_handler, [RV_HTTP_CONN_SEND] = send_out,
        [RV_HTTP_CONN_DRAIN] = drain,
    };

    return states[conn->state](conn, cx);
}
