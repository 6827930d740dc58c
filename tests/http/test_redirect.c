/* SPDX-License-Identifier: MIT */
/* test_redirect.c - responses that redirect to another URL. */
#include <criterion/criterion.h>

#include <errno.h>
#include <reveil/http_client.h>
#include <reveil/runtime.h>

#include "support/support.h"
#include "talker.h"

RV_TEST_SUITE(http_redirect);

#define MOVED(status_, to_)                        \
    "HTTP/1.1 " status_ " Moved\r\nLocation: " to_ \
    "\r\nContent-Length: 4\r\n\r\ngone"

/* The outcome. */
struct outcome {
    int result;
    int status;
    uint32_t redirects;
    char url[128];
    char body[16];
};

/* GET "/one/two?q" from the peer. */
static void get_from(struct outcome *out, struct talker *peer, uint32_t max,
                     struct rv_http_client *client)
{
    struct rv_runtime *runtime;
    struct rv_http_get get;
    char url[128];

    *out = (struct outcome){0};
    talker_start(peer);
    cr_assert_eq(rv_test_runtime_start(&runtime), 0);
    cr_assert_eq(rv_http_get_init(&get, talker_url(url, peer, "/one/two?q")),
                 0);
    get.max_redirects = max;
    get.client = client;
    out->result = rv_runtime_block_on(runtime, &get.future);
    out->status = get.status;
    out->redirects = get.redirects;
    snprintf(out->url, sizeof out->url, "%s", get.url);
    if (out->result == 0 && get.body)
        snprintf(out->body, sizeof out->body, "%.*s", (int)get.body_len_bytes,
                 get.body);
    rv_drop(&get.future);
    if (client)
        rv_http_client_fini(client);
    rv_runtime_stop(runtime);
    talker_stop(peer);
}

RV_TEST(http_redirect, without_a_limit_it_is_the_response)
{
    struct talker peer = {.talks = {{.says = {MOVED("302", "/x")}}}};
    struct outcome out;

    get_from(&out, &peer, 0, NULL);

    cr_assert_eq(out.result, 0);
    cr_assert_eq(out.status, 302);
    cr_assert_str_eq(out.body, "gone");
}

RV_TEST(http_redirect, each_kind_is_followed)
{
    static const char *const kinds[] = {
        MOVED("301", "three"), MOVED("302", "three"), MOVED("303", "three"),
        MOVED("307", "three"), MOVED("308", "three"),
    };

    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        struct talker peer = {
            .talks = {{.says = {kinds[i]}}, {.says = {OK1("a")}}}};
        struct outcome out;
        char url[128];

        get_from(&out, &peer, 1, NULL);

        cr_assert_eq(out.result, 0, "%d: %s", out.result, kinds[i]);
        cr_assert_eq(out.status, 200);
        cr_assert_eq(out.redirects, 1);
        cr_assert_str_eq(out.body, "a");
        cr_assert_str_eq(out.url, talker_url(url, &peer, "/one/three"));
        cr_assert_eq(strncmp(peer.heard[1], "GET /one/three HTTP/1.1\r\n", 25),
                     0);
    }
}

RV_TEST(http_redirect, others_are_responses)
{
    static const char *const others[] = {
        MOVED("300", "/x"), MOVED("305", "/x"), MOVED("201", "/x"),
        "HTTP/1.1 302 Found\r\nContent-Length: 0\r\n\r\n", /* whereto? */
    };

    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        struct talker peer = {.talks = {{.says = {others[i]}}}};
        struct outcome out;

        get_from(&out, &peer, 5, NULL);
        cr_assert_eq(out.result, 0);
        cr_assert_eq(out.redirects, 0, "%s", others[i]);
    }
}

