/* SPDX-License-Identifier: MIT */
/*
 * tasks.h - what the tests of the scheduler share.
 *
 * Threads: any.
 */
#ifndef RV_TEST_SCHED_TASKS_H
#define RV_TEST_SCHED_TASKS_H

#include <errno.h>
#include <reveil/sched.h>

#include "support/machine.h"
#include "support/support.h"

enum { SCHED_WORKERS = 2 };

static inline struct rv_sched *start_sched(uint32_t workers)
{
    const struct rv_sched_options options = {.workers = workers,
                                             .ring.off = machine_wants_pool()};
    struct rv_sched *sched;

    cr_assert_eq(rv_sched_start(&sched, &options), 0);
    return sched;
}

/* Run fn(arg) on a scheduler of its own. Returns: its result. */
static inline int run_once(uint32_t workers, rv_go_fn fn, void *arg)
{
    struct rv_sched *sched = start_sched(workers);
    const int result = rv_sched_run(sched, fn, arg);

    rv_sched_stop(sched);
    return result;
}

/* Criterion's assertions do not work on other threads: a task returns this. */
#define TASK_CHECK(cond)      \
    do {                      \
        if (!(cond))          \
            return -__LINE__; \
    } while (0)

static inline int32_t return_arg(void *arg)
{
    return (int32_t)(intptr_t)arg;
}

static inline void *int_arg(int32_t number)
{
    return (void *)(intptr_t)number;
}

static inline int32_t sleep_ms(int64_t ms)
{
    struct rv_sleep nap;
    int result;

    rv_sleep_init(&nap, rv_after_ms(ms));
    result = rv_await(&nap.future);
    rv_drop(&nap.future);
    return result;
}

static inline int32_t sleep_for_an_hour(void *arg)
{
    (void)arg;
    return sleep_ms(3600 * 1000);
}

/* --- a future that only another task could end, and none does ---------- */

struct never {
    struct rv_future future;
};

static inline enum rv_poll never_poll(struct rv_future *future,
                                      struct rv_cx *cx)
{
    cx->needs_task = future;
    return RV_PENDING;
}

static inline int32_t await_never(void *arg)
{
    static const struct rv_future_ops ops = {.name = "never",
                                             .poll = never_poll};
    struct never never;

    (void)arg;
    rv_future_init(&never.future, &ops);
    return rv_await(&never.future);
}

#endif /* RV_TEST_SCHED_TASKS_H */
