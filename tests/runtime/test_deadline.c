/* SPDX-License-Identifier: MIT */
/*
 * test_deadline.c - every public deadline and span of time with every kind of
 * value: a deadline that has passed ends a wait at once, RV_NEVER does not.
 * Those of HTTP are in tests/http/test_deadline.c.
 *
 * Threads: the test's, and those of the objects that are stopped.
 */
#include <criterion/criterion.h>

#include <errno.h>
#include <reveil/combine.h>
#include <reveil/coro.h>
#include <reveil/interval.h>
#include <reveil/pipe_thread.h>
#include <reveil/resolve.h>
#include <reveil/sched.h>
#include <reveil/thread.h>
#include <semaphore.h>

#include "cpu/jobs.h"
#include "net/wire.h"
#include "support/times.h"

RV_TEST_SUITE(deadline);

static bool has_passed(int i)
{
    return i < RV_TEST_PAST_TIMES;
}

/* --- the blocking pool ------------------------------------------------- */

struct call {
    sem_t entered;
    sem_t open;
};

static int32_t stay(void *arg)
{
    struct call *call = arg;

    sem_post(&call->entered);
    while (sem_wait(&call->open) < 0)
        ;
    return 0;
}

static struct rv_blocking_pool *new_pool(int64_t idle_ns)
{
    const struct rv_blocking_options options = {.max_threads = 2,
                                                .idle_ns = idle_ns};
    struct rv_blocking_pool *pool;

    cr_assert_eq(rv_blocking_pool_new(&pool, &options), 0);
    return pool;
}

/* A pool whose only thread is inside `call`. */
static struct rv_blocking_pool *busy_pool(struct call *call,
                                          struct rv_blocking *blocking)
{
    struct rv_blocking_pool *pool = new_pool(0);
    struct rv_blocking_pool *before = rv_blocking_enter(pool);
    struct rv_probe probe;
    struct rv_cx cx;

    sem_init(&call->entered, 0, 0);
    sem_init(&call->open, 0, 0);
    rv_probe_init(&probe);
    cx = rv_probe_cx(&probe);
    rv_blocking_init(blocking, stay, call, NULL);
    cr_assert_eq(rv_poll(&blocking->future, &cx), RV_PENDING);
    rv_blocking_enter(before);
    while (sem_wait(&call->entered) < 0)
        ;
    rv_drop(&blocking->future); /* the call continues */
    rv_probe_fini(&probe);
    return pool;
}

static void stop_a_busy_pool(int i)
{
    const uint32_t threads = rv_test_threads();
    struct rv_blocking_pool *pool;
    struct rv_blocking blocking;
    struct call call;

    pool = busy_pool(&call, &blocking);
    if (!has_passed(i))
        sem_post(&call.open);
    cr_assert_eq(rv_blocking_pool_stop(pool, rv_test_time(i)),
                 has_passed(i) ? -ETIMEDOUT : 0, "%d", i);
    sem_post(&call.open);
    rv_test_wait_for_threads(threads);
    sem_destroy(&call.entered);
    sem_destroy(&call.open);
}

RV_TEST(deadline, of_the_blocking_pool)
{
    for (int i = 0; i < RV_TEST_TIMES; i++)
        stop_a_busy_pool(i);
}

RV_TEST(deadline, of_the_blocking_pool_while_the_clock_stands_still)
{
    for (int i = 0; i < RV_TEST_TIMES; i++) {
        rv_clock_freeze(1000 * RV_NS_PER_S);
        stop_a_busy_pool(i);
        rv_clock_thaw();
    }
}

static int32_t nothing(void *arg)
{
    (void)arg;
    return 7;
}

/* A thread that spins at the end of its idle time holds the mutex, so that no
 * call can be submitted any more. */