RV_TEST(http_redirect, a_loop_ends_at_the_limit)
{
    struct talker peer = {.talks = {{.says = {MOVED("302", "/one/two?q")}},
                                    {.says = {MOVED("302", "/one/two?q")}},
                                    {.says = {MOVED("302", "/one/two?q")}}}};
    struct outcome out;

    get_from(&out, &peer, 2, NULL);

    cr_assert_eq(out.result, -ELOOP);
    cr_assert_eq(out.redirects, 2);
    cr_assert_eq(peer.requests, 3);
}

RV_TEST(http_redirect, it_leads_to_http_only)
{
    static const struct {
        const char *says;
        int error;
    } cases[] = {
        {MOVED("301", "https://127.0.0.1/"), -EPROTONOSUPPORT},
        {MOVED("301", "ftp://127.0.0.1/"), -EPROTONOSUPPORT},
        {MOVED("301", "mailto:x@y"), -EPROTONOSUPPORT},
        {MOVED("301", "http://user@host/"), -EBADMSG},
        {MOVED("301", "/a\tb"), -EBADMSG},
        {MOVED("301", "http://a b/"), -EBADMSG},
        {MOVED("301", "//"), -EBADMSG},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct talker peer = {.talks = {{.says = {cases[i].says}}}};
        struct outcome out;
        char url[128];

        get_from(&out, &peer, 5, NULL);
        cr_assert_eq(out.result, cases[i].error, "%d: %s", out.result,
                     cases[i].says);
        cr_assert_str_eq(out.url, talker_url(url, &peer, "/one/two?q"));
    }
}

/* Servers send URLs as people wrote them; browsers follow those too. */
RV_TEST(http_redirect, what_a_request_cannot_carry_is_encoded)
{
    struct talker peer = {
        .talks = {{.says = {MOVED("302", "/a b\xc3\xa4?\"<c>\" HTTP/1.1")}},
                  {.says = {OK1("a")}}}};
    struct outcome out;

    get_from(&out, &peer, 5, NULL);

    cr_assert_eq(out.result, 0);
    cr_assert_eq(peer.requests, 2);
    cr_assert_eq(strncmp(peer.heard[1],
                         "GET /a%20b%C3%A4?%22%3Cc%3E%22%20HTTP/1.1 HTTP/1.1"
                         "\r\nHost: ",
                         strlen("GET /a%20b%C3%A4?%22%3Cc%3E%22%20HTTP/1.1 "
                                "HTTP/1.1\r\nHost: ")),
                 0, "%s", peer.heard[1]);
}

/* The body of the redirect is read, so that the connection may be used. */
RV_TEST(http_redirect, with_a_client_it_stays_on_the_connection)
{
    struct talker peer = {
        .talks = {{.says = {MOVED("302", "/a"), MOVED("302", "b"),
                            "HTTP/1.1 307 X\r\nLocation: c\r\n"
                            "Transfer-Encoding: chunked\r\n\r\n"
                            "5\r\nhello\r\n0\r\n\r\n",
                            OK1("z")}}}};
    struct rv_http_client client;
    struct outcome out;

    rv_http_client_init(&client);
    get_from(&out, &peer, 3, &client);

    cr_assert_eq(out.result, 0);
    cr_assert_str_eq(out.body, "z");
    cr_assert_eq(peer.connections, 1);
    cr_assert_eq(client.reused, 3);
}

/* It is cheaper to close the connection than to read it to the end. */
RV_TEST(http_redirect, a_long_body_of_one_is_not_waited_for)
{
    static char says[200 * 1024];
    struct talker peer = {.talks = {{.says = {says}}, {.says = {OK1("a")}}}};
    struct rv_http_client client;
    struct outcome out;

    strcpy(says, "HTTP/1.1 302 X\r\nLocation: /a\r\n"
                 "Content-Length: 60000000\r\n\r\n");
    memset(says + strlen(says), 'x', sizeof says - strlen(says) - 1);
    rv_http_client_init(&client);
    get_from(&out, &peer, 3, &client);

    cr_assert_eq(out.result, 0);
    cr_assert_str_eq(out.body, "a");
    cr_assert_eq(client.reused, 0);
}
