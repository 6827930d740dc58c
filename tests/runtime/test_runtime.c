/* SPDX-License-Identifier: MIT */
/*
 * test_runtime.c - all parts together: started and stopped in order, shared by
 * threads, and without memory, descriptors or threads.
 *
 * Threads: the test's, the reactor's, and helpers with executors of their own.
 */
#include <criterion/criterion.h>

#include <errno.h>
#include <pthread.h>
#include <reveil/runtime.h>
#include <sys/resource.h>

#include "runtime/round_trip.h"
#include "support/failing_alloc.h"
#include "support/support.h"

RV_TEST_SUITE(runtime);

static const struct rv_runtime_options threaded = {.reactor =
                                                       RV_REACTOR_THREAD};
static const struct rv_runtime_options fused = {.reactor = RV_REACTOR_FUSED};

static struct rv_runtime *start(const struct rv_runtime_options *options)
{
    struct rv_runtime *runtime;

    cr_assert_eq(rv_runtime_start_with(&runtime, options), 0);
    return runtime;
}

/* The life of a runtime, with one round trip. */
static int whole_life(void *arg)
{
    struct rv_runtime *runtime;
    int result = rv_runtime_start_with(&runtime, arg);

    if (result < 0)
        return result;
    result = round_trip(rv_runtime_executor(runtime));
    rv_runtime_stop(runtime);
    return result;
}

/* --- start and stop ---------------------------------------------------- */

RV_TEST(runtime, block_on_gives_the_result_of_the_future)
{
    struct rv_runtime *runtime;
    struct trip trip;

    cr_assert_eq(rv_runtime_start(&runtime), 0);
    trip_init(&trip);
    cr_assert_eq(rv_runtime_block_on(runtime, &trip.future), 0);
    cr_assert_eq(memcmp(trip.text, "hello", TRIP_BYTES), 0);
    rv_drop(&trip.future);
    rv_runtime_stop(runtime);
}

static int32_t answer(void *arg)
{
    (void)arg;
    return 42;
}

/* A call on the pool, which only a real thread can end, then 100 hours. */
static void live_in_virtual_time(const struct rv_runtime_options *options)
{
    const int64_t end_ns = INT64_C(360000) * RV_NS_PER_S;
    struct rv_runtime *runtime;
    struct rv_blocking call;
    struct rv_sleep sleep;

    rv_clock_freeze(0);
    runtime = start(options);
    rv_blocking_init(&call, answer, NULL, NULL);
    cr_assert_eq(rv_runtime_block_on(runtime, &call.future), 42);
    cr_assert_eq(rv_now_ns(), 0);
    rv_sleep_init(&sleep, end_ns);
    cr_assert_eq(rv_runtime_block_on(runtime, &sleep.future), 0);
    cr_assert_geq(rv_now_ns(), end_ns);
    rv_runtime_stop(runtime);
    rv_clock_thaw();
}

RV_TEST(runtime, in_virtual_time_it_parks_for_calls_and_jumps_for_timers)
{
    live_in_virtual_time(&threaded);
    live_in_virtual_time(&fused);
}

RV_TEST(runtime, its_reactor_is_the_current_one_until_the_stop)
{
    struct rv_runtime *outer = start(NULL);
    struct rv_runtime *inner = start(&threaded);

    cr_assert_eq(rv_reactor_current(), rv_runtime_reactor(inner));
    rv_runtime_stop(inner);
    cr_assert_eq(rv_reactor_current(), rv_runtime_reactor(outer));
    rv_runtime_stop(outer);
    cr_assert_null(rv_reactor_current());
}

RV_TEST(runtime, the_fused_mode_needs_no_thread)
{
    const uint32_t threads = rv_test_threads();
    struct rv_runtime *runtime = start(&fused);

    cr_assert_eq(round_trip(rv_runtime_executor(runtime)), 0);
    cr_assert_eq(rv_test_threads(), threads);
    rv_runtime_stop(runtime);
}

RV_TEST(runtime, tasks_spawned_before_block_on_run_in_it)
{
    struct rv_runtime *runtime = start(NULL);
    struct rv_executor *executor = rv_runtime_executor(runtime);
    struct rv_stream listener = {0};
    struct rv_addr addr;
    struct rv_join join;

    rv_addr_parse(&addr, "127.0.0.1", 0);
    cr_assert_eq(rv_tcp_listen(&listener, &addr), 0);
    cr_assert_eq(spawn_echo(executor, &listener, &join), 0);
    cr_assert_eq(round_trip(executor), 0);

    /* It waits for a connection that never comes: the stop drops it. */
    cr_assert_eq(rv_executor_tasks(executor), 1);
    rv_stream_close(&listener);
    rv_runtime_stop(runtime);
    cr_assert_eq(join.future.result, -ECANCELED);
    rv_join_drop(&join);
}

/* Start and stop. One in 20 lives has a round trip in between, which occupies a
 * port for a minute. */
static void start_and_stop_often(const struct rv_runtime_options *options,
                                 int times)
{
    uint32_t threads;
    uint32_t fds;

    rv_count_allocs(0);
    cr_assert_eq(whole_life((void *)options), 0);
    fds = rv_test_fds();
    threads = rv_test_threads();
    for (int i = 1; i < times; i++) {
        if (i % 20 == 0)
            cr_assert_eq(whole_life((void *)options), 0, "start %d", i);
        else
            rv_runtime_stop(start(options));
    }

    cr_assert_eq(rv_stop_counting_allocs(), 0);
    cr_assert_eq(rv_test_fds(), fds);
    rv_test_wait_for_threads(threads);
}

