/* SPDX-License-Identifier: MIT */
/*
 * response.c - receives the response to a GET: first the head, then the body.
 *
 * Thousands of GETs may be alive, so the buffers for head and body start small
 * and double. A body that is kept is decoded in place. A body for a sink, or
 * one that is discarded, passes through a buffer of fixed size:
 *
 *     body: [written to the sink][piece: decoded, next][raw: not parsed yet]
 *
 * Threads: the executor's, as for every future.
 */
#include <errno.h>
#include <string.h>

#include "base/base_internal.h"
#include "http/client/client_internal.h"

enum {
    BODY_STEP_BYTES = 4096,        /* free space for a body of unknown length */
    BODY_TRUST_BYTES = 256 * 1024, /* at most so much is allocated for a
                                      Content-Length before data arrives */
    PASS_BYTES = 64 * 1024,        /* the buffer in front of a sink */
    DISCARD_BYTES = 64 * 1024,     /* to discard more costs more than a new
                                      connection */
    LINE_BYTES = RV_HTTP_URL_TEXT + 64, /* fits a Location with any URL */
    INTERIM_HEADS = 16,                 /* 1xx responses before the real one */
    STEPS_A_POLL = 64                   /* then the task yields to others */
};

/* A step returns OVER when the response is complete, 0 to continue, or a
 * negative errno. */
enum { OVER = 1 };

/* --- buffers ----------------------------------------------------------- */

static int reserve_head(struct rv_http_get *get)
{
    if (get->filled_bytes < get->head_room_bytes)
        return 0;
    return rv_http_grow(&get->head, get->filled_bytes, &get->head_room_bytes,
                        2 * get->head_room_bytes);
}

/* Make sure that `want` more bytes and a NUL fit after the body received so
 * far. */
static int reserve_body(struct rv_http_get *get, size_t want)
{
    const size_t least = get->body_len_bytes + want + 1;
    size_t room = 2 * get->body_room_bytes;

    if (get->body_room_bytes >= least)
        return 0;
    if (room < least)
        room = least;
    return rv_http_grow(&get->body, get->body_len_bytes, &get->body_room_bytes,
                        room);
}

/* Receive into `buffer`. Returns: bytes; 0 at the end of the stream; negative
 * errno. */
static ssize_t receive(struct rv_http_get *get, struct rv_cx *cx, char *buffer,
                       size_t room)
{
    const ssize_t len =
        rv_http_link_recv(get->link, &get->stream, cx, buffer, room);

    get->heard |= len > 0;
    return len;
}

/* --- a body that is kept ----------------------------------------------- */

/* How much free space to have before the next receive. */
static size_t body_step(const struct rv_http_get *get)
{
    uint64_t left;

    if (get->parser->head.framing != RV_HTTP_LENGTH)
        return BODY_STEP_BYTES;
    left = get->parser->head.content_length - get->body_len_bytes;
    return left < BODY_TRUST_BYTES ? (size_t)left : BODY_TRUST_BYTES;
}

/*
 * Decode `len` bytes that were received behind the body. This works in place:
 * data only moves towards the front, over the chunk sizes.
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

/* At the end of the stream: is it a valid end of the message? */
static int end_of_stream(struct rv_http_get *get)
{
    const int error = rv_http_parse_eof(get->parser);

    return error < 0 ? error : OVER;
}

static int receive_kept(struct rv_http_get *get, struct rv_cx *cx)
{
    const int error = reserve_body(get, body_step(get));
    ssize_t len;

    if (error < 0)
        return error;
    len = receive(get, cx, get->body + get->body_len_bytes,
                  get->body_room_bytes - get->body_len_bytes - 1);
    if (len < 0)
        return (int)len;
    return len == 0 ? end_of_stream(get) : decode_in_place(get, (size_t)len);
}

/* The response is complete: its body, which may be empty, is a string for the
 * caller. Returns: 0, -ENOMEM. */
static int end_kept(struct rv_http_get *get)
{
    const int error = reserve_body(get, 0);

    if (!error)
        get->body[get->body_len_bytes] = '\0';
    return error;
}

/* --- a body that passes through ---------------------------------------- */

static bool is_discarded(const struct rv_http_get *get)
{
    return get->next_url != NULL;
}

