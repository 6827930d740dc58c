/* SPDX-License-Identifier: MIT */
/* test_delay.c - promises of the delay server, fetched by the GET future. */
#include <criterion/criterion.h>

#include <errno.h>
#include <reveil/http_client.h>
#include <stdio.h>

#include "cli/delay.h"
#include "http/serving.h"
#include "support/support.h"

RV_TEST_SUITE(http_delay);

/* --- one server, one client -------------------------------------------- */

struct client {
    struct serving serving;
    struct rv_runtime *runtime;
    struct rv_http_get get;
};

static void client_start(struct client *self)
{
    memset(self, 0, sizeof *self);
    self->serving.handler = delay_handler();
    serving_start(&self->serving);
    cr_assert_eq(rv_test_runtime_start(&self->runtime), 0);
}

static void client_stop(struct client *self)
{
    rv_drop(&self->get.future);
    rv_runtime_stop(self->runtime);
    serving_stop(&self->serving);
}

/* Fetch a path. Returns: the status, or a negative errno. */
static int fetch(struct client *self, const char *path)
{
    char url[512];
    int error;

    rv_drop(&self->get.future);
    snprintf(url, sizeof url, "http://127.0.0.1:%u%s",
             (unsigned)self->serving.port, path);
    cr_assert_eq(rv_http_get_init(&self->get, url), 0, "%s", url);
    error = rv_runtime_block_on(self->runtime, &self->get.future);
    return error < 0 ? error : self->get.status;
}

static bool body_is(const struct client *self, const char *text)
{
    return self->get.body_len_bytes == strlen(text) &&
           (*text == '\0' || memcmp(self->get.body, text, strlen(text)) == 0);
}

/* --- each resource ----------------------------------------------------- */

RV_TEST(http_delay, a_text_comes_back_after_its_time)
{
    struct client client;
    const int64_t start_ns = rv_now_ns();

    client_start(&client);
    cr_assert_eq(fetch(&client, "/50/Hello"), 200);
    client_stop(&client);

    cr_assert_geq(rv_now_ns() - start_ns, 50 * RV_NS_PER_MS);
}

RV_TEST(http_delay, the_text_is_not_changed)
{
    static const char *const texts[] = {"Hello", "", "a/b?c=d", "%20%zz", "0"};
    struct client client;
    char path[64];

    client_start(&client);
    for (int i = 0; i < 5; i++) {
        snprintf(path, sizeof path, "/0/%s", texts[i]);
        cr_assert_eq(fetch(&client, path), 200);
        cr_assert(body_is(&client, texts[i]), "%s", texts[i]);
    }
    client_stop(&client);
}

RV_TEST(http_delay, drips_come_one_by_one)
{
    struct client client;
    const int64_t start_ns = rv_now_ns();

    client_start(&client);
    cr_assert_eq(fetch(&client, "/drip/10/5"), 200);
    cr_assert(body_is(&client, "xxxxx"));
    cr_assert_geq(rv_now_ns() - start_ns, 50 * RV_NS_PER_MS);
    cr_assert_eq(fetch(&client, "/drip/0/0"), 200);
    cr_assert(body_is(&client, ""));
    client_stop(&client);
}

RV_TEST(http_delay, drips_for_an_old_client_are_not_in_chunks)
{
    struct serving serving = {.handler = delay_handler()};
    char text[1024];

    serving_start(&serving);
    ask(serving.port,
        "GET /drip/0/3 HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", text,
        sizeof text);
    serving_stop(&serving);

    cr_assert_null(strstr(text, "chunked"));
    cr_assert_str_eq(strstr(text, "\r\n\r\n"), "\r\n\r\nxxx");
}

RV_TEST(http_delay, a_big_body_is_the_pattern)
{
    struct client client;
    const char *piece;

    client_start(&client);
    cr_assert_eq(fetch(&client, "/big/3000"), 200);
    cr_assert_eq(client.get.body_len_bytes, 3000 * 1024);
    for (size_t at = 0; at < client.get.body_len_bytes; at++) {
        cr_assert_geq(delay_pattern(at, &piece), 1);
        if (client.get.body[at] != *piece)
            cr_assert_fail("byte %zu is another", at);
    }
    cr_assert_eq(fetch(&client, "/big/0"), 200);
    cr_assert(body_is(&client, ""));
    client_stop(&client);
}

RV_TEST(http_delay, reset_and_half_and_never_fail_as_they_should)
{
    struct client client;
    char url[64];

    client_start(&client);
    cr_assert_eq(fetch(&client, "/reset"), -ECONNRESET);
    cr_assert_eq(fetch(&client, "/half"), -EPIPE);
    snprintf(url, sizeof url, "http://127.0.0.1:%u/never",
             (unsigned)client.serving.port);
    rv_drop(&client.get.future);
    cr_assert_eq(rv_http_get_init(&client.get, url), 0);
    client.get.deadline_ns = rv_after_ms(30);
    cr_assert_eq(rv_runtime_block_on(client.runtime, &client.get.future),
                 -ETIMEDOUT);
    client_stop(&client);
}

