/* SPDX-License-Identifier: MIT */
/*
 * fuzz_http.c - any message, in any pieces, gives the same result.
 *
 *     clang -fsanitize=fuzzer,address ...     libFuzzer calls the target
 *     cc -DRV_FUZZ_MAIN ...                   runs it over the seeds below
 *
 * The first byte of an input says what it is and how it is cut:
 *
 *     bit 0     a response, not a request
 *     bit 1     the response answers HEAD
 *     bit 2     tight limits
 *     bits 3-7  the first piece: so many 32nds of the message
 */
#include "../http/feed.h"

#include <stdint.h>
#include <stdio.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

enum { RESPONSE = 1, ANSWERS_HEAD = 2, TIGHT = 4, CUT_SHIFT = 3, CUTS = 32 };

static const struct rv_http_limits tight = {40, 80, 3, 20};

static void require(bool holds, const char *what)
{
    if (holds)
        return;
    fprintf(stderr, "fuzz_http: %s\n", what);
    abort();
}

static bool inside(struct rv_http_slice slice, ssize_t head)
{
    return (uint64_t)slice.at + slice.len <= (uint64_t)head;
}

/* Invariants of any message, whole or not, good or bad. */
static void check(const struct outcome *out, const struct feed *in)
{
    const struct rv_http_parser *parser = &out->parser;
    const struct rv_http_limits *limits =
        in->limits != NULL ? in->limits : &rv_http_default_limits;

    require(!out->pos_went_back, "pos went back");
    require(out->body_len <= limits->body_bytes, "body limit passed");
    require(parser->head.header_count <= limits->headers, "too many headers");
    require(parser->done == (out->eof == 0), "done, but not at its end");
    require(out->error == 0 || out->eof == out->error, "error did not stay");
    if (out->head <= 0)
        return;
    require(out->head <= (ssize_t)limits->head_bytes, "head limit passed");
    require(out->used <= in->len, "more was used than there is");
    require(inside(parser->head.method, out->head) &&
                inside(parser->head.target, out->head) &&
                inside(parser->head.reason, out->head),
            "start line outside the head");
    for (uint32_t i = 0; i < parser->head.header_count; i++)
        require(inside(parser->head.headers[i].name, out->head) &&
                    inside(parser->head.headers[i].value, out->head),
                "header outside the head");
    if (parser->done && parser->head.framing == RV_HTTP_LENGTH)
        require(out->body_len == parser->head.content_length, "wrong length");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static struct outcome whole;
    static struct outcome cut;
    struct feed in;

    if (len == 0)
        return 0;
    in = (struct feed){
        .kind = data[0] & RESPONSE ? RV_HTTP_RESPONSE : RV_HTTP_REQUEST,
        .answers_head = (data[0] & ANSWERS_HEAD) != 0,
        .limits = data[0] & TIGHT ? &tight : NULL,
        .bytes = (const char *)data + 1,
        .len = len - 1,
    };
    feed(&whole, &in, in.len, in.len);
    check(&whole, &in);
    feed(&cut, &in, in.len * (data[0] >> CUT_SHIFT) / CUTS, in.len);
    require(feed_same(&whole, &cut), "cut in two it differs");
    feed(&cut, &in, 1, 1);
    require(feed_same(&whole, &cut), "byte by byte it differs");
    return 0;
}

#ifdef RV_FUZZ_MAIN

static const char *const seeds[] = {
    "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
    "\r\nGET /a?b HTTP/1.0\r\nConnection: x, keep-alive\r\n\r\n",
    "PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello",
    "PUT / HTTP/1.1\r\nHost:\r\nTransfer-Encoding: chunked\r\n\r\n"
    "5;x=y\r\nhello\r\n0\r\nX: y\r\n\r\n",
    "PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n"
    "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "PUT HTTP://a:1/b HTTP/1.1\r\nHost: [::1]:1\r\n"
    "Transfer-Encoding: chunked\r\n\r\n"
    "5; x = \"y\\\"z\" ;w\r\nhello\r\n0\r\n\r\n",
    "CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n",
    "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    "1\r\na\r\n00f\r\n0123456789abcde\r\n0\r\n\r\n",
    "HTTP/1.0 200\r\n\r\nuntil the close",
    "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n",
};

/* Bytes with a meaning, to replace others with. */
static const char spoilers[] = {'\0', '\r', '\n', ' ', '\t', ':',    ';',
                                ',',  '0',  'f',  'x', '-',  '\x7f', '\x80'};

/* The seed itself, then with each of its bytes changed, then truncated. */
static size_t run_seed(const char *seed, uint8_t first)
{
    const size_t len = strlen(seed) + 1;
    size_t runs = 0;

    for (size_t at = 0; at < len; at++) {
        for (size_t i = 0; i < sizeof(spoilers); i++, runs++) {
            char *input = feed_copy(seed, len);

            memmove(input + 1, seed, len - 1);
            if (at > 0) /* the byte at 0 tells what it is */
                input[at] = spoilers[i];
            input[0] = (char)first;
            LLVMFuzzerTestOneInput((const uint8_t *)input, len);
            LLVMFuzzerTestOneInput((const uint8_t *)input, at);
            free(input);
        }
    }
    return runs * 2;
}

int main(void)
{
    size_t runs = 0;

    /* Three positions to cut at; feed.h also feeds byte by byte. */
    for (size_t i = 0; i < sizeof(seeds) / sizeof(seeds[0]); i++)
        for (int flags = 0; flags < 1 << CUT_SHIFT; flags++)
            for (int at = 7; at < CUTS; at += 8)
                runs += run_seed(seeds[i], (uint8_t)(flags | at << CUT_SHIFT));
    printf("fuzz_http: %zu inputs, each in three ways\n", runs);
    return 0;
}

#endif
