/* SPDX-License-Identifier: MIT */
/*
 * test_deadline.c - the deadlines and limits of client and server with every
 * kind of value. The others are in tests/runtime/test_deadline.c.
 *
 * Threads: the test's, and a server's.
 */
#include <criterion/criterion.h>

#include <errno.h>
#include <reveil/async.h>
#include <reveil/http_client.h>
#include <stdio.h>

#include "serving.h"
#include "support/times.h"

RV_TEST_SUITE(http_deadline);

/* --- a handler: /wait waits forever, or 20 ms; others respond at once ---- */

struct waiter {
    struct rv_future future;
    struct rv_http_exchange *exchange;
    struct rv_sleep nap;
};

static int64_t wait_ms;
static _Atomic uint64_t polls;

static bool waits(const struct rv_http_exchange *exchange)
{
    return rv_http_slice_is(exchange->head->target, exchange->bytes, "/wait");
}

static enum rv_poll waiter_poll(struct rv_future *future, struct rv_cx *cx)
{
    struct waiter *self = RV_CONTAINER_OF(future, struct waiter, future);

    polls++;
    RV_BEGIN(future);
    if (waits(self->exchange)) {
        rv_sleep_init(&self->nap, wait_ms ? rv_after_ms(wait_ms) : RV_NEVER);
        RV_AWAIT(future, cx, &self->nap.future);
    }
    RV_RETURN(future,
              rv_http_reply(self->exchange, 200, "text/plain", "hello", 5));
    RV_END(future);
}

static void waiter_drop(struct rv_future *future)
{
    rv_drop(&RV_CONTAINER_OF(future, struct waiter, future)->nap.future);
}

static void waiter_init(struct rv_future *frame,
                        struct rv_http_exchange *exchange, void *data)
{
    static const struct rv_future_ops ops = {
        .name = "waiter", .poll = waiter_poll, .drop = waiter_drop};

    (void)data;
    rv_future_init(frame, &ops);
    RV_CONTAINER_OF(frame, struct waiter, future)->exchange = exchange;
}

static const struct rv_http_handler handler = {
    .frame_bytes = sizeof(struct waiter), .init = waiter_init};

static const char wait_request[] = "GET /wait HTTP/1.1\r\nHost: x\r\n"
                                   "Connection: close\r\n\r\n";

static bool has_passed(int i)
{
    return i < RV_TEST_PAST_TIMES;
}

/* --- the server -------------------------------------------------------- */

static int64_t time_to_set;

static void set_idle(struct rv_http_server *server)
{
    server->idle_timeout_ns = time_to_set;
}

static void set_handler(struct rv_http_server *server)
{
    server->handler_timeout_ns = time_to_set;
}

/* Handlers are checked at intervals, also with a limit of 0. */
RV_TEST(http_deadline, an_idle_limit_of_nothing_is_no_busy_loop)
{
    for (int i = 0; i < RV_TEST_TIMES; i++) {
        struct serving serving = {.handler = handler, .adjust = set_idle};
        char text[1024];
        int64_t start_ns;
        uint64_t most;

        time_to_set = rv_test_time(i);
        wait_ms = 20;
        serving_start(&serving);
        atomic_store(&polls, 0);
        start_ns = rv_now_ns();
        ask(serving.port, wait_request, text, sizeof text);
        most = (uint64_t)((rv_now_ns() - start_ns) / RV_NS_PER_MS) * 2 + 16;
        serving_stop(&serving);
        cr_assert_leq(polls, most, "%d", i);
        cr_assert(!*text || strstr(text, "hello") || strstr(text, " 408 "),
                  "%d: %s", i, text);
    }
}

RV_TEST(http_deadline, of_a_handler)
{
    for (int i = 0; i < RV_TEST_TIMES; i++) {
        struct serving serving = {.handler = handler, .adjust = set_handler};
        char text[1024];
        const bool now = rv_test_time(i) <= 0; /* a span, not a time */

        time_to_set = rv_test_time(i);
        wait_ms = now ? 0 : 1;
        serving_start(&serving);
        ask(serving.port, wait_request, text, sizeof text);
        serving_stop(&serving);
        cr_assert_not_null(strstr(text, now ? " 503 " : "hello"), "%d: %s", i,
                           text);
    }
}

