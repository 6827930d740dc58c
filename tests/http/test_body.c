/* SPDX-License-Identifier: MIT */
/*
 * test_body.c - the bytes behind the head: lengths, chunks, trailers, closes.
 *
 * Messages are fed whole, byte by byte, and in two pieces cut at every place:
 * see feed.h.
 */
#include <criterion/criterion.h>

#include "check.h"

#include <sys/mman.h>
#include <unistd.h>

#define CHUNKED "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"

static const struct rv_http_limits wide = {1024, 4096, 8, UINT64_MAX};

/* Feed a chunked response with this body. */
static void run_chunked(struct outcome *out, const char *body,
                        const struct rv_http_limits *limits)
{
    char text[1024];

    snprintf(text, sizeof(text), CHUNKED "%s", body);
    run_bytes(out, RES, text, strlen(text), limits);
    cr_assert(out->head == (ssize_t)strlen(CHUNKED));
}

static int chunked_error(const char *body)
{
    struct outcome out;

    run_chunked(&out, body, &wide);
    return out.error;
}

static bool body_is(const struct outcome *out, const char *text)
{
    return out->body_len == strlen(text) &&
           memcmp(out->body, text, out->body_len) == 0;
}

/* --- lengths and closes ------------------------------------------------ */

Test(http_body, length_counts_the_bytes)
{
    struct outcome out;

    run(&out, RES, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhellorest");
    cr_assert(body_is(&out, "hello"));
    cr_assert(out.parser.done);
    cr_assert_eq(out.used, (size_t)out.head + 5, "the rest is not ours");
    cr_assert_eq(out.eof, 0);
}

Test(http_body, body_that_is_cut_is_an_error)
{
    struct outcome out;

    run(&out, RES, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhell");
    cr_assert(body_is(&out, "hell"));
    cr_assert_not(out.parser.done);
    cr_assert_eq(out.eof, -EPIPE);
    cr_assert_eq(rv_http_parse_eof(&out.parser), -EPIPE, "and stays one");
}

Test(http_body, close_ends_a_response_without_framing)
{
    struct outcome out;

    run(&out, RES, "HTTP/1.1 200 OK\r\n\r\nall of\r\n\r\nit");
    cr_assert(body_is(&out, "all of\r\n\r\nit"));
    cr_assert_eq(out.eof, 0);
    cr_assert(out.parser.done);
    run(&out, RES, "HTTP/1.0 200 OK\r\n\r\n");
    cr_assert(body_is(&out, ""));
    cr_assert_eq(out.eof, 0, "an empty body has an end too");
}

Test(http_body, answer_to_head_has_no_body)
{
    static const char text[] =
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nHTTP/1.1 200 OK\r\n\r\n";
    const struct feed in = {.kind = RV_HTTP_RESPONSE,
                            .answers_head = true,
                            .bytes = text,
                            .len = strlen(text)};
    struct outcome out;

    cr_assert_eq(feed_every_way(&out, &in), 0);
    cr_assert(out.parser.done);
    cr_assert_eq(out.used, (size_t)out.head);
}

Test(http_body, nothing_is_consumed_after_the_end)
{
    struct rv_http_parser parser;
    struct rv_http_slice body = {7, 7};

    rv_http_parser_init(&parser, RV_HTTP_REQUEST, NULL);
    cr_assert_eq(rv_http_parse_body(&parser, "a", 1, &body), -EINVAL,
                 "not before the head");
    cr_assert_eq(rv_http_parse_head(&parser, "GET / HTTP/1.0\r\n\r\n", 18), 18,
                 "and that error does not stay");
    body.len = 7;
    cr_assert_eq(rv_http_parse_body(&parser, "next", 4, &body), 0);
    cr_assert_eq(body.len, 0);
    cr_assert_eq(rv_http_parse_body(&parser, NULL, 0, &body), 0);
    cr_assert(parser.done);
}

/* --- chunks ------------------------------------------------------------ */

Test(http_body, chunks_are_put_together)
{
    struct outcome out;

    run_chunked(&out,
                "5\r\nhello\r\n1\r\n \r\n0000aB\r\n"
                "0123456789abcdef0123456789abcdef0123456789abcdef"
                "0123456789abcdef0123456789abcdef0123456789abcdef"
                "0123456789abcdef0123456789abcdef0123456789abcdef"
                "0123456789abcdef0123456789a\r\n"
                "000\r\n\r\nnext",
                NULL);

    cr_assert_eq(out.error, 0);
    cr_assert(out.parser.done);
    cr_assert_eq(out.body_len, 6 + 0xab);
    cr_assert_eq(memcmp(out.body, "hello 0123", 10), 0);
}

Test(http_body, chunked_request_ends_where_the_next_begins)
{
    static const char text[] = "POST / HTTP/1.1\r\nHost: a\r\n"
                               "Transfer-Encoding: chunked\r\n\r\n"
                               "3\r\n0\r\n\r\n0\r\n\r\nGET / HTTP/1.1\r\n";
    struct outcome out;

    run(&out, REQ, text);
    cr_assert(body_is(&out, "0\r\n"), "looks like an end but is data");
    cr_assert_eq(strcmp(text + out.used, "GET / HTTP/1.1\r\n"), 0);
}

Test(http_body, extensions_and_trailers_are_skipped)
{
    struct outcome out;

    run_chunked(&out,
                "2;a=1;b=\"x;\ty\"\r\nhi\r\n0;last\r\n"
                "X-Sum: 1\r\nEmpty:\r\nY:\t2 \r\n\r\nrest",
                NULL);
    cr_assert_eq(out.error, 0);
    cr_assert(body_is(&out, "hi"));
    cr_assert(out.parser.done);
    cr_assert_eq(out.eof, 0);
}

/* RFC 9112, section 7.1.1. */
Test(http_body, extensions_have_names_and_values)
{
    static const char *const good[] = {
        ";a",
        ";a;b",
        ";a=b",
        ";a=b;c=d;e",
        ";!#$%&'*+-.^_`|~=!#$%&'*+-.^_`|~",
        ";a=\"\"",
        ";a=\"b c;d=\x80,\"",
        ";a=\"\\\"\"",
        ";a=\"\\\\\";b",
        "; a",
        ";\ta = b ; c\t=\t\"d\" ;e",
    };
    static const char *const bad[] = {
        ";",         ";;",        ";a;",         ";=b",         ";a=",
        ";a==b",     ";a=b=c",    ";a b",        ";a=b c",      ";a ",
        ";a=b ",     ";a= ",      "; ",          ";a=\"b",      ";a=\"b\"c",
        ";a=\"b\"=", ";a=\"b\" ", ";a=b\"c\"",   ";a=\"b\\\"",  ";a,b",
        ";a=b,c",    ";a\x80",    ";(a)",        ";a=\"\x01\"", ";a=\"\\\x01\"",
        ";\"a\"",    ";a=[b]",    ";a:b",        ";a/b",        " ;a",
        "\t;a",      " ",         ";a=\"\x7f\"", ";a\v=b",
    };
    char text[256];

    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        snprintf(text, sizeof(text), "2%s\r\nhi\r\n0%s\r\n\r\n", good[i],
                 good[i]);
        cr_assert_eq(chunked_error(text), 0, "%s", text);
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        snprintf(text, sizeof(text), "2%s\r\nhi\r\n0\r\n\r\n", bad[i]);
        cr_assert_eq(chunked_error(text), -EBADMSG, "%s", text);
        snprintf(text, sizeof(text), "2\r\nhi\r\n0%s\r\n\r\n", bad[i]);
        cr_assert_eq(chunked_error(text), -EBADMSG, "%s", text);
    }
}

Test(http_body, chunks_cut_anywhere_are_an_error)
{
    static const char body[] = "2;x\r\nhi\r\n0\r\nX: y\r\n\r\n";

    for (size_t len = 0; len < strlen(body); len++) {
        char text[sizeof(body)];
        struct outcome out;

        snprintf(text, sizeof(text), "%.*s", (int)len, body);
        run_chunked(&out, text, NULL);
        cr_assert_eq(out.error, 0, "nothing wrong so far: %s", text);
        cr_assert_not(out.parser.done, "%s", text);
        cr_assert_eq(out.eof, -EPIPE, "%s", text);
    }
}

Test(http_body, junk_in_a_chunk_size_is_refused)
{
    static const char *const cases[] = {
        "\r\nhello\r\n",     /* no digit */
        ";x\r\nhello\r\n",   /* no digit, but an extension */
        " 5\r\nhello\r\n",   /* white space */
        "5 \r\nhello\r\n",   /* white space behind it */
        "5 ;x\r\nhello\r\n", /* and before the extension */
        "\t5\r\nhello\r\n",  /* a tab */
        "+5\r\nhello\r\n",   /* signs */
        "-5\r\nhello\r\n",   /* they fit no size */
        "-0\r\n\r\n",        /* not even this one */
        "0x5\r\nhello\r\n",  /* prefixes */
        "0X5\r\nhello\r\n",  /* of C */
        "x5\r\nhello\r\n",   /* or less */
        "5h\r\nhello\r\n",   /* suffixes */
        "5,5\r\nhello\r\n",  /* lists */
        "5_0\r\nhello\r\n",  /* separators */
        "5.\r\nhello\r\n",
        "g\r\nhello\r\n", /* next to the digits, in ASCII */
        "G\r\nhello\r\n",
        "@\r\nhello\r\n",
        "`\r\nhello\r\n",
        "/\r\nhello\r\n",
        ":\r\nhello\r\n",
        "\x15\r\nhello\r\n", /* '5' but for a bit */
        "\xb5\r\nhello\r\n",
        "5\nhello\r\n", /* bare LF */
        "5\rhello\r\n", /* CR alone */
        "5\r\rhello\r\n",
        "5\r\r\nhello\r\n",
        "5;\nhello\r\n", /* bare LF behind an extension */
        "5;x\nhello\r\n",
        "5;x\ry\r\nhello\r\n",  /* CR within one */
        "5;x\x01\r\nhello\r\n", /* control characters */
        "5;x\x7f\r\nhello\r\n",
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        cr_assert_eq(chunked_error(cases[i]), -EBADMSG, "%s", cases[i]);
}

Test(http_body, chunk_size_overflow_is_refused)
{
    static const char *const cases[] = {
        "10000000000000000\r\n",  "10000000000000005\r\nhello\r\n",
        "FFFFFFFFFFFFFFFFF\r\n",  "1ffffffffffffffff\r\n",
        "123456789abcdef01;\r\n",
    };
    struct outcome out;

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        cr_assert_eq(chunked_error(cases[i]), -EBADMSG, "%s", cases[i]);
    run_chunked(&out, "ffffffffffffffff\r\nhello", &wide);
    cr_assert_eq(out.error, 0, "the most that fits");
    cr_assert(body_is(&out, "hello"));
    run_chunked(&out, "1\r\na\r\nffffffffffffffff\r\nhello", &wide);
    cr_assert_eq(out.error, -EMSGSIZE, "the sum does not fit");
    run_chunked(&out, "00000000000000000000005\r\nhello\r\n0\r\n\r\n", &wide);
    cr_assert(out.parser.done, "zeros are no overflow");
}

Test(http_body, chunk_data_ends_with_crlf)
{
    static const char *const cases[] = {
        "5\r\nhello0\r\n\r\n",      "5\r\nhello\n0\r\n\r\n",
        "5\r\nhello\r0\r\n\r\n",    "5\r\nhello \r\n0\r\n\r\n",
        "5\r\nhello!\r\n0\r\n\r\n", "5\r\nhello\r\r\n0\r\n\r\n",
        "4\r\nhello\r\n0\r\n\r\n",  "5\r\nhello\n\r0\r\n\r\n",
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct outcome out;

        run_chunked(&out, cases[i], &wide);
        cr_assert_eq(out.error, -EBADMSG, "%s", cases[i]);
        cr_assert(out.body_len >= 4, "what was good is handed out first");
    }
}

Test(http_body, malformed_trailers_are_refused)
{
    static const char *const cases[] = {
        "0\r\n\n",
        "0\r\n\r",
        "0\r\n\rX",
        "0\r\nX: y\n\r\n",
        "0\r\nX : y\r\n\r\n",
        "0\r\n X: y\r\n\r\n",
        "0\r\nX: y\r\n z\r\n\r\n",
        "0\r\nX\r\n\r\n",
        "0\r\n: y\r\n\r\n",
        "0\r\nX: \x01\r\n\r\n",
        "0\r\nX: y\rz\r\n\r\n",
        "0\r\nX(: y\r\n\r\n",
        "0\r\nX: y\r\n\n",
        "0\r\nX: y\r\r\n\r\n",
        "0\r\n\r\r\n",
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        /* "\r" alone waits for its LF: that is no error yet. */
        const int wanted = strcmp(cases[i], "0\r\n\r") == 0 ? 0 : -EBADMSG;

        cr_assert_eq(chunked_error(cases[i]), wanted, "%s", cases[i]);
    }
}

Test(http_body, nul_between_chunks_is_refused)
{
    static const char good[] = CHUNKED "5;x\r\nhello\r\n0\r\nX: y\r\n\r\n";
    const size_t head = strlen(CHUNKED);

    for (size_t at = head; at < strlen(good); at++) {
        char text[sizeof(good)];
        struct outcome out;
        const bool data = at >= head + 5 && at < head + 10;

        memcpy(text, good, sizeof(good));
        text[at] = '\0';
        run_bytes(&out, RES, text, strlen(good), NULL);
        cr_assert_eq(out.error, data ? 0 : -EBADMSG, "at %zu", at - head);
    }
}

Test(http_body, error_stays)
{
    struct outcome out;
    struct rv_http_slice body;

    run_chunked(&out, "x", NULL);
    cr_assert_eq(rv_http_parse_body(&out.parser, "0\r\n\r\n", 5, &body),
                 -EBADMSG);
    cr_assert_eq(rv_http_parse_head(&out.parser, CHUNKED, strlen(CHUNKED)),
                 -EBADMSG);
    cr_assert_eq(out.eof, -EBADMSG);
    cr_assert_not(out.parser.done);
}

/* --- limits, at the byte ----------------------------------------------- */

static int limited(const char *body, struct rv_http_limits limits)
{
    struct outcome out;

    run_chunked(&out, body, &limits);
    cr_assert_eq(out.parser.done, out.error == 0);
    return out.error;
}

/* Of the head above: a line of 28 bytes, 47 bytes in all. */
enum { LINE = 64, HEAD = 64, COUNT = 8 };

Test(http_body, body_limit_is_exact)
{
    static const char body[] = "5\r\nhello\r\n3\r\nyou\r\n0\r\n\r\n";
    struct rv_http_limits limits = {LINE, HEAD, COUNT, 8};
    struct outcome out;

    cr_assert_eq(limited(body, limits), 0);
    limits.body_bytes = 7;
    cr_assert_eq(limited(body, limits), -EMSGSIZE);
    limits.body_bytes = 0;
    cr_assert_eq(limited("0\r\n\r\n", limits), 0);

    limits.body_bytes = 5;
    run_bytes(&out, RES, "HTTP/1.1 200 OK\r\n\r\nhello", 24, &limits);
    cr_assert_eq(out.eof, 0);
    run_bytes(&out, RES, "HTTP/1.1 200 OK\r\n\r\nhello!", 25, &limits);
    cr_assert_eq(out.error, -EMSGSIZE);
    cr_assert(body_is(&out, "hello"));
}

Test(http_body, line_limit_is_exact)
{
    static const char *const lines[] = {
        "0;%0*d\r\n\r\n",           /* 4 bytes besides the padding */
        "1\r\na\r\n0;%0*d\r\n\r\n", /* also of a later line */
        "0\r\nX:%0*d\r\n\r\n",      /* of a trailer */
        "0\r\nA: b\r\nX:%0*d\r\n\r\n",
    };

    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        char body[256];

        snprintf(body, sizeof(body), lines[i], LINE - 4, 0);
        cr_assert_eq(
            limited(body, (struct rv_http_limits){LINE, 999, COUNT, 9}), 0);
        snprintf(body, sizeof(body), lines[i], LINE - 3, 0);
        cr_assert_eq(
            limited(body, (struct rv_http_limits){LINE, 999, COUNT, 9}),
            -EMSGSIZE);
    }
}

Test(http_body, trailer_limits_are_exact)
{
    static const char full[] = "0\r\n%s: b\r\nC: %0*d\r\n\r\n";
    char body[256];

    /* "A: b\r\n", "C: ...\r\n" and "\r\n" are 13 bytes besides the padding. */
    snprintf(body, sizeof(body), full, "A", HEAD - 13, 0);
    cr_assert_eq(limited(body, (struct rv_http_limits){LINE, HEAD, 2, 9}), 0);
    cr_assert_eq(limited(body, (struct rv_http_limits){LINE, HEAD, 1, 9}),
                 -EMSGSIZE);
    snprintf(body, sizeof(body), full, "AA", HEAD - 13, 0);
    cr_assert_eq(limited(body, (struct rv_http_limits){LINE, HEAD, 2, 9}),
                 -EMSGSIZE);
}

/* --- how it reads ------------------------------------------------------ */

Test(http_body, nothing_is_read_beyond_what_arrived)
{
    static const char body[] = "5;x\r\nhello\r\n0\r\nX: y\r\n\r\n";
    const size_t page_bytes = (size_t)sysconf(_SC_PAGESIZE);
    char *page = mmap(NULL, 2 * page_bytes, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    cr_assert_neq(page, MAP_FAILED);
    cr_assert_eq(mprotect(page + page_bytes, page_bytes, PROT_NONE), 0);
    for (size_t len = 0; len <= strlen(body); len++) {
        char *data = page + page_bytes - len;
        struct rv_http_parser parser;
        struct rv_http_slice piece;
        ssize_t used;

        rv_http_parser_init(&parser, RV_HTTP_RESPONSE, NULL);
        rv_http_parse_head(&parser, CHUNKED, strlen(CHUNKED));
        memcpy(data, body, len);
        /* A read beyond the page stops the test with SIGSEGV. */
        used = rv_http_parse_body(&parser, data, len, &piece);
        cr_assert(used >= 0 && piece.at + piece.len <= (size_t)used);
        used += rv_http_parse_body(&parser, data + used, len - (size_t)used,
                                   &piece);
        cr_assert_eq((size_t)used, len);
    }
    munmap(page, 2 * page_bytes);
}

Test(http_body, piece_is_as_long_as_what_arrived)
{
    struct rv_http_parser parser;
    struct rv_http_slice piece;

    rv_http_parser_init(&parser, RV_HTTP_RESPONSE, NULL);
    rv_http_parse_head(&parser, CHUNKED, strlen(CHUNKED));

    cr_assert_eq(rv_http_parse_body(&parser, "6\r\nabcd", 7, &piece), 7);
    cr_assert(piece.at == 3 && piece.len == 4);
    cr_assert_eq(rv_http_parse_body(&parser, "ef\r\n0\r\n\r\n", 9, &piece), 2,
                 "a call ends with its data");
    cr_assert(piece.at == 0 && piece.len == 2);
    cr_assert_eq(rv_http_parse_body(&parser, "\r\n0\r\n\r\nX", 8, &piece), 7);
    cr_assert(piece.len == 0 && parser.done);
}
