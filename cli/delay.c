/* SPDX-License-Identifier: MIT */
/*
 * delay.c - the delay server's handler: each kind of resource is a future.
 *
 * The path selects the future in delay_init(). The bytes of the request stay
 * valid until the response is complete, so the text of the response is a slice
 * of the path.
 *
 * Threads: the executor's.
 */
#include "cli/delay.h"

#include <errno.h>
#include <reveil/async.h>
#include <stdio.h>
#include <string.h>

#include "http/message/target.h"

enum {
    HEAD_BYTES = 256,
    PIECES_A_TURN = 16 /* of /big, then the task yields */
};

const char delay_hint[] =
    "This is the delay server of reveil. Request one of these:\n"
    "  /600/Hello     \"Hello\" after 600 milliseconds\n"
    "  /drip/10/100   100 bytes, one every 10 milliseconds\n"
    "  /big/1024      1024 kilobytes\n"
    "  /reset         the connection is reset\n"
    "  /half          half of the announced body, then the end\n"
    "  /never         no response\n";

/* A handler's frame, used by all kinds of resources. */
struct delay {
    struct rv_future future;
    struct rv_http_exchange *exchange;
    struct rv_sleep nap;
    struct rv_stream_send send;
    int status; /* of a short response */
    const char *text;
    size_t text_len;
    int64_t ms;     /* until the response, or between two drips */
    uint64_t count; /* drips or bytes to send */
    uint64_t done;  /* drips or bytes sent */
    int64_t next_ns;
    struct rv_yield yield;
    char buffer[HEAD_BYTES];
};

static struct delay *delay_of(struct rv_future *future)
{
    return RV_CONTAINER_OF(future, struct delay, future);
}

static void delay_drop(struct rv_future *future)
{
    struct delay *self = delay_of(future);

    rv_drop(&self->nap.future);
    rv_drop(&self->send.future);
}

static void send_text(struct delay *self, const char *text, size_t len)
{
    rv_stream_send_init(&self->send, self->exchange->stream, text, len);
}

/* Start to send a head; the caller sends the body. Returns: 0, negative errno.
 */
static int send_head(struct delay *self, int64_t len_bytes)
{
    const int len =
        rv_http_format_head(self->buffer, sizeof self->buffer, self->exchange,
                            200, "text/plain", len_bytes);

    if (len < 0)
        return len;
    send_text(self, self->buffer, (size_t)len);
    return 0;
}

/* --- /<ms>/<text>, and error responses --------------------------------- */

static enum rv_poll text_poll(struct rv_future *future, struct rv_cx *cx)
{
    struct delay *self = delay_of(future);

    RV_BEGIN(future);
    if (self->ms > 0) {
        rv_sleep_init(&self->nap, rv_after_ms(self->ms));
        RV_AWAIT(future, cx, &self->nap.future);
    }
    RV_RETURN(future, rv_http_reply(self->exchange, self->status,
                                    "text/plain; charset=utf-8", self->text,
                                    self->text_len));
    RV_END(future);
}

/* --- /drip/<ms>/<n> ---------------------------------------------------- */

static enum rv_poll drip_poll(struct rv_future *future, struct rv_cx *cx)
{
    struct delay *self = delay_of(future);

    RV_BEGIN(future);
    if (send_head(self, -1) < 0)
        RV_RETURN(future, RV_HTTP_HANG_UP);
    RV_AWAIT(future, cx, &self->send.future);
    if (self->send.future.result < 0 || self->exchange->head_only)
        RV_RETURN(future, self->send.future.result);

    /* Absolute deadlines: the time that sending takes adds no delay. */
    for (self->next_ns = rv_now_ns(); self->done < self->count; self->done++) {
        self->next_ns += self->ms * RV_NS_PER_MS;
        rv_sleep_init(&self->nap, self->next_ns);
        RV_AWAIT(future, cx, &self->nap.future);
        if (self->exchange->chunked)
            send_text(self, "1\r\nx\r\n", 6);
        else
            send_text(self, "x", 1);
        RV_AWAIT(future, cx, &self->send.future);
        if (self->send.future.result < 0)
            RV_RETURN(future, self->send.future.result);
    }
    if (!self->exchange->chunked)
        RV_RETURN(future, 0);
    send_text(self, "0\r\n\r\n", 5);
    RV_AWAIT(future, cx, &self->send.future);
    RV_RETURN(future, self->send.future.result);
    RV_END(future);
}

