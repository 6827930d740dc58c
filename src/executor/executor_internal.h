/* SPDX-License-Identifier: MIT */
/*
 * executor_internal.h - what the files of the executor part share.
 *
 * Threads: only the executor's, for everything here.
 */
#ifndef RV_EXECUTOR_INTERNAL_H
#define RV_EXECUTOR_INTERNAL_H

#include <errno.h>
#include <reveil/executor.h>
#include <reveil/trace.h>

#include "executor/wheel.h"
#include "waker/stats.h"

enum rv_task_flag {
    /* Set if the task is aborted during its own poll. It is dropped after that
     * poll, unless the poll returns RV_READY. */
    RV_TASK_ABORTED = 1,
    /* The caller of rv_block_on() owns the future: the task's end neither drops
     * nor frees it. */
    RV_TASK_BORROWED = 2,
    /* The future is part of another object, and its drop function frees it. So
     * a handle gets only the result, not the future. */
    RV_TASK_EMBEDDED = 4,
    /* The task of rv_block_on(): its end ends the batch, so that rv_block_on()
     * returns without polling the other tasks. */
    RV_TASK_LAST = 8,
};

/* A task: a future with a slot in the ready queue. slot.flags: enum
 * rv_task_flag. */
struct rv_task {
    struct rv_ready_slot slot;
    struct rv_future *future;
    struct rv_join *join; /* the handle; NULL: detached */
};

/*
 * A driver runs on the executor's thread without being a task. An io_uring has
 * one, which submits the operations that futures have prepared, and takes
 * completions.
 */
struct rv_driver {
    struct rv_list node;
    /*
     * Called before the executor sleeps (`idle`), and regularly while it is
     * busy. It may add drivers, and remove drivers including itself. Returns:
     * true if a task may have become ready.
     */
    bool (*run)(struct rv_driver *driver, bool idle);
};

struct rv_executor {
    struct rv_ready *ready; /* the tasks; shared with wakers: a reference */
    struct rv_wheel wheel;
    struct rv_list drivers;    /* struct rv_driver */
    struct rv_ready *previous; /* the thread's ready queue before the enter */
    uint32_t live;             /* tasks */
    uint32_t polls_left;       /* until the next check of I/O and timers */
    bool closing;              /* spawns fail */
    bool entered;              /* between enter and leave */
    uint32_t mark;             /* of the process that made it */
};

/* Call `driver` from now on, until it is removed. A driver may outlive the
 * executor. */
void rv_executor_add_driver(struct rv_executor *executor,
                            struct rv_driver *driver);
void rv_executor_remove_driver(struct rv_driver *driver);

/*
 * For a loop that embeds the executor's own: a scheduler's worker. Between
 * enter and leave, `executor` polls on this thread. run() polls the ready
 * tasks, fires due timers and calls the drivers, without sleeping. If it had
 * nothing to do, the loop parks on rv_ready_parker() until
 * rv_executor_next_ns().
 *
 * Misuse: enter while an executor polls on this thread.
 */
void rv_executor_enter(struct rv_executor *executor);
void rv_executor_leave(struct rv_executor *executor);

/* Returns: true if there was something to do. */
bool rv_executor_run(struct rv_executor *executor);

/*
 * The same for a loop that has other work to do next. It calls the drivers each
 * time, after the tasks. Otherwise operations that the tasks have prepared for
 * a ring would not be submitted before the executor finds no ready task.
 */
bool rv_executor_run_busy(struct rv_executor *executor);

/* When the first timer is due; RV_NEVER. */
int64_t rv_executor_next_ns(const struct rv_executor *executor);

/* Private: record a new task in the trace and the task dump. */
void rv_task_born(struct rv_executor *executor, struct rv_task *task,
                  const char *where);

/*
 * Make a task of a future and push it onto the ready queue.
 *
 * where:   the place in the source, or NULL.
 * *out:    its id, set before its first poll.
 * Returns: 0, -ENOMEM.
 */
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

/* Cancel the task with this id, unless it has ended: now, or, if it is being
 * polled, at the end of that poll. */
void rv_task_abort(struct rv_executor *executor, uint64_t id);

/* End a task now, with its future's result or, if aborted, with -ECANCELED. */
void rv_task_finish(struct rv_executor *executor, struct rv_task *task,
                    bool aborted);

/* Count the places that store a task's id without a waker: `change` is +1 or
 * -1. Such a task can still be woken, so it is not reported as RV_LINT_LOST. */
static inline void rv_task_hold(struct rv_executor *executor, uint64_t id,
                                int change)
{
    if (rv_trace_is_on())
        rv_stats_hold(executor->ready, id, change);
}

/* Remove the waker from the handle. A waker of the task's own executor is not a
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
