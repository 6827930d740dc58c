/* SPDX-License-Identifier: MIT */
/*
 * hosts.h - one test of a plain call, run by each host of coroutines.
 *
 *     RV_HOST_TEST(await, a_deadline_in_the_past_tries_once)
 *     {
 *         HOST_CHECK(rv_await_until(&never.future, 0) == -ETIMEDOUT);
 *         return 0;
 *     }
 *
 * The body is a coroutine. It runs three times, as three tests: NAME_split in a
 * task of an executor beside a reactor thread, NAME_fused with the reactor in
 * the executor's thread, NAME_sched in a task of a scheduler with two workers.
 * Criterion's assertions do not work on a coroutine's stack: the body uses
 * HOST_CHECK(), and returns 0.
 *
 * Threads: any; each function says if it is for a coroutine.
 */
#ifndef RV_TEST_HOSTS_H
#define RV_TEST_HOSTS_H

#include <reveil/sched.h>

#include "support/machine.h"
#include "support/support.h"

enum rv_host { RV_HOST_SPLIT, RV_HOST_FUSED, RV_HOST_SCHED, RV_HOSTS };

/* Ends the body if the condition is false; the test names the line. */
#define HOST_CHECK(cond)      \
    do {                      \
        if (!(cond))          \
            return -__LINE__; \
    } while (0)

#define RV_HOST_TEST(suite, name)                                             \
    static int32_t suite##_##name##_entry(void *arg);                         \
    RV_TEST(suite, name##_split)                                              \
    {                                                                         \
        rv_host_check(                                                        \
            rv_host_run(RV_HOST_SPLIT, suite##_##name##_entry, NULL), #name); \
    }                                                                         \
    RV_TEST(suite, name##_fused)                                              \
    {                                                                         \
        rv_host_check(                                                        \
            rv_host_run(RV_HOST_FUSED, suite##_##name##_entry, NULL), #name); \
    }                                                                         \
    RV_TEST(suite, name##_sched)                                              \
    {                                                                         \
        rv_host_check(                                                        \
            rv_host_run(RV_HOST_SCHED, suite##_##name##_entry, NULL), #name); \
    }                                                                         \
    static int32_t suite##_##name##_entry(void *arg __attribute__((unused)))

/* Private. Fail the test if a body did not return 0. */
static inline void rv_host_check(int32_t result, const char *name)
{
    cr_assert_eq(result, 0, "%s: failed in line %d", name, -result);
}

/* --- outside of coroutines --------------------------------------------- */

/* Private. A coroutine's result, also if its task is aborted. */
struct rv_host_call {
    rv_coro_entry entry;
    void *arg;
    int32_t result;
};

static inline int32_t rv_host_call_run(void *arg)
{
    struct rv_host_call *call = arg;

    call->result = call->entry(call->arg);
    return 0;
}

static inline struct rv_sched *rv_host_start_sched(void)
{
    const struct rv_sched_options options = {.workers = 2,
                                             .ring.off = machine_wants_pool()};
    struct rv_sched *sched;

    cr_assert_eq(rv_sched_start(&sched, &options), 0);
    return sched;
}

static inline struct rv_runtime *rv_host_start_runtime(enum rv_host host)
{
    const struct rv_runtime_options options = {
        .reactor = host == RV_HOST_FUSED ? RV_REACTOR_FUSED : RV_REACTOR_THREAD,
        .ring.off = machine_wants_pool()};
    struct rv_runtime *runtime;

    cr_assert_eq(rv_runtime_start_with(&runtime, &options), 0);
    return runtime;
}

/* Run entry(arg) in a coroutine of this host. Returns: its result. */
static inline int32_t rv_host_run(enum rv_host host, rv_coro_entry entry,
                                  void *arg)
{
    struct rv_runtime *runtime;
    struct rv_sched *sched;
    struct rv_join join;
    int32_t result;

    if (host == RV_HOST_SCHED) {
        sched = rv_host_start_sched();
        result = rv_sched_run(sched, entry, arg);
        rv_sched_stop(sched);
        return result;
    }
    runtime = rv_host_start_runtime(host);
    cr_assert_eq(
        rv_coro_spawn(rv_runtime_executor(runtime), entry, arg, NULL, &join),
        0);
    result = rv_test_block_on(rv_runtime_executor(runtime), &join.future);
    rv_join_drop(&join);
    rv_runtime_stop(runtime);
    return result;
}

/*
 * Run entry(arg) until it waits for the first time (in the scheduler: until
 * all threads sleep), then cancel it. Returns: its result.
 */
static inline int32_t rv_host_run_canceled(enum rv_host host,
                                           rv_coro_entry entry, void *arg)
{
    struct rv_host_call call = {entry, arg, -1};
    struct rv_runtime *runtime;
    struct rv_sched *sched;
    struct rv_yield yield;
    struct rv_join join;

    if (host == RV_HOST_SCHED) {
        sched = rv_host_start_sched();
        cr_assert_eq(
            rv_sched_go(sched, NULL, "canceled", rv_host_call_run, &call), 0);
        rv_test_wait_for_sleep();
        rv_sched_stop(sched);
        return call.result;
    }
    runtime = rv_host_start_runtime(host);
    cr_assert_eq(rv_coro_spawn(rv_runtime_executor(runtime), rv_host_call_run,
                               &call, NULL, &join),
                 0);
    rv_yield_init(&yield);
    cr_assert_eq(rv_runtime_block_on(runtime, &yield.future), 0);
    rv_join_abort(&join);
    rv_join_drop(&join);
    rv_runtime_stop(runtime);
    return call.result;
}

/* --- in a coroutine: a second one beside it ----------------------------- */

/* A coroutine in the same host as the caller. All zero is none. */
struct rv_host_task {
    struct rv_join join;
    struct rv_go go;
    bool on_sched;
};

/* Returns: 0, or an error; then it does not run. */
static inline int rv_host_start(struct rv_host_task *task, rv_coro_entry entry,
                                void *arg)
{
    task->on_sched = rv_sched_current() != NULL;
    if (task->on_sched)
        return rv_go(&task->go, entry, arg);
    return rv_coro_spawn(rv_executor_current(), entry, arg, NULL, &task->join);
}

/* The handle as a future. */
static inline struct rv_future *rv_host_future(struct rv_host_task *task)
{
    return task->on_sched ? &task->go.future : &task->join.future;
}

/* Wait for its end. Returns: its result. */
static inline int32_t rv_host_join(struct rv_host_task *task)
{
    int32_t result;

    if (task->on_sched)
        return rv_go_join(&task->go);
    result = rv_await(&task->join.future);
    rv_join_drop(&task->join);
    return result;
}

#endif /* RV_TEST_HOSTS_H */
