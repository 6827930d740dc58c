/* SPDX-License-Identifier: MIT */
/*
 * test_cpu.c - jobs on the CPU pool: the call, many calls, canceled calls.
 *
 * Every test runs with completions read by the ring, and by the reactor.
 *
 * Threads: the test's, the reactor's and the pool threads.
 */
#include <criterion/criterion.h>

#include <errno.h>
#include <poll.h>

#include "cpu/jobs.h"

RV_TEST_SUITE(cpu);

static void run_sum(struct rv_runtime *runtime, int32_t a, int32_t b)
{
    struct rv_cpu cpu;

    rv_cpu_init(&cpu, new_sum(a, b));
    cr_assert_eq(block_on(runtime, &cpu.future), a + b);
    rv_drop(&cpu.future);
    rv_drop(&cpu.future);
}

/* --- the call ---------------------------------------------------------- */

RV_TEST(cpu, the_result_is_what_the_call_returned)
{
    for (int way = 0; way < WAYS; way++) {
        struct rv_runtime *runtime = start_jobs(way, 2);

        for (int i = 0; i < 100; i++)
            run_sum(runtime, i, 2);
        rv_runtime_stop(runtime);
    }
}

struct words {
    const char *text;
    pthread_t thread;
};

static int32_t closure_call(void *state, void *result)
{
    struct words *words = result;

    *words = *(struct words *)state;
    words->thread = pthread_self();
    return -EDOM;
}

/* A callable that is not pure runs on a thread that the C library knows. */
RV_TEST(cpu, any_closure_runs_on_a_pthread_and_leaves_a_result_of_any_size)
{
    static const struct rv_callable_ops ops = {
        .name = "closure",
        .call = closure_call,
        .state_bytes = sizeof(struct words),
        .result_bytes = sizeof(struct words)};

    for (int way = 0; way < WAYS; way++) {
        struct rv_runtime *runtime = start_jobs(way, 1);
        const struct words words = {.text = "hello"};
        struct rv_callable *callable;
        const struct words *result;
        struct rv_cpu cpu;

        cr_assert_eq(rv_callable_new(&callable, &ops, &words), 0);
        rv_cpu_init(&cpu, callable);
        cr_assert_eq(block_on(runtime, &cpu.future), -EDOM);
        result = rv_callable_result(cpu.callable);
        cr_assert_str_eq(result->text, "hello");
        cr_assert_not(pthread_equal(result->thread, pthread_self()));
        rv_drop(&cpu.future);
        rv_runtime_stop(runtime);
    }
}

RV_TEST(cpu, who_has_no_jobs_pays_nothing)
{
    for (int way = 0; way < WAYS; way++) {
        struct rv_runtime *runtime = start_jobs(way, 2);
        const uint32_t fds = rv_test_fds();
        const uint32_t threads = rv_test_threads();
        struct rv_yield yield;

        rv_yield_init(&yield);
        cr_assert_eq(block_on(runtime, &yield.future), 0);
        cr_assert_eq(rv_cpu_threads(rv_cpu_current()), 0);
        cr_assert_eq(rv_test_fds(), fds);
        cr_assert_eq(rv_test_threads(), threads);
        run_sum(runtime, 1, 1);
        cr_assert_eq(rv_cpu_threads(rv_cpu_current()), 1);
        rv_runtime_stop(runtime);
    }
}

RV_TEST(cpu, without_a_pool_it_is_an_error)
{
    struct rv_runtime *runtime = start_jobs(BY_RING, 1);
    struct rv_cpu_pool *pool = rv_cpu_enter(NULL);
    struct rv_cpu cpu;

    rv_cpu_init(&cpu, new_sum(1, 2));
    cr_assert_eq(block_on(runtime, &cpu.future), -ENODEV);
    rv_drop(&cpu.future);
    rv_cpu_enter(pool);
    rv_runtime_stop(runtime);
}

RV_TEST(cpu, a_callable_is_run_once)
{
    for (int way = 0; way < WAYS; way++) {
        struct rv_runtime *runtime = start_jobs(way, 1);
        struct rv_callable *sum = new_sum(1, 2);
        struct rv_cpu cpu;

        for (int i = 0; i < 2; i++) {
            rv_callable_get(sum);
            rv_cpu_init(&cpu, sum);
            cr_assert_eq(block_on(runtime, &cpu.future), i ? -EALREADY : 3);
            rv_drop(&cpu.future);
        }
        rv_callable_put(sum);
        rv_runtime_stop(runtime);
    }
}

/* --- many -------------------------------------------------------------- */

static void run_hundred_thousand(int way)
{
    enum { JOBS = 100000 };
    struct rv_runtime *runtime = start_jobs(way, 2);
    struct crowd crowd;

    crowd_init(&crowd);
    for (int i = 0; i < JOBS; i++)
        add_one(runtime, &crowd, new_sum(i, 0));
    wait_for_all(runtime, &crowd);
    cr_assert_eq(crowd.total, (int64_t)JOBS * (JOBS - 1) / 2);
    rv_runtime_stop(runtime);
}

RV_TEST(cpu, a_hundred_thousand_jobs_at_once_are_all_run_by_the_ring)
{
    run_hundred_thousand(BY_RING);
}

