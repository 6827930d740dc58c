/* SPDX-License-Identifier: MIT */
/*
 * test_drop.c - a GET dropped after each of its polls, and a server dropped
 * after each turn of its executor, leaves no descriptor, no task and no memory
 * behind.
 */
#include <criterion/criterion.h>

#include <errno.h>
#include <reveil/coro.h>
#include <reveil/http_client.h>
#include <stdio.h>

#include "cli/delay.h"
#include "serving.h"
#include "support/failing_alloc.h"
#include "support/support.h"
#include "talker.h"

RV_TEST_SUITE(http_drop);

/* --- a GET -------------------------------------------------------------- */

/* Polls a GET this many times, then is READY. */
struct impatient {
    struct rv_future future;
    struct rv_http_get get;
    int polls;
};

static enum rv_poll impatient_poll(struct rv_future *future, struct rv_cx *cx)
{
    struct impatient *self = RV_CONTAINER_OF(future, struct impatient, future);

    if (self->polls-- == 0)
        return RV_READY;
    return rv_poll(&self->get.future, cx);
}

/* What to GET, and how. */
struct plan {
    const char *url;
    uint32_t max_redirects;
    int64_t deadline_ms; /* 0: none */
    bool keep;
    bool twice; /* the second one, on the connection of the first, is cut */
};

static void prepare(struct impatient *self, const struct plan *plan,
                    struct rv_http_client *client)
{
    static const struct rv_future_ops ops = {.name = "impatient",
                                             .poll = impatient_poll};

    rv_future_init(&self->future, &ops);
    cr_assert_eq(rv_http_get_init(&self->get, plan->url), 0);
    self->get.max_redirects = plan->max_redirects;
    self->get.client = plan->keep ? client : NULL;
    if (plan->deadline_ms)
        self->get.deadline_ns = rv_after_ms(plan->deadline_ms);
}

/* Returns: false if the GET ended before that many polls. */
static bool cut_after(const struct plan *plan, int polls)
{
    struct rv_http_client client;
    struct rv_runtime *runtime;
    struct impatient self;
    bool over;

    cr_assert_eq(rv_test_runtime_start(&runtime), 0);
    rv_http_client_init(&client);
    if (plan->twice) {
        prepare(&self, plan, &client);
        self.polls = -1;
        cr_assert_eq(rv_runtime_block_on(runtime, &self.future), 0);
        rv_drop(&self.get.future);
        cr_assert_eq(rv_http_client_idle(&client), 1);
    }
    prepare(&self, plan, &client);
    self.polls = polls;
    rv_runtime_block_on(runtime, &self.future);
    over = self.get.future.at == RV_AT_END;
    rv_drop(&self.get.future);
    rv_drop(&self.get.future);
    cr_assert_eq(rv_executor_tasks(rv_runtime_executor(runtime)), 0);
    if (!over) /* one that was taken and cut does not come back */
        cr_assert_eq(rv_http_client_idle(&client), plan->twice && !polls);
    rv_http_client_fini(&client);
    rv_runtime_stop(runtime);
    return !over;
}

/* Returns: the number of polls after which it ended. */
static int cut_everywhere(const struct plan *plan)
{
    int polls = 0;

    while (cut_after(plan, polls))
        cr_assert_lt(++polls, 10000);
    return polls;
}

RV_TEST(http_drop, a_get_after_each_of_its_polls)
{
    static const char *const paths[] = {"/0/x", "/3/late", "/drip/1/5",
                                        "/big/900", "/half"};
    struct serving serving = {.handler = delay_handler()};
    char url[128];

    serving_start(&serving);
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        struct plan plan = {.url = url};

        snprintf(url, sizeof url, "http://127.0.0.1:%u%s",
                 (unsigned)serving.port, paths[i]);
        cr_assert_geq(cut_everywhere(&plan), 1);
        plan.deadline_ms = 3600 * 1000;
        cut_everywhere(&plan);
    }
    serving_stop(&serving);
}

RV_TEST(http_drop, a_get_that_uses_a_connection_again)
{
    struct serving serving = {.handler = delay_handler()};
    struct plan plan = {.keep = true, .twice = true};
    char url[128];

    serving_start(&serving);
    snprintf(url, sizeof url, "http://127.0.0.1:%u/3/x",
             (unsigned)serving.port);
    plan.url = url;
    cr_assert_geq(cut_everywhere(&plan), 1);
    serving_stop(&serving);
}

RV_TEST(http_drop, a_get_whose_host_is_looked_up)
{
    struct serving serving = {.handler = delay_handler()};
    struct plan plan = {0};
    char url[128];

    serving_start(&serving);
    snprintf(url, sizeof url, "http://127.1:%u/0/x", (unsigned)serving.port);
    plan.url = url;
    cr_assert_geq(cut_everywhere(&plan), 1);
    serving_stop(&serving);
}

