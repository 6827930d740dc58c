/* SPDX-License-Identifier: MIT */
/*
 * test_headers.c - the examples at the heads of public headers, run. Those that
 * wait in a coroutine are in test_calls.c.
 *
 * What is between "from NAME.h" and "end" has each line of the example in that
 * header, in order; tests/tools/check-heads compares them.
 */
#include <criterion/criterion.h>

#include <errno.h>
#include <fcntl.h>
#include <reveil/reveil.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "support/support.h"

/* from callable.h */
struct sum {
    int a, b;
};
static int32_t sum_call(void *state, void *result);
static const struct rv_callable_ops sum_ops = {.name = "sum",
                                               .call = sum_call,
                                               .state_bytes =
                                                   sizeof(struct sum),
                                               .pure = true};

static int32_t sum_call(void *state, void *result)
{
    const struct sum *sum = state;

    (void)result;
    return sum->a + sum->b;
}

RV_TEST(headers, callable)
{
    struct rv_callable *callable;

    struct sum sum = {1, 2};

    rv_callable_new(&callable, &sum_ops, &sum);
    rv_callable_run(callable);
    cr_assert_eq(callable->returned, 3);
    rv_callable_put(callable);
}
/* end */

/* from embedded.h */
struct session {
    struct rv_embedded task;
    struct rv_sleep work;
    bool is_free;
};

static void session_ended(struct rv_embedded *task)
{
    struct session *self = RV_CONTAINER_OF(task, struct session, task);

    rv_drop(&self->work.future);
    self->is_free = true;
}

RV_TEST(headers, embedded)
{
    struct session memory = {.is_free = false};
    struct session *const session = &memory;
    struct rv_executor *executor;
    int error;

    cr_assert_eq(rv_executor_new(&executor), 0);
    rv_sleep_init(&session->work, rv_after_ms(1));
    error = rv_spawn_embedded(executor, &session->task, &session->work.future,
                              session_ended);
    cr_assert_eq(error, 0);
    cr_assert_eq(rv_test_block_on(executor, &session->task.join.future), 0);
    cr_assert(session->is_free);
    rv_executor_free(executor);
}
/* end */

/* from coro.h */
static int32_t client(void *arg)
{
    struct rv_sleep nap;
    int error;

    (void)arg;
    rv_sleep_init(&nap, rv_after_ms(10));
    error = rv_await(&nap.future);
    rv_drop(&nap.future);
    return error;
}

RV_TEST(headers, coro)
{
    struct rv_executor *executor;
    struct rv_join join = {0};

    cr_assert_eq(rv_executor_new(&executor), 0);
    rv_coro_spawn(executor, client, NULL, NULL, &join);
    cr_assert_eq(rv_block_on(executor, &join.future), 0);
    rv_drop(&join.future);
    rv_executor_free(executor);
}
/* end */

RV_TEST(headers, executor)
{
    struct rv_sleep nap;
    struct rv_executor *executor;

    rv_sleep_init(&nap, rv_after_ms(1));
#define main_future nap.future
    /* from executor.h */
    rv_executor_new(&executor);
    rv_block_on(executor, &main_future);
    rv_executor_free(executor);
    /* end */
    cr_assert_eq(nap.future.at, RV_AT_END);
    cr_assert_eq(nap.future.result, 0);
}

RV_TEST(headers, runtime)
{
    struct rv_runtime *runtime;
    struct rv_sleep nap;
    int result;

    rv_sleep_init(&nap, rv_after_ms(1));
    /* from runtime.h */
    rv_runtime_start(&runtime);
    result = rv_runtime_block_on(runtime, &main_future);
    rv_runtime_stop(runtime);
    /* end */
#undef main_future
    cr_assert_eq(result, 0);
}

RV_TEST(headers, spsc)
{
    const int answer = 42;
    struct rv_spsc_sender *sender;
    struct rv_spsc_receiver *receiver;
    int value = 0;

    /* from spsc.h */
    rv_spsc_new(&sender, &receiver, sizeof(int), 2, NULL);
    rv_spsc_try_send(sender, &answer);
    rv_spsc_try_recv(receiver, &value);
    rv_spsc_sender_close(sender);
    rv_spsc_receiver_close(receiver);
    /* end */
    cr_assert_eq(value, 42);
}

