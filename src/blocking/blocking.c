/* SPDX-License-Identifier: MIT */
/*
 * blocking.c - a call on the blocking pool, as a future.
 *
 * Threads: the executor's.
 *
 * The job is on the heap, not in the future, because it may outlive the future:
 * a call that is running cannot be stopped. While there is a job, its argument
 * is lent to the pool. The loan ends when the future is READY; if the future is
 * dropped first, the pool frees both (see the states in job.h).
 */
#include <errno.h>

#include "base/frames.h"
#include "blocking/job.h"

/* A job of this future. */
struct call {
    struct rv_blocking_job job;
    void (*free_arg)(void *arg);
};

static void release_call(struct rv_blocking_job *job)
{
    struct call *call = RV_CONTAINER_OF(job, struct call, job);

    if (call->free_arg)
        call->free_arg(job->arg);
    rv_free(call);
}

/* Allocate a job and queue it. Returns: 0, negative errno. */
static int submit_call(struct rv_blocking *self)
{
    struct call *call = rv_alloc(sizeof *call);
    int error;

    if (!call)
        return -ENOMEM;
    call->job = (struct rv_blocking_job){.call = self->call,
                                         .arg = self->arg,
                                         .class_ = self->class_,
                                         .release = release_call};
    call->free_arg = self->free_arg;
    error = rv_blocking_submit(&call->job);
    if (error)
        rv_free(call);
    else
        self->job = &call->job;
    return error;
}

static enum rv_poll blocking_poll(struct rv_future *future, struct rv_cx *cx)
{
    struct rv_blocking *self =
        RV_CONTAINER_OF(future, struct rv_blocking, future);

    if (!self->job) {
        future->result = submit_call(self);
        if (future->result < 0)
            return RV_READY;
    }
    if (!rv_blocking_poll_job(self->job, &cx->waker, &future->result)) {
        rv_frames_count_once(&self->counted, cx->frames, self,
                             RV_FRAMES_OPERATIONS);
        return RV_PENDING;
    }
    rv_frames_uncount(&self->counted);
    /* The loan is over: the argument is the caller's again, so it stays. */
    rv_free(RV_CONTAINER_OF(self->job, struct call, job));
    self->job = NULL;
    return RV_READY;
}

static void blocking_drop(struct rv_future *future)
{
    struct rv_blocking *self =
        RV_CONTAINER_OF(future, struct rv_blocking, future);

    if (!self->job)
        return;
    rv_frames_uncount(&self->counted);
    rv_blocking_detach(self->job);
    self->job = NULL;
}

static void init(struct rv_blocking *blocking, rv_blocking_call call, void *arg,
                 void (*free_arg)(void *arg), enum rv_blocking_class class_)
{
    static const struct rv_future_ops ops = {
        .name = "rv_blocking", .poll = blocking_poll, .drop = blocking_drop};

    *blocking = (struct rv_blocking){
        .call = call, .arg = arg, .free_arg = free_arg, .class_ = class_};
    rv_future_init(&blocking->future, &ops);
}

void rv_blocking_init(struct rv_blocking *blocking, rv_blocking_call call,
                      void *arg, void (*free_arg)(void *arg))
{
    init(blocking, call, arg, free_arg, RV_BLOCKING_FAST);
}

void rv_blocking_init_slow(struct rv_blocking *blocking, rv_blocking_call call,
                           void *arg, void (*free_arg)(void *arg))
{
    init(blocking, call, arg, free_arg, RV_BLOCKING_SLOW);
}
