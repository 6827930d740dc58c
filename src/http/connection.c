/* SPDX-License-Identifier: MIT */
/*
 * connection.c - one connection of the server: a state machine over stages.
 *
 * A stage goes on as far as it can; PENDING means that it left its waker with
 * the socket, or with what the handler waits for. A request that is answered
 * at once costs a recv and a send, and no memory is allocated for it: both
 * buffers and the handler's frame are used again.
 *
 * Threads: the executor's.
 */
#include "http/connection.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <reveil/async.h>
#include <stdio.h>
#include <string.h>

enum {
    IN_FIRST_BYTES = 2048,
    STAGES_A_POLL = 64 /* then other tasks have their turn */
};

static const int64_t drain_ns = RV_NS_PER_S;

/* --- buffers ----------------------------------------------------------- */

/* Room behind what was received: move it to the front, or grow. */
static int make_room(struct rv_http_connection *conn)
{
    const size_t len = conn->in_end - conn->in_start;
    const size_t room = conn->in_room ? 2 * conn->in_room : IN_FIRST_BYTES;
    char *larger;

    if (conn->in_start > 0) {
        memmove(conn->in, conn->in + conn->in_start, len);
    } else {
        larger = rv_alloc(room);
        if (!larger)
            return -ENOMEM;
        if (len > 0)
            memcpy(larger, conn->in, len);
        rv_free(conn->in);
        conn->in = larger;
        conn->in_room = room;
    }
    conn->in_start = 0;
    conn->in_end = len;
    return 0;
}

/* The server stops: is there something that the reactor did not tell yet? */
static ssize_t last_look(struct rv_http_connection *conn)
{
    const ssize_t len = recv(rv_tcp_fd(&conn->tcp), conn->in + conn->in_end,
                             conn->in_room - conn->in_end, MSG_DONTWAIT);

    return len < 0 ? -errno : len;
}

/* Receive once. Returns: bytes, 0 at the end, -EAGAIN, other errors. */
static ssize_t fill(struct rv_http_connection *conn, struct rv_cx *cx)
{
    ssize_t len;

    if (conn->in_end == conn->in_room) {
        const int err = make_room(conn);

        if (err < 0)
            return err;
    }
    len = rv_tcp_poll_recv(&conn->tcp, cx, conn->in + conn->in_end,
                           conn->in_room - conn->in_end);
    if (len == -EAGAIN && conn->server->stopping)
        len = last_look(conn);
    if (len > 0)
        conn->in_end += (size_t)len;
    return len;
}

/* --- from one stage to the next ---------------------------------------- */

static void enter(struct rv_http_connection *conn, enum rv_http_stage stage)
{
    conn->stage = stage;
    conn->deadline_ns = 0;
}

static void send_then(struct rv_http_connection *conn, enum rv_http_stage next)
{
    conn->after_send = next;
    enter(conn, RV_HTTP_STAGE_SEND);
}

/* Ready for the request that may have come in behind the last one. */
static void next_request(struct rv_http_connection *conn)
{
    conn->in_start = conn->next_at;
    if (conn->in_start == conn->in_end) {
        conn->in_start = 0;
        conn->in_end = 0;
    }
    conn->answered = false;
    conn->exchange.head_only = false;
    rv_http_parser_init(&conn->parser, RV_HTTP_REQUEST, &conn->server->limits);
    enter(conn, RV_HTTP_STAGE_HEAD);
}

/*
 * Nothing more will be sent. A close with input unread would make the kernel
 * send a reset, which can overtake the answer: read on for a moment, unless
 * the client has said that this was its last request, and nothing came after.
 */
static void finish_sending(struct rv_http_connection *conn)
{
    const struct rv_http_parser *parser = &conn->parser;
    const bool all_read = parser->done && !parser->head.keep_alive &&
                          conn->next_at == conn->in_end;

    if (all_read || rv_tcp_shutdown_write(&conn->tcp) < 0)
        enter(conn, RV_HTTP_STAGE_OVER);
    else
        enter(conn, RV_HTTP_STAGE_DRAIN);
}