RV_TEST(http_deadline, of_a_stop)
{
    for (int i = 0; i < RV_TEST_TIMES; i++) {
        struct serving serving = {.handler = handler};
        char text[1024];
        int fd;

        wait_ms = has_passed(i) ? 0 : 1;
        atomic_store(&polls, 0);
        serving_start(&serving);
        fd = dial(serving.port);
        say(fd, wait_request);
        while (!polls)
            ;
        serving_drain(&serving, rv_test_time(i));
        serving_join(&serving);
        cr_assert_eq(serving.cut, has_passed(i), "%d", i);
        listen_to_end(fd, text, sizeof text);
        cr_assert_eq(*text != '\0', !has_passed(i));
    }
}

/* --- the client -------------------------------------------------------- */

struct client {
    struct serving serving;
    struct rv_runtime *runtime;
    struct rv_http_client kept;
    char url[64];
};

static void client_init(struct client *self, const char *path)
{
    *self = (struct client){.serving.handler = handler};
    wait_ms = 0;
    serving_start(&self->serving);
    cr_assert_eq(rv_test_runtime_start(&self->runtime), 0);
    rv_http_client_init(&self->kept);
    snprintf(self->url, sizeof self->url, "http://127.0.0.1:%u%s",
             (unsigned)self->serving.port, path);
}

static void client_fini(struct client *self)
{
    rv_http_client_fini(&self->kept);
    rv_runtime_stop(self->runtime);
    serving_stop(&self->serving);
}

static int get(struct client *self, int64_t deadline_ns,
               const struct rv_http_timeouts *timeouts)
{
    struct rv_http_get get;
    int result;

    cr_assert_eq(rv_http_get_init(&get, self->url), 0);
    get.client = &self->kept;
    get.deadline_ns = deadline_ns;
    if (timeouts)
        get.timeouts = *timeouts;
    result = rv_test_block_on(rv_runtime_executor(self->runtime), &get.future);
    cr_assert_eq(get.deadline_passed, result == -ETIMEDOUT);
    rv_drop(&get.future);
    return result;
}

RV_TEST(http_deadline, of_a_get)
{
    struct client slow;
    struct client fast;

    client_init(&slow, "/wait");
    for (int i = 0; i < RV_TEST_PAST_TIMES; i++)
        cr_assert_eq(get(&slow, rv_test_time(i), NULL), -ETIMEDOUT, "%d", i);
    client_fini(&slow);
    client_init(&fast, "/");
    cr_assert_eq(get(&fast, RV_NEVER, NULL), 0);
    client_fini(&fast);
}

/* 0 and negative ones are no limit; the others are far away. */
RV_TEST(http_deadline, of_the_states_of_a_get)
{
    struct client client;

    client_init(&client, "/");
    for (int i = 0; i < RV_TEST_TIMES; i++) {
        const int64_t ns = rv_test_time(i);
        const struct rv_http_timeouts timeouts = {ns, ns, ns, ns, ns};

        cr_assert_eq(get(&client, RV_NEVER, &timeouts), 0, "%d", i);
    }
    client_fini(&client);
}

RV_TEST(http_deadline, of_a_connection_that_is_idle)
{
    struct client client;

    client_init(&client, "/");
    for (int i = 0; i < RV_TEST_TIMES; i++) {
        const uint64_t opened = client.kept.opened;

        client.kept.max_idle_ns = rv_test_time(i);
        for (int n = 0; n < 3; n++)
            cr_assert_eq(get(&client, RV_NEVER, NULL), 0, "%d", i);
        cr_assert_leq(client.kept.opened, opened + 3);
        if (rv_test_time(i) > 0)
            cr_assert_leq(client.kept.opened, opened + 1);
    }
    client_fini(&client);
}
