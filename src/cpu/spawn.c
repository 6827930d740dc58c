/* SPDX-License-Identifier: MIT */
/*
 * spawn.c - a call on a pool thread, as a future.
 *
 * Threads: the executor's. The pool owns the job, because the job may outlive
 * the future: a running call cannot be stopped.
 */
#include "cpu/cpu_internal.h"

#include <errno.h>

#include "base/frames.h"

/* Returns: 0, negative errno. */
static int submit(struct rv_cpu *self, const struct rv_cx *cx)
{
    struct rv_cpu_pool *pool = rv_cpu_current();
    int error;

    if (!pool || pool->executor != cx->executor)
        return -ENODEV;
    error = rv_cpu_submit(pool, self->callable, &cx->waker, &self->job);
    if (error)
        return error;
    rv_cpu_get(pool);
    self->pool = pool;
    return 0;
}

/* From now on only the pool uses the job. */
static void detach(struct rv_cpu *self)
{
    rv_cpu_job_detach(self->job);
    self->job = NULL;
    rv_cpu_put(self->pool);
    self->pool = NULL;
    rv_frames_uncount(&self->counted);
}

static enum rv_poll cpu_poll(struct rv_future *future, struct rv_cx *cx)
{
    struct rv_cpu *self = RV_CONTAINER_OF(future, struct rv_cpu, future);

    if (!self->job) {
        future->result = submit(self, cx);
        if (future->result < 0)
            return RV_READY;
        self->counted = rv_frames_count(cx->frames, self, RV_FRAMES_OPERATIONS);
        return RV_PENDING;
    }
    if (self->job->state == RV_CPU_DONE) {
        future->result = self->job->result;
        detach(self);
        return RV_READY;
    }
    rv_waker_store(&self->job->waker, &cx->waker);
    return RV_PENDING;
}

static void cpu_drop(struct rv_future *future)
{
    struct rv_cpu *self = RV_CONTAINER_OF(future, struct rv_cpu, future);

    if (self->job)
        detach(self);
    if (self->callable)
        rv_callable_put(self->callable);
    self->callable = NULL;
}

void rv_cpu_init(struct rv_cpu *cpu, struct rv_callable *callable)
{
    static const struct rv_future_ops ops = {
        .name = "rv_cpu", .poll = cpu_poll, .drop = cpu_drop};

    *cpu = (struct rv_cpu){.callable = callable};
    rv_future_init(&cpu->future, &ops);
}