RV_TEST(cpu, a_hundred_thousand_jobs_at_once_are_all_run_by_the_reactor)
{
    run_hundred_thousand(BY_REACTOR);
}

RV_TEST(cpu, no_more_threads_than_allowed_and_the_rest_waits)
{
    enum { JOBS = 50, LIMIT = 3 };

    for (int way = 0; way < WAYS; way++) {
        struct rv_runtime *runtime = start_jobs(way, LIMIT);
        struct rv_cpu cpus[JOBS];
        struct rv_probe probe;
        struct pollfd entered;
        struct gate gate;

        gate_init(&gate);
        rv_probe_init(&probe);
        for (int i = 0; i < JOBS; i++) {
            rv_cpu_init(&cpus[i], new_gate_call(&gate));
            poll_once(runtime, &cpus[i], &probe);
        }
        for (int i = 0; i < LIMIT; i++)
            gate_wait(&gate);
        entered = (struct pollfd){.fd = gate.entered[0], .events = POLLIN};
        rv_test_wait_for_sleep(); /* no task has another one in hand */
        cr_assert_eq(poll(&entered, 1, 0), 0);
        cr_assert_eq(rv_cpu_threads(rv_cpu_current()), LIMIT);
        gate_open(&gate, JOBS);
        for (int i = 0; i < JOBS; i++) {
            cr_assert_gt(block_on(runtime, &cpus[i].future), 0);
            rv_drop(&cpus[i].future);
        }
        cr_assert_eq(gate.calls, JOBS);
        rv_probe_fini(&probe);
        rv_runtime_stop(runtime);
        gate_fini(&gate);
    }
}

/* CPU_CLASS-5 */
RV_TEST(cpu, what_lies_behind_a_long_job_is_run_by_an_idle_thread)
{
    enum { JOBS = 60 };

    for (int way = 0; way < WAYS; way++) {
        struct rv_runtime *runtime = start_jobs(way, 2);
        struct crowd crowd;
        struct rv_probe probe;
        struct rv_cpu slow;
        struct gate gate;

        gate_init(&gate);
        rv_probe_init(&probe);
        crowd_init(&crowd);
        rv_cpu_init(&slow, new_gate_call(&gate));
        poll_once(runtime, &slow, &probe);
        for (int i = 0; i < JOBS; i++)
            add_one(runtime, &crowd, new_sum(i, 1));
        wait_for_all(runtime, &crowd);
        cr_assert_eq(gate.calls, 0);
        gate_open(&gate, 1);
        cr_assert_eq(block_on(runtime, &slow.future), 1);
        rv_drop(&slow.future);
        rv_probe_fini(&probe);
        rv_runtime_stop(runtime);
        gate_fini(&gate);
    }
}

/* --- canceling --------------------------------------------------------- */

/* With one pool thread that waits at a gate: jobs behind it in its pipe, in the
 * queue pipe and in the list, dropped before they start. */
RV_TEST(cpu, dropped_before_it_begins_the_call_is_not_made)
{
    enum { JOBS = 5000 }; /* more than the queue pipe has room for */
    static struct rv_cpu cpus[JOBS];

    for (int way = 0; way < WAYS; way++) {
        struct rv_runtime *runtime = start_jobs(way, 1);
        struct rv_probe probe;
        struct rv_cpu first;
        struct gate gate;
        struct gate never;

        gate_init(&gate);
        gate_init(&never);
        rv_probe_init(&probe);
        rv_cpu_init(&first, new_gate_call(&gate));
        poll_once(runtime, &first, &probe);
        gate_wait(&gate);
        for (int i = 0; i < JOBS; i++) {
            rv_cpu_init(&cpus[i], new_gate_call(&never));
            poll_once(runtime, &cpus[i], &probe);
        }
        for (int i = JOBS; i-- > 0;) {
            rv_drop(&cpus[i].future);
            rv_drop(&cpus[i].future);
        }
        cr_assert_eq(never.drops, JOBS, "at once");
        gate_open(&gate, 1);
        cr_assert_eq(block_on(runtime, &first.future), 1);
        rv_drop(&first.future);
        run_sum(runtime, 1, 2);
        rv_probe_fini(&probe);
        rv_runtime_stop(runtime);
        cr_assert_eq(never.calls, 0);
        gate_fini(&gate);
        gate_fini(&never);
    }
}

RV_TEST(cpu, dropped_while_it_runs_the_call_ends_by_itself)
{
    for (int way = 0; way < WAYS; way++) {
        struct rv_runtime *runtime = start_jobs(way, 1);
        struct rv_probe probe;
        struct rv_cpu cpu;
        struct gate gate;

        gate_init(&gate);
        rv_probe_init(&probe);
        rv_cpu_init(&cpu, new_gate_call(&gate));
        poll_once(runtime, &cpu, &probe);
        gate_wait(&gate);
        rv_drop(&cpu.future);
        cr_assert_eq(gate.drops, 0, "the call still has its state");
        gate_open(&gate, 1);
        run_sum(runtime, 1, 2); /* its byte comes after the other one */
        cr_assert_eq(gate.calls, 1);
        cr_assert_eq(gate.drops, 1);
        rv_probe_fini(&probe);
        rv_runtime_stop(runtime);
        gate_fini(&gate);
    }
}