static bool is_kept(const struct rv_http_get *get)
{
    return !get->sink && !get->in_pieces && !is_discarded(get);
}

/* Write the decoded piece to the sink, or discard it. */
static int write_piece(struct rv_http_get *get, struct rv_cx *cx)
{
    ssize_t taken = get->piece.len;

    if (!is_discarded(get))
        taken = get->sink->ops->poll_write(
            get->sink, cx, get->body + get->piece.at, get->piece.len);
    if (taken < 0)
        return (int)taken;
    RV_CHECK(taken > 0 && taken <= get->piece.len,
             "a sink reported more bytes than it was given, or none");
    get->piece.at += (uint32_t)taken;
    get->piece.len -= (uint32_t)taken;
    get->body_len_bytes += (size_t)taken;
    return is_discarded(get) && get->body_len_bytes > DISCARD_BYTES ? OVER : 0;
}

/* Decode the next piece of the received bytes. */
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
    error = rv_http_parse_eof(get->parser); /* 0: parser->done is set */
    return error < 0 ? error : 0;
}

/* Make one step. The state says what it waits for if it cannot be made now. */
static int pass_some(struct rv_http_get *get, struct rv_cx *cx)
{
    const bool to_sink = get->piece.len > 0 || get->parser->done;

    if (to_sink != (get->state == RV_HTTP_STORING))
        rv_http_get_enter(get, to_sink ? RV_HTTP_STORING : RV_HTTP_RECEIVING);
    if (get->piece.len > 0)
        return write_piece(get, cx);
    if (get->parser->done)
        return finish_sink(get, cx);
    return get->raw.len > 0 ? decode_piece(get) : receive_raw(get, cx);
}

/* Start the sink and set up the buffer, with the `rest` bytes that followed the
 * head. */
static int start_passing(struct rv_http_get *get, size_t rest)
{
    const struct rv_http_head *head = &get->parser->head;
    size_t room = PASS_BYTES;
    int error;

    if (!is_discarded(get) && get->sink && get->sink->ops->start) {
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

/* The head is complete. The bytes behind it are the start of the body. */
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

/* Prepare the parser for a head: the first, or another one after a 1xx. */
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

/* The parser is allocated when the first bytes arrive: it is most of the memory
 * of a GET, and thousands of GETs may be waiting. Returns: 0, -ENOMEM. */
static int ensure_parser(struct rv_http_get *get)
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
 * Skip a 1xx response. All heads before the real response together are limited
 * to the size of one, so that a server cannot send them endlessly. "101
 * Switching Protocols" is an error: the request did not ask for an upgrade.
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

/* Parse the head as far as it was received, and skip 1xx responses. */
static int parse_head(struct rv_http_get *get)
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
    error = ensure_parser(get);
    if (error < 0)
        return error;
    if (len == 0)
        return end_of_stream(get);
    get->filled_bytes += (size_t)len;
    return parse_head(get);
}

/* --- a body that the caller receives ------------------------------------ */

int rv_http_response_piece(struct rv_http_get *get, struct rv_cx *cx)
{
    int error = 0;

    while (error == 0 && get->piece.len == 0 && !get->parser->done) {
        error = get->raw.len > 0 ? decode_piece(get) : receive_raw(get, cx);
        if (error == 0)
            rv_http_get_moved(get);
    }
    get->surplus = get->parser->done && get->raw.len > 0;
    return error;
}

/* --- the whole response ------------------------------------------------ */

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

int rv_http_response_poll(struct rv_http_get *get, struct rv_cx *cx)
{
    for (int n = 0; n < STEPS_A_POLL; n++) {
        int done;

        if (!get->head_done)
            done = receive_head(get, cx);
        else if (get->in_pieces && !is_discarded(get))
            return 0; /* the caller receives the body */
        else
            done = is_kept(get) ? receive_kept(get, cx) : pass_some(get, cx);
        if (done == OVER)
            return is_kept(get) ? end_kept(get) : 0;
        if (done < 0)
            return done;
        /* There was progress: the timeout for silence starts again. */
        rv_http_get_moved(get);
    }
    rv_waker_wake(&cx->waker);
    return -EAGAIN;
}
