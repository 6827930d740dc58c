/* SPDX-License-Identifier: MIT */
/* blocking_internal.h - what blocking_pool.c and blocking.c share. */
#ifndef RV_BLOCKING_INTERNAL_H
#define RV_BLOCKING_INTERNAL_H

#include <reveil/blocking.h>

/*
 * QUEUED -> RUNNING -> DONE; CANCELED only from QUEUED. A job belongs to two
 * holders, its future and the pool; whoever lets go last frees it, and the
 * argument with it if the future is gone.
 */
enum rv_job_state { RV_JOB_QUEUED, RV_JOB_RUNNING, RV_JOB_DONE };

struct rv_blocking_job {
    /* Set before it is submitted. */
    rv_blocking_call call;
    void *arg;
    void (*free_arg)(void *arg);
    enum rv_blocking_class class_;

    /* The pool's mutex must be held. */
    struct rv_list node;
    enum rv_job_state state;
    int32_t result;
    bool detached; /* the future is gone */
    struct rv_waker waker;
};

struct rv_blocking_pool *rv_blocking_current(void);

/* It is of a parent process. */
bool rv_blocking_is_copy(const struct rv_blocking_pool *pool);

/* Queue a job. Returns: 0, -EAGAIN (no thread), -ECANCELED (stopped). */
int rv_blocking_submit(struct rv_blocking_pool *pool,
                       struct rv_blocking_job *job);

/* Leave the waker, or take the result. Returns: true when it is done. */
bool rv_blocking_poll_job(struct rv_blocking_pool *pool,
                          struct rv_blocking_job *job,
                          const struct rv_waker *waker, int32_t *result);

/* The future goes. Returns: true if the job is the caller's to free now,
 * false if its thread does it after the call. */
bool rv_blocking_detach(struct rv_blocking_pool *pool,
                        struct rv_blocking_job *job);

/* Free a job of a future that is gone, with its argument. */
void rv_blocking_job_free(struct rv_blocking_job *job);

/* The pool lives until its last reference is put: threads, futures, owner. */
void rv_blocking_get(struct rv_blocking_pool *pool);
void rv_blocking_put(struct rv_blocking_pool *pool);

#endif /* RV_BLOCKING_INTERNAL_H */