RV_TEST(http_delay, other_paths_get_a_hint)
{
    struct client client;

    client_start(&client);
    cr_assert_eq(fetch(&client, "/"), 404);
    cr_assert(body_is(&client, delay_hint));
    cr_assert_eq(fetch(&client, "/600"), 404);
    cr_assert_eq(fetch(&client, "/x/600"), 404);
    cr_assert_eq(fetch(&client, "/-1/x"), 404);
    cr_assert_eq(fetch(&client, "/resets"), 404);
    client_stop(&client);
}

RV_TEST(http_delay, what_is_out_of_bounds_is_refused)
{
    static const char *const paths[] = {
        "/3600001/x",      "/99999999999999999999/x",
        "/drip/3600001/1", "/drip/1/1000001",
        "/drip/1",         "/drip/1/2/3",
        "/drip/x/1",       "/big/1048577",
        "/big/1x",         "/big/"};
    struct client client;

    client_start(&client);
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++)
        cr_assert_eq(fetch(&client, paths[i]), 400, "%s", paths[i]);
    client_stop(&client);
}

/* The connection can then be used for the next request. */
RV_TEST(http_delay, a_head_request_works_for_all)
{
    struct serving serving = {.handler = delay_handler()};
    char text[4096];

    serving_start(&serving);
    ask(serving.port,
        "HEAD /0/Hello HTTP/1.1\r\nHost: x\r\n\r\n"
        "HEAD /drip/1000/5 HTTP/1.1\r\nHost: x\r\n\r\n"
        "HEAD /big/1 HTTP/1.1\r\nHost: x\r\n\r\n"
        "HEAD /half HTTP/1.1\r\nHost: x\r\n\r\n"
        "HEAD / HTTP/1.1\r\nHost: x\r\n\r\n"
        "POST /0/x HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
        text, sizeof text);
    serving_stop(&serving);

    cr_assert_eq(count_of(text, "HTTP/1.1 200 OK"), 4, "got: %s", text);
    cr_assert_eq(count_of(text, "HTTP/1.1 404 "), 1);
    cr_assert_eq(count_of(text, "HTTP/1.1 501 "), 1);
    cr_assert_null(strstr(text, "xx"));
}

RV_TEST(http_delay, a_target_may_be_a_whole_url)
{
    struct serving serving = {.handler = delay_handler()};
    char text[1024];

    serving_start(&serving);
    ask(serving.port,
        "GET http://a.b:1/0/Hello HTTP/1.1\r\nHost: a.b:1\r\n\r\n"
        "GET HTTP://a.b:1/0/Hullo HTTP/1.1\r\nHost: a.b:1\r\n"
        "Connection: close\r\n\r\n",
        text, sizeof text);
    serving_stop(&serving);

    cr_assert_eq(count_of(text, "\r\n\r\nHello"), 1, "%s", text);
    cr_assert_eq(count_of(text, "\r\n\r\nHullo"), 1, "%s", text);
}

/* --- many at once ------------------------------------------------------ */

enum { MANY = 300 };

struct many {
    struct rv_future future;
    struct rv_join joins[MANY];
    int joined;
    int delay_ms;
    uint16_t port;
};

static enum rv_poll many_poll(struct rv_future *future, struct rv_cx *cx)
{
    struct many *self = RV_CONTAINER_OF(future, struct many, future);

    for (int i = 0; !future->at && i < MANY; i++) {
        struct rv_http_get *get = rv_alloc(sizeof *get);
        char url[64];

        snprintf(url, sizeof url, "http://127.0.0.1:%u/%d/%d",
                 (unsigned)self->port, self->delay_ms, i);
        cr_assert_eq(rv_http_get_init(get, url), 0);
        cr_assert_eq(rv_spawn(cx->executor, &get->future, &self->joins[i]), 0);
    }
    future->at = 1;
    for (; self->joined < MANY; self->joined++)
        if (rv_poll(&self->joins[self->joined].future, cx) == RV_PENDING)
            return RV_PENDING;
    return RV_READY;
}

static void check_many(struct many *many)
{
    for (int i = 0; i < MANY; i++) {
        const struct rv_http_get *get = RV_CONTAINER_OF(
            rv_join_output(&many->joins[i]), struct rv_http_get, future);
        char text[16];

        snprintf(text, sizeof text, "%d", i);
        cr_assert_eq(get->future.result, 0);
        cr_assert_eq(get->body_len_bytes, strlen(text));
        cr_assert_eq(memcmp(get->body, text, strlen(text)), 0);
        rv_join_drop(&many->joins[i]);
    }
}

RV_TEST(http_delay, many_gets_wait_together)
{
    static const struct rv_future_ops ops = {.name = "many", .poll = many_poll};
    static struct many many;
    struct client client;
    int64_t took_ns;

    client_start(&client);
    /* In sequence they would take MANY delays. On a busy machine the delays are
     * made longer, until its own overhead is small in comparison. */
    many.delay_ms = 50;
    many.port = client.serving.port;
    do {
        many.delay_ms *= 2;
        many.joined = 0;
        took_ns = rv_now_ns();
        rv_future_init(&many.future, &ops);
        cr_assert_eq(rv_runtime_block_on(client.runtime, &many.future), 0);
        took_ns = rv_now_ns() - took_ns;
        check_many(&many);
    } while (took_ns >= many.delay_ms * (MANY / 2) * RV_NS_PER_MS);
    client_stop(&client);
}
