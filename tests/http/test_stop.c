/* SPDX-License-Identifier: MIT */
/* test_stop.c - an orderly shutdown of a server. */
#include <criterion/criterion.h>

#include <errno.h>
#include <reveil/async.h>
#include <reveil/coro.h>
#include <reveil/run.h>
#include <reveil/sched.h>

#include "serving.h"
#include "support/support.h"

RV_TEST_SUITE(http_stop);

/* --- a handler: the path says what it does ------------------------------ */

struct answer {
    struct rv_future future;
    struct rv_http_exchange *x;
    struct rv_http_server *server;
    struct rv_sleep nap;
};

static bool path_is(const struct answer *self, const char *path)
{
    return rv_http_slice_is(self->x->head->target, self->x->bytes, path);
}

static enum rv_poll answer_poll(struct rv_future *future, struct rv_cx *cx)
{
    struct answer *self = RV_CONTAINER_OF(future, struct answer, future);

    RV_BEGIN(future);
    if (path_is(self, "/stop"))
        cr_assert_eq(rv_http_server_shutdown(self->server, RV_NEVER), 1);
    rv_sleep_init(&self->nap, path_is(self, "/slow") ? rv_after_ms(50) : 0);
    if (path_is(self, "/for-ever"))
        rv_sleep_init(&self->nap, RV_NEVER);
    RV_AWAIT(future, cx, &self->nap.future);
    RV_RETURN(future, rv_http_reply(self->x, 200, "text/plain", "done", 4));
    RV_END(future);
}

static void answer_drop(struct rv_future *future)
{
    rv_drop(&RV_CONTAINER_OF(future, struct answer, future)->nap.future);
}

static void response_init(struct rv_future *frame, struct rv_http_exchange *x,
                          void *data)
{
    static const struct rv_future_ops ops = {
        .name = "answer", .poll = answer_poll, .drop = answer_drop};
    struct answer *self = RV_CONTAINER_OF(frame, struct answer, future);

    rv_future_init(frame, &ops);
    self->x = x;
    self->server = data;
}

#define GET(path) "GET " path " HTTP/1.1\r\nHost: x\r\n\r\n"

/* --- what they share ---------------------------------------------------- */

static void start(struct serving *serving)
{
    *serving =
        (struct serving){.handler = {.frame_bytes = sizeof(struct answer),
                                     .init = response_init,
                                     .data = &serving->server}};
    serving_start(serving);
}

/* A connection that the server has accepted and, if asked for, responded on. */
static int dial_and_get(const struct serving *serving)
{
    const int fd = dial(serving->port);
    char text[1024];

    say(fd, GET("/"));
    listen_for(fd, text, sizeof text, "done");
    cr_assert_null(strstr(text, "Connection:"));
    return fd;
}

/* A connection whose request the server has read: it has responded to a later
 * one on another connection. */
static int dial_and_say(const struct serving *serving, const char *request)
{
    const int fd = dial_and_get(serving);
    const int later = dial_and_get(serving);

    say(fd, request);
    close(later);
    close(dial_and_get(serving));
    return fd;
}

/* Everything that arrives is one whole response, which says that it is the
 * last. */
static void check_last_response(int fd)
{
    char text[1024];

    listen_to_end(fd, text, sizeof text);
    cr_assert_eq(count_of(text, "HTTP/1.1 200 OK\r\n"), 1, "got: %s", text);
    cr_assert(strstr(text, "Connection: close\r\n\r\ndone"), "got: %s", text);
}

/* --- tests ------------------------------------------------------------- */

RV_TEST(http_stop, idle_connections_are_closed_and_new_ones_refused)
{
    struct sockaddr_in addr = {.sin_family = AF_INET};
    struct serving serving;
    char byte;
    int late;
    int idle;

    start(&serving);
    idle = dial_and_get(&serving);
    serving_drain(&serving, RV_NEVER);

    cr_assert_eq(recv(idle, &byte, 1, 0), 0);
    serving_join(&serving);
    addr.sin_port = htons(serving.port);
    addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    late = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_assert_eq(connect(late, (struct sockaddr *)&addr, sizeof addr), -1);
    cr_assert_eq(errno, ECONNREFUSED);
    cr_assert_eq(serving.answers, 0);
    cr_assert_eq(serving.cut, 0);
    close(late);
    close(idle);
}

