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

#include "base/frames.h"
#include "executor/driver.h"
#include "executor/loop.h"
#include "executor/task.h"
#include "executor/wheel.h"
#include "waker/stats.h"

/* A task: a future with a slot in the ready queue. slot.flags: enum
 * rv_task_flag. */
struct rv_task {
    struct rv_ready_slot slot;
    struct rv_future *future;
    struct rv_join *join; /* the handle; NULL: detached */
};

struct rv_executor {
    struct rv_ready *ready; /* the tasks; shared with wakers: a reference */
    struct rv_wheel wheel;
    struct rv_list drivers;    /* struct rv_driver */
    struct rv_list timers;     /* struct rv_timer: those that are started */
    struct rv_executor *outer; /* entered: the parent's, in a child of fork() */
    uint32_t live;             /* tasks */
    uint32_t polls_left;       /* until the next check of I/O and timers */
    bool closing;              /* spawns fail */
    bool entered;              /* between enter and leave */
    uint32_t mark;             /* of the process that made it */
};

/* Private: the rest of rv_task_start() with the trace on, or on a thread that
 * does not poll for the executor. */
void rv_task_queue(struct rv_executor *executor, struct rv_task *task,
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

/* rv_ready.displaced: stop the program if both tasks wait for one future. */
void rv_task_displaced(struct rv_ready *queue, uint64_t earlier, uint64_t now);

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

/* Wake the tasks whose sleeps are over, and call the functions of the timers
 * that are due. Returns: true if there were any. */
bool rv_executor_fire_timers(struct rv_executor *executor);

/* --- timer.c ----------------------------------------------------------- */

/* The `task` of a sleep that is part of a struct rv_timer. A task's generation
 * is odd, so it is no task's id. */
enum { RV_SLEEP_NO_TASK = 0 };

/* The deadline of a timer has passed: append it to the list. */
void rv_timer_set_due(struct rv_sleep *sleep, struct rv_list *due);

/* Call the functions of the timers in the list. Each call may stop timers that
 * are still in it. */
void rv_timer_call_due(struct rv_list *due);

/* Stop the timers of an executor that is being freed. */
void rv_timer_stop_all(struct rv_executor *executor);

#endif /* RV_EXECUTOR_INTERNAL_H */
