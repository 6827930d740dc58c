/* SPDX-License-Identifier: MIT */
/*
 * feed.h - run a message through the parser in pieces, and keep the outcome.
 *
 * It stands in for a connection: bytes arrive, `first` of them and then `step`
 * at a time, and at the end the other side closes. Every call of the parser
 * gets its bytes in a new allocation of just their size, so that
 * AddressSanitizer sees a read beyond them or a pointer kept from before.
 */
#ifndef RV_TESTS_FEED_H
#define RV_TESTS_FEED_H

#include <reveil/http.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { FEED_BODY_BYTES = 4096 };

/* The input. */
struct feed {
    enum rv_http_kind kind;
    bool answers_head;
    const struct rv_http_limits *limits; /* NULL: the defaults */
    const char *bytes;
    size_t len;
};

/* The outcome. */
struct outcome {
    struct rv_http_parser parser;
    ssize_t head;    /* its length; -EAGAIN if it did not end; or the error */
    int error;       /* of head or body; 0: none before the connection ended */
    int eof;         /* the result of rv_http_parse_eof() at that end */
    size_t used;     /* bytes of the message; undefined after an error */
    size_t body_len; /* bytes of the body, decoded; the first are here: */
    char body[FEED_BODY_BYTES];
    bool pos_went_back; /* or did not follow the bytes */
};

static inline char *feed_copy(const char *bytes, size_t len)
{
    char *copy = malloc(len > 0 ? len : 1);

    if (copy == NULL)
        abort();
    memcpy(copy, bytes, len);
    return copy;
}

static inline void feed_head(struct outcome *out, const char *bytes, size_t len)
{
    const uint32_t before = out->parser.pos;
    char *copy = feed_copy(bytes, len);

    out->head = rv_http_parse_head(&out->parser, copy, len);
    if (out->head == -EAGAIN && out->parser.pos != len)
        out->pos_went_back = true;
    if (out->parser.pos < before)
        out->pos_went_back = true;
    if (out->head < 0 && out->head != -EAGAIN)
        out->error = (int)out->head;
    if (out->head > 0)
        out->used = (size_t)out->head;
    free(copy);
}

/* Give the parser all of the body that has arrived. */
static inline void feed_body(struct outcome *out, const char *bytes, size_t len)
{
    do {
        char *copy = feed_copy(bytes + out->used, len - out->used);
        struct rv_http_slice piece;
        const ssize_t used =
            rv_http_parse_body(&out->parser, copy, len - out->used, &piece);

        if (used < 0) {
            out->error = (int)used;
        } else {
            for (uint32_t i = 0; i < piece.len; i++, out->body_len++)
                if (out->body_len < FEED_BODY_BYTES)
                    out->body[out->body_len] = copy[piece.at + i];
            out->used += (size_t)used;
        }
        free(copy);
    } while (out->error == 0 && !out->parser.done && out->used < len);
}

static inline void feed(struct outcome *out, const struct feed *in,
                        size_t first, size_t step)
{
    size_t have = first < in->len ? first : in->len;

    memset(out, 0, sizeof(*out));
    rv_http_parser_init(&out->parser, in->kind, in->limits);
    if (in->answers_head)
        rv_http_parser_answers_head(&out->parser);
    out->head = -EAGAIN;
    for (;;) {
        if (out->head == -EAGAIN)
            feed_head(out, in->bytes, have);
        if (out->head > 0)
            feed_body(out, in->bytes, have);
        if (out->error != 0 || out->parser.done || have == in->len)
            break;
        have = step < in->len - have ? have + step : in->len;
    }
    out->eof = rv_http_parse_eof(&out->parser);
}

static inline bool feed_same_slice(struct rv_http_slice a,
                                   struct rv_http_slice b)
{
    return a.at == b.at && a.len == b.len;
}

/* Whether all that a caller can see of the two heads is the same. */
static inline bool feed_same_head(const struct rv_http_head *a,
                                  const struct rv_http_head *b)
{
    if (!feed_same_slice(a->method, b->method) ||
        !feed_same_slice(a->target, b->target) ||
        !feed_same_slice(a->reason, b->reason) || a->status != b->status ||
        a->minor != b->minor || a->framing != b->framing ||
        a->content_length != b->content_length ||
        a->keep_alive != b->keep_alive ||
        a->expect_continue != b->expect_continue ||
        a->header_count != b->header_count)
        return false;
    for (uint32_t i = 0; i < a->header_count; i++)
        if (!feed_same_slice(a->headers[i].name, b->headers[i].name) ||
            !feed_same_slice(a->headers[i].value, b->headers[i].value))
            return false;
    return true;
}

/* Whether both outcomes are the same, up to the last byte. */
static inline bool feed_same(const struct outcome *a, const struct outcome *b)
{
    const size_t kept =
        a->body_len < FEED_BODY_BYTES ? a->body_len : FEED_BODY_BYTES;

    return a->head == b->head && a->error == b->error && a->eof == b->eof &&
           (a->error != 0 || a->used == b->used) &&
           a->body_len == b->body_len && memcmp(a->body, b->body, kept) == 0 &&
           a->parser.done == b->parser.done &&
           feed_same_head(&a->parser.head, &b->parser.head) &&
           !a->pos_went_back && !b->pos_went_back;
}

/*
 * Feed it whole, then byte by byte, then in two pieces cut at every place.
 * *out is what came of the whole. Returns: the length of the first piece that
 * made a difference (1 also stands for byte by byte); 0 when none did.
 */
static inline size_t feed_every_way(struct outcome *out, const struct feed *in)
{
    struct outcome other;

    feed(out, in, in->len, in->len);
    feed(&other, in, 1, 1);
    if (!feed_same(out, &other))
        return 1;
    for (size_t cut = 1; cut < in->len; cut++) {
        feed(&other, in, cut, in->len);
        if (!feed_same(out, &other))
            return cut;
    }
    return 0;
}

#endif /* RV_TESTS_FEED_H */
