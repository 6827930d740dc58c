/* SPDX-License-Identifier: MIT */
/*
 * jobs.h - a runtime whose jobs complete through the ring or the reactor, and
 * tasks that each wait for a job.
 *
 * Threads: the test's.
 */
#ifndef RV_TEST_JOBS_H
#define RV_TEST_JOBS_H

#include <criterion/criterion.h>

#include <reveil/async.h>
#include <reveil/runtime.h>

#include "support/support.h"
#include "thread/pure.h"

/* How completions arrive, and which thread sleeps in epoll. Without io_uring in
 * the kernel they always arrive through the reactor. */
enum { BY_RING, BY_REACTOR, BY_RING_FUSED, BY_REACTOR_FUSED, WAYS };

static inline struct rv_runtime *start_jobs(int way, uint32_t threads)
{
    const struct rv_runtime_options options = {
        .reactor = way >= BY_RING_FUSED ? RV_REACTOR_FUSED : RV_REACTOR_THREAD,
        .ring.off = way == BY_REACTOR || way == BY_REACTOR_FUSED,
        .cpu.threads = threads};
    struct rv_runtime *runtime;

    cr_assert_eq(rv_runtime_start_with(&runtime, &options), 0);
    return runtime;
}

static inline int block_on(struct rv_runtime *runtime, struct rv_future *future)
{
    return rv_test_block_on(rv_runtime_executor(runtime), future);
}

/* Start a job without waiting for it. */
static inline void poll_once(struct rv_runtime *runtime, struct rv_cpu *cpu,
                             const struct rv_probe *probe)
{
    struct rv_cx cx = rv_probe_cx(probe);

    cx.executor = rv_runtime_executor(runtime);
    cr_assert_eq(rv_poll(&cpu->future, &cx), RV_PENDING);
}

/* --- many jobs, a task each -------------------------------------------- */

/* READY when all jobs are complete. */
struct crowd {
    struct rv_future future;
    struct rv_waker waker;
    int left;
    int64_t total; /* of their results */
};

struct one {
    struct rv_future future;
    struct crowd *crowd;
    struct rv_cpu cpu;
};

static inline enum rv_poll one_poll(struct rv_future *future, struct rv_cx *cx)
{
    struct one *self = RV_CONTAINER_OF(future, struct one, future);

    RV_BEGIN(future);
    RV_AWAIT(future, cx, &self->cpu.future);
    cr_assert_geq(self->cpu.future.result, 0);
    self->crowd->total += self->cpu.future.result;
    if (--self->crowd->left == 0)
        rv_waker_wake(&self->crowd->waker);
    RV_RETURN(future, 0);
    RV_END(future);
}

static inline void one_drop(struct rv_future *future)
{
    rv_drop(&RV_CONTAINER_OF(future, struct one, future)->cpu.future);
}

static inline void add_one(struct rv_runtime *runtime, struct crowd *crowd,
                           struct rv_callable *callable)
{
    static const struct rv_future_ops ops = {
        .name = "one", .poll = one_poll, .drop = one_drop};
    struct one *one = rv_alloc(sizeof *one);

    cr_assert_not_null(one);
    rv_future_init(&one->future, &ops);
    one->crowd = crowd;
    rv_cpu_init(&one->cpu, callable);
    cr_assert_eq(rv_spawn(rv_runtime_executor(runtime), &one->future, NULL), 0);
    crowd->left++;
}

static inline enum rv_poll crowd_poll(struct rv_future *future,
                                      struct rv_cx *cx)
{
    struct crowd *self = RV_CONTAINER_OF(future, struct crowd, future);

    if (self->left == 0)
        return RV_READY;
    if (!self->waker.queue)
        self->waker = rv_waker_clone(&cx->waker);
    return RV_PENDING;
}

static inline void crowd_drop(struct rv_future *future)
{
    rv_waker_drop(&RV_CONTAINER_OF(future, struct crowd, future)->waker);
}

static inline void crowd_init(struct crowd *crowd)
{
    static const struct rv_future_ops ops = {
        .name = "crowd", .poll = crowd_poll, .drop = crowd_drop};

    *crowd = (struct crowd){.left = 0};
    rv_future_init(&crowd->future, &ops);
}

static inline void wait_for_all(struct rv_runtime *runtime, struct crowd *crowd)
{
    cr_assert_eq(block_on(runtime, &crowd->future), 0);
    rv_drop(&crowd->future);
}

#endif /* RV_TEST_JOBS_H */
