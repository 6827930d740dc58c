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
    char text[10000];
    int error;

    snprintf(text, sizeof(text), "http://%0*d/%0*d", host_bytes, 0,
             target_bytes - 1, 0);
    error = rv_http_url_parse(&url, text);
    if (error == 0) {
        cr_assert_eq(strlen(url.host), (size_t)host_bytes);
        cr_assert_eq(strlen(url.target), (size_t)target_bytes);
    }
    return error;
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
    char text[10000] = "http://a?";

    memset(text + 9, 'x', room - 3); /* with "/?" and the NUL: just full */
    cr_assert_eq(rv_http_url_parse(&url, text), 0);
    cr_assert_eq(strlen(url.target), room - 1);
    text[9 + room - 3] = 'x';
    cr_assert_eq(rv_http_url_parse(&url, text), -ENAMETOOLONG);
}

/* --- references -------------------------------------------------------- */

/* RFC 3986, sections 5.4.1 and 5.4.2, in the form that a URL has here. */
Test(http_url, references_lead_where_the_rfc_says)
{
    static const char *const cases[][2] = {
        {"g", "/b/c/g"},
        {"./g", "/b/c/g"},
        {"g/", "/b/c/g/"},
        {"/g", "/g"},
        {"?y", "/b/c/d;p?y"},
        {"g?y", "/b/c/g?y"},
        {"#s", "/b/c/d;p?q"},
        {"g#s", "/b/c/g"},
        {"g?y#s", "/b/c/g?y"},
        {";x", "/b/c/;x"},
        {"g;x", "/b/c/g;x"},
        {"", "/b/c/d;p?q"},
        {".", "/b/c/"},
        {"./", "/b/c/"},
        {"..", "/b/"},
        {"../", "/b/"},
        {"../g", "/b/g"},
        {"../..", "/"},
        {"../../", "/"},
        {"../../g", "/g"},
        {"../../../g", "/g"},
        {"../../../../g", "/g"},
        {"/./g", "/g"},
        {"/../g", "/g"},
        {"g.", "/b/c/g."},
        {".g", "/b/c/.g"},
        {"g..", "/b/c/g.."},
        {"..g", "/b/c/..g"},
        {"./../g", "/b/g"},
        {"./g/.", "/b/c/g/"},
        {"g/./h", "/b/c/g/h"},
        {"g/../h", "/b/c/h"},
        {"g;x=1/./y", "/b/c/g;x=1/y"},
        {"g;x=1/../y", "/b/c/y"},
        {"g?y/./x", "/b/c/g?y/./x"},
        {"g?y/../x", "/b/c/g?y/../x"},
    };
    struct rv_http_url base;

    cr_assert_eq(rv_http_url_parse(&base, "http://a:81/b/c/d;p?q"), 0);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct rv_http_url url;

        cr_assert_eq(rv_http_url_join(&url, &base, cases[i][0]), 0);
        cr_assert_str_eq(url.target, cases[i][1], "%s: %s", cases[i][0],
                         url.target);
        cr_assert_str_eq(url.host, "a");
        cr_assert_eq(url.port, 81);
    }
}

Test(http_url, references_may_name_another_host)
{
    struct rv_http_url url;

    cr_assert_eq(rv_http_url_parse(&url, "http://a:81/b?c"), 0);
    cr_assert_eq(rv_http_url_join(&url, &url, "//g:82/../h"), 0);
    cr_assert_str_eq(url.host, "g");
    cr_assert_eq(url.port, 82);
    cr_assert_str_eq(url.target, "/h");
    cr_assert_eq(rv_http_url_join(&url, &url, "HTTP://[::1]"), 0);
    cr_assert_str_eq(url.host, "::1");
    cr_assert_eq(url.port, 80);
    cr_assert_str_eq(url.target, "/");
}