/* --- /big/<kB> --------------------------------------------------------- */

/* The same line repeated, so that any slice can be sent without a copy. */
#define LINE                                        \
    "reveil 0123456789 abcdefghijklmnopqrstuvwxyz " \
    "ABCDEFGHIJKLMNOPQR\n"
#define X4(...)  __VA_ARGS__, __VA_ARGS__, __VA_ARGS__, __VA_ARGS__
#define X16(...) X4(X4(__VA_ARGS__))
static const char pattern[256][64] = {X16(X16(LINE))};

enum { PATTERN_BYTES = sizeof pattern };

size_t delay_pattern(uint64_t at, const char **piece)
{
    const size_t from = at % PATTERN_BYTES;

    *piece = (const char *)pattern + from;
    return PATTERN_BYTES - from;
}

static void send_piece(struct delay *self)
{
    const uint64_t left = self->count - self->done;
    const char *piece;
    size_t len = delay_pattern(self->done, &piece);

    if (len > left)
        len = (size_t)left;
    self->done += len;
    send_text(self, piece, len);
}

static enum rv_poll big_poll(struct rv_future *future, struct rv_cx *cx)
{
    struct delay *self = delay_of(future);

    RV_BEGIN(future);
    if (send_head(self, (int64_t)self->count) < 0)
        RV_RETURN(future, RV_HTTP_HANG_UP);
    RV_AWAIT(future, cx, &self->send.future);
    if (self->send.future.result < 0 || self->exchange->head_only)
        RV_RETURN(future, self->send.future.result);

    while (self->done < self->count) {
        send_piece(self);
        RV_AWAIT(future, cx, &self->send.future);
        if (self->send.future.result < 0)
            RV_RETURN(future, self->send.future.result);
        if (self->done % (PIECES_A_TURN * PATTERN_BYTES) == 0) {
            rv_yield_init(&self->yield);
            RV_AWAIT(future, cx, &self->yield.future);
        }
    }
    RV_RETURN(future, 0);
    RV_END(future);
}

/* --- /reset, /half, /never --------------------------------------------- */

static enum rv_poll reset_poll(struct rv_future *future, struct rv_cx *cx)
{
    (void)cx;
    RV_RETURN(future, RV_HTTP_RESET);
}

static enum rv_poll half_poll(struct rv_future *future, struct rv_cx *cx)
{
    struct delay *self = delay_of(future);

    RV_BEGIN(future);
    if (send_head(self, DELAY_HALF_BYTES) < 0)
        RV_RETURN(future, RV_HTTP_HANG_UP);
    RV_AWAIT(future, cx, &self->send.future);
    if (self->send.future.result < 0 || self->exchange->head_only)
        RV_RETURN(future, self->send.future.result);

    send_text(self, pattern[0], DELAY_HALF_BYTES / 2);
    RV_AWAIT(future, cx, &self->send.future);
    RV_RETURN(future, RV_HTTP_HANG_UP);
    RV_END(future);
}

/* Reads, and discards, until the client closes the connection. */
static enum rv_poll never_poll(struct rv_future *future, struct rv_cx *cx)
{
    struct delay *self = delay_of(future);
    const ssize_t len = rv_stream_poll_recv(self->exchange->stream, cx,
                                            self->buffer, sizeof self->buffer);

    if (len > 0)
        rv_waker_wake(&cx->waker);
    if (len > 0 || len == -EAGAIN)
        return RV_PENDING;
    RV_RETURN(future, RV_HTTP_HANG_UP);
}

/* --- selecting the future by the path ---------------------------------- */

#define OPS(name_)                                    \
    static const struct rv_future_ops name_##_ops = { \
        .name = "delay-" #name_, .poll = name_##_poll, .drop = delay_drop}
OPS(text);
OPS(drip);
OPS(big);
OPS(reset);
OPS(half);
OPS(never);

/* The rest of the path. */
struct path {
    const char *at;
    size_t len;
};