RV_TEST(headers, mpsc)
{
    const int answer = 42;
    struct rv_mpsc_sender *sender, *another;
    struct rv_mpsc_receiver *receiver;
    int value = 0;

    /* from mpsc.h */
    rv_mpsc_new(&sender, &receiver, sizeof(int), NULL);
    rv_mpsc_sender_clone(sender, &another);
    rv_mpsc_send(another, &answer);
    rv_mpsc_try_recv(receiver, &value);
    /* end */
    rv_mpsc_sender_close(sender);
    rv_mpsc_sender_close(another);
    rv_mpsc_receiver_close(receiver);
    cr_assert_eq(value, 42);
}

RV_TEST(headers, oneshot)
{
    const int answer = 42;
    struct rv_oneshot_sender *sender;
    struct rv_oneshot_receiver *receiver;
    int value = 0;

    /* from oneshot.h */
    rv_oneshot_new(&sender, &receiver, sizeof(int), NULL);
    rv_oneshot_send(sender, &answer);
    rv_oneshot_try_recv(receiver, &value);
    rv_oneshot_receiver_close(receiver);
    /* end */
    cr_assert_eq(value, 42);
}

RV_TEST(headers, publisher)
{
    struct rv_publisher *publisher;
    struct rv_subscriber *subscriber;
    struct rv_events events;
    uint32_t sum = 0;
    int n;

    /* from publisher.h */
    rv_publisher_new(&publisher, sizeof(uint32_t), 8, NULL);
    rv_publisher_subscribe(publisher, RV_FROM_NEXT, &subscriber);

    rv_publisher_try_reserve(publisher, 4, &events);
    for (uint32_t i = 0; i < 4; i++)
        *(uint32_t *)rv_events_at(&events, i) = i;
    rv_publisher_commit(publisher);

    n = rv_subscriber_try_recv(subscriber, 4, &events);
    for (uint32_t i = 0; i < (uint32_t)n; i++)
        sum += *(uint32_t *)rv_events_at(&events, i);
    rv_subscriber_commit(subscriber);
    /* end */
    rv_subscriber_close(subscriber);
    rv_publisher_close(publisher);
    cr_assert_eq(n, 4);
    cr_assert_eq(sum, 6);
}

RV_TEST(headers, trace)
{
    struct rv_event event;
    uint64_t wakes;
    char line[200] = "";

    /* from trace.h */
    rv_trace_start(RV_TRACE_EVENTS);
    rv_trace(RV_EV_WAKE, 7, 0);
    wakes = rv_trace_count(RV_EV_WAKE);
    for (uint64_t n = 0; rv_trace_read(&n, &event) == 1;)
        rv_trace_format(&event, line, sizeof line);
    /* end */
    rv_trace_start(RV_TRACE_OFF);
    cr_assert_eq(wakes, 1);
    cr_assert_not_null(strstr(line, "wake"));
}

RV_TEST(headers, bytes)
{
    char *said = NULL;
    int error;

#define puts(text) (said = strdup(text))
    /* from bytes.h */
    struct rv_bytes text;

    rv_bytes_init(&text, 64 * 1024);
    error = rv_bytes_append(&text, "hello", 5);
    if (!error)
        error = rv_bytes_printf(&text, ", %s %d", "world", 42);
    if (!error)
        puts(text.data);
    rv_bytes_fini(&text);
    /* end */
#undef puts
    cr_assert_eq(error, 0);
    cr_assert_str_eq(said, "hello, world 42");
    free(said);
}

static struct rv_executor *head_executor;

static int try_an_executor(void)
{
    struct rv_executor *executor;
    int error;

    /* from errors.h */
    error = rv_executor_new(&executor);
    if (error < 0) {
        fprintf(stderr, "no executor: %s (%s)\n", rv_strerror(error),
                rv_error_name(error));
        return 1;
    }
    /* end */
    head_executor = executor;
    return 0;
}

RV_TEST(headers, errors)
{
    cr_assert_eq(try_an_executor(), 0);
    rv_executor_free(head_executor);
}

struct twice {
    struct rv_future future;
    struct rv_sleep nap;
};

