/* SPDX-License-Identifier: MIT */
/*
 * test_head.c - what a good head means, and how it is read.
 *
 * Messages are fed whole, byte by byte, and in two pieces cut at every place:
 * see feed.h.
 */
#include <criterion/criterion.h>

#include "check.h"

#include <sys/mman.h>
#include <unistd.h>

/* --- what is understood ------------------------------------------------ */

Test(http_head, request_is_taken_apart)
{
    static const char text[] = "GET /600/Hello?x=%20 HTTP/1.1\r\n"
                               "Host: 127.0.0.1:8080\r\n"
                               "Accept:\t*/* \t\r\n"
                               "Empty:\r\n"
                               "\r\n";
    struct outcome out;
    const struct rv_http_head *head = &out.parser.head;

    run(&out, REQ, text);

    cr_assert_eq(out.head, (ssize_t)strlen(text));
    cr_assert_str_eq(text_of(head->method, text), "GET");
    cr_assert_str_eq(text_of(head->target, text), "/600/Hello?x=%20");
    cr_assert_eq(head->minor, 1);
    cr_assert_eq(head->framing, RV_HTTP_NO_BODY);
    cr_assert_eq(head->header_count, 3);
    cr_assert_str_eq(text_of(head->headers[0].name, text), "Host");
    cr_assert_str_eq(text_of(head->headers[0].value, text), "127.0.0.1:8080");
    cr_assert_str_eq(text_of(head->headers[1].value, text), "*/*");
    cr_assert_eq(head->headers[2].value.len, 0);
    cr_assert(head->keep_alive && !head->expect_continue);
    cr_assert(out.parser.done, "nothing follows");
    cr_assert_eq(out.eof, 0);
}

Test(http_head, response_is_taken_apart)
{
    static const char text[] = "HTTP/1.0 404 Not \xc3\xa0 found\r\n"
                               "Content-Length: 2\r\n"
                               "\r\nno";
    struct outcome out;

    run(&out, RES, text);

    cr_assert_eq(out.parser.head.status, 404);
    cr_assert_eq(out.parser.head.minor, 0);
    cr_assert_str_eq(text_of(out.parser.head.reason, text),
                     "Not \xc3\xa0 found");
    cr_assert_eq(out.parser.head.framing, RV_HTTP_LENGTH);
    cr_assert_eq(out.parser.head.content_length, 2);
    cr_assert_eq(out.used, strlen(text));
    cr_assert(out.parser.done);
}

Test(http_head, reason_may_be_empty_or_missing)
{
    struct outcome out;

    run(&out, RES, "HTTP/1.1 200 \r\n\r\n");
    cr_assert_eq(out.parser.head.status, 200);
    cr_assert_eq(out.parser.head.reason.len, 0);
    run(&out, RES, "HTTP/1.1 999\r\n\r\n");
    cr_assert_eq(out.parser.head.status, 999);
    cr_assert_eq(out.parser.head.reason.len, 0);
}

Test(http_head, one_empty_line_may_precede_a_request)
{
    static const char text[] = "\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n";
    struct outcome out;

    run(&out, REQ, text);
    cr_assert_eq(out.head, (ssize_t)strlen(text), "it counts");
    cr_assert_str_eq(text_of(out.parser.head.method, text), "GET");

    cr_assert_eq(head_error(REQ, "\r\n\r\nGET / HTTP/1.0\r\n\r\n"), -EBADMSG);
    cr_assert_eq(head_error(RES, "\r\nHTTP/1.1 200 OK\r\n\r\n"), -EBADMSG);
    cr_assert_eq(head_error(REQ, "\nGET / HTTP/1.0\r\n\r\n"), -EBADMSG);
}

Test(http_head, nothing_behind_the_head_is_touched)
{
    static const char text[] = "GET / HTTP/1.0\r\n\r\nGET /next";
    struct outcome out;

    run(&out, REQ, text);
    cr_assert_eq(out.head, 18);
    cr_assert_eq(out.used, 18);
    cr_assert(out.parser.done);
    cr_assert_eq(rv_http_parse_head(&out.parser, text, sizeof(text) - 1), 18,
                 "asked again it says the same");
}

