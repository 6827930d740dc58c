/* SPDX-License-Identifier: MIT */
/*
 * executor.h - polls tasks on one thread, and sleeps when none is ready.
 *
 *     rv_executor_new(&executor);
 *     rv_block_on(executor, &main_future);       spawn, poll, park, ... done
 *     rv_executor_free(executor);
 *
 * Inside: a slab of tasks (an id is an index and a generation), a ready queue
 * of ids, a wheel of timers, a parker. The ready queue is drained by the
 * batch, in order; a task that wakes itself comes again in the next batch.
 */
#ifndef RV_EXECUTOR_H
#define RV_EXECUTOR_H

#include <reveil/future.h>

RV_BEGIN_DECLS

/* At most one per thread. Opaque: wakers on other threads refer to parts of it.
 */
struct rv_executor;

/* A new executor for the calling thread. Returns: 0, -ENOMEM. */
int rv_executor_new(struct rv_executor **out);

/*
 * Drop every task that is left, then free the executor. Wakers that are still
 * held elsewhere stay valid and do nothing.
 *
 * In a child of fork() this frees a copy (runtime.h); inside a poll it leaves
 * the memory of the executor and of that task alone.
 *
 * Threads: the one that made it. Misuse: inside one of its own polls.
 */
void rv_executor_free(struct rv_executor *executor);

/*
 * Poll `future` and all tasks of the executor until `future` is READY. Other
 * tasks stay, and go on in the next call.
 *
 * Owns:    the caller keeps `future` and drops it.
 * Threads: the executor's.   Blocks: the thread.
 * Returns: the future's result; -EDEADLK when called inside a poll; -ENOMEM;
 *          -ESTALE in a child of fork(), at once, and also when the fork was in
 *          one of its polls: nothing else is polled in the child after that.
 */
int rv_block_on(struct rv_executor *executor, struct rv_future *future);

/* Its ready queue, for rv_reactor_start_fused(). It stays the executor's. */
struct rv_ready *rv_executor_ready(const struct rv_executor *executor);

/* The executor whose tasks this thread polls now, or NULL. */
struct rv_executor *rv_executor_current(void);

/* Tasks spawned and not finished; inside rv_block_on() its own future is one
 * of them. Threads: the executor's. */
uint32_t rv_executor_tasks(const struct rv_executor *executor);

/* --- tasks ------------------------------------------------------------- */

/*
 * A handle on a spawned task; as a future it is READY when the task is over,
 * with the task's result, or -ECANCELED if it was aborted. Embed it; it does
 * not move while the task lives. All zero is "no task".
 */
struct rv_join {
    struct rv_future future;
    struct rv_executor *executor; /* private, as are the rest */
    uint64_t task;
    struct rv_future *output; /* the finished future, owned */
    struct rv_waker waiter;
};

/*
 * Hand a future to the executor, which polls it soon, later than this call.
 *
 * Owns:    on success the executor owns `future`, memory from rv_alloc():
 *          it is dropped and freed when it is over. On error it is untouched.
 * join:    where to wait for it, or NULL to let it run on its own.
 * Threads: the executor's, inside and outside of polls.
 * Returns: 0, -ENOMEM, -ECANCELED (the executor is being freed), -ESTALE (it
 *          is of a parent process).
 */
#define rv_spawn(executor, future, join) \
    rv_spawn_at((executor), (future), (join), RV_HERE)

/* int rv_spawn(executor, future, join), by a name of the place that does it,
 * for the table of tasks (task_dump.h): a constant string, or NULL. */
int rv_spawn_at(struct rv_executor *executor, struct rv_future *future,
                struct rv_join *join, const char *where);

/*
 * The future that the task was, after `join` is READY and until it is
 * dropped: its fields hold the output. NULL if it was aborted.
 */
struct rv_future *rv_join_output(const struct rv_join *join);

/*
 * Cancel the task: its future is dropped now, or at the end of the poll in
 * which it aborts itself if that poll does not finish it. `join` gets
 * -ECANCELED. Harmless when it is over.
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
struct rv_timer {
    struct rv_list node;
    int64_t deadline_ns;
};

/* READY at a point in time, never before it. */
struct rv_sleep {
    struct rv_future future;
    struct rv_timer timer;        /* private, as are the rest */
    struct rv_executor *executor; /* while it is in the wheel */
    uint64_t task;
};

/* Sleep until `deadline_ns` (CLOCK_MONOTONIC); not longer than 1 ms more on
 * a thread that is not busy. */
void rv_sleep_init(struct rv_sleep *sleep, int64_t deadline_ns);

/* READY at its second poll: the other ready tasks are polled in between. */
struct rv_yield {
    struct rv_future future;
};

/* It may be initialised again when it is READY or dropped. */
void rv_yield_init(struct rv_yield *yield);

RV_END_DECLS

#endif /* RV_EXECUTOR_H */