/* from async.h */
static enum rv_poll twice_poll(struct rv_future *future, struct rv_cx *cx)
{
    struct twice *self = RV_CONTAINER_OF(future, struct twice, future);

    RV_BEGIN(future);
    rv_sleep_init(&self->nap, rv_after_ms(10));
    RV_AWAIT(future, cx, &self->nap.future);
    rv_sleep_init(&self->nap, rv_after_ms(10));
    RV_AWAIT(future, cx, &self->nap.future);
    RV_RETURN(future, 0);
    RV_END(future);
}
/* end */

static void twice_drop(struct rv_future *future)
{
    rv_drop(&RV_CONTAINER_OF(future, struct twice, future)->nap.future);
}

RV_TEST(headers, async)
{
    static const struct rv_future_ops ops = {
        .name = "twice", .poll = twice_poll, .drop = twice_drop};
    const int64_t begin_ns = rv_now_ns();
    struct twice twice = {0};
    struct rv_executor *executor;

    rv_future_init(&twice.future, &ops);
    cr_assert_eq(rv_executor_new(&executor), 0);
    cr_assert_eq(rv_block_on(executor, &twice.future), 0);
    cr_assert_geq(rv_now_ns() - begin_ns, 20 * RV_NS_PER_MS);
    rv_drop(&twice.future);
    rv_executor_free(executor);
}

struct connection {
    struct rv_timer idle;
    int gave_up;
};

/* from timer.h */
static void give_up(struct rv_timer *timer, void *arg)
{
    struct connection *connection = arg;
    (void)timer;
    connection->gave_up++;
}

static void time_it(struct rv_executor *executor, struct connection *connection)
{
    rv_timer_init(&connection->idle, executor, give_up, connection);
    rv_timer_start(&connection->idle, rv_after_ms(60000));
    rv_timer_start(&connection->idle, rv_after_ms(60000));
    rv_timer_stop(&connection->idle);
}
/* end */

RV_TEST(headers, timer)
{
    struct connection connection = {0};
    struct rv_executor *executor;

    cr_assert_eq(rv_executor_new(&executor), 0);
    time_it(executor, &connection);
    rv_executor_free(executor);
    cr_assert_eq(connection.gave_up, 0);
}

/* from sched.h */
static int32_t hello(void *arg)
{
    (void)arg;
    printf("Hello ");
    return 0;
}

static int32_t root(void *arg)
{
    struct rv_go task;

    (void)arg;
    rv_go(&task, hello, NULL);
    rv_go_join(&task);
    printf("world!\n");
    return 0;
}

static void hello_world(void)
{
    struct rv_sched *sched;
    const struct rv_sched_options options = {.workers = 2};

    rv_sched_start(&sched, &options);
    rv_sched_run(sched, root, NULL);
    rv_sched_stop(sched);
}
/* end */

RV_TEST(headers, sched)
{
    char text[64] = "";
    const int before = dup(STDOUT_FILENO);
    int ends[2];

    fflush(stdout);
    cr_assert_eq(pipe(ends), 0);
    dup2(ends[1], STDOUT_FILENO);
    hello_world();
    fflush(stdout);
    dup2(before, STDOUT_FILENO);
    cr_assert_gt(read(ends[0], text, sizeof text - 1), 0);
    close(before);
    close(ends[0]);
    close(ends[1]);
    cr_assert_str_eq(text, "Hello world!\n");
}

/* from thread.h */
struct add {
    int a, b;
    _Atomic int *sum;
};

static void add_main(void *args)
{
    struct add *add = args;
    *add->sum = add->a + add->b;
}

static int add_up(struct add add)
{
    struct rv_thread thread;

    rv_thread_start(&thread, add_main, &add, sizeof add, 0);
    rv_thread_join(&thread, RV_NEVER);
    return *add.sum;
}
/* end */

RV_TEST(headers, thread)
{
    _Atomic int sum = 0;

    if (RV_TEST_SLOW)
        cr_skip_test("no bare threads in this build");
    cr_assert_eq(add_up((struct add){1, 2, &sum}), 3);
}

/* from future.h */
struct countdown {
    struct rv_future future;
    int left;
};

static enum rv_poll countdown_poll(struct rv_future *future, struct rv_cx *cx)
{
    struct countdown *self = RV_CONTAINER_OF(future, struct countdown, future);

