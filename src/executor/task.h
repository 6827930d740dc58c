/* SPDX-License-Identifier: MIT */
/*
 * task.h - for the parts that make tasks of their own futures.
 *
 * Threads: the executor's.
 */
#ifndef RV_TASK_H
#define RV_TASK_H

#include <reveil/executor.h>

/*
 * What is special about a task. The caller of rv_task_spawn() sets BORROWED or
 * EMBEDDED, or none of them, and AWAITS. The executor sets the other two.
 *
 * RV_TASK_BORROWED: The future belongs to the caller, who drops and frees it.
 * The executor only polls it. Such a task has no join handle.
 *
 * RV_TASK_EMBEDDED: The future lies inside an object that its drop function
 * frees. The executor calls that function once, at the end of the task, and
 * never rv_free(). A join handle gets the result, but not the future.
 *
 * RV_TASK_ABORTED: rv_task_abort() was called during a poll of this task. The
 * poll continues; the executor ends the task when it returns. The flag is never
 * set on a task that is not being polled.
 *
 * RV_TASK_AWAITS: The future is the first member of a struct rv_awaiter: the
 * task is a coroutine, or a wait of one.
 *
 * RV_TASK_LAST: rv_block_on() returns when this task has ended, so the
 * executor then ends the batch early.
 */
enum rv_task_flag {
    RV_TASK_ABORTED = 1,
    RV_TASK_BORROWED = 2,
    RV_TASK_EMBEDDED = 4,
    RV_TASK_LAST = 8,
    RV_TASK_AWAITS = 16,
};

/*
 * The future of a task that waits for one other future at a time.
 *
 * Two coroutines that wait for the same future are misuse: it has room for one
 * waker, so the first of them would wait for ever. Another task may take a
 * future over, if no wait for it is left.
 */
struct rv_awaiter {
    struct rv_future future;
    struct rv_future *awaited; /* by a task that is suspended; else NULL */
    struct rv_future *polled;  /* by the wait that begins, or has begun */
};

/*
 * rv_spawn() with flags for the task: RV_TASK_BORROWED, RV_TASK_EMBEDDED or 0,
 * and RV_TASK_AWAITS.
 *
 * id: where the task's id is stored before its first poll; with a `join` the id
 *     is in join->task instead.
 * Returns: as rv_spawn().
 */
int rv_task_spawn(struct rv_executor *executor, struct rv_future *future,
                  struct rv_join *join, uint8_t flags, const char *where,
                  uint64_t *id);

/*
 * Make a BORROWED and AWAITS task of a future that is not pushed onto the ready
 * queue: the caller polls it for the first time itself, on the executor's
 * thread, with a waker of the task. Only while the trace is off.
 *
 * Returns: as rv_spawn().
 */
int rv_task_adopt(struct rv_executor *executor, struct rv_future *future,
                  uint64_t *id);

/* Whether this thread may use the executor: it polls for it, or no thread does,
 * or this is a child of fork(), which releases a copy. For checks of misuse. */
bool rv_executor_is_here(const struct rv_executor *executor);

/* Whether this is a child of fork(), which still runs in a poll of its parent.
 */
bool rv_executor_is_copy(void);

/* Cancel the task of this id: now, or at the end of its current poll. Does
 * nothing if the task has ended. */
void rv_task_abort(struct rv_executor *executor, uint64_t id);

/* The future of a task that has not ended; else NULL. */
struct rv_future *rv_task_future(const struct rv_executor *executor,
                                 uint64_t id);

/* The id of the task that is being polled. */
uint64_t rv_task_current(const struct rv_executor *executor);

/* Poll the task once more, if it has not ended. */
void rv_task_wake(const struct rv_executor *executor, uint64_t id);

#endif /* RV_TASK_H */