static void after_answer(struct rv_http_connection *conn)
{
    conn->server->requests++;
    if (conn->exchange.keep_alive)
        next_request(conn);
    else
        finish_sending(conn);
}

/* Answer with an error of our own. It is the last answer. */
static void refuse(struct rv_http_connection *conn, int status)
{
    char text[64];
    const int len =
        snprintf(text, sizeof text, "%d %s\n", status, rv_http_reason(status));

    conn->exchange.keep_alive = false;
    if (rv_http_reply(&conn->exchange, status, "text/plain", text,
                      (size_t)len) < 0)
        enter(conn, RV_HTTP_STAGE_OVER);
    else
        send_then(conn, RV_HTTP_STAGE_HEAD);
}

/* What to tell the client about an error of the parser. */
static int refusal(const struct rv_http_connection *conn, ssize_t err)
{
    const struct rv_http_head *head = &conn->parser.head;

    if (err == -EMSGSIZE) {
        if (conn->stage == RV_HTTP_STAGE_BODY ||
            head->content_length > conn->server->limits.body_bytes)
            return 413;
        return head->target.len > 0 ? 431 : 414;
    }
    if (err == -ENOTSUP) /* no target was stored? Then it was the version */
        return head->header_count > 0 ? 501 : 505;
    return 400;
}

/* --- the stages -------------------------------------------------------- */

static void start_handler(struct rv_http_connection *conn)
{
    const struct rv_http_handler *handler = &conn->server->handler;
    struct rv_future *frame = (struct rv_future *)(void *)conn->frame;

    conn->exchange.bytes = conn->in + conn->in_start;
    memset(frame, 0, handler->frame_bytes);
    handler->init(frame, &conn->exchange, handler->data);
    conn->handling = true;
    enter(conn, RV_HTTP_STAGE_HANDLER);
}

/* The client sends no body before it is told to. */
static void start_body(struct rv_http_connection *conn)
{
    static const char go_on[] = "HTTP/1.1 100 Continue\r\n\r\n";
    const size_t body_at = conn->in_start + conn->head_len;

    enter(conn, RV_HTTP_STAGE_BODY);
    if (!conn->parser.head.expect_continue || conn->in_end > body_at)
        return;
    if (rv_http_queue(conn, go_on, sizeof go_on - 1) < 0)
        enter(conn, RV_HTTP_STAGE_OVER);
    else
        send_then(conn, RV_HTTP_STAGE_BODY);
}

static void start_request(struct rv_http_connection *conn)
{
    const struct rv_http_head *head = &conn->parser.head;
    const char *method = conn->in + conn->in_start + head->method.at;

    conn->exchange.keep_alive = head->keep_alive && !conn->server->stopping;
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
        refuse(conn, refusal(conn, len));
        return RV_READY;
    }

    len = fill(conn, cx);
    if (len == -EAGAIN && (had > 0 || !conn->server->stopping))
        return RV_PENDING;
    if (len <= 0)
        enter(conn, RV_HTTP_STAGE_OVER);
    else if (had == 0)
        conn->deadline_ns = 0; /* from now on it is about the whole head */
    return RV_READY;
}

/* Parse what is there of the body. Returns: 0, or the parser's error. */
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
        conn->in_end = body_at; /* the head stays */
    return 0;
}

static enum rv_poll read_body(struct rv_http_connection *conn, struct rv_cx *cx)
{
    const int err = skip_body(conn);
    ssize_t len;

    if (err < 0) {
        refuse(conn, refusal(conn, err));
        return RV_READY;
    }
    if (conn->parser.done) {
        start_handler(conn);
        return RV_READY;
    }
    len = fill(conn, cx);
    if (len == -EAGAIN)
        return RV_PENDING;
    if (len <= 0)
        enter(conn, RV_HTTP_STAGE_OVER);
    return RV_READY;
}