/* Skip `word`. Returns: false if the path does not continue with it. */
static bool take_word(struct path *path, const char *word)
{
    const size_t len = strlen(word);

    if (path->len < len || memcmp(path->at, word, len) != 0)
        return false;
    path->at += len;
    path->len -= len;
    return true;
}

/* Parse and skip a number. Returns: false if there is none. */
static bool take_number(struct path *path, int64_t *out)
{
    size_t n = 0;

    *out = 0;
    while (n < path->len && path->at[n] >= '0' && path->at[n] <= '9') {
        if (*out <= INT32_MAX) /* a larger one exceeds each limit anyway */
            *out = *out * 10 + (path->at[n] - '0');
        n++;
    }
    path->at += n;
    path->len -= n;
    return n > 0;
}

/* A response in one piece, after self->ms. */
static void answer(struct delay *self, int status, const char *text, size_t len)
{
    self->status = status;
    self->text = text;
    self->text_len = len;
    rv_future_init(&self->future, &text_ops);
}

static void refuse(struct delay *self, int status, const char *text)
{
    self->ms = 0;
    answer(self, status, text, strlen(text));
}

static void choose_drip(struct delay *self, struct path path)
{
    int64_t count;

    if (!take_number(&path, &self->ms) || !take_word(&path, "/") ||
        !take_number(&path, &count) || path.len > 0)
        refuse(self, 400, "Ask for /drip/<milliseconds>/<bytes>.\n");
    else if (self->ms > DELAY_MAX_MS || count > DELAY_MAX_DRIPS)
        refuse(self, 400,
               "At most 3600000 milliseconds between at most 1000000 bytes.\n");
    else {
        self->count = (uint64_t)count;
        rv_future_init(&self->future, &drip_ops);
    }
}

static void choose_big(struct delay *self, struct path path)
{
    int64_t kb;

    if (!take_number(&path, &kb) || path.len > 0)
        refuse(self, 400, "Ask for /big/<kilobytes>.\n");
    else if (kb > DELAY_MAX_KB)
        refuse(self, 400, "At most 1048576 kilobytes.\n");
    else {
        self->count = (uint64_t)kb * 1024;
        rv_future_init(&self->future, &big_ops);
    }
}

static void choose_text(struct delay *self, struct path path)
{
    if (!take_number(&path, &self->ms) || !take_word(&path, "/"))
        refuse(self, 404, delay_hint);
    else if (self->ms > DELAY_MAX_MS)
        refuse(self, 400, "At most 3600000 milliseconds, which is an hour.\n");
    else
        answer(self, 200, path.at, path.len);
}

/* The path of the target, which may also be "http://host/path". */
static struct path path_of(const struct rv_http_exchange *exchange)
{
    const struct rv_http_slice path =
        rv_http_origin(exchange->bytes, exchange->head->target);

    return (struct path){exchange->bytes + path.at, path.len};
}

static bool method_is(const struct rv_http_exchange *exchange, const char *name)
{
    const struct rv_http_slice method = exchange->head->method;

    return method.len == strlen(name) &&
           memcmp(exchange->bytes + method.at, name, method.len) == 0;
}

static bool is(struct path path, const char *word)
{
    return take_word(&path, word) && path.len == 0;
}

static void delay_init(struct rv_future *frame,
                       struct rv_http_exchange *exchange, void *data)
{
    struct delay *self = delay_of(frame);
    struct path path = path_of(exchange);

    (void)data;
    self->exchange = exchange;
    if (!method_is(exchange, "GET") && !exchange->head_only)
        refuse(self, 501, "Only GET and HEAD are supported.\n");
    else if (is(path, "/reset"))
        rv_future_init(frame, &reset_ops);
    else if (is(path, "/half"))
        rv_future_init(frame, &half_ops);
    else if (is(path, "/never"))
        rv_future_init(frame, &never_ops);
    else if (take_word(&path, "/drip/"))
        choose_drip(self, path);
    else if (take_word(&path, "/big/"))
        choose_big(self, path);
    else if (take_word(&path, "/"))
        choose_text(self, path);
    else
        refuse(self, 404, delay_hint);
}

struct rv_http_handler delay_handler(void)
{
    return (struct rv_http_handler){.frame_bytes = sizeof(struct delay),
                                    .init = delay_init};
}
