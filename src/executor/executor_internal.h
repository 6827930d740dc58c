/* SPDX-License-Identifier: MIT */
/*
 * executor_internal.h - what the files of the executor part share.
 *
 * Threads: everything here belongs to the executor's thread alone.
 */
#ifndef RV_EXECUTOR_INTERNAL_H
#define RV_EXECUTOR_INTERNAL_H

#include <errno.h>
#include <reveil/executor.h>
#include <reveil/trace.h>

#include "executor/wheel.h"
#include "waker/stats.h"

enum rv_task_flag {
    RV_TASK_ABORTED = 1,  /* during its poll, which goes on */
    RV_TASK_BORROWED = 2, /* the future is the caller's, and stays it */
    RV_TASK_EMBEDDED = 4, /* not from rv_alloc(): its drop frees it, and the
                             handle gets its result only */
    RV_TASK_LAST = 8,     /* rv_block_on() returns when it is over */
};

/* A future with a place in line; slot.flags: enum rv_task_flag. */
struct rv_task {
    struct rv_ready_slot slot;
    struct rv_future *future;
    struct rv_join *join; /* who holds the handle; NULL when detached */
};

/*
 * What shares the executor's thread without being a task: an io_uring, which
 * submits what its futures have prepared, and reaps.
 */
struct rv_driver {
    struct rv_list node;
    /*
     * Called before the executor sleeps (`idle`), and every so often while it
     * is busy. It may add and remove drivers, also itself. Returns: true if a
     * task may have become ready.
     */
    bool (*run)(struct rv_driver *driver, bool idle);
};

struct rv_executor {
    struct rv_ready *ready; /* the tasks; shared with wakers: a reference */
    struct rv_wheel wheel;
    struct rv_list drivers;    /* struct rv_driver */
    struct rv_ready *previous; /* of the thread, before it was entered */
    uint32_t live;
    uint32_t polls_left; /* until the next look at the world outside */
    bool closing;        /* no new tasks */
    bool entered;        /* between enter and leave */
    uint32_t mark;       /* the process that it is of */
};

/* From now on the executor calls `driver`, until it is removed. It may outlive
 * the executor. */
void rv_executor_add_driver(struct rv_executor *executor,
                            struct rv_driver *driver);
void rv_executor_remove_driver(struct rv_driver *driver);

/*
 * For a loop around the executor's own (a scheduler's worker). Between enter
 * and leave this thread polls for `executor`; run() polls what is ready, fires
 * due timers and calls the drivers, without sleeping; when it had nothing
 * to do, the loop parks on rv_ready_parker() until rv_executor_next_ns().
 *
 * Misuse: enter when the thread polls for an executor already.
 */
void rv_executor_enter(struct rv_executor *executor);
void rv_executor_leave(struct rv_executor *executor);

/* Returns: true if there was something to do. */
bool rv_executor_run(struct rv_executor *executor);

/*
 * The same for a loop that has something else to do next. The drivers have
 * theirs after the tasks: what these have prepared for a ring would lie there
 * until the executor is called often enough to find nothing ready.
 */
bool rv_executor_run_busy(struct rv_executor *executor);

/* When the first timer is due; RV_NEVER. */
int64_t rv_executor_next_ns(const struct rv_executor *executor);

/* Private: record a new task in the trace and the task dump. */
void rv_task_born(struct rv_executor *executor, struct rv_task *task,
                  const char *where);

/* Make a task of a future and queue it; *out is its id, which is set before
 * its first poll. `where` it is spawned, or NULL. Returns: 0, -ENOMEM. */
static inline int rv_task_start(struct rv_executor *executor,
                                struct rv_future *future, struct rv_join *join,
                                uint8_t flags, const char *where, uint64_t *out)
{
    struct rv_ready_slot *slot = rv_ready_alloc(executor->ready);
    struct rv_task *task = (struct rv_task *)slot;

    if (!slot)
        return -ENOMEM;
    task->future = future;
    task->join = join;
    slot->flags = flags;
    executor->live++;
    *out = slot->id;
    if (rv_trace_is_on())
        rv_task_born(executor, task, where);
    if (executor->ready == rv_ready_current())
        rv_ready_push_own(executor->ready, slot);
    else
        rv_ready_push_other(executor->ready, slot->id);
    return 0;
}

/*
 * rv_spawn() with flags for the task: RV_TASK_EMBEDDED or 0.
 *
 * id: where the task's id is stored before its first poll; with a `join` the id
 *     is in join->task instead.
 * Returns: as rv_spawn().
 */
int rv_task_spawn(struct rv_executor *executor, struct rv_future *future,
                  struct rv_join *join, uint8_t flags, const char *where,
                  uint64_t *id);

/* Cancel the task of this id, if it is not over: now, or at the end of the
 * poll that it is in. */
void rv_task_abort(struct rv_executor *executor, uint64_t id);

/* End a task now: with its future's result, or with -ECANCELED. */
void rv_task_finish(struct rv_executor *executor, struct rv_task *task,
                    bool aborted);

/* A task's id is kept without a waker (+1), or not any more (-1): it can still
 * be woken. */
static inline void rv_task_hold(struct rv_executor *executor, uint64_t id,
                                int change)
{
    if (rv_trace_is_on())
        rv_stats_hold(executor->ready, id, change);
}

/* The handle keeps no waker any more. One of the task's own executor is not a
 * clone: see set_waiter() in join.c. */
static inline void rv_join_forget_waiter(struct rv_join *join)
{
    struct rv_waker *waiter = &join->waiter;

    if (!waiter->queue)
        return;
    if (waiter->queue == join->executor->ready) {
        rv_task_hold(join->executor, waiter->id, -1);
        *waiter = (struct rv_waker){0};
    } else {
        rv_waker_drop(waiter);
    }
}

/* Wake the tasks whose timers are due. Returns: true if there were any. */
bool rv_executor_fire_timers(struct rv_executor *executor);

#endif /* RV_EXECUTOR_INTERNAL_H */