static void end_handler(struct rv_http_connection *conn, int result)
{
    const bool queued = conn->out_len > 0;

    conn->handling = false;
    if (result == RV_HTTP_RESET)
        rv_tcp_reset(&conn->tcp);
    if (result == RV_HTTP_RESET || result == RV_HTTP_HANG_UP)
        enter(conn, RV_HTTP_STAGE_OVER);
    else if (!conn->answered)
        refuse(conn, 500);
    else if (queued)
        send_then(conn, RV_HTTP_STAGE_HEAD);
    else if (result < 0)
        enter(conn, RV_HTTP_STAGE_OVER); /* its own answer is cut short */
    else
        after_answer(conn);
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
    /* A client that has reset the connection waits for no answer. */
    if (!conn->tcp.source || !rv_tcp_poll_gone(&conn->tcp, cx))
        return RV_PENDING;
    enter(conn, RV_HTTP_STAGE_OVER);
    return RV_READY;
}

static enum rv_poll send_out(struct rv_http_connection *conn, struct rv_cx *cx)
{
    const ssize_t len =
        rv_tcp_poll_send(&conn->tcp, cx, conn->out + conn->out_sent,
                         conn->out_len - conn->out_sent);

    if (len == -EAGAIN)
        return RV_PENDING;
    if (len < 0) {
        enter(conn, RV_HTTP_STAGE_OVER);
        return RV_READY;
    }
    conn->deadline_ns = 0; /* it moves */
    conn->out_sent += (size_t)len;
    if (conn->out_sent < conn->out_len)
        return RV_READY;
    rv_http_empty(conn);
    if (conn->after_send == RV_HTTP_STAGE_HEAD)
        after_answer(conn);
    else
        enter(conn, conn->after_send);
    return RV_READY;
}

static enum rv_poll drain(struct rv_http_connection *conn, struct rv_cx *cx)
{
    ssize_t len;

    conn->in_start = 0;
    conn->in_end = 0;
    len = fill(conn, cx);
    if (len == -EAGAIN)
        return RV_PENDING;
    if (len <= 0)
        enter(conn, RV_HTTP_STAGE_OVER);
    return RV_READY;
}

/* --- time -------------------------------------------------------------- */

/* When the wait that begins now has been too long. */
static int64_t stage_deadline(const struct rv_http_connection *conn)
{
    if (conn->stage == RV_HTTP_STAGE_HANDLER)
        return RV_NEVER;
    if (conn->stage == RV_HTTP_STAGE_DRAIN)
        return rv_now_ns() + drain_ns;
    return rv_now_ns() + conn->server->idle_timeout_ns;
}

/*
 * The timer is set again when it fires too early for the deadline of that
 * time: cheaper than to set it for each request.
 */
static bool out_of_time(struct rv_http_connection *conn, struct rv_cx *cx)
{
    if (conn->deadline_ns == 0)
        conn->deadline_ns = stage_deadline(conn);
    if (conn->deadline_ns == RV_NEVER)
        return false;

    if (conn->timer_ns > conn->deadline_ns)
        rv_drop(&conn->timer.future);
    if (conn->timer_ns == 0 || conn->timer_ns > conn->deadline_ns) {
        conn->timer_ns = conn->deadline_ns;
        rv_sleep_init(&conn->timer, conn->timer_ns);
    }
    while (rv_poll(&conn->timer.future, cx) == RV_READY) {
        if (conn->timer_ns == conn->deadline_ns) {
            conn->timer_ns = 0;
            return true;
        }
        conn->timer_ns = conn->deadline_ns;
        rv_sleep_init(&conn->timer, conn->timer_ns);
    }
    return false;
}

/* A client that is slow with its request is told so, others are let go. */
static void give_up(struct rv_http_connection *conn)
{
    const bool begun = conn->in_end > conn->in_start;

    if (conn->stage == RV_HTTP_STAGE_BODY ||
        (conn->stage == RV_HTTP_STAGE_HEAD && begun))
        refuse(conn, 408);
    else
        enter(conn, RV_HTTP_STAGE_OVER);
}

