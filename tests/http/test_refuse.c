/* SPDX-License-Identifier: MIT */
/*
 * test_refuse.c - heads that two programs could interpret differently.
 *
 * Messages are fed whole, byte by byte, and in two pieces cut at every place:
 * see feed.h.
 */
#include <criterion/criterion.h>

#include "check.h"

/* The error of a request that has this header beside Host. */
static int header_error(const char *lines)
{
    char text[512];

    snprintf(text, sizeof(text),
             "POST /a HTTP/1.1\r\nHost: a\r\n%s\r\n0\r\n\r\n", lines);
    return head_error(REQ, text);
}

Test(http_refuse, two_responses_to_where_the_body_ends_are_refused)
{
    static const char *const cases[] = {
        "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n",
        "Transfer-Encoding: gzip\r\nContent-Length: 5\r\n",
        "Content-Length: 5\r\nContent-Length: 6\r\n",
        "Content-Length: 5\r\nContent-Length: 5\r\n",
        "Content-Length: 5\r\nX: y\r\ncontent-length: 5\r\n",
        "Content-Length: 5, 5\r\n",
        "Content-Length: 5,6\r\n",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n",
        "Transfer-Encoding:\r\n",
        "Transfer-Encoding: \t \r\n",
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char text[256];

        cr_assert_eq(header_error(cases[i]), -EBADMSG, "%s", cases[i]);
        snprintf(text, sizeof(text), "HTTP/1.1 200 OK\r\n%s\r\n", cases[i]);
        cr_assert_eq(head_error(RES, text), -EBADMSG, "%s", text);
    }
}

Test(http_refuse, codings_other_than_chunked_are_not_supported)
{
    static const char *const cases[] = {
        "gzip",           "identity",         "gzip, chunked",
        "chunked, gzip",  "chunked, chunked", "chunked,",
        ", chunked",      "xchunked",         "chunke",
        "chunked;x=1",    "\"chunked\"",      "chun ked",
        "chunked\t, bad", "chunked\x80",
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char line[128];

        snprintf(line, sizeof(line), "Transfer-Encoding: %s\r\n", cases[i]);
        cr_assert_eq(header_error(line), -ENOTSUP, "%s", line);
    }
}

Test(http_refuse, old_versions_have_no_transfer_coding)
{
    cr_assert_eq(
        head_error(REQ, "PUT / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n"),
        -EBADMSG);
    cr_assert_eq(
        head_error(RES,
                   "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"),
        -EBADMSG);
}

Test(http_refuse, length_is_digits_that_fit)
{
    static const char *const bad[] = {
        "",
        " ",
        "+5",
        "-5",
        "- 5",
        "0x5",
        "5 5",
        "5a",
        "a",
        "5.0",
        "5;",
        "\"5\"",
        "5\t5",
        "\xb2",
        "18446744073709551616",
        "18446744073709551620",
        "99999999999999999999",
        "100000000000000000000000005",
    };
    const struct rv_http_limits limits = {1024, 4096, 8, UINT64_MAX};
    static const char most[] =
        "PUT / HTTP/1.0\r\nContent-Length: 18446744073709551615\r\n\r\n";
    struct outcome out;

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        char line[128];

        snprintf(line, sizeof(line), "Content-Length: %s\r\n", bad[i]);
        cr_assert_eq(header_error(line), -EBADMSG, "%s", line);
    }
    run_bytes(&out, REQ, most, sizeof(most) - 1, &limits);
    cr_assert_eq(out.parser.head.content_length, UINT64_MAX);
}

