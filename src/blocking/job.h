/* SPDX-License-Identifier: MIT */
/*
 * job.h - a call for the pool, inside an object of another part.
 *
 * Calls go one way: a future uses the pool, and the pool knows only jobs.
 */
#ifndef RV_BLOCKING_JOB_H
#define RV_BLOCKING_JOB_H

#include <reveil/blocking.h>

#include "blocking/query.h"

/*
 * The state of a job. It changes only under the pool's mutex, and only forward.
 *
 * QUEUED: The job is in one of the pool's queues and the call has not been
 * made. rv_blocking_submit() sets it. A job in this state can still be
 * canceled: unlinking it under the mutex guarantees that the call is not made.
 *
 * RUNNING: A pool thread has removed the job from its queue and makes the call,
 * without the mutex. Set by that thread. The call cannot be stopped any more;
 * the argument is lent to it until the state is DONE.
 *
 * DONE: `result` is valid and no pool thread uses the job or the argument. Set
 * by the thread that made the call, or by rv_blocking_pool_stop() for a job
 * that was still QUEUED (with -ECANCELED). Never set on a job that a dropped
 * future has taken out of its queue: that job is freed instead.
 *
 * `detached` is set by rv_blocking_detach() when the future is dropped. On a
 * RUNNING job it makes the pool thread the sole owner, which releases the job
 * after the call. In the other states rv_blocking_detach() releases it itself.
 */
enum rv_job_state { RV_JOB_QUEUED, RV_JOB_RUNNING, RV_JOB_DONE };

/* Embed it in what the call works on: one allocation, one owner. */
struct rv_blocking_job {
    /* Set before the job is submitted; constant afterwards. */
    rv_blocking_call call;
    void *arg;
    enum rv_blocking_class class_;
    /* Frees the memory that the job is in, after its future was dropped. Called
     * once, on any thread. `result` is valid if the state is DONE; in any other
     * state the call was not made. */
    void (*release)(struct rv_blocking_job *job);

    /* The pool that has it: a reference until rv_blocking_poll_job() returns
     * true or rv_blocking_detach() is called. */
    struct rv_blocking_pool *pool;

    /* Protected by the pool's mutex. */
    struct rv_list node;
    enum rv_job_state state;
    int32_t result;
    bool detached; /* the future was dropped */
    struct rv_waker waker;
};

/*
 * Queue a job on the pool that this thread entered.
 *
 * Owns:    on success the pool or its thread may use the job, until
 * rv_blocking_poll_job() returns true or `release` is called.
 * Returns: 0; -ENODEV: this thread has no pool; -EAGAIN: there is no pool
 * thread and none can be created; -ECANCELED: the pool was stopped; -ESTALE:
 * after fork().
 */
int rv_blocking_submit(struct rv_blocking_job *job);

/*
 * Fetch the result, or store the waker in place of an earlier one.
 *
 * Owns:    after true, the caller owns the job again.
 * Returns: true when the job is DONE.
 */
bool rv_blocking_poll_job(struct rv_blocking_job *job,
                          const struct rv_waker *waker, int32_t *result);

/*
 * The future is dropped before it saw the result. Releases the job now, or
 * leaves that to the pool thread if the call is running.
 */
void rv_blocking_detach(struct rv_blocking_job *job);

#endif /* RV_BLOCKING_JOB_H */