RV_TEST(http_stop, new_ones_are_refused_while_answers_are_finished)
{
    struct sockaddr_in addr = {.sin_family = AF_INET};
    struct serving serving;
    char byte;
    int busy;
    int idle;
    int late;

    start(&serving);
    idle = dial_and_get(&serving);
    busy = dial_and_say(&serving, GET("/for-ever"));
    serving_drain(&serving, RV_NEVER);
    cr_assert_eq(recv(idle, &byte, 1, 0), 0); /* it is stopping */

    addr.sin_port = htons(serving.port);
    addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    late = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_assert_eq(connect(late, (struct sockaddr *)&addr, sizeof addr), -1);
    cr_assert_eq(errno, ECONNREFUSED);
    serving_stop(&serving);
    close(late);
    close(idle);
    close(busy);
}

RV_TEST(http_stop, a_response_under_way_is_finished_and_the_last)
{
    struct serving serving;
    int fd;

    start(&serving);
    fd = dial_and_say(&serving, GET("/slow") GET("/"));
    serving_drain(&serving, RV_NEVER);

    check_last_response(fd);
    serving_join(&serving);
    cr_assert_eq(serving.answers, 1);
    cr_assert_eq(serving.cut, 0);
}

RV_TEST(http_stop, a_request_that_has_begun_is_answered)
{
    struct serving serving;
    char byte;
    int idle;
    int fd;

    start(&serving);
    idle = dial_and_get(&serving);
    fd = dial_and_say(&serving, "GET / HT");
    serving_drain(&serving, RV_NEVER);
    cr_assert_eq(recv(idle, &byte, 1, 0), 0); /* it is stopping */

    say(fd, "TP/1.1\r\nHost: x\r\n\r\n");
    check_last_response(fd);
    serving_join(&serving);
    cr_assert_eq(serving.answers, 1);
    cr_assert_eq(serving.cut, 0);
    close(idle);
}

RV_TEST(http_stop, at_the_deadline_the_rest_is_cut)
{
    struct serving serving;
    int64_t deadline_ns;
    char byte;
    int fds[2];

    start(&serving);
    fds[0] = dial_and_say(&serving, GET("/for-ever"));
    fds[1] = dial_and_say(&serving, GET("/for-ever"));
    deadline_ns = rv_after_ms(30);
    serving_drain(&serving, deadline_ns);
    serving_join(&serving);

    cr_assert_geq(rv_now_ns(), deadline_ns);
    cr_assert_eq(serving.answers, 2);
    cr_assert_eq(serving.cut, 2);
    for (int i = 0; i < 2; i++) {
        cr_assert_leq(recv(fds[i], &byte, 1, 0), 0);
        close(fds[i]);
    }
}

RV_TEST(http_stop, a_second_stop_may_cut_at_once)
{
    struct serving serving;
    char byte;
    int busy;
    int idle;

    start(&serving);
    busy = dial_and_say(&serving, GET("/for-ever"));
    idle = dial_and_get(&serving);
    serving_drain(&serving, RV_NEVER);
    /* The first shutdown has taken effect. This connection came last and is
     * closed last, so only the busy one is left. */
    cr_assert_eq(recv(idle, &byte, 1, 0), 0);
    serving_drain(&serving, rv_now_ns());
    serving_join(&serving);

    cr_assert_eq(serving.cut, 1);
    close(idle);
    close(busy);
}

RV_TEST(http_stop, a_client_that_goes_is_not_waited_for)
{
    struct serving serving;
    char byte;
    int busy;
    int idle;

    start(&serving);
    idle = dial_and_get(&serving);
    busy = dial_and_say(&serving, "GET / HT");
    serving_drain(&serving, RV_NEVER);
    cr_assert_eq(recv(idle, &byte, 1, 0), 0);
    close(busy);
    serving_join(&serving);

    cr_assert_eq(serving.cut, 0);
    close(idle);
}

/* --- the deadline of a stop --------------------------------------------- */

static int64_t in_hours(int hours)
{
    return rv_now_ns() + hours * 3600 * RV_NS_PER_S;
}

RV_TEST(http_stop, a_server_that_ends_before_the_deadline_leaves_no_timer)
{
    struct serving serving;
    char byte;
    int idle;

    start(&serving);
    idle = dial_and_get(&serving);
    serving_drain(&serving, in_hours(1));
    cr_assert_eq(recv(idle, &byte, 1, 0), 0);
    serving_join(&serving);

    cr_assert_eq(serving.timers, 0);
    close(idle);
}