Test(http_refuse, malformed_lines_are_refused)
{
    static const char *const cases[] = {
        "X: a\nY: b\r\n", /* bare LF */
        "X: a\n\r\n",     /* the same before the end */
        "X: a\rY: b\r\n", /* CR that no LF follows */
        "X: a\r\r\n",     /* the same at the end of a line */
        "X\r: a\r\n",     /* in a name */
        "X : a\r\n",      /* white space before the colon */
        "X\t: a\r\n",
        " X: a\r\n", /* the old continuation of a line */
        "X: a\r\n b\r\n",
        "X: a\r\n\tb\r\n",
        "X: a\r\n \r\n",
        ": a\r\n", /* no name */
        "X\r\n",   /* no colon */
        "X a\r\n",
        "X Y: a\r\n", /* a space in a name */
        "X(: a\r\n",  /* no token */
        "X\x80: a\r\n",
        "X: a\x01\r\n", /* control characters */
        "X: a\x7f\r\n",
        "X: a\x0b"
        "b\r\n",
        "Transfer-Encoding:\x0b"
        "chunked\r\n",
        "Transfer-Encoding : chunked\r\n",
        "Content-Length : 5\r\n",
        "Content-Length: 5\r\n 6\r\n",
        "Content-Length: 5\n\r\n",
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        cr_assert_eq(header_error(cases[i]), -EBADMSG, "%s", cases[i]);
}

Test(http_refuse, nul_is_refused_everywhere)
{
    static const char good[] = "GET /a HTTP/1.1\r\nHost: a\r\nX: yz\r\n\r\n";
    struct outcome out;

    for (size_t at = 0; at < sizeof(good) - 1; at++) {
        char text[sizeof(good)];

        memcpy(text, good, sizeof(good));
        text[at] = '\0';
        run_bytes(&out, REQ, text, sizeof(good) - 1, NULL);
        /* Without its LF the last line is incomplete; with it, it is an
         * error. */
        if (at == sizeof(good) - 2)
            cr_assert_eq(out.head, -EAGAIN);
        else
            cr_assert_eq(out.head, -EBADMSG, "at %zu", at);
    }
}

Test(http_refuse, request_lines_are_strict)
{
    static const char *const cases[] = {
        "GET  / HTTP/1.1",
        "GET /  HTTP/1.1",
        " GET / HTTP/1.1",
        "GET / HTTP/1.1 ",
        "GET\t/ HTTP/1.1",
        "GET /\tHTTP/1.1",
        "GET / a HTTP/1.1",
        "GET HTTP/1.1",
        "GET / ",
        "GET /",
        "GET ",
        "GET",
        "G(T / HTTP/1.1",
        "GET  HTTP/1.1",
        "GET / http/1.1",
        "GET / HTTP/11",
        "GET / HTTP/1.",
        "GET / HTTP/1",
        "GET / HTTP/1.11",
        "GET / HTTP/01.1",
        "GET / HTTP/a.1",
        "GET / HTTP/1,1",
        "GET / HTTP/1.x",
        "GET / HTTX/1.1",
        "GET /\" HTTP/1.1",
        "GET /< HTTP/1.1",
        "GET /> HTTP/1.1",
        "GET /\\ HTTP/1.1",
        "GET /^ HTTP/1.1",
        "GET /` HTTP/1.1",
        "GET /{ HTTP/1.1",
        "GET /| HTTP/1.1",
        "GET /} HTTP/1.1",
        "GET /#a HTTP/1.1",
        "GET /\x7f HTTP/1.1",
        "GET /\x80 HTTP/1.1",
        "GET /\x01 HTTP/1.1",
        "GET /\r HTTP/1.1",
        "GET /\n HTTP/1.1",
        "GET / HTTP/1.1\r\r",
        "GET / \rHTTP/1.1",
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char text[128];

        snprintf(text, sizeof(text), "%s\r\nHost: a\r\n\r\n", cases[i]);
        cr_assert_eq(head_error(REQ, text), -EBADMSG, "%s", text);
        snprintf(text, sizeof(text), "%s\nHost: a\r\n\r\n", cases[i]);
        cr_assert_eq(head_error(REQ, text), -EBADMSG, "%s", text);
    }
}

Test(http_refuse, status_lines_are_strict)
{
    static const char *const cases[] = {
        "HTTP/1.1  200 OK",  "HTTP/1.1 20 OK",      "HTTP/1.1 2000 OK",
        "HTTP/1.1 099 OK",   "HTTP/1.1 000 OK",     "HTTP/1.1 +20 OK",
        "HTTP/1.1 -20 OK",   "HTTP/1.1 2x0 OK",     "HTTP/1.1 200OK",
        "HTTP/1.1\t200 OK",  "HTTP/1.1 200\tOK",    "HTTP/1.1 ",
        "HTTP/1.1",          "http/1.1 200 OK",     " HTTP/1.1 200 OK",
        "HTTP/1 200 OK",     "HTTP/1.1 200 O\x01",  "HTTP/1.1 200 O\x7f",
        "HTTP/1.1 200 O\rK", "HTTP/1.1 200 OK\r\r", "ICY 200 OK",
        "SSH-2.0-OpenSSH_9", "HTTP/1.1 200\r\r",
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char text[128];

        snprintf(text, sizeof(text), "%s\r\n\r\n", cases[i]);
        cr_assert_eq(head_error(RES, text), -EBADMSG, "%s", text);
    }
    cr_assert_eq(head_error(RES, "HTTP/1.1 200 OK\n\r\n"), -EBADMSG);
}

Test(http_refuse, other_versions_are_not_supported)
{
    static const char *const versions[] = {"2.0", "0.9", "1.2", "1.9", "3.0"};

    for (size_t i = 0; i < sizeof(versions) / sizeof(versions[0]); i++) {
        char text[128];

        snprintf(text, sizeof(text), "GET / HTTP/%s\r\nHost: a\r\n\r\n",
                 versions[i]);
        cr_assert_eq(head_error(REQ, text), -ENOTSUP, "%s", text);
        snprintf(text, sizeof(text), "HTTP/%s 200 OK\r\n\r\n", versions[i]);
        cr_assert_eq(head_error(RES, text), -ENOTSUP, "%s", text);
    }
    cr_assert_eq(head_error(REQ, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), -ENOTSUP);
}

Test(http_refuse, request_has_one_good_host)
{
    static const char *const bad[] = {
        "",
        "Host: a\r\nHost: a\r\n",
        "Host: a\r\nhost: b\r\n",
        "Host: a b\r\n",
        "Host: a/b\r\n",
        "Host: u@a\r\n",
        "Host: a?b\r\n",
        "Host: a#b\r\n",
        "Host: a\\b\r\n",
        "Host: \x80\r\n",
        "Host: :80\r\n",
        "Host: a:b\r\n",
        "Host: a:80:80\r\n",
        "Host: a:-1\r\n",
        "Host: ::1\r\n",
        "Host: [::1\r\n",
        "Host: ::1]\r\n",
        "Host: []\r\n",
        "Host: [::1]x\r\n",
        "Host: [[::1]]\r\n",
        "Host: a[1]\r\n",
    };
    static const char *const good[] = {
        "Host:\r\n",    "hOST: a.example:80\r\n", "Host: [::1]:8080\r\n",
        "Host: a:\r\n", "Host: [v1.x]\r\n",       "Host: a%20,b\r\n",
    };
    char text[128];

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        snprintf(text, sizeof(text), "GET / HTTP/1.1\r\n%s\r\n", bad[i]);
        cr_assert_eq(head_error(REQ, text), -EBADMSG, "%s", text);
    }
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        snprintf(text, sizeof(text), "GET / HTTP/1.1\r\n%s\r\n", good[i]);
        cr_assert_eq(head_error(REQ, text), 0, "%s", text);
    }
    cr_assert_eq(
        head_error(REQ, "GET / HTTP/1.0\r\nHost: a\r\nHost: a\r\n\r\n"),
        -EBADMSG);
    cr_assert_eq(head_error(RES, "HTTP/1.1 204 x\r\nHost: /\r\n\r\n"), 0);
}

