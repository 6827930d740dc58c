/* SPDX-License-Identifier: MIT */
/* test_keep.c - connections that are kept for the next GET. */
#include <criterion/criterion.h>

#include <errno.h>
#include <reveil/http_client.h>
#include <reveil/runtime.h>

#include "support/failing_alloc.h"
#include "support/support.h"
#include "talker.h"

RV_TEST_SUITE(http_keep);

/* A runtime, a client, a peer. */
struct fixture {
    struct rv_runtime *runtime;
    struct rv_http_client client;
    struct talker peer;
};

static void begin(struct fixture *all)
{
    talker_start(&all->peer);
    cr_assert_eq(rv_test_runtime_start(&all->runtime), 0);
    rv_http_client_init(&all->client);
}

static void end(struct fixture *all)
{
    rv_http_client_fini(&all->client);
    rv_http_client_fini(&all->client); /* a no-op */
    rv_runtime_stop(all->runtime);
    talker_stop(&all->peer);
}

/* GET "/" with the client. Returns: the first character of the body, 0 for
 * none, or a negative errno. */
static int get_char(struct fixture *all, bool *reused)
{
    struct rv_http_get get;
    char url[128];
    int result;

    cr_assert_eq(rv_http_get_init(&get, talker_url(url, &all->peer, "/")), 0);
    get.client = &all->client;
    result = rv_runtime_block_on(all->runtime, &get.future);
    if (result == 0 && get.body_len_bytes > 0)
        result = get.body[0];
    if (reused)
        *reused = get.reused;
    rv_drop(&get.future);
    return result;
}

RV_TEST(http_keep, a_connection_serves_many_gets)
{
    struct fixture all = {
        .peer.talks = {{.says = {OK1("a"), OK1("b"), OK1("c")}}}};
    bool reused;

    begin(&all);
    cr_assert_eq(get_char(&all, &reused), 'a');
    cr_assert_not(reused);
    cr_assert_eq(rv_http_client_idle(&all.client), 1);
    cr_assert_eq(get_char(&all, &reused), 'b');
    cr_assert(reused);
    cr_assert_eq(get_char(&all, &reused), 'c');
    cr_assert_eq(all.client.opened, 1);
    cr_assert_eq(all.client.reused, 2);
    end(&all);
    cr_assert_eq(all.peer.connections, 1);
    cr_assert_null(strstr(all.peer.heard[0], "Connection:"));
}

RV_TEST(http_keep, a_head_leaves_the_connection_as_good_as_a_get)
{
    struct fixture all = {
        .peer.talks = {{.says = {"HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n",
                                 OK1("b")}}}};
    struct rv_http_get get;
    char url[128];

    begin(&all);
    cr_assert_eq(rv_http_get_init(&get, talker_url(url, &all.peer, "/")), 0);
    get.client = &all.client;
    get.head_only = true;
    cr_assert_eq(rv_runtime_block_on(all.runtime, &get.future), 0);
    cr_assert_eq(get.body_len_bytes, 0);
    cr_assert_not_null(
        rv_http_find_header(&get.parser->head, get.head, "Content-Length"));
    rv_drop(&get.future);
    cr_assert_eq(get_char(&all, NULL), 'b');
    end(&all);
    cr_assert_eq(strncmp(all.peer.heard[0], "HEAD / HTTP/1.1\r\n", 17), 0);
    cr_assert_eq(all.peer.connections, 1);
}

/* The close has arrived before the next GET, which does not use that
 * connection. */
RV_TEST(http_keep, one_that_the_server_has_closed_is_noticed)
{
    struct fixture all = {
        .peer.talks = {{.says = {OK1("a")}}, {.says = {OK1("b")}}}};
    bool reused;

    begin(&all);
    cr_assert_eq(get_char(&all, NULL), 'a');
    sem_wait(&all.peer.ended);
    cr_assert_eq(get_char(&all, &reused), 'b');
    cr_assert_not(reused);
    cr_assert_eq(all.client.reused, 0);
    end(&all);
}

/* The server closes it while the request is in transit. */
static void closed_under_way(enum scripted_end how)
{
    struct fixture all = {.peer.talks = {{.says = {OK1("a"), ""}, .end = how},
                                         {.says = {OK1("b")}}}};
    bool reused;

    begin(&all);
    cr_assert_eq(get_char(&all, NULL), 'a');
    cr_assert_eq(get_char(&all, &reused), 'b');
    cr_assert_not(reused, "the response came on a new one");
    end(&all);
    cr_assert_eq(all.peer.requests, 3);
    cr_assert_str_eq(all.peer.heard[1], all.peer.heard[2]);
}

RV_TEST(http_keep, a_request_on_a_stale_one_is_sent_once_more)
{
    closed_under_way(SCRIPTED_CLOSE);
    closed_under_way(SCRIPTED_RESET);
}

/* ... but not on a second stale one, and not forever. */
RV_TEST(http_keep, it_is_sent_again_only_once_and_on_a_new_connection)
{
    struct fixture all = {
        .peer.talks = {{.says = {OK1("a"), ""}}, {.says = {""}}}};

    begin(&all);
    cr_assert_eq(get_char(&all, NULL), 'a');
    cr_assert_eq(get_char(&all, NULL), -EPIPE);
    end(&all);
    cr_assert_eq(all.peer.requests, 3);
}

