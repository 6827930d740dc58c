/* SPDX-License-Identifier: MIT */
/*
 * client.c - a GET: dial, send, receive the head, receive the body.
 *
 * Most answers take three polls: one starts to connect, one sends when that
 * is done, one finds the answer; a name to be looked up takes one more. The
 * head and the body each have a buffer that starts small and doubles, because
 * thousands of these may be alive.
 *
 * Threads: the executor's, as for every future.
 */
#include <errno.h>
#include <reveil/async.h>
#include <reveil/http_client.h>
#include <stdio.h>
#include <string.h>

enum {
    HEAD_FIRST_BYTES = 1024,
    BODY_STEP_BYTES = 4096,        /* least room for a body of unknown length */
    BODY_TRUST_BYTES = 256 * 1024, /* most room for a length only promised */
    RECVS_A_POLL = 64              /* then other tasks have their turn */
};

static const uint64_t max_body_default = UINT64_C(64) << 20;

/* Make `*buffer`, which holds `len` bytes, larger. Returns: 0, -ENOMEM. */
static int grow(char **buffer, size_t len, size_t *room, size_t new_room)
{
    char *larger = rv_alloc(new_room);

    if (!larger)
        return -ENOMEM;
    if (len > 0)
        memcpy(larger, *buffer, len);
    rv_free(*buffer);
    *buffer = larger;
    *room = new_room;
    return 0;
}

static int reserve_head(struct rv_http_get *get)
{
    if (get->filled_bytes < get->head_room_bytes)
        return 0;
    return grow(&get->head, get->filled_bytes, &get->head_room_bytes,
                2 * get->head_room_bytes);
}

/* Room for `want` bytes behind the body so far. */
static int reserve_body(struct rv_http_get *get, size_t want)
{
    size_t room = 2 * get->body_room_bytes;

    if (get->body_room_bytes - get->body_len_bytes >= want)
        return 0;
    if (room < get->body_len_bytes + want)
        room = get->body_len_bytes + want;
    return grow(&get->body, get->body_len_bytes, &get->body_room_bytes, room);
}

/* How much room the next piece of the body deserves. */
static size_t body_step(const struct rv_http_get *get)
{
    uint64_t left;

    if (get->parser.head.framing != RV_HTTP_LENGTH)
        return BODY_STEP_BYTES;
    left = get->parser.head.content_length - get->body_len_bytes;
    return left < BODY_TRUST_BYTES ? (size_t)left : BODY_TRUST_BYTES;
}

/*
 * `len` bytes came in behind the body. They are decoded where they are: what
 * is kept only ever moves down, over chunk sizes.
 */
static int take_body(struct rv_http_get *get, size_t len)
{
    const char *data = get->body + get->body_len_bytes;
    struct rv_http_slice piece;
    ssize_t used;

    do {
        used = rv_http_parse_body(&get->parser, data, len, &piece);
        if (used < 0)
            return (int)used;
        if (piece.len > 0)
            memmove(get->body + get->body_len_bytes, data + piece.at,
                    piece.len);
        get->body_len_bytes += piece.len;
        data += used;
        len -= (size_t)used;
    } while (len > 0 && !get->parser.done);
    return 0;
}

/* The head is complete: what came in behind it is the start of the body. */
static int start_body(struct rv_http_get *get)
{
    const size_t rest = get->filled_bytes - get->head_len_bytes;
    struct rv_http_slice nothing;
    ssize_t used;
    int err;

    get->head_done = true;
    get->status = get->parser.head.status;
    used = rv_http_parse_body(&get->parser, get->head, 0, &nothing);
    if (used < 0 || get->parser.done || rest == 0)
        return (int)used;
    err = reserve_body(get, rest);
    if (err < 0)
        return err;
    memcpy(get->body, get->head + get->head_len_bytes, rest);
    return take_body(get, rest);
}

static void expect_head(struct rv_http_get *get)
{
    struct rv_http_limits limits = rv_http_default_limits;

    limits.body_bytes = get->max_body_bytes;
    rv_http_parser_init(&get->parser, RV_HTTP_RESPONSE, &limits);
}

/* Parse the head as far as it is there, and pass over heads of 1xx. */
static int take_head(struct rv_http_get *get)
{
    for (;;) {
        const ssize_t len =
            rv_http_parse_head(&get->parser, get->head, get->filled_bytes);

        if (len < 0)
            return len == -EAGAIN ? 0 : (int)len;
        if (get->parser.head.status >= 200) {
            get->head_len_bytes = (size_t)len;
            return start_body(get);
        }
        get->filled_bytes -= (size_t)len;
        memmove(get->head, get->head + len, get->filled_bytes);
        expect_head(get);
    }
}

