/* SPDX-License-Identifier: MIT */
/*
 * response.c - receives the response to a GET: its head, then its body.
 *
 * The head and the body each have a buffer that starts small and doubles,
 * because thousands of these may be alive. A body that is kept is decoded in
 * its buffer; one that goes to a sink, or nowhere, passes through a buffer of
 * a fixed size:
 *
 *     body: [taken by the sink][piece: decoded, next][raw: to be parsed]
 *
 * Threads: the executor's, as for every future.
 */
#include <errno.h>
#include <string.h>

#include "base/base_internal.h"
#include "http/client/client_internal.h"

enum {
    BODY_STEP_BYTES = 4096,        /* least room for a body of unknown length */
    BODY_TRUST_BYTES = 256 * 1024, /* most room for a length only promised */
    PASS_BYTES = 64 * 1024,        /* at once, to a sink */
    DISCARD_BYTES = 64 * 1024,     /* more is dearer than a new connection */
    LINE_BYTES = RV_HTTP_URL_TEXT + 64, /* a Location with any URL */
    INTERIM_HEADS = 16,                 /* of 1xx before a response */
    STEPS_A_POLL = 64                   /* then other tasks have their turn */
};

/* What a step returns when the response is over; 0: go on. */
enum { OVER = 1 };

/* --- buffers ----------------------------------------------------------- */

int rv_http_grow(char **buffer, size_t len, size_t *room, size_t new_room)
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
    return rv_http_grow(&get->head, get->filled_bytes, &get->head_room_bytes,
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
    return rv_http_grow(&get->body, get->body_len_bytes, &get->body_room_bytes,
                        room);
}

/* Receive into `buffer`. Returns: bytes, 0 at the end, negative errno. */
static ssize_t receive(struct rv_http_get *get, struct rv_cx *cx, char *buffer,
                       size_t room)
{
    const ssize_t len = rv_stream_poll_recv(&get->stream, cx, buffer, room);

    get->heard |= len > 0;
    return len;
}

/* --- a body that is kept ----------------------------------------------- */

/* How much room the next piece of the body deserves. */
static size_t body_step(const struct rv_http_get *get)
{
    uint64_t left;

    if (get->parser->head.framing != RV_HTTP_LENGTH)
        return BODY_STEP_BYTES;
    left = get->parser->head.content_length - get->body_len_bytes;
    return left < BODY_TRUST_BYTES ? (size_t)left : BODY_TRUST_BYTES;
}

/*
 * `len` bytes came in behind the body. They are decoded where they are: what
 * is kept only ever moves down, over chunk sizes.
 */
static int decode_in_place(struct rv_http_get *get, size_t len)
{
    const char *data = get->body + get->body_len_bytes;
    struct rv_http_slice piece;
    ssize_t used;

    do {
        used = rv_http_parse_body(get->parser, data, len, &piece);
        if (used < 0)
            return (int)used;
        if (piece.len > 0)
            memmove(get->body + get->body_len_bytes, data + piece.at,
                    piece.len);
        get->body_len_bytes += piece.len;
        data += used;
        len -= (size_t)used;
    } while (len > 0 && !get->parser->done);
    get->surplus = len > 0;
    return get->parser->done ? OVER : 0;
}

/* The end of the stream may be the end of the body. */
static int take_eof(struct rv_http_get *get)
{
    const int error = rv_http_parse_eof(get->parser);

    return error < 0 ? error : OVER;
}

static int keep_some(struct rv_http_get *get, struct rv_cx *cx)
{
    const int error = reserve_body(get, body_step(get));
    ssize_t len;

    if (error < 0)
        return error;
    len = receive(get, cx, get->body + get->body_len_bytes,
                  get->body_room_bytes - get->body_len_bytes);
    if (len < 0)
        return (int)len;
    return len == 0 ? take_eof(get) : decode_in_place(get, (size_t)len);
}

/* --- a body that passes through ---------------------------------------- */

static bool is_discarded(const struct rv_http_get *get)
{
    return get->next_url != NULL;
}