Test(http_head, headers_are_found_in_any_case)
{
    static const char text[] = "GET / HTTP/1.0\r\nX-One: 1\r\nx-ONE: 2\r\n\r\n";
    struct outcome out;
    const struct rv_http_slice *value;

    run(&out, REQ, text);
    value = rv_http_find_header(&out.parser.head, text, "x-one");

    cr_assert_not_null(value);
    cr_assert(rv_http_slice_is(*value, text, "1"), "the first of the two");
    cr_assert_null(rv_http_find_header(&out.parser.head, text, "x-on"));
    cr_assert_null(rv_http_find_header(&out.parser.head, text, "x-one2"));
    cr_assert(rv_http_slice_is(out.parser.head.headers[1].name, text, "X-oNe"));
    cr_assert_not(rv_http_slice_is(*value, text, "12"));
    cr_assert_not(rv_http_slice_is(*value, text, ""));
}

Test(http_head, letters_only_are_folded)
{
    const struct rv_http_slice all = {0, 2};

    cr_assert(rv_http_slice_is(all, "aZ", "Az"));
    cr_assert_not(rv_http_slice_is(all, "@[", "`{"), "0x20 apart as well");
}

Test(http_head, words_of_a_status)
{
    cr_assert_str_eq(rv_http_reason(200), "OK");
    cr_assert_str_eq(rv_http_reason(404), "Not Found");
    cr_assert_str_eq(rv_http_reason(505), "HTTP Version Not Supported");
    cr_assert_str_eq(rv_http_reason(299), "");
    cr_assert_str_eq(rv_http_reason(-1), "");
    cr_assert_str_eq(rv_http_reason(1000), "");
    for (int status = 0; status < 1000; status++)
        cr_assert_eq(rv_http_is_redirect(status),
                     status >= 301 && status <= 308 && status != 304 &&
                         status != 305 && status != 306);
}

/* --- the connection ---------------------------------------------------- */

static bool keeps_alive(int kind, const char *text)
{
    struct outcome out;

    run(&out, kind, text);
    cr_assert_gt(out.head, 0, "refused: %s", text);
    return out.parser.head.keep_alive;
}