RV_TEST(deadline, of_an_idle_thread_of_the_pool)
{
    for (int i = 0; i < RV_TEST_TIMES; i++) {
        struct rv_blocking_pool *pool = new_pool(rv_test_time(i));
        struct rv_executor *executor;
        struct rv_blocking call;

        cr_assert_eq(rv_executor_new(&executor), 0);
        rv_blocking_enter(pool);
        for (int n = 0; n < 3; n++) {
            rv_blocking_init(&call, nothing, NULL, NULL);
            cr_assert_eq(rv_test_block_on(executor, &call.future), 7);
            rv_drop(&call.future);
        }
        if (rv_test_time(i) < 0) /* it ends at once */
            while (rv_blocking_threads(pool) > 0)
                ;
        rv_blocking_enter(NULL);
        rv_executor_free(executor);
        cr_assert_eq(rv_blocking_pool_stop(pool, rv_after_ms(RV_TEST_WAIT_MS)),
                     0);
    }
}

/* --- threads and workers ----------------------------------------------- */

struct stay_args {
    struct gate *gate;
};

static void stay_bare(void *args)
{
    struct stay_args *stay_args = args;

    gate_call(&stay_args->gate, NULL);
}

RV_TEST(deadline, of_a_join_of_a_bare_thread)
{
    const uint32_t threads = rv_test_threads();

    if (!rv_thread_supported())
        cr_skip_test("no bare threads on this processor");
    for (int i = 0; i < RV_TEST_TIMES; i++) {
        struct rv_thread thread;
        struct gate gate;

        gate_init(&gate);
        cr_assert_eq(rv_thread_start(&thread, stay_bare,
                                     &(struct stay_args){&gate},
                                     sizeof(struct stay_args), 0),
                     0);
        gate_wait(&gate);
        if (has_passed(i))
            cr_assert_eq(rv_thread_join(&thread, rv_test_time(i)), -ETIMEDOUT);
        gate_open(&gate, 1);
        cr_assert_eq(rv_thread_join(&thread, RV_NEVER), 0);
        gate_fini(&gate);
        rv_test_wait_for_threads(threads);
    }
}

static void stop_a_busy_worker(enum rv_pipe_thread_kind kind, int i)
{
    const uint32_t threads = rv_test_threads();
    struct rv_callable *job;
    struct rv_pipe_thread worker;
    struct gate gate;

    gate_init(&gate);
    job = new_gate_call(&gate);
    cr_assert_eq(rv_pipe_thread_start(&worker, kind), 0);
    cr_assert_eq(rv_pipe_thread_submit(&worker, job), 0);
    gate_wait(&gate);
    if (!has_passed(i))
        gate_open(&gate, 1);
    cr_assert_eq(rv_pipe_thread_stop(&worker, rv_test_time(i)),
                 has_passed(i) ? -ETIMEDOUT : 0, "%d", i);
    if (has_passed(i))
        gate_open(&gate, 1);
    rv_test_wait_for_threads(threads);
    rv_callable_put(job);
    gate_fini(&gate);
}

RV_TEST(deadline, of_a_worker)
{
    for (int i = 0; i < RV_TEST_TIMES; i++) {
        stop_a_busy_worker(RV_PIPE_THREAD_PTHREAD, i);
        if (rv_thread_supported())
            stop_a_busy_worker(RV_PIPE_THREAD_BARE, i);
    }
}