static bool is_kept(const struct rv_http_get *get)
{
    return !get->sink && !is_discarded(get);
}

/* Hand on what is decoded. */
static int hand_on(struct rv_http_get *get, struct rv_cx *cx)
{
    ssize_t taken = get->piece.len;

    if (!is_discarded(get))
        taken = get->sink->ops->poll_write(
            get->sink, cx, get->body + get->piece.at, get->piece.len);
    if (taken < 0)
        return (int)taken;
    RV_CHECK(taken > 0 && taken <= get->piece.len,
             "a sink took what it was not given");
    get->piece.at += (uint32_t)taken;
    get->piece.len -= (uint32_t)taken;
    get->body_len_bytes += (size_t)taken;
    return is_discarded(get) && get->body_len_bytes > DISCARD_BYTES ? OVER : 0;
}

/* Decode the next piece of what came. */
static int decode_piece(struct rv_http_get *get)
{
    const ssize_t used = rv_http_parse_body(
        get->parser, get->body + get->raw.at, get->raw.len, &get->piece);

    if (used < 0)
        return (int)used;
    get->piece.at += get->raw.at;
    get->raw.at += (uint32_t)used;
    get->raw.len -= (uint32_t)used;
    return 0;
}

static int finish_sink(struct rv_http_get *get, struct rv_cx *cx)
{
    int error = 0;

    get->surplus = get->raw.len > 0;
    if (!is_discarded(get) && get->sink->ops->poll_finish)
        error = get->sink->ops->poll_finish(get->sink, cx);
    return error < 0 ? error : OVER;
}

static int receive_raw(struct rv_http_get *get, struct rv_cx *cx)
{
    const ssize_t len = receive(get, cx, get->body, get->body_room_bytes);
    int error;

    if (len > 0)
        get->raw = (struct rv_http_slice){0, (uint32_t)len};
    if (len != 0)
        return len < 0 ? (int)len : 0;
    error = rv_http_parse_eof(get->parser); /* if good, it is done */
    return error < 0 ? error : 0;
}

/* One step; its state is what it waits for if it cannot be made. */
static int pass_some(struct rv_http_get *get, struct rv_cx *cx)
{
    const bool to_sink = get->piece.len > 0 || get->parser->done;

    if (to_sink != (get->state == RV_HTTP_STORING))
        rv_http_get_enter(get, to_sink ? RV_HTTP_STORING : RV_HTTP_RECEIVING);
    if (get->piece.len > 0)
        return hand_on(get, cx);
    if (get->parser->done)
        return finish_sink(get, cx);
    return get->raw.len > 0 ? decode_piece(get) : receive_raw(get, cx);
}

/* A buffer with what came behind the head, and room for more. */
static int start_passing(struct rv_http_get *get, size_t rest)
{
    const struct rv_http_head *head = &get->parser->head;
    size_t room = PASS_BYTES;
    int error;

    if (!is_discarded(get) && get->sink->ops->start) {
        error = get->sink->ops->start(get->sink, get);
        if (error < 0) {
            rv_http_get_enter(get, RV_HTTP_STORING);
            return error;
        }
    }
    if (head->framing == RV_HTTP_LENGTH && head->content_length < room)
        room = (size_t)head->content_length;
    if (room < rest)
        room = rest;
    if (room > get->body_room_bytes) {
        error = rv_http_grow(&get->body, 0, &get->body_room_bytes, room);
        if (error < 0)
            return error;
    }
    if (rest > 0)
        memcpy(get->body, get->head + get->head_len_bytes, rest);
    get->raw = (struct rv_http_slice){0, (uint32_t)rest};
    return 0;
}

/* --- the head ---------------------------------------------------------- */

/* The head is complete: what came in behind it is the start of the body. */
static int start_body(struct rv_http_get *get)
{
    const size_t rest = get->filled_bytes - get->head_len_bytes;
    int error;

    get->head_done = true;
    get->status = get->parser->head.status;
    error = rv_http_get_find_next(get);
    if (error < 0)
        return error;
    rv_http_get_enter(get, RV_HTTP_RECEIVING);
    if (!is_kept(get))
        return start_passing(get, rest);
    get->surplus = get->parser->done && rest > 0;
    if (get->parser->done || rest == 0)
        return get->parser->done ? OVER : 0;
    error = reserve_body(get, rest);
    if (error < 0)
        return error;
    memcpy(get->body, get->head + get->head_len_bytes, rest);
    return decode_in_place(get, rest);
}