Test(http_head, connection_is_kept_or_not)
{
    static const struct {
        int kind;
        bool kept;
        const char *text;
    } cases[] = {
        {REQ, true, "GET / HTTP/1.1\r\nHost: a\r\n\r\n"},
        {REQ, false, "GET / HTTP/1.0\r\n\r\n"},
        {REQ, true, "GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n"},
        {REQ, false, "GET / HTTP/1.1\r\nHost: a\r\nconnection:CLOSE\r\n\r\n"},
        {REQ, false,
         "GET / HTTP/1.1\r\nHost: a\r\n"
         "Connection: keep-alive, x ,\tclose\r\n\r\n"},
        {REQ, false,
         "GET / HTTP/1.0\r\n"
         "Connection: close\r\nConnection: keep-alive\r\n\r\n"},
        {REQ, true,
         "GET / HTTP/1.1\r\nHost: a\r\n"
         "Connection: closed, clos,, x close\r\n\r\n"},
        {REQ, false, "GET / HTTP/1.0\r\nConnection: no keep-alive\r\n\r\n"},
        {RES, false, "HTTP/1.1 200 OK\r\n\r\n"}, /* lasts until the close */
        {RES, true, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"},
        {RES, false, "HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n"},
        {RES, true, "HTTP/1.1 304 Not Modified\r\n\r\n"},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        cr_assert_eq(keeps_alive(cases[i].kind, cases[i].text), cases[i].kept,
                     "%s", cases[i].text);
}

Test(http_head, client_may_wait_for_a_100)
{
    struct outcome out;

    run(&out, REQ,
        "PUT / HTTP/1.1\r\nHost: a\r\nExpect: 100-Continue\r\n"
        "Content-Length: 1\r\n\r\n");
    cr_assert(out.parser.head.expect_continue);
    run(&out, REQ,
        "PUT / HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\n");
    cr_assert_not(out.parser.head.expect_continue, "it cannot get one");
    run(&out, REQ, "PUT / HTTP/1.1\r\nHost: a\r\nExpect: more\r\n\r\n");
    cr_assert_not(out.parser.head.expect_continue);
}

/* --- where the body ends ----------------------------------------------- */

static enum rv_http_framing framing_of(int kind, bool answers_head,
                                       const char *text)
{
    const struct feed in = {.kind = (enum rv_http_kind)kind,
                            .answers_head = answers_head,
                            .bytes = text,
                            .len = strlen(text)};
    struct outcome out;

    cr_assert_eq(feed_every_way(&out, &in), 0, "%s", text);
    cr_assert_eq(out.head, (ssize_t)strlen(text), "%s", text);
    return out.parser.head.framing;
}

Test(http_head, framing_follows_from_the_headers)
{
    static const struct {
        enum rv_http_framing framing;
        int kind;
        bool answers_head;
        const char *text;
    } cases[] = {
        {RV_HTTP_NO_BODY, REQ, false, "PUT / HTTP/1.0\r\n\r\n"},
        {RV_HTTP_LENGTH, REQ, false,
         "PUT / HTTP/1.0\r\ncontent-LENGTH: 007\r\n\r\n"},
        {RV_HTTP_CHUNKED, REQ, false,
         "PUT / HTTP/1.1\r\nHost:\r\nTransfer-Encoding: Chunked\r\n\r\n"},
        {RV_HTTP_UNTIL_CLOSE, RES, false, "HTTP/1.1 200 OK\r\n\r\n"},
        {RV_HTTP_LENGTH, RES, false,
         "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"},
        {RV_HTTP_CHUNKED, RES, false,
         "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"},
        {RV_HTTP_NO_BODY, RES, true,
         "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n"},
        {RV_HTTP_NO_BODY, RES, true,
         "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"},
        {RV_HTTP_NO_BODY, RES, false, "HTTP/1.1 100 Continue\r\n\r\n"},
        {RV_HTTP_NO_BODY, RES, false,
         "HTTP/1.1 199 x\r\nContent-Length: 9\r\n\r\n"},
        {RV_HTTP_NO_BODY, RES, false,
         "HTTP/1.1 204 No Content\r\nContent-Length: 9\r\n\r\n"},
        {RV_HTTP_NO_BODY, RES, false,
         "HTTP/1.1 304 x\r\nContent-Length: 9\r\n\r\n"},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        cr_assert_eq(
            framing_of(cases[i].kind, cases[i].answers_head, cases[i].text),
            cases[i].framing, "%s", cases[i].text);
}

Test(http_head, message_without_a_body_is_done_with_its_head)
{
    struct outcome out;

    run(&out, RES, "HTTP/1.1 204 No Content\r\n\r\n");
    cr_assert(out.parser.done);
    cr_assert_eq(out.parser.head.content_length, 0);
    run(&out, RES, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    cr_assert(out.parser.done);
    cr_assert_eq(out.eof, 0);
}

/* --- how it reads ------------------------------------------------------ */

Test(http_head, error_stays)
{
    struct rv_http_parser parser;
    struct rv_http_slice body;

    rv_http_parser_init(&parser, RV_HTTP_REQUEST, NULL);
    cr_assert_eq(rv_http_parse_head(&parser, "GET /\r\n", 7), -EBADMSG);
    cr_assert_eq(rv_http_parse_head(&parser, "GET / HTTP/1.0\r\n\r\n", 18),
                 -EBADMSG);
    cr_assert_eq(rv_http_parse_body(&parser, "a", 1, &body), -EBADMSG);
    cr_assert_eq(rv_http_parse_eof(&parser), -EBADMSG);
    cr_assert_not(parser.done);
}

Test(http_head, init_makes_a_used_parser_new)
{
    struct outcome out;
    struct rv_http_parser *parser = &out.parser;

    run(&out, REQ,
        "PUT /x HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n"
        "Expect: 100-continue\r\n\r\nabc");
    cr_assert(parser->done);
    rv_http_parser_init(parser, RV_HTTP_REQUEST, NULL);
    cr_assert_not(parser->done);
    cr_assert_eq(rv_http_parse_head(parser, "GET / HTTP/1.0\r\n\r\n", 18), 18);
    cr_assert_eq(parser->head.header_count, 0);
    cr_assert_eq(parser->head.framing, RV_HTTP_NO_BODY);
    cr_assert_eq(parser->head.content_length, 0);
    cr_assert_not(parser->head.expect_continue || parser->head.keep_alive);
}

Test(http_head, connection_cut_in_the_head_is_an_error)
{
    struct outcome out;

    run(&out, RES, "HTTP/1.1 200 OK\r\nContent-Le");
    cr_assert_eq(out.head, -EAGAIN);
    cr_assert_eq(out.eof, -EPIPE);
    run(&out, RES, "");
    cr_assert_eq(out.eof, -EPIPE);
}

/* The end of two pages, of which only the first may be read. */
static char *page_before_a_hole(size_t *page_bytes)
{
    char *page;

    *page_bytes = (size_t)sysconf(_SC_PAGESIZE);
    page = mmap(NULL, 2 * *page_bytes, PROT_READ | PROT_WRITE,
                MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    cr_assert_neq(page, MAP_FAILED);
    cr_assert_eq(mprotect(page + *page_bytes, *page_bytes, PROT_NONE), 0);
    return page + *page_bytes;
}

Test(http_head, nothing_is_read_beyond_what_arrived)
{
    static const char *const texts[] = {
        "GET /a HTTP/1.1\r\nHost: a\r\nX: \t y \r\nConnection: a,close\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n",
        "HTTP/1.1 200\r\nTransfer-Encoding: chunked\r\n\r\n",
        "GET / HTTP/1.1\r\nHost\r\n",
        "HTTP/1.1 2\r\n",
        "G\r\n",
    };
    size_t page_bytes;
    char *end = page_before_a_hole(&page_bytes);

    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        for (size_t len = 0; len <= strlen(texts[i]); len++) {
            struct rv_http_parser parser;
            const bool response = texts[i][0] == 'H';

            rv_http_parser_init(
                &parser, response ? RV_HTTP_RESPONSE : RV_HTTP_REQUEST, NULL);
            memcpy(end - len, texts[i], len);
            /* A read beyond the end stops the test with SIGSEGV. */
            rv_http_parse_head(&parser, end - len, len);
            cr_assert_leq(parser.pos, len);
        }
    }
    munmap(end - page_bytes, 2 * page_bytes);
}

Test(http_head, big_head_byte_by_byte_is_never_searched_again)
{
    const size_t most = rv_http_default_limits.head_bytes;
    struct rv_http_parser parser;
    char *text = malloc(most);
    char *shown;
    size_t len = 0;

    len += (size_t)sprintf(text, "GET / HTTP/1.1\r\nHost: a\r\n");
    for (int i = 0; i < 60; i++)
        len += (size_t)sprintf(text + len, "X-%d: %0500d\r\n", i, i);
    len += (size_t)sprintf(text + len, "\r\n");
    cr_assert(len > most * 9 / 10 && len <= most);

    /* Bytes that were searched are replaced by line ends until the line is
     * complete: to search them again would find one. */
    shown = malloc(len);
    memset(shown, '\n', len);
    rv_http_parser_init(&parser, RV_HTTP_REQUEST, NULL);
    for (size_t have = 1; have < len; have++) {
        if (text[have - 1] == '\n')
            memcpy(shown, text, have);
        else
            shown[have - 1] = text[have - 1];
        cr_assert_eq(rv_http_parse_head(&parser, shown, have), -EAGAIN);
        cr_assert_eq(parser.pos, have);
        if (text[have - 1] != '\n')
            shown[have - 1] = '\n';
    }
    cr_assert_eq(rv_http_parse_head(&parser, text, len), (ssize_t)len);
    cr_assert_eq(parser.head.header_count, 61);
    free(shown);
    free(text);
}