RV_TEST(http_stop, a_second_stop_replaces_the_deadline_of_the_first)
{
    struct serving serving;
    char byte;
    int busy;
    int idle;

    start(&serving);
    busy = dial_and_say(&serving, GET("/for-ever"));
    idle = dial_and_get(&serving);
    serving_drain(&serving, in_hours(1));
    cr_assert_eq(recv(idle, &byte, 1, 0), 0); /* the first took effect */
    serving_drain(&serving, rv_now_ns());
    serving_join(&serving);

    cr_assert_eq(serving.cut, 1);
    cr_assert_eq(serving.timers, 0);
    close(idle);
    close(busy);
}

RV_TEST(http_stop, a_handler_may_stop_its_server)
{
    struct serving serving;
    int fd;

    start(&serving);
    fd = dial_and_get(&serving);
    say(fd, GET("/stop"));

    check_last_response(fd);
    serving_join(&serving);
    cr_assert_eq(serving.cut, 0);
}

/* Run everything until a byte has arrived. */
static void wait_for_byte(struct rv_runtime *runtime, int fd)
{
    const int64_t limit_ns = rv_after_ms(RV_TEST_WAIT_MS);
    struct rv_sleep nap;
    char byte;

    while (recv(fd, &byte, 1, MSG_DONTWAIT | MSG_PEEK) < 0) {
        cr_assert_lt(rv_now_ns(), limit_ns);
        rv_sleep_init(&nap, rv_after_ms(1));
        cr_assert_eq(rv_runtime_block_on(runtime, &nap.future), 0);
    }
}

/* Fused, so that no thread checks epoll between the request and the
 * shutdown. */
RV_TEST(http_stop, a_request_that_nobody_has_seen_yet_is_answered)
{
    const struct rv_runtime_options fused = {.reactor = RV_REACTOR_FUSED};
    const struct rv_http_handler handler = {
        .frame_bytes = sizeof(struct answer), .init = response_init};
    struct rv_http_server *server = rv_alloc(sizeof *server);
    struct rv_runtime *runtime;
    struct rv_addr addr;
    struct rv_join join;
    char text[1024];
    int fd;

    cr_assert_eq(rv_runtime_start_with(&runtime, &fused), 0);
    cr_assert_eq(rv_addr_parse(&addr, "127.0.0.1", 0), 0);
    cr_assert_eq(rv_http_server_init(server, &addr, &handler), 0);
    cr_assert_eq(rv_http_server_addr(server, &addr), 0);
    cr_assert_eq(rv_spawn(rv_runtime_executor(runtime), &server->future, &join),
                 0);
    fd = dial(rv_addr_port(&addr));
    say(fd, GET("/"));
    wait_for_byte(runtime, fd);
    listen_for(fd, text, sizeof text, "done");

    say(fd, GET("/"));
    rv_http_server_shutdown(server, RV_NEVER);
    wait_for_byte(runtime, fd);
    shutdown(fd, SHUT_WR);
    cr_assert_eq(rv_test_block_on(rv_runtime_executor(runtime), &join.future),
                 0);
    check_last_response(fd);
    rv_join_drop(&join);
    rv_runtime_stop(runtime);
}

RV_TEST(http_stop, a_server_may_be_stopped_before_it_is_polled)
{
    const struct rv_http_handler handler = {
        .frame_bytes = sizeof(struct answer), .init = response_init};
    struct rv_http_server server;
    struct rv_runtime *runtime;
    struct rv_addr addr;

    cr_assert_eq(rv_test_runtime_start(&runtime), 0);
    cr_assert_eq(rv_addr_parse(&addr, "127.0.0.1", 0), 0);
    cr_assert_eq(rv_http_server_init(&server, &addr, &handler), 0);
    cr_assert_eq(rv_http_server_shutdown(&server, RV_NEVER), 0);

    cr_assert_eq(rv_test_block_on(rv_runtime_executor(runtime), &server.future),
                 0);
    rv_drop(&server.future);
    rv_runtime_stop(runtime);
}

/* --- in a coroutine --------------------------------------------------------
 */

struct served {
    struct rv_http_server server;
    int64_t drain_ns;
};

static int32_t serve(void *arg)
{
    struct served *served = arg;

    return rv_http_serve(&served->server, served->drain_ns);
}

