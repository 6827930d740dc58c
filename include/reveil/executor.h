/* SPDX-License-Identifier: MIT */
/*
 * executor.h - poll tasks on one thread, and sleep when none is ready.
 *
 *     rv_executor_new(&executor);
 *     rv_block_on(executor, &main_future);       spawn, poll, park, ... done
 *     rv_executor_free(executor);
 *
 * An executor consists of a slab of tasks (an id is an index and a generation),
 * a ready queue of ids, a timing wheel and a parker. It takes the ready queue
 * in batches and polls each batch in order. A task that wakes itself is polled
 * again in the next batch.
 */
#ifndef RV_EXECUTOR_H
#define RV_EXECUTOR_H

#include <reveil/future.h>

RV_BEGIN_DECLS

/* At most one per thread. Opaque: wakers on other threads refer to parts of it.
 */
struct rv_executor;

/* Make an executor for the calling thread. Returns: 0, -ENOMEM. */
int rv_executor_new(struct rv_executor **out);

/*
 * Drop all remaining tasks, then free the executor. Wakers that still exist
 * stay valid and do nothing.
 *
 * In a child of fork() this frees a copy (runtime.h). If the fork was inside a
 * poll, the memory of the executor and of the polled task is not freed.
 *
 * Threads: the one that made it. Misuse: a call inside one of its own polls.
 */
void rv_executor_free(struct rv_executor *executor);

/*
 * Poll `future` and all tasks of the executor until `future` is READY. Tasks
 * that have not finished continue in the next call.
 *
 * Owns:    the caller keeps `future` and drops it.
 * Threads: the executor's.   Blocks: the thread.
 * Returns: the future's result; -EDEADLK: called inside a poll; -ENOMEM;
 *          -ESTALE in a child of fork(). If the fork was inside a poll of this
 *          call, the child returns -ESTALE after that poll.
 */
int rv_block_on(struct rv_executor *executor, struct rv_future *future);

/* Its ready queue, for rv_reactor_start_fused(). Borrowed: it belongs to the
 * executor. */
struct rv_ready *rv_executor_ready(const struct rv_executor *executor);

/* The executor that is polling on this thread; NULL if there is none, and in a
 * child of fork(). */
struct rv_executor *rv_executor_current(void);

/* The number of unfinished tasks, including the future of rv_block_on().
 * Threads: the executor's. */
uint32_t rv_executor_tasks(const struct rv_executor *executor);

/*
 * Have memory for `tasks` tasks at once, so that a spawn of up to that many
 * does not allocate; without this, the memory grows with the greatest number of
 * tasks so far. It is never given back. A task that was aborted while it was
 * ready counts until the executor's next turn.
 *
 * Threads: the executor's. Returns: 0; -ENOMEM: some of it may be there.
 */
int rv_executor_reserve(struct rv_executor *executor, uint32_t tasks);

/* --- tasks ------------------------------------------------------------- */

/*
 * A handle on a spawned task. The future is READY when the task has ended, with
 * the task's result, or with -ECANCELED if it was aborted. Embed it; it must
 * not move before the task has ended. All zero is "no task". A task that waits
 * for its own end ends the program with a message; so does a coroutine that
 * ends with a join on its stack whose task has not ended.
 */
struct rv_join {
    struct rv_future future;
    struct rv_executor *executor; /* private, as are the rest */
    uint64_t task;
    struct rv_future *output; /* the finished future, owned */
    struct rv_waker waiter;
    uint32_t *counted; /* where it counts while the task runs; or NULL */
};

/*
 * Make a task of a future. Its first poll is after this call.
 *
 * Owns:    on success the executor owns `future`, memory from rv_alloc(), and
 *          drops and frees it when the task ends. On error it is untouched.
 * join:    the handle to wait for the task; or NULL: the task is detached.
 * Threads: the executor's, inside and outside of polls.
 * Returns: 0; -ENOMEM; -ECANCELED: the executor is being freed; -ESTALE: the
 *          executor belongs to a parent process.
 */
#define rv_spawn(executor, future, join) \
    rv_spawn_at((executor), (future), (join), RV_HERE)

/* rv_spawn() with the place in the source, which the table of tasks shows
 * (task_dump.h). where: a constant string, or NULL. */
int rv_spawn_at(struct rv_executor *executor, struct rv_future *future,
                struct rv_join *join, const char *where);

/*
 * The finished future of the task, whose fields hold the output; NULL if the
 * task was aborted. Valid from when `join` is READY until it is dropped.
 */
struct rv_future *rv_join_output(const struct rv_join *join);

/*
 * Cancel the task: its future is dropped now. A task that aborts itself is
 * dropped at the end of that poll, unless the poll finishes it. `join` gets
 * -ECANCELED. A no-op if the task has ended.
 *
 * Threads: the executor's.
 */
void rv_join_abort(struct rv_join *join);

/*
 * Release the handle, as rv_drop(&join->future) does. A task that has not
 * finished continues, detached; the output of a finished one is freed.
 */
void rv_join_drop(struct rv_join *join);

/* --- time -------------------------------------------------------------- */

/* A node in the executor's timing wheel. Private. */
struct rv_wheel_timer {
    struct rv_list node;
    int64_t deadline_ns;
};

/* READY at a point in time, never before it. A coroutine that ends with a sleep
 * on its stack that is pending ends the program with a message: see coro.h. */
struct rv_sleep {
    struct rv_future future;
    struct rv_wheel_timer timer;  /* private, as are the rest */
    struct rv_executor *executor; /* while it is in the wheel */
    uint64_t task;
    uint32_t *counted; /* where it counts while it is there; or NULL */
};

/* Sleep until `deadline_ns` (CLOCK_MONOTONIC). On a thread that is not busy it
 * ends at most 1 ms later. */
void rv_sleep_init(struct rv_sleep *sleep, int64_t deadline_ns);

/* READY at its second poll: the other ready tasks are polled in between. */
struct rv_yield {
    struct rv_future future;
};

/* It may be initialized again when it is READY or dropped. */
void rv_yield_init(struct rv_yield *yield);

RV_END_DECLS

#endif /* RV_EXECUTOR_H */
