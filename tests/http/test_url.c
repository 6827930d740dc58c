/* SPDX-License-Identifier: MIT */
/*
 * test_url.c - promises of rv_http_url_parse().
 */
#include <criterion/criterion.h>

#include <reveil/http.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

Test(http_url, parts_are_taken_apart)
{
    static const struct {
        const char *text;
        const char *host;
        uint16_t port;
        const char *target;
    } cases[] = {
        {"http://127.0.0.1:8080/600/Hello", "127.0.0.1", 8080, "/600/Hello"},
        {"http://localhost", "localhost", 80, "/"},
        {"http://localhost/", "localhost", 80, "/"},
        {"HTTP://a.example:1", "a.example", 1, "/"},
        {"http://a:65535/", "a", 65535, "/"},
        {"http://a:0080/", "a", 80, "/"},
        {"http://a:/x", "a", 80, "/x"},
        {"http://a:", "a", 80, "/"},
        {"http://a?x=1", "a", 80, "/?x=1"},
        {"http://a:81?", "a", 81, "/?"},
        {"http://a/b?c=/d?#e#f", "a", 80, "/b?c=/d?"},
        {"http://a#e/f", "a", 80, "/"},
        {"http://[::1]:8080/x", "::1", 8080, "/x"},
        {"http://[1:2::fFfF:1.2.3.4]", "1:2::fFfF:1.2.3.4", 80, "/"},
        {"http://a//b/../c;d=%20,[e]@:!$&'()*+~", "a", 80,
         "//b/../c;d=%20,[e]@:!$&'()*+~"},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct rv_http_url url;

        cr_assert_eq(rv_http_url_parse(&url, cases[i].text), 0, "%s",
                     cases[i].text);
        cr_assert_str_eq(url.host, cases[i].host);
        cr_assert_eq(url.port, cases[i].port, "%s", cases[i].text);
        cr_assert_str_eq(url.target, cases[i].target);
    }
}

Test(http_url, other_schemes_are_not_supported)
{
    static const char *const cases[] = {
        "https://a/", "ftp://a/", "httpx://a", "htt://a", "unix+http://a",
    };
    struct rv_http_url url;

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        cr_assert_eq(rv_http_url_parse(&url, cases[i]), -EPROTONOSUPPORT, "%s",
                     cases[i]);
}

Test(http_url, what_is_no_url_is_refused)
{
    static const char *const cases[] = {
        "",
        "a",
        "/a",
        "localhost:8080/x",
        "://a",
        "http",
        "http:",
        "http:/a",
        "http://",
        "http:///x",
        "http://:80/",
        "http://?x",
        "http://#x",
        " http://a",
        "mailto:x",
        "a b://c",
        "a/http://b",
        "http://u@a/",
        "http://u:p@a/",
        "http://a b/",
        "http://a/b c",
        "http://a\\b/",
        "http://\xc3\xa0/",
        "http://a/\xc3\xa0",
        "http://a/\r\nX: y",
        "http://a\r\n/",
        "http://a/\n",
        "http://a/\x7f",
        "http://a/\"",
        "http://a/<b>",
        "http://a/{b}",
        "http://a/b|c",
        "http://a/b^c",
        "http://a/`",
        "http://a/\\",
        "http://a/ #x",
        "http://a:0/",
        "http://a:65536/",
        "http://a:99999999999999999999/",
        "http://a:+80/",
        "http://a:-1/",
        "http://a:8o/",
        "http://a: 80/",
        "http://a:80:80/",
        "http://a:80x",
        "http://[]/",
        "http://[::1/",
        "http://[::1]x/",
        "http://[::1]80/",
        "http://[fe80::1%25lo]/",
        "http://[a",
        "http://[",
        "http://::1/",
        "http://a]/",
        "http://a[/",
    };
    struct rv_http_url url;

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        cr_assert_eq(rv_http_url_parse(&url, cases[i]), -EINVAL, "%s",
                     cases[i]);
}

/* Parse "http://<host bytes>/<target bytes less its slash>". */
static int parse_sized(int host_bytes, int target_bytes)
{
    struct rv_http_url url;
    char text[4096];
    int err;

    snprintf(text, sizeof(text), "http://%0*d/%0*d", host_bytes, 0,
             target_bytes - 1, 0);
    err = rv_http_url_parse(&url, text);
    if (err == 0) {
        cr_assert_eq(strlen(url.host), (size_t)host_bytes);
        cr_assert_eq(strlen(url.target), (size_t)target_bytes);
    }
    return err;
}

Test(http_url, room_is_used_to_the_last_byte)
{
    const int host = sizeof(((struct rv_http_url *)0)->host) - 1;
    const int target = sizeof(((struct rv_http_url *)0)->target) - 1;

    cr_assert_eq(parse_sized(host, target), 0);
    cr_assert_eq(parse_sized(host + 1, target), -ENAMETOOLONG);
    cr_assert_eq(parse_sized(host, target + 1), -ENAMETOOLONG);
}

Test(http_url, query_without_a_path_needs_room_for_the_slash)
{
    const size_t room = sizeof(((struct rv_http_url *)0)->target);
    struct rv_http_url url;
    char text[4096] = "http://a?";

    memset(text + 9, 'x', room - 3); /* with "/?" and the NUL: just full */
    cr_assert_eq(rv_http_url_parse(&url, text), 0);
    cr_assert_eq(strlen(url.target), room - 1);
    text[9 + room - 3] = 'x';
    cr_assert_eq(rv_http_url_parse(&url, text), -ENAMETOOLONG);
}