/* A new peer each time: the last one may have received nothing. */
static bool cut_redirected(int polls)
{
    struct talker peer = {
        .talks = {{.says = {"HTTP/1.1 302 X\r\nLocation: /b\r\n"
                            "Content-Length: 4\r\n\r\ngone",
                            OK1("a")}},
                  {.says = {OK1("b")}}}};
    struct plan plan = {.max_redirects = 2, .keep = polls % 2};
    char url[128];
    bool more;

    talker_start(&peer);
    plan.url = talker_url(url, &peer, "/a");
    more = cut_after(&plan, polls);
    talker_stop(&peer);
    return more;
}

RV_TEST(http_drop, a_get_that_is_redirected)
{
    int polls = 0;

    while (cut_redirected(polls) || polls < 4)
        cr_assert_lt(++polls, 100);
}

/* --- a server ------------------------------------------------------------ */

/* Let the executor run for about as long as a packet and its wake take. */
static void take_turns(struct rv_runtime *runtime, int count)
{
    struct rv_sleep nap;

    while (count-- > 0) {
        rv_sleep_init(&nap, rv_now_ns() + RV_NS_PER_MS / 10);
        cr_assert_eq(rv_runtime_block_on(runtime, &nap.future), 0);
    }
}

enum { TURNS = 8 };

enum way { DROP, STOP, EXECUTOR_FIRST, WAYS };

/* End it in one of three ways. */
static void end_server(struct rv_runtime *runtime,
                       struct rv_http_server *server, struct rv_join *join,
                       enum way way)
{
    if (way == DROP) {
        rv_join_abort(join);
        cr_assert_eq(rv_runtime_block_on(runtime, &join->future), -ECANCELED);
    }
    if (way == STOP) {
        rv_http_server_shutdown(server, rv_now_ns());
        cr_assert_geq(rv_runtime_block_on(runtime, &join->future), 0);
    }
    if (way != EXECUTOR_FIRST) { /* what was cut ends at its next poll */
        const int64_t limit_ns = rv_after_ms(RV_TEST_WAIT_MS);

        while (rv_executor_tasks(rv_runtime_executor(runtime)) > 0) {
            cr_assert_lt(rv_now_ns(), limit_ns, "a task is left");
            take_turns(runtime, 1);
        }
    }
    rv_join_drop(join);
    rv_runtime_stop(runtime);
}

static void cut_server(const struct rv_http_handler *handler,
                       const char *request, int turns, enum way way)
{
    struct rv_http_server *server;
    struct rv_runtime *runtime;
    struct rv_addr addr;
    struct rv_join join;
    char text[4096];
    ssize_t n;
    int fd;

    rv_count_allocs(0);
    server = rv_alloc(sizeof *server);
    cr_assert_eq(rv_test_runtime_start(&runtime), 0);
    cr_assert_eq(rv_addr_parse(&addr, "127.0.0.1", 0), 0);
    cr_assert_eq(rv_http_server_init(server, &addr, handler), 0);
    cr_assert_eq(rv_http_server_addr(server, &addr), 0);
    cr_assert_eq(rv_spawn(rv_runtime_executor(runtime), &server->future, &join),
                 0);
    fd = dial(rv_addr_port(&addr));
    say(fd, request);
    take_turns(runtime, turns);
    /* The last drop point is reached however late; or the GET has ended. */
    for (int more = 0; turns == TURNS && more < 50; more++)
        if (server->open == 0 && server->requests == 0)
            take_turns(runtime, 1);
    end_server(runtime, server, &join, way);
    while ((n = recv(fd, text, sizeof text, 0)) > 0)
        ;
    cr_assert(n == 0 || errno != EAGAIN, "it is still open");
    close(fd);
    cr_assert_eq(rv_stop_counting_allocs(), 0);
}

#define ASK(path_) "GET " path_ " HTTP/1.1\r\nHost: x\r\n\r\n"

/* What brings a connection into each of its states. */
static const char *const requests[] = {
    "",
    "GET / HT",
    "bad\r\n\r\n",
    "POST /0/x HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nbody",
    "POST /0/x HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\n"
    "Content-Length: 9\r\n\r\n",
    ASK("/0/x"),
    ASK("/0/x") ASK("/0/y") ASK("/0/z"),
    ASK("/3600000/x"),
    ASK("/drip/1/100"),
    ASK("/drip/3600000/1"),
    ASK("/big/20000"),
    ASK("/never"),
    ASK("/half"),
    ASK("/reset"),
    "GET /0/x HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
};

static void cut_in_each_state(const struct rv_http_handler *handler,
                              const char *const *texts, size_t count)
{
    for (size_t i = 0; i < count; i++)
        for (int turns = 0; turns <= TURNS; turns++)
            for (int way = 0; way < WAYS; way++)
                cut_server(handler, texts[i], turns, (enum way)way);
}

RV_TEST(http_drop, a_server_in_each_state)
{
    const struct rv_http_handler handler = delay_handler();

    cut_in_each_state(&handler, requests, sizeof requests / sizeof requests[0]);
}

/* --- a server whose handlers receive and send in pieces ------------------- */