    if (self->left-- > 0) {
        rv_waker_wake(&cx->waker);
        return RV_PENDING;
    }
    future->result = 42;
    return RV_READY;
}

static const struct rv_future_ops countdown_ops = {.name = "countdown",
                                                   .poll = countdown_poll};

static int count_down(struct rv_executor *executor)
{
    struct countdown countdown;
    int result;

    rv_future_init(&countdown.future, &countdown_ops);
    countdown.left = 3;
    result = rv_block_on(executor, &countdown.future);
    rv_drop(&countdown.future);
    cr_assert_eq(countdown.left, -1);
    return result;
}
/* end */

RV_TEST(headers, future)
{
    struct rv_executor *executor;

    cr_assert_eq(rv_executor_new(&executor), 0);
    cr_assert_eq(count_down(executor), 42);
    rv_executor_free(executor);
}

static int lines_freed;

/* from channel.h */
static void free_line(void *element)
{
    lines_freed++;
    free(*(char **)element);
}

static int send_line(char *line)
{
    struct rv_spsc_sender *sender;
    struct rv_spsc_receiver *receiver;
    int error;

    const struct rv_channel_options options = {.name = "lines",
                                               .drop_element = free_line};

    error = rv_spsc_new(&sender, &receiver, sizeof(char *), 8, &options);
    if (error)
        return error;
    if (rv_spsc_send(sender, &line, rv_after_ms(100)) < 0)
        free(line);
    rv_spsc_sender_close(sender);
    rv_spsc_receiver_close(receiver);
    return 0;
}
/* end */

static int32_t channel_main(void *arg)
{
    (void)arg;
    return send_line(strdup("a line"));
}

RV_TEST(headers, channel)
{
    cr_assert_eq(rv_run(channel_main, NULL), 0);
    cr_assert_eq(lines_freed, 1);
}

static bool print_body(const char *text, size_t len)
{
    struct rv_http_parser parser;
    struct rv_http_slice piece;
    ssize_t at, used;

    /* from http.h */
    rv_http_parser_init(&parser, RV_HTTP_RESPONSE, NULL);
    at = rv_http_parse_head(&parser, text, len);
    while (at >= 0 && !parser.done && (size_t)at < len) {
        used = rv_http_parse_body(&parser, text + at, len - (size_t)at, &piece);
        if (used < 0)
            break;
        fwrite(text + at + piece.at, 1, piece.len, stdout);
        at += used;
    }
    /* end */
    return parser.done;
}

RV_TEST(headers, http)
{
    static const char text[] = "HTTP/1.1 200 OK\r\n"
                               "Transfer-Encoding: chunked\r\n\r\n"
                               "6\r\nhello \r\n7\r\nworld!\n\r\n0\r\n\r\n";
    char said[64] = "";
    const int before = dup(STDOUT_FILENO);
    int ends[2];
    bool done;

    fflush(stdout);
    cr_assert_eq(pipe(ends), 0);
    dup2(ends[1], STDOUT_FILENO);
    done = print_body(text, sizeof text - 1);
    fflush(stdout);
    dup2(before, STDOUT_FILENO);
    cr_assert_gt(read(ends[0], said, sizeof said - 1), 0);
    close(before);
    close(ends[0]);
    close(ends[1]);
    cr_assert(done);
    cr_assert_str_eq(said, "hello world!\n");
    cr_assert_not(print_body(text, sizeof text - 2));
    cr_assert_not(print_body("HTTP/1.1\n", 9));
}

/* from remote.h */
static int nap_there(struct rv_remote *there, struct rv_remote_join *join)
{
    struct rv_sleep *nap = rv_alloc(sizeof *nap);
    int error = nap ? 0 : -ENOMEM;

    if (!error) {
        rv_sleep_init(nap, rv_after_ms(10));
        error = rv_remote_spawn(there, &nap->future, join);
    }
    if (error)
        rv_free(nap);
    return error;
}

static int32_t nap_and_wait(void *arg)
{
    struct rv_remote *remote = arg;
    struct rv_remote_join join = {0};
    int error;

    error = nap_there(remote, &join);
    if (!error)
        error = rv_await(&join.future);
    rv_remote_join_drop(&join);
    return error;
}
/* end */