RV_TEST(http_keep, once_something_of_a_response_came_nothing_is_repeated)
{
    struct fixture all = {
        .peer.talks = {{.says = {OK1("a"), "HTTP/1.1 100 Continue\r\n\r\n"}},
                       {.says = {OK1("b")}}}};

    begin(&all);
    cr_assert_eq(get_char(&all, NULL), 'a');
    cr_assert_eq(get_char(&all, NULL), -EPIPE);
    end(&all);
    cr_assert_eq(all.peer.requests, 2);
}

/* Each of these responses ends the use of its connection. */
RV_TEST(http_keep, what_cannot_be_used_again_is_closed)
{
    static const char *const last[] = {
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nConnection: close\r\n\r\na",
        "HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\na",
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\na<surplus>",
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
         "1\r\na\r\n0\r\n\r\nsurplus"),
        "HTTP/1.1 204 No Content\r\n\r\nsurplus",
        "HTTP/1.1 200 OK\r\n\r\nuntil the end",
    };

    for (size_t i = 0; i < sizeof last / sizeof last[0]; i++) {
        struct fixture all = {.peer.talks = {{.says = {last[i]}}}};

        begin(&all);
        cr_assert_geq(get_char(&all, NULL), 0, "%s", last[i]);
        cr_assert_eq(rv_http_client_idle(&all.client), 0, "%s", last[i]);
        end(&all);
    }
}

RV_TEST(http_keep, a_get_that_fails_leaves_no_connection)
{
    struct fixture all = {.peer.talks = {{.says = {"HTTP/1.1 bad\r\n\r\n"},
                                          .end = SCRIPTED_WAIT}}};

    begin(&all);
    cr_assert_eq(get_char(&all, NULL), -EBADMSG);
    cr_assert_eq(rv_http_client_idle(&all.client), 0);
    end(&all);
}

/* --- limits ------------------------------------------------------------ */

/* Two GETs at once need two connections, which are both kept or not. */
static uint32_t idle_after_two(uint32_t max_idle, uint32_t per_host)
{
    struct fixture all = {.peer.talks = {{.says = {OK1("a")}}}};
    struct rv_http_get gets[2];
    struct talker other = {.talks = {{.says = {OK1("b")}}}};
    uint32_t idle;
    char url[128];

    begin(&all);
    talker_start(&other);
    all.client.max_idle = max_idle;
    all.client.max_idle_per_host = per_host;
    cr_assert_eq(rv_http_get_init(&gets[0], talker_url(url, &all.peer, "/")),
                 0);
    cr_assert_eq(rv_http_get_init(&gets[1], talker_url(url, &other, "/")), 0);
    for (int i = 0; i < 2; i++) {
        gets[i].client = &all.client;
        cr_assert_eq(rv_runtime_block_on(all.runtime, &gets[i].future), 0);
        rv_drop(&gets[i].future);
    }
    idle = rv_http_client_idle(&all.client);
    end(&all);
    talker_stop(&other);
    return idle;
}

RV_TEST(http_keep, limits_of_what_is_idle_are_kept)
{
    cr_assert_eq(idle_after_two(64, 8), 2);
    cr_assert_eq(idle_after_two(1, 8), 1);
    cr_assert_eq(idle_after_two(0, 8), 0);
    cr_assert_eq(idle_after_two(64, 0), 0);
}

RV_TEST(http_keep, one_that_is_idle_too_long_is_closed)
{
    struct fixture all = {
        .peer.talks = {{.says = {OK1("a")}, .end = SCRIPTED_WAIT},
                       {.says = {OK1("b")}}}};

    begin(&all);
    all.client.max_idle_ns = 0;
    cr_assert_eq(get_char(&all, NULL), 'a');
    cr_assert_eq(get_char(&all, NULL), 'b');
    cr_assert_eq(all.client.opened, 2);
    end(&all);
}

RV_TEST(http_keep, another_port_is_another_host)
{
    struct fixture all = {
        .peer.talks = {{.says = {OK1("a")}, .end = SCRIPTED_WAIT}}};
    struct talker other = {.talks = {{.says = {OK1("b")}}}};
    struct rv_http_get get;
    char url[128];

    begin(&all);
    talker_start(&other);
    cr_assert_eq(get_char(&all, NULL), 'a');
    cr_assert_eq(rv_http_get_init(&get, talker_url(url, &other, "/")), 0);
    get.client = &all.client;
    cr_assert_eq(rv_runtime_block_on(all.runtime, &get.future), 0);
    cr_assert_not(get.reused);
    rv_drop(&get.future);
    end(&all);
    talker_stop(&other);
}

/* --- out of memory ----------------------------------------------------- */

/* Two GETs on one connection, or on two when it could not be kept. */
static int two_gets(void *arg)
{
    struct talker peer = {
        .talks = {{.says = {OK1("a"), OK1("b")}, .end = SCRIPTED_WAIT},
                  {.says = {OK1("b")}}}};
    struct rv_http_client client;
    struct rv_runtime *runtime;
    struct rv_http_get get;
    char url[128];
    int error;

    (void)arg;
    talker_start(&peer);
    rv_http_client_init(&client);
    error = rv_test_runtime_start(&runtime);
    for (int i = 0; i < 2 && error == 0; i++) {
        error = rv_http_get_init(&get, talker_url(url, &peer, "/"));
        get.client = &client;
        if (error == 0)
            error = rv_runtime_block_on(runtime, &get.future);
        rv_drop(&get.future);
        if (i == 1 || error < 0) {
            rv_http_client_fini(&client);
            rv_runtime_stop(runtime);
        }
    }
    talker_stop(&peer);
    return error;
}

RV_TEST(http_keep, every_allocation_may_fail)
{
    cr_assert_geq(rv_fail_each_alloc(two_gets, NULL), 5);
}