static int32_t copy(struct rv_http_exchange *x, void *data)
{
    char *memory = rv_alloc(16); /* freed also if the handler is canceled */
    int error = -ENOMEM;
    int n = 0;

    (void)data;
    if (memory)
        error = rv_http_add_header(x, "X", "y");
    if (error == 0)
        error = rv_http_begin(x, 200, "text/plain", -1);
    while (error == 0 && (n = rv_http_recv(x, memory, 16, RV_NEVER)) > 0) {
        error = rv_coro_sleep_until(rv_now_ns() + RV_NS_PER_MS / 10);
        if (error == 0)
            error = rv_http_send(x, memory, (size_t)n, rv_after_ms(100000));
    }
    rv_free(memory);
    return error < 0 ? error : n;
}

static int32_t late(struct rv_http_exchange *x, void *data)
{
    char text[64];
    size_t len;
    int error = rv_http_recv_whole(x, text, sizeof text, &len, RV_NEVER);

    (void)data;
    if (error == 0)
        error = rv_coro_sleep_until(rv_now_ns() + RV_NS_PER_MS / 10);
    if (error == 0)
        error = rv_http_reply(x, 200, "text/plain", text, len);
    return error;
}

static int32_t flood(struct rv_http_exchange *x, void *data)
{
    static const char much[1 << 16];
    int error = rv_http_begin(x, 200, "text/plain", -1);

    (void)data;
    while (error == 0)
        error = rv_http_send(x, much, sizeof much, RV_NEVER);
    return error;
}

static const struct rv_http_route coroutines[] = {
    {.path = "/copy", .run = copy},
    {.path = "/late", .run = late},
    {.path = "/flood", .run = flood},
    {.path = "/users/:id", .method = "PUT", .run = late},
    {.path = NULL},
};

#define CHUNKS "\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n5\r\n"

static const char *const uploads[] = {
    ASK("/copy"),
    "POST /copy HTTP/1.1\r\nHost: x" CHUNKS "de",
    "POST /copy HTTP/1.1\r\nHost: x" CHUNKS "defgh\r\n0\r\n\r\n" ASK("/late"),
    "POST /copy HTTP/1.1\r\nHost: x" CHUNKS "defgh\r\nzz\r\n",
    "POST /late HTTP/1.1\r\nHost: x" CHUNKS "de",
    "POST /late HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nbody",
    "POST /late HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nbody",
    "POST /late HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\n"
    "Content-Length: 9\r\n\r\n",
    "POST /copy HTTP/1.0\r\nContent-Length: 4\r\n\r\nbody",
    "POST /users/1 HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nbo",
    ASK("/flood"),
};

RV_TEST(http_drop, a_server_whose_handlers_are_coroutines)
{
    const struct rv_http_handler handler = rv_http_routes(coroutines);

    cut_in_each_state(&handler, uploads, sizeof uploads / sizeof uploads[0]);
}

/* --- a server without memory -----------------------------------------------
 */

struct both {
    struct rv_future future;
    struct rv_http_server server;
    struct rv_sleep nap;
    int fd;
};

/* Serve one client, which is a plain socket, until its stream ends. */
static enum rv_poll both_poll(struct rv_future *future, struct rv_cx *cx)
{
    struct both *self = RV_CONTAINER_OF(future, struct both, future);
    char text[4096];
    ssize_t n;

    if (rv_poll(&self->server.future, cx) == RV_READY) {
        future->result = self->server.future.result;
        return RV_READY;
    }
    while ((n = recv(self->fd, text, sizeof text, MSG_DONTWAIT)) > 0)
        ;
    if (n == 0 || errno != EAGAIN)
        return RV_READY;
    while (!self->nap.future.ops || rv_poll(&self->nap.future, cx) == RV_READY)
        rv_sleep_init(&self->nap, rv_now_ns() + RV_NS_PER_MS / 10);
    return RV_PENDING;
}

/* All requests but the last are kept alive. */
static int serve_without_memory(void *arg)
{
    static const struct rv_future_ops ops = {.name = "both", .poll = both_poll};
    const struct rv_http_handler handler = rv_http_routes(coroutines);
    struct rv_runtime *runtime;
    struct both self = {.fd = -1};
    struct rv_addr addr;
    int error = rv_test_runtime_start(&runtime);

    if (error < 0)
        return error;
    rv_future_init(&self.future, &ops);
    cr_assert_eq(rv_addr_parse(&addr, "127.0.0.1", 0), 0);
    error = rv_http_server_init(&self.server, &addr, &handler);
    if (error == 0) {
        cr_assert_eq(rv_http_server_addr(&self.server, &addr), 0);
        self.fd = dial(rv_addr_port(&addr));
        say(self.fd, arg);
        shutdown(self.fd, SHUT_WR);
        error = rv_runtime_block_on(runtime, &self.future);
        close(self.fd);
    }
    rv_drop(&self.nap.future);
    rv_drop(&self.server.future);
    rv_runtime_stop(runtime);
    rv_coro_trim();
    return error;
}

RV_TEST(http_drop, a_server_that_runs_out_of_memory)
{
    rv_fail_each_alloc_alone(
        serve_without_memory,
        "POST /copy HTTP/1.1\r\nHost: x" CHUNKS "defgh\r\n0\r\n\r\n"
        "POST /late HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nbody"
        "PATCH /users/1 HTTP/1.1\r\nHost: x\r\n\r\n"
        "GET /late HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
}