RV_TEST(headers, remote)
{
    struct rv_executors *executors;
    struct rv_remote *remote;
    struct rv_runtime *runtime;
    struct rv_join join = {0};

    cr_assert_eq(rv_runtime_start(&runtime), 0);
    cr_assert_eq(rv_executors_start(&executors, runtime, 1), 0);
    remote = rv_executors_remote(executors, 0);
    cr_assert_eq(rv_coro_spawn(rv_runtime_executor(runtime), nap_and_wait,
                               remote, NULL, &join),
                 0);
    cr_assert_eq(rv_runtime_block_on(runtime, &join.future), 0);
    rv_join_drop(&join);
    rv_executors_stop(executors);
    rv_runtime_stop(runtime);
}

RV_TEST(headers, executors)
{
    struct rv_executors *executors;
    struct rv_runtime *runtime;
    struct rv_remote_join joins[4] = {0};
    struct rv_future *naps[4];
    struct rv_all all;

    /* from executors.h */
    rv_runtime_start(&runtime);
    rv_executors_start(&executors, runtime, 4);
    for (uint32_t i = 0; i < 4; i++) {
        nap_there(rv_executors_remote(executors, i), &joins[i]);
        naps[i] = &joins[i].future;
    }
    rv_all_init(&all, naps, 4);
    rv_runtime_block_on(runtime, &all.future);
    rv_drop(&all.future);
    for (uint32_t i = 0; i < 4; i++)
        cr_assert_eq(joins[i].future.result, 0);
    for (uint32_t i = 0; i < 4; i++)
        rv_remote_join_drop(&joins[i]);
    rv_executors_stop(executors);
    rv_runtime_stop(runtime);
    /* end */
}

static char task_table[4096];

/* Sends itself the signal, and reads the table that the other thread writes. */
static int32_t program(void *from)
{
    size_t len = 0;

    kill(getpid(), SIGUSR1);
    while (!strstr(task_table, "program")) {
        const ssize_t n =
            read(*(int *)from, task_table + len, sizeof task_table - 1 - len);

        if (n <= 0)
            return -EIO;
        len += (size_t)n;
    }
    return 0;
}

static int run_with_task_dump(int *from)
{
    const struct rv_coro_options coro = {.name = "program"};
    const struct rv_run_options options = {.coro = &coro};

#define rv_run(main, arg) rv_run_with(main, from, &options)
    /* from task_dump.h */
    struct rv_task_dump_signal *dump;
    int error;

    rv_task_dump_enable();
    error = rv_task_dump_signal_start(&dump, SIGUSR1, STDERR_FILENO);
    if (!error) {
        error = rv_run(program, NULL);
        rv_task_dump_signal_stop(dump);
    }
    rv_task_dump_disable();
    /* end */
#undef rv_run
    return error;
}

RV_TEST(headers, task_dump)
{
    const int before = dup(STDERR_FILENO);
    int ends[2];
    int error;

    cr_assert_eq(pipe(ends), 0);
    dup2(ends[1], STDERR_FILENO);
    error = run_with_task_dump(&ends[0]);
    dup2(before, STDERR_FILENO);
    close(before);
    cr_assert_eq(error, 0);
    cr_assert_not_null(strstr(task_table, "executor 1: "));
    close(ends[0]);
    close(ends[1]);
}

/* --- in a poll function ------------------------------------------------ */

/* The futures of the examples below; each uses some of them. */
struct polled {
    struct rv_future future;
    struct rv_future *both[2];
    struct rv_all all;
    struct rv_sleep get_a, get_b;
    struct rv_interval every;
    struct rv_blocking call;
    struct rv_cpu job;
    struct rv_file *file;
    struct rv_file_op read;
    struct rv_buf *buf;
    int ticks;
};

/* Run it to its end. Returns: its result. */
static int run_polled(enum rv_poll (*poll)(struct rv_future *future,
                                           struct rv_cx *cx))
{
    const struct rv_future_ops ops = {.name = "polled", .poll = poll};
    struct polled polled = {0};
    struct rv_runtime *runtime;
    int result;

    rv_future_init(&polled.future, &ops);
    cr_assert_eq(rv_runtime_start(&runtime), 0);
    result = rv_runtime_block_on(runtime, &polled.future);
    rv_drop(&polled.future);
    rv_runtime_stop(runtime);
    return result;
}