/* --- the forms of a target --------------------------------------------- */

static int target_error(const char *request)
{
    char text[256];

    snprintf(text, sizeof(text), "%s HTTP/1.1\r\nHost: a\r\n\r\n", request);
    return head_error(REQ, text);
}

Test(http_refuse, a_target_has_one_of_four_forms)
{
    static const char *const bad[] = {
        "GET x",
        "GET *",
        "GET **",
        "GET ?x",
        "GET a/b",
        "GET ../x",
        "GET ;x",
        "GET :80",
        "GET a.b:80",
        "GET a:b@c",
        "GET [::1]:80",
        "GET http:",
        "GET http:/",
        "GET http:/a/b",
        "GET http:a/b",
        "GET http://",
        "GET http:///a",
        "GET http://?a",
        "GET http://:80/",
        "GET http://u@a/",
        "GET http://u:p@a/",
        "GET http://a:b/",
        "GET http://a:80:80/",
        "GET http://[::1/",
        "GET http://::1/",
        "GET 1http://a/",
        "GET ://a/",
        "GET HTTP",
        "GET %2f",
        "OPTIONS x",
        "OPTIONS */",
        "OPTIONS *x",
        "options *",
        "CONNECT /",
        "CONNECT *",
        "CONNECT a",
        "CONNECT a:",
        "CONNECT :80",
        "CONNECT a:0",
        "CONNECT a:65536",
        "CONNECT a:99999999999999999999",
        "CONNECT a:80/",
        "CONNECT http://a/",
        "CONNECT http://a:80/",
        "CONNECT [::1]",
        "CONNECT u@a:80",
        "connect a:80",
    };
    static const char *const good[] = {
        "GET /",
        "GET //a@",
        "GET /a?b?c/d",
        "GET /*",
        "GET /a:80",
        "GET /http://a/",
        "GET http://a",
        "GET http://a?b",
        "GET http://a:80/b",
        "GET http://a:/b",
        "GET HTTP://A/B",
        "GET http://[::1]:80/b?c",
        "GET https://a/b",
        "GET a+b-c.d://e/",
        "OPTIONS *",
        "OPTIONS /",
        "OPTIONS http://a",
        "CONNECT a:80",
        "CONNECT [::1]:65535",
    };

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        cr_assert_eq(target_error(bad[i]), -EBADMSG, "%s", bad[i]);
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
        cr_assert_eq(target_error(good[i]), 0, "%s", good[i]);
}

