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
 * buffer, with the place that was read up to, or enlarge it. Returns: 0,
 * -ENOMEM. */
static int reserve_in(struct rv_http_connection *conn)
{
    const size_t len = conn->in_end - conn->in_start;

    if (conn->in_start == 0)
        return rv_http_grow(&conn->in, len, &conn->in_room,
                            conn->in_room ? 2 * conn->in_room : IN_FIRST_BYTES);
    memmove(conn->in, conn->in + conn->in_start, len);
    conn->next_at -= conn->in_start;
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
    len = rv_http_link_recv(conn->link, &conn->stream, cx,
                            conn->in + conn->in_end,
                            conn->in_room - conn->in_end);
    if (len == -EAGAIN && conn->server->stopping && !conn->link)
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
    conn->piecewise = false;
    conn->torn = false;
    conn->headers_len = 0;
    conn->exchange.head_only = false;
    conn->exchange.param_count = 0;
    rv_http_parser_init(&conn->parser, RV_HTTP_REQUEST, &conn->server->limits);
    /* The handler limits the body: see choose_handler(). */
    conn->parser.limits.body_bytes = UINT64_MAX;
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

    if (conn->link) { /* it has an end of its own: see drain() */
        rv_http_enter(conn, RV_HTTP_CONN_DRAIN);
        return;
    }
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
    if (!conn->exchange.keep_alive || conn->parser.error != 0) {
        end_stream(conn);
    } else if (conn->parser.done) {
        rv_http_next_request(conn);
    } else {
        conn->skipped_bytes = 0;
        rv_http_enter(conn, RV_HTTP_CONN_BODY);
    }
}

void rv_http_refuse(struct rv_http_connection *conn, int status)
{
    char text[64];
    const int len =
        snprintf(text, sizeof text, "%d %s\n", status, rv_http_reason(status));

    conn->exchange.keep_alive = false;
    conn->headers_len = 0;
    if (rv_http_queue_reply(conn, status, "text/plain", text, (size_t)len) < 0)
        rv_http_enter(conn, RV_HTTP_CONN_OVER);
    else
        send_then(conn, RV_HTTP_CONN_HEAD);
}

/* The status for an error of the parser. */
static int refusal(const struct rv_http_connection *conn, ssize_t error)
{
    const struct rv_http_head *head = &conn->parser.head;

    if (error == -EMSGSIZE) {
        if (conn->state != RV_HTTP_CONN_HEAD)
            return 413;
        return head->target.len > 0 ? 431 : 414;
    }
    if (error == -ENOTSUP) /* without headers it was the version */
        return head->header_count > 0 ? 501 : 505;
    return 400;
}

/* --- the states -------------------------------------------------------- */

static struct rv_future *handler_of(struct rv_http_connection *conn)
{
    return conn->handler->run ? &conn->coro.future
                              : (struct rv_future *)(void *)conn->frame;
}

void rv_http_drop_handler(struct rv_http_connection *conn)
{
    if (!conn->handling)
        return;
    conn->handling = false;
    rv_drop(handler_of(conn));
}