static void expect_head(struct rv_http_get *get)
{
    struct rv_http_limits limits = rv_http_default_limits;

    limits.body_bytes = get->max_body_bytes;
    limits.line_bytes = LINE_BYTES;
    limits.head_bytes -= get->interim_bytes;
    rv_http_parser_init(get->parser, RV_HTTP_RESPONSE, &limits);
    if (get->head_only)
        rv_http_parser_answers_head(get->parser);
}

/* While nothing has come there is no parser: it is most of what a GET needs in
 * memory, and thousands of them may wait. Returns: 0, -ENOMEM. */
static int need_parser(struct rv_http_get *get)
{
    if (get->parser)
        return 0;
    get->parser = rv_alloc(sizeof *get->parser);
    if (!get->parser)
        return -ENOMEM;
    expect_head(get);
    return 0;
}

/*
 * Pass over a head of 1xx. All heads of a response together may have as many
 * bytes as one: a server that never comes to the point is let go. Nothing was
 * asked for to which "101 Switching Protocols" could be the response.
 */
static int skip_interim(struct rv_http_get *get, size_t len)
{
    if (get->parser->head.status == 101)
        return -EBADMSG;
    if (++get->interim_heads > INTERIM_HEADS)
        return -EMSGSIZE;
    get->interim_bytes += (uint32_t)len;
    get->filled_bytes -= len;
    memmove(get->head, get->head + len, get->filled_bytes);
    expect_head(get);
    return 0;
}

/* Parse the head as far as it is there, and pass over heads of 1xx. */
static int take_head(struct rv_http_get *get)
{
    for (;;) {
        const ssize_t len =
            rv_http_parse_head(get->parser, get->head, get->filled_bytes);
        int error;

        if (len < 0)
            return len == -EAGAIN ? 0 : (int)len;
        if (get->parser->head.status >= 200) {
            get->head_len_bytes = (size_t)len;
            return start_body(get);
        }
        error = skip_interim(get, (size_t)len);
        if (error < 0)
            return error;
    }
}

static int receive_head(struct rv_http_get *get, struct rv_cx *cx)
{
    int error = reserve_head(get);
    ssize_t len;

    if (error < 0)
        return error;
    len = receive(get, cx, get->head + get->filled_bytes,
                  get->head_room_bytes - get->filled_bytes);
    if (len < 0)
        return (int)len;
    error = need_parser(get);
    if (error < 0)
        return error;
    if (len == 0)
        return take_eof(get);
    get->filled_bytes += (size_t)len;
    return take_head(get);
}

/* --- all of it --------------------------------------------------------- */

void rv_http_response_start(struct rv_http_get *get)
{
    get->filled_bytes = 0;
    get->interim_bytes = 0;
    get->interim_heads = 0;
    get->head_done = false;
    get->surplus = false;
    get->body_len_bytes = 0;
    get->piece = (struct rv_http_slice){0, 0};
    get->raw = (struct rv_http_slice){0, 0};
    if (get->parser)
        expect_head(get);
}

static int step(struct rv_http_get *get, struct rv_cx *cx)
{
    if (!get->head_done)
        return receive_head(get, cx);
    return is_kept(get) ? keep_some(get, cx) : pass_some(get, cx);
}

int rv_http_response_poll(struct rv_http_get *get, struct rv_cx *cx)
{
    for (int n = 0; n < STEPS_A_POLL; n++) {
        const int done = step(get, cx);

        if (done != 0)
            return done < 0 ? done : 0;
        /* It moves: each wait for more has all of its time. */
        rv_http_get_moved(get);
    }
    rv_waker_wake(&cx->waker);
    return -EAGAIN;
}