/* --- every byte -------------------------------------------------------- */

/* Whether a request is accepted with `byte` in place of its '@'. */
static bool passes(const char *text, int byte)
{
    const size_t len = strlen(text);
    char *copy = feed_copy(text, len);
    struct outcome out;

    *(char *)memchr(copy, '@', len) = (char)byte;
    run_bytes(&out, REQ, copy, len, NULL);
    free(copy);
    return out.head > 0;
}

static bool is_alnum(int byte)
{
    return (byte >= '0' && byte <= '9') || (byte >= 'a' && byte <= 'z') ||
           (byte >= 'A' && byte <= 'Z');
}

Test(http_refuse, each_byte_passes_only_where_it_may)
{
    for (int byte = 1; byte < 256; byte++) {
        const bool alnum = is_alnum(byte);
        const bool token = alnum || strchr("!#$%&'*+-.^_`|~", byte) != NULL;
        const bool target =
            alnum || strchr("-._~:/?[]@!$&'()*+,;=%", byte) != NULL;
        const bool host = alnum || strchr("-._~!$&'()*+,;=%", byte) != NULL;
        const bool value = byte == '\t' || (byte >= ' ' && byte != 0x7f);

        cr_assert_eq(passes("G@T / HTTP/1.0\r\n\r\n", byte), token, "%d", byte);
        cr_assert_eq(passes("GET /a@ HTTP/1.0\r\n\r\n", byte), target, "%d",
                     byte);
        cr_assert_eq(passes("GET / HTTP/1.0\r\nX@Y: a\r\n\r\n", byte),
                     token || byte == ':', "%d", byte);
        cr_assert_eq(passes("GET / HTTP/1.0\r\nX: a@b\r\n\r\n", byte), value,
                     "%d", byte);
        cr_assert_eq(passes("GET / HTTP/1.0\r\nHost: a@b\r\n\r\n", byte), host,
                     "%d", byte);
        cr_assert_eq(passes("GET / HTTP/1.0\r\nHost: [a@b]\r\n\r\n", byte),
                     host || byte == ':', "%d", byte);
    }
}
