/* SPDX-License-Identifier: MIT */
/*
 * test_serve.c - servers of coroutines and of futures: many clients, a limit,
 * no descriptors, no memory, and how they end.
 *
 * The server runs on a thread of its own. The clients are plain sockets of the
 * test's thread.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <reveil/async.h>
#include <reveil/reveil.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "support/failing_alloc.h"
#include "support/hosts.h"
#include "support/support.h"

RV_TEST_SUITE(serve);

/* How the server is told to end. */
enum how { ABORT, SHUTDOWN_AND_WAIT, SHUTDOWN_NOW, CLOSE_LISTENER };

struct serving {
    bool futures; /* or coroutines */
    struct rv_serve_options options;
    enum how how;

    uint16_t port; /* after start */
    int result;    /* of the server; after stop */
    _Atomic int handlers;
    _Atomic int canceled; /* handlers that were canceled */

    struct rv_notify stop;
    pthread_barrier_t started;
    pthread_t thread;
    struct rv_stream listener;
    struct rv_server server; /* of futures */
    struct rv_join join;     /* of rv_serve() */
};

/* --- echo: a coroutine ------------------------------------------------- */

/* A client that says "z" gets no answer any more: the handler sleeps. */
static int32_t echo_coro(struct rv_stream *stream, void *arg)
{
    struct serving *self = arg;
    char text[512];
    int n;

    self->handlers++;
    while ((n = rv_stream_recv(stream, text, sizeof text, RV_NEVER)) > 0) {
        if (text[0] == 'z' && rv_coro_sleep_until(RV_NEVER) < 0) {
            self->canceled++;
            break;
        }
        if (rv_stream_send(stream, text, (size_t)n, RV_NEVER) < 0)
            break;
    }
    self->handlers--;
    return 0;
}

static int32_t serve_coro(void *arg)
{
    struct serving *self = arg;

    self->result = rv_serve(&self->listener, echo_coro, self, &self->options);
    return self->result;
}

/* --- echo: a future ---------------------------------------------------- */

struct echo {
    struct rv_future future;
    struct serving *serving;
    struct rv_stream *stream;
    struct rv_stream_recv recv;
    struct rv_stream_send send;
    struct rv_sleep sleep;
    char text[512];
    bool counted;
};

static enum rv_poll echo_poll(struct rv_future *future, struct rv_cx *cx)
{
    struct echo *self = RV_CONTAINER_OF(future, struct echo, future);

    RV_BEGIN(future);
    self->serving->handlers++;
    self->counted = true;
    for (;;) {
        rv_stream_recv_init(&self->recv, self->stream, self->text,
                            sizeof self->text);
        RV_AWAIT(future, cx, &self->recv.future);
        if (self->recv.future.result <= 0)
            RV_RETURN(future, self->recv.future.result);
        if (self->text[0] == 'z') {
            rv_sleep_init(&self->sleep, RV_NEVER);
            RV_AWAIT(future, cx, &self->sleep.future);
        }
        rv_stream_send_init(&self->send, self->stream, self->text,
                            (size_t)self->recv.future.result);
        RV_AWAIT(future, cx, &self->send.future);
        if (self->send.future.result < 0)
            RV_RETURN(future, self->send.future.result);
    }
    RV_END(future);
}

static void echo_drop(struct rv_future *future)
{
    struct echo *self = RV_CONTAINER_OF(future, struct echo, future);

    if (self->counted && future->at != RV_AT_END && self->text[0] == 'z')
        self->serving->canceled++;
    if (self->counted)
        self->serving->handlers--;
    self->counted = false;
    rv_drop(&self->recv.future);
    rv_drop(&self->send.future);
    rv_drop(&self->sleep.future);
}

static void echo_init(struct rv_future *frame, struct rv_stream *stream,
                      void *data)
{
    static const struct rv_future_ops ops = {
        .name = "echo", .poll = echo_poll, .drop = echo_drop};
    struct echo *self = RV_CONTAINER_OF(frame, struct echo, future);

    rv_future_init(frame, &ops);
    self->stream = stream;
    self->serving = data;
}

/* --- the server's thread ----------------------------------------------- */