Test(http_url, references_that_lead_nowhere_are_refused)
{
    static const struct {
        const char *reference;
        int error;
    } cases[] = {
        {"https://g/", -EPROTONOSUPPORT},
        {"g:h", -EPROTONOSUPPORT},
        {"http:g", -EINVAL},
        {"http:/g", -EINVAL},
        {"a\tb", -EINVAL},
        {"a\r\nX: y", -EINVAL},
        {"a\x7f", -EINVAL},
        {"?\x01", -EINVAL},
        {"//g h/", -EINVAL},
        {"//\xc3\xa4/", -EINVAL},
        {"//u@g/", -EINVAL},
        {"//g:x/", -EINVAL},
        {"//", -EINVAL},
        {"///x", -EINVAL},
    };
    static char text[9000] = "/";
    struct rv_http_url base = {.port = 1};
    struct rv_http_url url;

    cr_assert_eq(rv_http_url_parse(&base, "http://a/b"), 0);
    url = base;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        cr_assert_eq(rv_http_url_join(&url, &base, cases[i].reference),
                     cases[i].error, "%s", cases[i].reference);
    memset(text + 1, 'x', sizeof text - 2);
    cr_assert_eq(rv_http_url_join(&url, &base, text), -ENAMETOOLONG);
    memcpy(text, "//a/", 4);
    cr_assert_eq(rv_http_url_join(&url, &base, text), -ENAMETOOLONG);
    memset(text, ' ', sizeof text - 1); /* each takes three */
    memcpy(text, "/a", 2);
    memcpy(text + 3000, "b", 2);
    cr_assert_eq(rv_http_url_join(&url, &base, text), -ENAMETOOLONG);
    cr_assert_eq(memcmp(&url, &base, sizeof url), 0, "it is unchanged");
}

/* As the URL standard of WHATWG has it. */
Test(http_url, references_are_read_as_browsers_read_them)
{
    static const char *const cases[][2] = {
        {"a b", "/b/a%20b"},
        {"/a b?c d#e f", "/a%20b?c%20d"},
        {"  g  ", "/b/g"},
        {"//h ", "/"},
        {"\xc3\xa4", "/b/%C3%A4"},
        {"?\xe2\x82\xac", "/b/c?%E2%82%AC"},
        {"/\xff", "/%FF"},
        {"\xc3\xa4:x", "/b/%C3%A4:x"},
        {"/\"<>^`{|}", "/%22%3C%3E%5E%60%7B%7C%7D"},
        {"/%20%zz%", "/%20%zz%"},
        {"\\g\\h?\\", "/g/h?%5C"},
        {"..\\g", "/g"},
        {"\\\\h\\x", "/x"},
        {"http:\\\\h\\x", "/x"},
        {"http://h?a b", "/?a%20b"},
        {"/ HTTP/1.1", "/%20HTTP/1.1"},
    };
    struct rv_http_url base;

    cr_assert_eq(rv_http_url_parse(&base, "http://a/b/c"), 0);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct rv_http_url url;

        cr_assert_eq(rv_http_url_join(&url, &base, cases[i][0]), 0, "%s",
                     cases[i][0]);
        cr_assert_str_eq(url.target, cases[i][1], "%s: %s", cases[i][0],
                         url.target);
    }
}

/* RFC 9112, section 3: request lines of 8,000 octets, at least. */
Test(http_url, a_target_may_have_8000_bytes)
{
    static char text[9000] = "/";
    struct rv_http_url url;

    cr_assert_eq(parse_sized(255, 8000), 0);
    cr_assert_eq(rv_http_url_parse(&url, "http://a/"), 0);
    memset(text + 1, 'x', 7999);
    cr_assert_eq(rv_http_url_join(&url, &url, text), 0);
    cr_assert_str_eq(url.target, text);
}

Test(http_url, a_url_is_text_again)
{
    static const char *const cases[] = {"http://a/", "http://a:8080/b?c",
                                        "http://[::1]:1/", "http://[1::2]/x"};

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char text[RV_HTTP_URL_TEXT];
        struct rv_http_url url;

        cr_assert_eq(rv_http_url_parse(&url, cases[i]), 0);
        cr_assert_eq(rv_http_url_format(&url, text), strlen(cases[i]));
        cr_assert_str_eq(text, cases[i]);
    }
}
