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

#include "executor/driver.h"
#include "executor/loop.h"
#include "executor/task.h"
#include "executor/wheel.h"
#include "waker/stats.h"

/* A future with a place in line; slot.flags: enum rv_task_flag. */
struct rv_task {
    struct rv_ready_slot slot;
    struct rv_future *future;
    struct rv_join *join; /* who holds the handle; NULL when detached */
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

/* Private: the rest of rv_task_start() with the trace on, or on a thread that
 * does not poll for the executor. */
void rv_task_queue(struct rv_executor *executor, struct rv_task *task,
                   const char *where);

/* Make a task of a future and queue it; *out is its id, which is set before
 * its first poll. `where` it is spawned, or NULL. Returns: 0, -ENOMEM. */
static inline int rv_task_start(struct rv_executor *executor,
                                struct rv_future *future, struct rv_join *join,
                                uint8_t flags, const char *where, uint64_t *out)
{
    struct rv_ready_slot *slot = rv_ready_alloc(executor->ready);
    struct rv_task *task = (struct rv_task *)slot;

    if (__builtin_expect(!slot, 0))
        return -ENOMEM;
    task->future = future;
    task->join = join;
    slot->flags = flags;
    executor->live++;
    *out = slot->id;
    if (rv_trace_is_on() || executor->ready != rv_ready_current())
        rv_task_queue(executor, task, where);
    else
        rv_ready_push_own(executor->ready, slot);
    return 0;
}

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