#define POLLED(header)                                                     \
    static enum rv_poll header##_poll(struct rv_future *, struct rv_cx *); \
    RV_TEST(headers, header)                                               \
    {                                                                      \
        cr_assert_eq(run_polled(header##_poll), 0);                        \
    }                                                                      \
    static enum rv_poll header##_poll(struct rv_future *future,            \
                                      struct rv_cx *cx)

POLLED(combine)
{
    struct polled *self = RV_CONTAINER_OF(future, struct polled, future);

    RV_BEGIN(future);
    rv_sleep_init(&self->get_a, rv_after_ms(1));
    rv_sleep_init(&self->get_b, rv_after_ms(2));
    /* from combine.h */
    self->both[0] = &self->get_a.future;
    self->both[1] = &self->get_b.future;
    rv_all_init(&self->all, self->both, 2);
    RV_AWAIT(future, cx, &self->all.future);
    /* end */
    rv_drop(&self->all.future);
    rv_drop(&self->get_a.future);
    rv_drop(&self->get_b.future);
    RV_RETURN(future, 0);
    RV_END(future);
}

/* Three ticks are enough. */
#define sample(ticks_due)                                      \
    do {                                                       \
        if ((ticks_due) < 1 || ++self->ticks == 3)             \
            RV_RETURN(future, self->ticks == 3 ? 0 : -EPROTO); \
    } while (0)

POLLED(interval)
{
    struct polled *self = RV_CONTAINER_OF(future, struct polled, future);

    RV_BEGIN(future);
    /* from interval.h */
    rv_interval_init(&self->every, rv_now_ns(), 10 * RV_NS_PER_MS,
                     RV_TICK_SKIP);
    for (;;) {
        rv_interval_next(&self->every);
        RV_AWAIT(future, cx, &self->every.future);
        sample(self->every.future.result);
    }
    /* end */
    RV_END(future);
}

static int32_t read_the_file(void *arg)
{
    return *(int *)arg;
}

static void free_arg(void *arg)
{
    *(int *)arg = 0;
}

POLLED(blocking)
{
    static int number = 42;
    int *const arg = &number;
    struct polled *self = RV_CONTAINER_OF(future, struct polled, future);

    RV_BEGIN(future);
    /* from blocking.h */
    rv_blocking_init(&self->call, read_the_file, arg, free_arg);
    RV_AWAIT(future, cx, &self->call.future);
    /* end */
    self->ticks = self->call.future.result;
    rv_drop(&self->call.future);
    RV_RETURN(future, self->ticks == 42 ? 0 : -EPROTO);
    RV_END(future);
}

POLLED(buf)
{
    struct polled *self = RV_CONTAINER_OF(future, struct polled, future);

    RV_BEGIN(future);
    rv_file_open_init(&self->read, &self->file, "/proc/self/exe", O_RDONLY, 0);
    RV_AWAIT(future, cx, &self->read.future);
    rv_drop(&self->read.future);
    /* from buf.h */
    self->buf = rv_buf_new(64 * 1024);
    rv_file_read_init(&self->read, self->file, self->buf, 0);
    RV_AWAIT(future, cx, &self->read.future);
    self->ticks = memcmp(self->buf->data, "\177ELF", 4);
    rv_buf_put(self->buf);
    /* end */
    rv_drop(&self->read.future);
    rv_file_close_init(&self->read, &self->file);
    RV_AWAIT(future, cx, &self->read.future);
    rv_drop(&self->read.future);
    RV_RETURN(future, self->ticks);
    RV_END(future);
}

POLLED(cpu)
{
    struct polled *self = RV_CONTAINER_OF(future, struct polled, future);
    struct rv_callable *callable;
    struct sum sum = {1, 2};

    RV_BEGIN(future);
    /* from cpu.h */
    rv_callable_new(&callable, &sum_ops, &sum);
    rv_cpu_init(&self->job, callable);
    RV_AWAIT(future, cx, &self->job.future);
    self->ticks = self->job.future.result;
    rv_drop(&self->job.future);
    /* end */
    RV_RETURN(future, self->ticks == 3 ? 0 : self->ticks);
    RV_END(future);
}