/* Wait until the test says so, then end the server as self->how says. */
static int32_t control(void *arg)
{
    struct serving *self = arg;
    const int error = rv_notify_wait(&self->stop, RV_NEVER);

    if (error)
        return error;
    if (!self->futures) {
        if (self->how == ABORT)
            rv_join_abort(&self->join);
        rv_await(&self->join.future);
        rv_join_drop(&self->join);
        return 0;
    }
    if (self->how == CLOSE_LISTENER)
        shutdown(rv_stream_fd(&self->server.listener), SHUT_RDWR);
    if (self->how == SHUTDOWN_AND_WAIT)
        rv_server_shutdown(&self->server, RV_NEVER);
    if (self->how == SHUTDOWN_NOW)
        rv_server_shutdown(&self->server, 0);
    return 0;
}

static void run_futures(struct serving *self, struct rv_executor *executor,
                        struct rv_join *controller)
{
    const struct rv_server_handler handler = {
        .frame_bytes = sizeof(struct echo), .init = echo_init, .data = self};
    struct rv_server first;

    /* It does nothing before its first poll, and may move until then. */
    rv_server_init(&first, &self->listener, &handler);
    self->server = first;
    memset(&first, 0xa5, sizeof first);
    self->server.max_connections = self->options.max_connections;
    if (self->how == ABORT) {
        struct rv_future *both[] = {&self->server.future, &controller->future};
        struct rv_select select;

        rv_select_init(&select, both, 2);
        self->result = rv_test_block_on(executor, &select.future);
        rv_drop(&select.future);
    } else {
        self->result = rv_test_block_on(executor, &self->server.future);
        rv_drop(&controller->future);
    }
    rv_drop(&self->server.future);
}

static void *serving_main(void *arg)
{
    struct serving *self = arg;
    struct rv_executor *executor;
    struct rv_runtime *runtime;
    struct rv_join controller;
    struct rv_addr addr;

    cr_assert_eq(rv_test_runtime_start(&runtime), 0);
    executor = rv_runtime_executor(runtime);
    cr_assert_eq(rv_tcp_listen_at(&self->listener, "127.0.0.1", 0), 0);
    cr_assert_eq(rv_tcp_local_addr(&self->listener, &addr), 0);
    self->port = rv_addr_port(&addr);
    pthread_barrier_wait(&self->started);
    if (!self->futures)
        cr_assert_eq(
            rv_coro_spawn(executor, serve_coro, self, NULL, &self->join), 0);
    cr_assert_eq(rv_coro_spawn(executor, control, self, NULL, &controller), 0);
    if (self->futures) {
        run_futures(self, executor, &controller);
    } else {
        rv_test_block_on(executor, &controller.future);
        rv_join_drop(&controller);
    }
    rv_runtime_stop(runtime);
    return NULL;
}

static void serving_start(struct serving *self)
{
    rv_notify_init(&self->stop);
    pthread_barrier_init(&self->started, NULL, 2);
    cr_assert_eq(pthread_create(&self->thread, NULL, serving_main, self), 0);
    pthread_barrier_wait(&self->started);
}

static void serving_end(struct serving *self)
{
    rv_notify_one(&self->stop);
    pthread_join(self->thread, NULL);
    pthread_barrier_destroy(&self->started);
    rv_notify_fini(&self->stop);
    cr_assert_eq(self->handlers, 0, "no handler outlives its server");
}

/* --- clients ----------------------------------------------------------- */

static int dial(uint16_t port)
{
    const struct timeval limit = {.tv_sec = RV_TEST_SECONDS};
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct rv_addr addr;

    cr_assert_geq(fd, 0);
    rv_addr_parse(&addr, "127.0.0.1", port);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    cr_assert_eq(connect(fd, &addr.sa.base, addr.len_bytes), 0);
    return fd;
}

/* Send a letter. */
static void say(int fd, char letter)
{
    cr_assert_eq(send(fd, &letter, 1, MSG_NOSIGNAL), 1);
}

/* Returns: whether the letter comes back; false: the connection has ended. */
static bool hear(int fd, char letter)
{
    char got = 0;

    return recv(fd, &got, 1, 0) == 1 && got == letter;
}

static void ask(int fd, char letter)
{
    say(fd, letter);
    cr_assert(hear(fd, letter));
}