static void start_handler(struct rv_http_connection *conn)
{
    const struct rv_http_handler *handler = conn->handler;
    struct rv_future *frame = handler_of(conn);

    if (rv_http_body_prepare(conn) < 0) {
        rv_http_enter(conn, RV_HTTP_CONN_OVER);
        return;
    }
    conn->exchange.bytes = conn->in + conn->in_start;
    conn->handling = true;
    if (handler->run) {
        rv_http_coro_init(&conn->coro, handler, &conn->exchange);
    } else {
        memset(frame, 0, handler->frame_bytes);
        handler->init(frame, &conn->exchange, handler->data);
    }
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

/* Find the handler, which limits the body. Returns: false: the body is too
 * large. */
static bool choose_handler(struct rv_http_connection *conn)
{
    const struct rv_http_handler *handler = &conn->server->handler;
    uint64_t limit;

    while (handler->choose)
        handler = handler->choose(&conn->exchange, handler->data);
    RV_CHECK(handler->run || handler->frame_bytes <= conn->frame_bytes,
             "a chosen handler with a larger frame");
    conn->handler = handler;
    limit = handler->body_bytes ? handler->body_bytes
                                : conn->server->limits.body_bytes;
    conn->parser.limits.body_bytes = limit;
    return conn->parser.head.content_length <= limit;
}

static void start_request(struct rv_http_connection *conn)
{
    const struct rv_http_head *head = &conn->parser.head;
    const char *method = conn->in + conn->in_start + head->method.at;

    conn->exchange.keep_alive = head->keep_alive && !is_last(conn);
    conn->exchange.head_only =
        head->method.len == 4 && memcmp(method, "HEAD", 4) == 0;
    conn->exchange.bytes = conn->in + conn->in_start;
    conn->next_at = conn->in_start + conn->head_len;
    conn->asked = false;
    if (!choose_handler(conn))
        rv_http_refuse(conn, 413);
    else if (conn->parser.done || conn->handler->run ||
             conn->handler->takes_body)
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

    while (!conn->parser.done && conn->next_at < conn->in_end) {
        used = rv_http_parse_body(&conn->parser, conn->in + conn->next_at,
                                  conn->in_end - conn->next_at, &piece);
        if (used < 0)
            return (int)used;
        conn->next_at += (size_t)used;
        conn->skipped_bytes += (size_t)used;
    }
    if (!conn->parser.done) { /* the handler needs the head */
        conn->in_end = body_at;
        conn->next_at = body_at;
    }
    return 0;
}

static enum rv_poll read_body(struct rv_http_connection *conn, struct rv_cx *cx)
{
    const int error = skip_body(conn);
    ssize_t len;

    if (error < 0 && !conn->answered) {
        rv_http_refuse(conn, refusal(conn, error));
        return RV_READY;
    }
    if (conn->parser.done && !conn->answered) {
        start_handler(conn);
        return RV_READY;
    }
    if (conn->parser.done) {
        rv_http_next_request(conn);
        return RV_READY;
    }
    if (conn->answered &&
        (error < 0 || conn->skipped_bytes > RV_HTTP_SKIPPED_BYTES)) {
        end_stream(conn);
        return RV_READY;
    }
    len = receive(conn, cx);
    if (len == -EAGAIN)
        return RV_PENDING;
    if (len <= 0)
        rv_http_enter(conn, RV_HTTP_CONN_OVER);
    return RV_READY;
}

/* --- the end of a handler ----------------------------------------------- */

void rv_http_cut(struct rv_http_connection *conn)
{
    rv_tcp_reset(&conn->stream);
    rv_http_enter(conn, RV_HTTP_CONN_OVER);
}

/* The status for a handler that has not sent a response but returned `result`.
 * No Retry-After with 503: the server does not know when the shortage ends. 0:
 * the client has gone. */
static int status_of(const struct rv_http_connection *conn, int result)
{
    switch (conn->body_error) {
    case 0:
        return rv_error_is_shortage(result) ? 503 : 500;
    case -ENOMEM:
        return 503;
    case -ETIMEDOUT:
        return 408;
    case -EMSGSIZE:
    case -EBADMSG:
    case -ENOTSUP:
        return refusal(conn, conn->body_error);
    default:
        return 0;
    }
}

/* The handler has ended without a response. */
static void answer_for_it(struct rv_http_connection *conn, int result)
{
    const int status = status_of(conn, result);

    if (status == 0)
        rv_http_enter(conn, RV_HTTP_CONN_OVER);
    else
        rv_http_refuse(conn, status);
}

/* The response in pieces is not complete. If none of it was sent, an error
 * takes its place. Else the client must notice: where the response ends with
 * the connection, only a reset says so. */
static void break_off(struct rv_http_connection *conn, int result)
{
    if (!conn->begun) {
        conn->out_len = conn->head_at;
        conn->answered = false;
        conn->piecewise = false;
        answer_for_it(conn, result);
    } else if (!conn->exchange.chunked && conn->body_left == UINT64_MAX) {
        rv_http_cut(conn);
    } else {
        rv_http_enter(conn, RV_HTTP_CONN_OVER);
    }
}

static void end_handler(struct rv_http_connection *conn, int result)
{
    bool queued;

    if (result == RV_HTTP_RESET) {
        rv_http_cut(conn);
        return;
    }
    if (result == RV_HTTP_HANG_UP) {
        rv_http_enter(conn, RV_HTTP_CONN_OVER);
        return;
    }
    if (conn->answered && conn->piecewise &&
        (result < 0 || rv_http_end_pieces(conn) < 0)) {
        break_off(conn, result);
        return;
    }
    queued = conn->out_len > 0;
    if (!conn->answered)
        answer_for_it(conn, result);
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
    struct rv_future *future = handler_of(conn);

    if (rv_poll(future, cx) == RV_READY) {
        rv_http_drop_handler(conn);
        end_handler(conn, future->result);
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
        rv_http_drop_handler(conn);
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
        is_last_send(conn) && !conn->link
            ? rv_stream_poll_send_last(&conn->stream, cx, data, left)
            : rv_http_link_send(conn->link, &conn->stream, cx, data, left);

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
    ssize_t len = 0;

    if (conn->link && !conn->link_shut)
        len = rv_io_poll_shutdown(conn->link->io, cx);
    if (len == -EAGAIN)
        return RV_PENDING;
    conn->link_shut = true;
    if (len < 0) {
        rv_http_enter(conn, RV_HTTP_CONN_OVER);
        return RV_READY;
    }
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