static void stop_a_busy_cpu_pool(int i)
{
    const uint32_t threads = rv_test_threads();
    struct rv_runtime *runtime = start_jobs(BY_REACTOR, 1);
    struct rv_callable *callable;
    struct rv_cpu_pool *before;
    struct rv_cpu_pool *pool;
    struct rv_probe probe;
    struct rv_cpu cpu;
    struct gate gate;

    gate_init(&gate);
    rv_probe_init(&probe);
    cr_assert_eq(rv_cpu_pool_new(&pool, rv_runtime_executor(runtime), NULL), 0);
    before = rv_cpu_enter(pool);
    callable = new_gate_call(&gate);
    rv_cpu_init(&cpu, callable);
    poll_once(runtime, &cpu, &probe);
    gate_wait(&gate);
    rv_cpu_enter(before);
    if (!has_passed(i))
        gate_open(&gate, 1);
    cr_assert_eq(rv_cpu_pool_stop(pool, rv_test_time(i)),
                 has_passed(i) ? -ETIMEDOUT : 0, "%d", i);
    if (has_passed(i))
        gate_open(&gate, 1);
    rv_drop(&cpu.future);
    rv_probe_fini(&probe);
    rv_runtime_stop(runtime);
    rv_test_wait_for_threads(threads);
    if (has_passed(i))
        rv_callable_put(callable); /* abandoned by the pool, it belongs to the
                                      pool thread */
    gate_fini(&gate);
}

RV_TEST(deadline, of_the_cpu_pool)
{
    for (int i = 0; i < RV_TEST_TIMES; i++)
        stop_a_busy_cpu_pool(i);
}

/* --- the parker -------------------------------------------------------- */

/* There is no token for a deadline that has passed, and one for RV_NEVER. */
static void park(struct rv_parker *parker)
{
    for (int i = 0; i < RV_TEST_TIMES; i++) {
        if (!has_passed(i))
            rv_parker_unpark(parker);
        cr_assert_eq(rv_parker_park(parker, rv_test_time(i)), !has_passed(i),
                     "%d", i);
    }
}

RV_TEST(deadline, of_a_parker)
{
    struct rv_parker parker;

    rv_parker_init(&parker);
    park(&parker);
}

RV_TEST(deadline, of_a_parker_that_sleeps_in_epoll)
{
    struct rv_executor *executor;
    struct rv_reactor *reactor;

    cr_assert_eq(rv_executor_new(&executor), 0);
    cr_assert_eq(rv_reactor_start_fused(&reactor, rv_executor_ready(executor)),
                 0);
    park(rv_ready_parker(rv_executor_ready(executor)));
    rv_executor_free(executor);
    rv_reactor_stop(reactor);
}

/* --- futures ----------------------------------------------------------- */

static enum rv_poll pending_poll(struct rv_future *future, struct rv_cx *cx)
{
    (void)future, (void)cx;
    return RV_PENDING;
}

static const struct rv_future_ops pending_ops = {.name = "pending",
                                                 .poll = pending_poll};

/* A future that is READY at once, or never. */
static struct rv_future *child_of(struct rv_yield *yield, bool ever)
{
    rv_yield_init(yield);
    if (!ever)
        rv_future_init(&yield->future, &pending_ops);
    return &yield->future;
}

static struct rv_runtime *start_mode(enum rv_reactor_mode mode)
{
    const struct rv_runtime_options options = {.reactor = mode};
    struct rv_runtime *runtime;

    cr_assert_eq(rv_runtime_start_with(&runtime, &options), 0);
    return runtime;
}

/* RV_NEVER: an hour by a clock that jumps does not end it. */
static void sleep_and_time_out(struct rv_executor *executor, int i)
{
    struct rv_timeout timeout;
    struct rv_timeout outer;
    struct rv_sleep sleep;
    struct rv_yield yield;

    rv_timeout_init(&timeout, child_of(&yield, !has_passed(i)),
                    rv_test_time(i));
    cr_assert_eq(rv_block_on(executor, &timeout.future),
                 has_passed(i) ? -ETIMEDOUT : 0);
    rv_sleep_init(&sleep, rv_test_time(i));
    rv_timeout_init(&outer, &sleep.future, rv_after_ms(20));
    cr_assert_eq(rv_block_on(executor, &outer.future),
                 has_passed(i) ? 0 : -ETIMEDOUT);
}

RV_TEST(deadline, of_a_sleep_and_a_timeout)
{
    for (int i = 0; i < RV_TEST_TIMES; i++) {
        struct rv_runtime *split = start_mode(RV_REACTOR_THREAD);
        struct rv_runtime *fused;

        sleep_and_time_out(rv_runtime_executor(split), i);
        rv_runtime_stop(split);
        fused = start_mode(RV_REACTOR_FUSED);
        sleep_and_time_out(rv_runtime_executor(fused), i);
        rv_runtime_stop(fused);
    }
}