/* --- the task ---------------------------------------------------------- */

static enum rv_poll connection_poll(struct rv_future *future, struct rv_cx *cx)
{
    static enum rv_poll (*const stages[])(struct rv_http_connection *,
                                          struct rv_cx *) = {
        [RV_HTTP_STAGE_HEAD] = read_head,      [RV_HTTP_STAGE_BODY] = read_body,
        [RV_HTTP_STAGE_HANDLER] = run_handler, [RV_HTTP_STAGE_SEND] = send_out,
        [RV_HTTP_STAGE_DRAIN] = drain,
    };
    struct rv_http_connection *conn =
        RV_CONTAINER_OF(future, struct rv_http_connection, future);

    if (future->at == 0 && conn->stage != RV_HTTP_STAGE_OVER) {
        future->at = 1;
        conn->waker = rv_waker_clone(&cx->waker);
    }
    for (int n = 0; n < STAGES_A_POLL; n++) {
        if (conn->stage == RV_HTTP_STAGE_OVER)
            return RV_READY;
        if (stages[conn->stage](conn, cx) == RV_READY)
            continue;
        if (!out_of_time(conn, cx))
            return RV_PENDING;
        give_up(conn);
    }
    rv_waker_wake(&cx->waker);
    return RV_PENDING;
}

static void connection_drop(struct rv_future *future)
{
    struct rv_http_connection *conn =
        RV_CONTAINER_OF(future, struct rv_http_connection, future);

    if (conn->handling)
        rv_drop((struct rv_future *)(void *)conn->frame);
    conn->handling = false;
    rv_drop(&conn->timer.future);
    rv_tcp_close(&conn->tcp);
    rv_free(conn->in);
    rv_free(conn->out);
    conn->in = NULL;
    conn->out = NULL;
    rv_waker_drop(&conn->waker);
    if (!rv_list_empty(&conn->node)) {
        rv_list_remove(&conn->node);
        rv_http_server_lost_one(conn->server);
    }
}

bool rv_http_connection_stop(struct rv_http_connection *conn)
{
    const bool begun = conn->in_end > conn->in_start;

    conn->exchange.keep_alive = false;
    /* One that waits for a request looks whether one is there already. */
    rv_waker_wake(&conn->waker);
    return conn->stage < RV_HTTP_STAGE_DRAIN &&
           (conn->stage != RV_HTTP_STAGE_HEAD || begun);
}

void rv_http_connection_abort(struct rv_http_connection *conn)
{
    /* The task is the executor's: it ends at its next poll. */
    conn->stage = RV_HTTP_STAGE_OVER;
    rv_waker_wake(&conn->waker);
    connection_drop(&conn->future);
}

int rv_http_connection_start(struct rv_http_server *server, struct rv_tcp *tcp,
                             struct rv_executor *executor)
{
    static const struct rv_future_ops ops = {.name = "http-connection",
                                             .poll = connection_poll,
                                             .drop = connection_drop};
    struct rv_http_connection *conn =
        rv_alloc(sizeof *conn + server->handler.frame_bytes);
    const int yes = 1;
    int err;

    if (!conn)
        return -ENOMEM;
    rv_future_init(&conn->future, &ops);
    rv_list_init(&conn->node);
    conn->server = server;
    conn->exchange.head = &conn->parser.head;
    conn->exchange.tcp = &conn->tcp;
    conn->exchange.connection = conn;
    next_request(conn);
    err = rv_spawn(executor, &conn->future, NULL);
    if (err < 0) {
        rv_free(conn);
        return err;
    }
    conn->tcp = *tcp;
    *tcp = (struct rv_tcp){0};
    rv_list_push(&server->connections, &conn->node);
    /* An answer goes out with one send; to wait for more helps nobody. */
    setsockopt(rv_tcp_fd(&conn->tcp), IPPROTO_TCP, TCP_NODELAY, &yes,
               sizeof yes);
    return 0;
}