/* Receive once and parse it. Returns: 0, or a negative errno. */
static int receive_some(struct rv_http_get *get, struct rv_cx *cx)
{
    char *to;
    size_t room;
    ssize_t len;
    int err;

    err =
        get->head_done ? reserve_body(get, body_step(get)) : reserve_head(get);
    if (err < 0)
        return err;
    to = get->head_done ? get->body + get->body_len_bytes
                        : get->head + get->filled_bytes;
    room = get->head_done ? get->body_room_bytes - get->body_len_bytes
                          : get->head_room_bytes - get->filled_bytes;
    len = rv_tcp_poll_recv(&get->tcp, cx, to, room);
    if (len < 0)
        return (int)len;
    if (len == 0)
        return rv_http_parse_eof(&get->parser);
    if (get->head_done)
        return take_body(get, (size_t)len);
    get->filled_bytes += (size_t)len;
    return take_head(get);
}

/* Receive until the answer is complete. Returns: 0, -EAGAIN, other errors. */
static int receive(struct rv_http_get *get, struct rv_cx *cx)
{
    for (int n = 0; n < RECVS_A_POLL; n++) {
        const int err = receive_some(get, cx);

        if (err < 0)
            return err;
        if (get->parser.done)
            return 0;
    }
    rv_waker_wake(&cx->waker);
    return -EAGAIN;
}

static enum rv_poll fetch(struct rv_http_get *get, struct rv_cx *cx)
{
    struct rv_future *future = &get->future;
    int err;

    RV_BEGIN(future);
    rv_dial_init(&get->step.dial, get->head + get->filled_bytes, get->port,
                 RV_NEVER, &get->tcp);
    RV_AWAIT(future, cx, &get->step.dial.future);
    err = get->step.dial.future.result;
    if (err < 0)
        RV_RETURN(future, err);

    rv_tcp_send_init(&get->step.send, &get->tcp, get->head, get->filled_bytes);
    RV_AWAIT(future, cx, &get->step.send.future);
    err = get->step.send.future.result;
    if (err < 0)
        RV_RETURN(future, err);

    get->filled_bytes = 0;
    expect_head(get);
    RV_AWAIT_UNTIL(future, (err = receive(get, cx)) != -EAGAIN);
    RV_RETURN(future, err);
    RV_END(future);
}

/* Close what needs no memory to be read: the connection and the timer. */
static void let_go(struct rv_http_get *get)
{
    rv_drop(&get->step.dial.future); /* or send: both start the same */
    rv_drop(&get->timer.future);
    rv_tcp_close(&get->tcp);
}

static enum rv_poll get_poll(struct rv_future *future, struct rv_cx *cx)
{
    struct rv_http_get *get =
        RV_CONTAINER_OF(future, struct rv_http_get, future);

    if (future->at == 0)
        rv_sleep_init(&get->timer, get->deadline_ns);

    /* I/O before the clock: an answer that is there is taken. */
    if (fetch(get, cx) == RV_PENDING) {
        if (get->deadline_ns == RV_NEVER ||
            rv_poll(&get->timer.future, cx) == RV_PENDING)
            return RV_PENDING;
        future->result = -ETIMEDOUT;
    }
    let_go(get);
    return RV_READY;
}

static void get_drop(struct rv_future *future)
{
    struct rv_http_get *get =
        RV_CONTAINER_OF(future, struct rv_http_get, future);

    let_go(get);
    rv_free(get->head);
    rv_free(get->body);
    get->head = NULL;
    get->body = NULL;
}

static const struct rv_future_ops get_ops = {
    .name = "http-get", .poll = get_poll, .drop = get_drop};

/* The request as text, in `text` or only measured. Returns: its length. */
static int format_request(const struct rv_http_url *url, char *text,
                          size_t size)
{
    const bool v6 = strchr(url->host, ':') != NULL;
    char port[8] = "";

    if (url->port != 80)
        snprintf(port, sizeof port, ":%u", (unsigned)url->port);
    return snprintf(text, size,
                    "GET %s HTTP/1.1\r\n"
                    "Host: %s%s%s%s\r\n"
                    "User-Agent: reveil/0.1\r\n"
                    "Accept: */*\r\n"
                    "Connection: close\r\n\r\n",
                    url->target, v6 ? "[" : "", url->host, v6 ? "]" : "", port);
}

/* The request and, behind it, the host to dial. */
static int store_request(struct rv_http_get *get, const struct rv_http_url *url)
{
    const size_t len = (size_t)format_request(url, NULL, 0);
    const size_t host_size = strlen(url->host) + 1;

    get->head_room_bytes =
        len + host_size > HEAD_FIRST_BYTES ? len + host_size : HEAD_FIRST_BYTES;
    get->head = rv_alloc(get->head_room_bytes);
    if (!get->head)
        return -ENOMEM;
    format_request(url, get->head, get->head_room_bytes);
    memcpy(get->head + len, url->host, host_size);
    get->filled_bytes = len;
    get->port = url->port;
    return 0;
}

int rv_http_get_init(struct rv_http_get *get, const char *text)
{
    struct rv_http_url url;
    int err;

    memset(get, 0, sizeof *get);
    rv_future_init(&get->future, &get_ops);
    get->deadline_ns = RV_NEVER;
    get->max_body_bytes = max_body_default;

    err = rv_http_url_parse(&url, text);
    if (err < 0)
        return err;
    return store_request(get, &url);
}