/* Send the request, let the server run, then end it. Returns: its result. */
static int32_t serve_until(const char *request, int64_t drain_ns, bool abort)
{
    struct served served = {.drain_ns = drain_ns};
    const struct rv_http_handler handler = {.frame_bytes =
                                                sizeof(struct answer),
                                            .init = response_init,
                                            .data = &served.server};
    struct rv_runtime *runtime;
    struct rv_addr addr;
    struct rv_sleep nap;
    struct rv_join join;
    int32_t result;
    int fd;

    cr_assert_eq(rv_test_runtime_start(&runtime), 0);
    cr_assert_eq(rv_addr_parse(&addr, "127.0.0.1", 0), 0);
    cr_assert_eq(rv_http_server_init(&served.server, &addr, &handler), 0);
    cr_assert_eq(rv_http_server_addr(&served.server, &addr), 0);
    cr_assert_eq(rv_coro_spawn(rv_runtime_executor(runtime), serve, &served,
                               NULL, &join),
                 0);
    fd = dial(rv_addr_port(&addr));
    say(fd, request);
    while (served.server.open == 0) {
        rv_sleep_init(&nap, rv_after_ms(1));
        cr_assert_eq(rv_runtime_block_on(runtime, &nap.future), 0);
    }
    if (abort)
        rv_join_abort(&join);
    else
        rv_coro_cancel(&join);
    result = rv_runtime_block_on(runtime, &join.future);
    rv_join_drop(&join);
    rv_runtime_stop(runtime);
    close(fd);
    return result;
}

RV_TEST(http_stop, a_server_in_a_coroutine_ends_when_that_is_canceled)
{
    cr_assert_eq(serve_until("", RV_NEVER, false), 0);
    cr_assert_eq(serve_until(GET("/slow"), RV_NEVER, false), 0);
    cr_assert_eq(serve_until(GET("/for-ever"), 20 * RV_NS_PER_MS, false), 1);
    cr_assert_eq(serve_until(GET("/for-ever"), RV_NEVER, true), -ECANCELED);
}

static int32_t serve_at(void *where)
{
    static const struct rv_http_route routes[] = {{.path = NULL}};
    const struct rv_http_handler handler = rv_http_routes(routes);

    return rv_http_serve_at(where, &handler, 0);
}

static int32_t cancel_serve_at(void *arg)
{
    struct rv_join join;
    int result;

    (void)arg;
    cr_assert_eq(rv_coro_spawn(rv_executor_current(), serve_at, "localhost:0",
                               NULL, &join),
                 0);
    cr_assert_eq(rv_await_until(&join.future, rv_after_ms(20)), -ETIMEDOUT);
    rv_coro_cancel(&join);
    result = rv_await(&join.future);
    rv_join_drop(&join);
    return result;
}

RV_TEST(http_stop, a_server_at_an_address)
{
    const struct rv_run_options options = {.no_signals = true};

    cr_assert_eq(rv_run_with(serve_at, "localhost", &options), -EINVAL);
    cr_assert_eq(rv_run_with(serve_at, "192.0.2.1:0", &options),
                 -EADDRNOTAVAIL);
    cr_assert_eq(rv_run_with(cancel_serve_at, NULL, &options), 0);
}

/* --- in a task of a scheduler ------------------------------------------ */

static int32_t serve_in_a_task(void *arg)
{
    static const struct rv_http_route routes[] = {{.path = "/"}, {0}};
    const struct rv_http_handler handler = rv_http_routes(routes);
    struct rv_http_server server;
    struct rv_stream listener;
    int error = rv_tcp_listen_at(&listener, "127.0.0.1", 0);

    (void)arg;
    cr_assert_eq(error, 0);
    rv_http_server_init_on(&server, &listener, &handler);
    cr_assert_eq(rv_http_serve(&server, 0), -ENOTSUP);
    cr_assert_lt(rv_stream_fd(&server.listener), 0);
    return rv_http_serve_at("127.0.0.1:0", &handler, 0);
}

RV_TEST(http_stop, a_task_of_a_scheduler_is_told_that_it_cannot_serve)
{
    const struct rv_sched_options options = {.workers = 1};
    struct rv_sched *sched;

    cr_assert_eq(rv_sched_start(&sched, &options), 0);
    cr_assert_eq(rv_sched_run(sched, serve_in_a_task, NULL), -ENOTSUP);
    rv_sched_stop(sched);
}
