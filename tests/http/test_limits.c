/* SPDX-License-Identifier: MIT */
/*
 * test_limits.c - the limits of a message, to the byte.
 *
 * Messages are fed whole, byte by byte, and in two pieces cut at every place:
 * see feed.h.
 */
#include <criterion/criterion.h>

#include "check.h"

static ssize_t limited(const char *text, struct rv_http_limits limits)
{
    struct outcome out;

    run_bytes(&out, REQ, text, strlen(text), &limits);
    return out.head;
}

Test(http_limits, line_limit_is_exact)
{
    static const char start[] = "GET /longer HTTP/1.0\r\nX: y\r\n\r\n";
    static const char header[] = "GET / HTTP/1.0\r\nLonger: 12345678\r\n\r\n";
    const ssize_t start_len = (ssize_t)strlen(start);
    const ssize_t header_len = (ssize_t)strlen(header);

    cr_assert_eq(limited(start, (struct rv_http_limits){22, 99, 9, 9}),
                 start_len);
    cr_assert_eq(limited(start, (struct rv_http_limits){21, 99, 9, 9}),
                 -EMSGSIZE);
    cr_assert_eq(limited(header, (struct rv_http_limits){18, 99, 9, 9}),
                 header_len);
    cr_assert_eq(limited(header, (struct rv_http_limits){17, 99, 9, 9}),
                 -EMSGSIZE);
}

Test(http_limits, head_limit_is_exact)
{
    static const char text[] = "GET / HTTP/1.0\r\nX: y\r\nZ: 1\r\n\r\n";
    const uint32_t len = (uint32_t)strlen(text);

    cr_assert_eq(limited(text, (struct rv_http_limits){99, len, 9, 9}),
                 (ssize_t)len);
    for (uint32_t less = 0; less < len; less++)
        cr_assert_eq(limited(text, (struct rv_http_limits){99, less, 9, 9}),
                     -EMSGSIZE, "%u", less);
}

Test(http_limits, header_count_limit_is_exact)
{
    static const char text[] = "GET / HTTP/1.0\r\nX: y\r\nZ: 1\r\n\r\n";
    const struct rv_http_limits too_many = {99, 4096, RV_HTTP_HEADERS + 1, 9};
    char *many = calloc(1, 4096);

    cr_assert_eq(limited(text, (struct rv_http_limits){99, 99, 2, 9}),
                 (ssize_t)strlen(text));
    cr_assert_eq(limited(text, (struct rv_http_limits){99, 99, 1, 9}),
                 -EMSGSIZE);
    cr_assert_eq(limited(text, (struct rv_http_limits){99, 99, 0, 9}),
                 -EMSGSIZE);

    /* A limit above the maximum is not accepted. */
    strcpy(many, "GET / HTTP/1.0\r\n");
    for (int i = 0; i < RV_HTTP_HEADERS; i++)
        strcat(many, "X: y\r\n");
    strcat(many, "\r\n");
    cr_assert_gt(limited(many, too_many), 0);
    strcpy(many + strlen(many) - 2, "X: y\r\n\r\n");
    cr_assert_eq(limited(many, too_many), -EMSGSIZE);
    free(many);
}

Test(http_limits, announced_body_limit_is_exact)
{
    static const char text[] = "PUT / HTTP/1.0\r\nContent-Length: 10\r\n\r\n";
    static const char head[] = "HTTP/1.0 200 OK\r\nContent-Length: 10\r\n\r\n";
    const struct rv_http_limits none = {99, 99, 9, 0};
    const struct feed in = {.kind = RV_HTTP_RESPONSE,
                            .answers_head = true,
                            .limits = &none,
                            .bytes = head,
                            .len = strlen(head)};
    struct outcome out;

    cr_assert_eq(limited(text, (struct rv_http_limits){99, 99, 9, 10}),
                 (ssize_t)strlen(text));
    cr_assert_eq(limited(text, (struct rv_http_limits){99, 99, 9, 9}),
                 -EMSGSIZE);
    cr_assert_eq(feed_every_way(&out, &in), 0);
    cr_assert_gt(out.head, 0, "a body that does not come costs nothing");
}

Test(http_limits, default_limits_are_exact)
{
    const size_t line = rv_http_default_limits.line_bytes;
    char *text = calloc(1, line + 64);
    struct rv_http_parser parser;

    /* "GET /aaa... HTTP/1.0\r\n", exactly as long as a line may be. */
    memset(text, 'a', line);
    memcpy(text, "GET /", 5);
    strcpy(text + line - 11, " HTTP/1.0\r\n\r\n");
    rv_http_parser_init(&parser, RV_HTTP_REQUEST, NULL);
    cr_assert_eq(rv_http_parse_head(&parser, text, strlen(text)),
                 (ssize_t)line + 2);

    memset(text, 'a', line);
    rv_http_parser_init(&parser, RV_HTTP_REQUEST, NULL);
    cr_assert_eq(rv_http_parse_head(&parser, text, line - 1), -EAGAIN);
    cr_assert_eq(rv_http_parse_head(&parser, text, line), -EMSGSIZE,
                 "known before the next byte comes");
    free(text);
}