RV_TEST(runtime, a_thousand_starts_and_stops_leave_nothing)
{
    start_and_stop_often(&threaded, 1000);
}

RV_TEST(runtime, nor_do_a_thousand_in_the_fused_mode)
{
    start_and_stop_often(&fused, 1000);
}

/* --- executors on threads ---------------------------------------------- */

enum { THREADS = 4, TRIPS = 50 };

struct traveller {
    struct rv_reactor *reactor;
    pthread_t thread;
    int arrived;
};

static void *travel(void *arg)
{
    struct traveller *self = arg;
    struct rv_executor *executor;

    rv_reactor_enter(self->reactor);
    if (rv_executor_new(&executor) < 0)
        return NULL;
    for (int i = 0; i < TRIPS; i++)
        self->arrived += round_trip(executor) == 0;
    rv_executor_free(executor);
    return NULL;
}

RV_TEST(runtime, executors_on_several_threads_share_the_reactor)
{
    struct rv_runtime *runtime = start(&threaded);
    struct traveller travellers[THREADS] = {0};

    for (int i = 0; i < THREADS; i++) {
        travellers[i].reactor = rv_runtime_reactor(runtime);
        pthread_create(&travellers[i].thread, NULL, travel, &travellers[i]);
    }
    for (int i = 0; i < TRIPS; i++)
        cr_assert_eq(round_trip(rv_runtime_executor(runtime)), 0);
    for (int i = 0; i < THREADS; i++) {
        pthread_join(travellers[i].thread, NULL);
        cr_assert_eq(travellers[i].arrived, TRIPS);
    }
    rv_runtime_stop(runtime);
}

/* --- when something runs out ------------------------------------------- */

RV_TEST(runtime, each_failing_allocation_is_enomem_and_leaves_nothing)
{
    cr_assert_gt(rv_fail_each_alloc_strictly(whole_life, (void *)&threaded), 7);
}

RV_TEST(runtime, so_it_is_in_the_fused_mode)
{
    cr_assert_gt(rv_fail_each_alloc_strictly(whole_life, (void *)&fused), 7);
}

/* The scenario with descriptors below `limit` only. */
static int with_few_fds(const struct rv_runtime_options *options, rlim_t limit)
{
    struct rlimit all;
    struct rlimit few;
    int result;

    getrlimit(RLIMIT_NOFILE, &all);
    few = (struct rlimit){.rlim_cur = limit, .rlim_max = all.rlim_max};
    cr_assert_eq(setrlimit(RLIMIT_NOFILE, &few), 0);
    result = whole_life((void *)options);
    cr_assert_eq(setrlimit(RLIMIT_NOFILE, &all), 0);
    return result;
}

/* Raise the limit one by one until the scenario succeeds. */
static void run_out_of_fds(const struct rv_runtime_options *options)
{
    const uint32_t fds = rv_test_fds();
    const uint32_t threads = rv_test_threads();
    rlim_t limit = 0;
    int failures = 0;
    int result;

    rv_count_allocs(0);
    while ((result = with_few_fds(options, limit)) != 0) {
        cr_assert_eq(result, -EMFILE, "%d descriptors: %d", (int)limit, result);
        cr_assert_eq(rv_test_fds(), fds, "%d descriptors: left", (int)limit);
        cr_assert_eq(rv_alloc_live(), 0, "%d descriptors: memory", (int)limit);
        rv_test_wait_for_threads(threads);
        failures++;
        cr_assert_lt(++limit, 1000, "it never gets through");
    }
    cr_assert_eq(rv_stop_counting_allocs(), 0);
    /* epoll, eventfd, listener, and both ends of a connection. */
    cr_assert_geq(failures, 5);
}

RV_TEST(runtime, each_missing_descriptor_is_emfile_and_leaves_nothing)
{
    run_out_of_fds(&threaded);
}

RV_TEST(runtime, so_is_each_one_in_the_fused_mode)
{
    run_out_of_fds(&fused);
}

/* More than the address space has: no thread with such a stack can be created.
 * A limit on the number of threads would not apply to root. */
static const size_t impossible_stack_bytes = (size_t)1 << 46;

RV_TEST(runtime, without_threads_it_is_eagain_and_leaves_nothing)
{
    struct rv_runtime *runtime = NULL;
    pthread_attr_t standard;
    pthread_attr_t impossible;

    cr_assert_eq(pthread_getattr_default_np(&standard), 0);
    pthread_attr_init(&impossible);
    cr_assert_eq(pthread_attr_setstacksize(&impossible, impossible_stack_bytes),
                 0);
    cr_assert_eq(pthread_setattr_default_np(&impossible), 0);
    rv_count_allocs(0);

    cr_assert_eq(rv_runtime_start(&runtime), -EAGAIN);
    cr_assert_eq(rv_stop_counting_allocs(), 0);
    cr_assert_null(rv_reactor_current());

    cr_assert_eq(pthread_setattr_default_np(&standard), 0);
    cr_assert_eq(whole_life(NULL), 0);
    pthread_attr_destroy(&standard);
    pthread_attr_destroy(&impossible);
}