RV_TEST(deadline, of_a_sleep_near_the_end_of_time)
{
    static const int64_t left_ns[] = {0, 1, 1 << 20, RV_NS_PER_S};

    for (size_t i = 0; i < sizeof left_ns / sizeof left_ns[0]; i++) {
        struct rv_runtime *runtime;

        rv_clock_freeze(RV_NEVER - left_ns[i]);
        runtime = start_mode(RV_REACTOR_THREAD);
        for (int n = 0; n < RV_TEST_PAST_TIMES; n++)
            sleep_and_time_out(rv_runtime_executor(runtime), n);
        rv_runtime_stop(runtime);
        rv_clock_thaw();
    }
}

static int32_t sleep_in_a_coroutine(void *arg)
{
    for (int i = 0; i < RV_TEST_PAST_TIMES; i++)
        if (rv_coro_sleep_until(rv_test_time(i)) != 0)
            return i + 1;
    (void)arg;
    return 0;
}

RV_TEST(deadline, of_a_sleep_in_a_coroutine_and_in_a_task)
{
    struct rv_executor *executor;
    struct rv_sched *sched;
    struct rv_join join;

    cr_assert_eq(rv_executor_new(&executor), 0);
    cr_assert_eq(
        rv_coro_spawn(executor, sleep_in_a_coroutine, NULL, NULL, &join), 0);
    cr_assert_eq(rv_test_block_on(executor, &join.future), 0);
    rv_join_drop(&join);
    rv_executor_free(executor);
    cr_assert_eq(rv_sched_start(&sched, NULL), 0);
    cr_assert_eq(rv_sched_run(sched, sleep_in_a_coroutine, NULL), 0);
    rv_sched_stop(sched);
}

RV_TEST(deadline, of_a_dial)
{
    struct wire wire;

    cr_assert_eq(wire_listen(&wire, "127.0.0.1"), 0);
    for (int i = 0; i < RV_TEST_TIMES; i++) {
        struct rv_dial dial;
        int result;

        rv_dial_init(&dial, "127.0.0.1", rv_addr_port(&wire.addr),
                     rv_test_time(i), &wire.client);
        result = rv_test_block_on(wire.executor, &dial.future);
        rv_drop(&dial.future);
        /* A future that is READY at the first poll may win over the
         * deadline. */
        cr_assert(result == 0 || (has_passed(i) && result == -ETIMEDOUT),
                  "%d: %d", i, result);
        rv_stream_close(&wire.client);
    }
    wire_close(&wire);
}

/* --- intervals --------------------------------------------------------- */

static const enum rv_tick_policy policies[] = {RV_TICK_BURST, RV_TICK_DELAY,
                                               RV_TICK_SKIP};

RV_TEST(deadline, of_the_ticks_of_an_interval)
{
    static const int64_t periods[] = {1, RV_NS_PER_S, INT64_MAX - 1, INT64_MAX};
    struct rv_executor *executor;

    cr_assert_eq(rv_executor_new(&executor), 0);
    for (int n = 0; n < RV_TEST_PAST_TIMES * 4 * 3; n++) {
        const int64_t first_ns = rv_test_time(n % RV_TEST_PAST_TIMES);
        struct rv_interval interval;

        rv_interval_init(&interval, first_ns,
                         periods[n / RV_TEST_PAST_TIMES % 4],
                         policies[n / RV_TEST_PAST_TIMES / 4]);
        rv_interval_next(&interval);
        cr_assert_gt(rv_test_block_on(executor, &interval.future), 0);
        cr_assert_eq(interval.tick_ns, first_ns);
        rv_drop(&interval.future);
    }
    rv_executor_free(executor);
}