/* Each test runs with both kinds of server. */
#define BOTH(name)                    \
    static void name(bool futures);   \
    RV_TEST(serve, name##_coroutines) \
    {                                 \
        name(false);                  \
    }                                 \
    RV_TEST(serve, name##_futures)    \
    {                                 \
        name(true);                   \
    }                                 \
    static void name(bool futures)

/* --- many clients, and a limit ----------------------------------------- */

enum { CLIENTS = 100, ROUNDS = 5 };

BOTH(many_clients_are_served_at_once)
{
    struct serving serving = {.futures = futures};
    int fds[CLIENTS];

    serving_start(&serving);
    for (int i = 0; i < CLIENTS; i++)
        fds[i] = dial(serving.port);
    for (int round = 0; round < ROUNDS; round++) {
        for (int i = 0; i < CLIENTS; i++)
            say(fds[i], (char)('a' + i % 20));
        for (int i = 0; i < CLIENTS; i++)
            cr_assert(hear(fds[i], (char)('a' + i % 20)));
    }
    cr_assert_eq(serving.handlers, CLIENTS);
    for (int i = 0; i < CLIENTS; i += 2)
        close(fds[i]);
    while (serving.handlers > CLIENTS / 2)
        sched_yield();
    serving_end(&serving); /* the others are canceled */
    for (int i = 1; i < CLIENTS; i += 2) {
        cr_assert_not(hear(fds[i], 0));
        close(fds[i]);
    }
}

BOTH(above_the_limit_clients_wait)
{
    struct serving serving = {.futures = futures, .options.max_connections = 2};
    int fds[4];

    serving_start(&serving);
    for (int i = 0; i < 4; i++)
        fds[i] = dial(serving.port);
    for (int i = 0; i < 2; i++)
        ask(fds[i], 'a');
    say(fds[2], 'b');
    say(fds[3], 'c');
    for (int i = 0; i < 20; i++)
        ask(fds[0], 'd');
    cr_assert_eq(serving.handlers, 2);
    for (int i = 0; i < 2; i++) {
        char byte;

        cr_assert_eq(recv(fds[2 + i], &byte, 1, MSG_DONTWAIT), -1);
        close(fds[i]);
        cr_assert(hear(fds[2 + i], i ? 'c' : 'b'));
        cr_assert_leq(serving.handlers, 2);
    }
    close(fds[2]);
    close(fds[3]);
    serving_end(&serving);
}

/* --- a shortage -------------------------------------------------------- */

/* Leave no descriptors but one for the client's side of another connection.
 * Returns: the earlier limit. */
static struct rlimit take_descriptors(void)
{
    struct rlimit limit;
    struct rlimit tight;

    getrlimit(RLIMIT_NOFILE, &limit);
    tight = limit;
    tight.rlim_cur = (rlim_t)dup(0);
    close((int)tight.rlim_cur);
    tight.rlim_cur++;
    setrlimit(RLIMIT_NOFILE, &tight);
    return limit;
}

/* The one that is busy stays, although it has been silent longest. */
BOTH(without_descriptors_the_connection_idle_longest_makes_way)
{
    struct serving serving = {.futures = futures};
    struct rlimit limit;
    int fds[3];
    int late;

    serving_start(&serving);
    for (int i = 0; i < 3; i++)
        fds[i] = dial(serving.port);
    ask(fds[0], 'a');
    say(fds[0], 'z');
    ask(fds[1], 'a');
    usleep(20000); /* two ticks of the coarse clock apart */
    ask(fds[2], 'a');
    limit = take_descriptors();

    late = dial(serving.port);
    ask(late, 'l');
    cr_assert_not(hear(fds[1], 0), "it has waited longest");
    ask(fds[2], 'b');
    ask(late, 'm');

    setrlimit(RLIMIT_NOFILE, &limit);
    close(late);
    for (int i = 0; i < 3; i++)
        close(fds[i]);
    serving_end(&serving);
    cr_assert_eq(serving.canceled, 1, "the busy one");
}

BOTH(without_descriptors_no_later_client_is_lost)
{
    struct serving serving = {.futures = futures};
    struct rlimit limit;
    int fds[3];

    serving_start(&serving);
    for (int i = 0; i < 3; i++) {
        fds[i] = dial(serving.port);
        ask(fds[i], 'a');
    }
    limit = take_descriptors();
    for (int i = 0; i < 6; i++) {
        const int late = dial(serving.port);

        ask(late, 'l');
        close(late);
    }
    setrlimit(RLIMIT_NOFILE, &limit);
    for (int i = 0; i < 3; i++)
        close(fds[i]);
    serving_end(&serving);
}

/* Where all are busy, the client waits until one of them ends. */
BOTH(without_descriptors_and_idle_connections_clients_wait)
{
    struct serving serving = {.futures = futures};
    struct rlimit limit;
    int busy[2];
    int late;

    serving_start(&serving);
    for (int i = 0; i < 2; i++) {
        busy[i] = dial(serving.port);
        ask(busy[i], 'a');
    }
    limit = take_descriptors();
    late = dial(serving.port);
    say(late, 'l');
    for (int i = 0; i < 30; i++) {
        ask(busy[0], 'b');
        ask(busy[1], 'c');
        usleep(20000);
    }
    cr_assert_eq(serving.handlers, 2);
    close(busy[0]);
    cr_assert(hear(late, 'l'));
    ask(busy[1], 'd');
    setrlimit(RLIMIT_NOFILE, &limit);
    close(busy[1]);
    close(late);
    serving_end(&serving);
}

/* Memory that is short for a while loses no client. Only the connections of a
 * server of futures are allocated. */
RV_TEST(serve, without_memory_a_client_waits)
{
    struct serving serving = {.futures = true};

    int fd;

    serving_start(&serving);
    fd = dial(serving.port);
    ask(fd, 'a'); /* now its thread has started, and allocates no more */
    close(fd);
    for (uint64_t fail_at = 1; fail_at < 4; fail_at++) {
        while (serving.handlers > 0)
            sched_yield();
        rv_test_wait_for_sleep();
        rv_count_allocs(fail_at);
        fd = dial(serving.port);
        ask(fd, 'a');
        close(fd);
        while (serving.handlers > 0)
            sched_yield();
        rv_test_wait_for_sleep();
        rv_stop_counting_allocs();
    }
    serving_end(&serving);
}

/* --- the end ----------------------------------------------------------- */

RV_TEST(serve, a_shutdown_lets_connections_finish)
{
    struct serving serving = {.futures = true, .how = SHUTDOWN_AND_WAIT};
    int fds[3];

    serving_start(&serving);
    for (int i = 0; i < 3; i++) {
        fds[i] = dial(serving.port);
        ask(fds[i], 'a');
    }
    serving_end(&serving); /* they read the end of their input */
    cr_assert_eq(serving.result, 0);
    cr_assert_eq(serving.canceled, 0);
    for (int i = 0; i < 3; i++) {
        cr_assert_not(hear(fds[i], 0));
        close(fds[i]);
    }
}

RV_TEST(serve, a_deadline_cancels_what_is_left)
{
    struct serving serving = {.futures = true, .how = SHUTDOWN_NOW};
    int fds[2];

    serving_start(&serving);
    for (int i = 0; i < 2; i++) {
        fds[i] = dial(serving.port);
        ask(fds[i], 'a');
    }
    say(fds[0], 'z');
    serving_end(&serving);
    cr_assert_geq(serving.result, 1);
    cr_assert_leq(serving.result, 2);
    close(fds[0]);
    close(fds[1]);
}

RV_TEST(serve, a_listener_that_fails_ends_the_server)
{
    struct serving serving = {.futures = true, .how = CLOSE_LISTENER};
    int fd;

    serving_start(&serving);
    fd = dial(serving.port);
    ask(fd, 'a');
    serving_end(&serving);
    cr_assert_eq(serving.result, -EINVAL);
    cr_assert_not(hear(fd, 0));
    close(fd);
}

/* Connections that were accepted, but whose coroutines have not run. */
RV_TEST(serve, canceled_before_its_connections_run)
{
    for (int turn = 0; turn < 20; turn++) {
        struct serving serving = {.how = ABORT};
        int fds[20];

        serving_start(&serving);
        for (int i = 0; i < 20; i++)
            fds[i] = dial(serving.port);
        serving_end(&serving);
        for (int i = 0; i < 20; i++)
            close(fds[i]);
    }
}

static int32_t serve_in_a_task(void *arg)
{
    struct rv_stream listener;
    int error = rv_tcp_listen_at(&listener, "127.0.0.1", 0);

    if (!error)
        error = rv_serve(&listener, echo_coro, arg, NULL);
    rv_stream_close(&listener);
    return error;
}

RV_TEST(serve, a_task_of_the_scheduler_is_told_that_it_cannot)
{
    const struct rv_sched_options options = {.workers = 1};
    struct rv_sched *sched;

    cr_assert_eq(rv_sched_start(&sched, &options), 0);
    cr_assert_eq(rv_sched_run(sched, serve_in_a_task, NULL), -ENOTSUP);
    rv_sched_stop(sched);
}

/* --- listen and serve in one call -------------------------------------- */

static int32_t serve_at(void *where)
{
    return rv_serve_at(where, echo_coro, NULL, NULL);
}

/* Returns: the lowest descriptor that is free. */
static int lowest_free(void)
{
    const int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

    cr_assert_geq(fd, 0);
    close(fd);
    return fd;
}

static int32_t serve_at_in_a_task(void *where)
{
    const int before = lowest_free();
    const int32_t result = serve_at(where);

    cr_assert_eq(lowest_free(), before);
    return result;
}

RV_TEST(serve, in_a_task_of_the_scheduler_no_listener_is_left_open)
{
    const struct rv_sched_options options = {.workers = 1};
    struct rv_sched *sched;

    cr_assert_eq(rv_sched_start(&sched, &options), 0);
    cr_assert_eq(rv_sched_run(sched, serve_at_in_a_task, "127.0.0.1:0"),
                 -ENOTSUP);
    rv_sched_stop(sched);
}

static int32_t cancel_serve_at(void *arg)
{
    struct rv_join join = {0};
    int result;

    (void)arg;
    cr_assert_eq(rv_coro_spawn(rv_executor_current(), serve_at, "localhost:0",
                               NULL, &join),
                 0);
    cr_assert_eq(rv_await_until(&join.future, rv_after_ms(20)), -ETIMEDOUT);
    rv_coro_cancel(&join);
    result = rv_await(&join.future);
    rv_drop(&join.future);
    return result;
}

RV_TEST(serve, at_an_address)
{
    const struct rv_run_options options = {.no_signals = true};
    struct rv_addr addr;
    socklen_t len = sizeof addr.sa;
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    char text[RV_ADDR_TEXT];

    rv_addr_parse(&addr, "127.0.0.1", 0);
    cr_assert_eq(bind(fd, &addr.sa.base, addr.len_bytes), 0);
    cr_assert_eq(listen(fd, 1), 0);
    getsockname(fd, &addr.sa.base, &len);
    rv_addr_format(&addr, text);
    cr_assert_eq(rv_run_with(serve_at, text, &options), -EADDRINUSE);
    close(fd);
    cr_assert_eq(rv_run_with(serve_at, "localhost", &options), -EINVAL);
    cr_assert_eq(rv_run_with(cancel_serve_at, NULL, &options), -ECANCELED);
}

/* --- the number of connections ------------------------------------------ */

static int32_t count_connections(void *arg)
{
    struct serving serving = {.futures = true};
    const struct rv_server_handler handler = {.frame_bytes =
                                                  sizeof(struct echo),
                                              .init = echo_init,
                                              .data = &serving};
    struct rv_stream clients[3] = {0};
    struct rv_addr addr;

    (void)arg;
    HOST_CHECK(rv_tcp_listen_at(&serving.listener, "127.0.0.1", 0) == 0);
    HOST_CHECK(rv_tcp_local_addr(&serving.listener, &addr) == 0);
    rv_server_init(&serving.server, &serving.listener, &handler);
    HOST_CHECK(rv_server_open(&serving.server) == 0);
    for (uint32_t i = 0; i < 3; i++) {
        HOST_CHECK(rv_tcp_connect(&addr, &clients[i], RV_NEVER) == 0);
        while (rv_server_open(&serving.server) != i + 1)
            HOST_CHECK(rv_await_until(&serving.server.future, rv_after_ms(1)) ==
                       -ETIMEDOUT);
    }
    rv_stream_close(&clients[1]);
    while (rv_server_open(&serving.server) != 2)
        HOST_CHECK(rv_await_until(&serving.server.future, rv_after_ms(1)) ==
                   -ETIMEDOUT);
    rv_server_shutdown(&serving.server, 0);
    HOST_CHECK(rv_await(&serving.server.future) == 2);
    HOST_CHECK(rv_server_open(&serving.server) == 0);
    rv_drop(&serving.server.future);
    for (int i = 0; i < 3; i++)
        rv_stream_close(&clients[i]);
    HOST_CHECK(serving.handlers == 0);
    return 0;
}

RV_HOST_TEST(serve, a_server_of_futures_counts_its_connections)
{
    return count_connections(NULL);
}
