/* SPDX-License-Identifier: MIT */
/*
 * stats.h - the records of the tasks of a recorded ready queue.
 *
 * Threads: any for hold(), wake() and readers; the queue's owner for the other
 * writers. So every field is atomic. All accesses are relaxed except those to
 * `wakers` and the texts: a figure publishes nothing, and a reader may see some
 * figures that are newer than others. The texts are copies, because the
 * originals may be freed with the task.
 *
 * The records are stored beside the queue's slots, in chunks of the same sizes,
 * and live as long as the queue.
 */
#ifndef RV_STATS_H
#define RV_STATS_H

#include <reveil/task_dump.h>

#include "waker/ready.h"

struct rv_task_stats {
    _Atomic uint64_t id;                           /* 0: no task */
    _Atomic uint64_t name[RV_TASK_NAME_BYTES / 8]; /* texts */
    _Atomic uint64_t spawned[RV_TASK_PLACE_BYTES / 8];
    _Atomic int64_t born_ns;
    _Atomic int64_t poll_began_ns; /* 0: not inside a poll */
    _Atomic int64_t longest_ns;
    _Atomic uint64_t polls;
    _Atomic uint64_t wakes;
    _Atomic uint64_t own_wakes; /* from inside its own poll */
    _Atomic int32_t wakers;     /* wakers, and ids that are kept without one */
    _Atomic uint32_t lints;
};

/* Private to stats.c, except for the queue's pointer to it. */
struct rv_stats;

/* Whether rv_task_dump_enable() is in effect. */
static inline bool rv_stats_wanted(void)
{
    return atomic_load_explicit(&rv_trace_level, memory_order_relaxed) &
           RV_TRACE_TASK_DUMP;
}

/* Make the records of a new queue. Returns: NULL: out of memory. */
struct rv_stats *rv_stats_new(struct rv_ready *queue);

/* NULL is allowed. */
void rv_stats_free(struct rv_stats *stats);

/* A task was spawned. If there is no memory, it is not in the table. */
void rv_stats_born(struct rv_ready *queue, uint64_t id, const char *name,
                   const char *spawned);
void rv_stats_gone(struct rv_ready *queue, uint64_t id);

/* Before a poll of the task, and after one that returned RV_PENDING. */
void rv_stats_poll(struct rv_ready *queue, uint64_t id);
void rv_stats_pending(struct rv_ready *queue, struct rv_ready_slot *slot);

/* A wake of the task; by itself, from inside its poll, or not. */
void rv_stats_wake(struct rv_ready *queue, uint64_t id, bool own);

/* Change the number of wakers by +1 or -1. */
void rv_stats_hold(struct rv_ready *queue, uint64_t id, int change);

#endif /* RV_STATS_H */
