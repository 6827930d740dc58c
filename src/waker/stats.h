/* SPDX-License-Identifier: MIT */
/*
 * stats.h - what is written down of each task of a recorded queue.
 *
 * Threads: hold() and wake() any; the other writers are the queue's owner;
 * readers any. So every field is atomic, and all of it is relaxed but
 * `wakers` and the texts: a figure publishes nothing, and a reader who sees
 * some newer than others is none the worse. The texts are copies: the task's
 * may be freed with it.
 *
 * The numbers are beside the queue's slots, in chunks as they are, and live as
 * long as the queue.
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
    _Atomic int32_t wakers;     /* how many could wake it */
    _Atomic uint32_t lints;
};

/* Private to stats.c but for the queue's pointer to it. */
struct rv_stats;

/* Whether rv_task_dump_enable() is in effect. */
static inline bool rv_stats_wanted(void)
{
    return atomic_load_explicit(&rv_trace_level, memory_order_relaxed) &
           RV_TRACE_TASK_DUMP;
}

/* For a new queue. Returns: NULL without memory. */
struct rv_stats *rv_stats_new(struct rv_ready *queue);

/* NULL is allowed. */
void rv_stats_free(struct rv_stats *stats);

/* A task was spawned. Without memory it is not in the table. */
void rv_stats_born(struct rv_ready *queue, uint64_t id, const char *name,
                   const char *spawned);
void rv_stats_gone(struct rv_ready *queue, uint64_t id);

/* Around a poll of the slot that was taken. */
void rv_stats_poll(struct rv_ready *queue, uint64_t id);
void rv_stats_pending(struct rv_ready *queue, struct rv_ready_slot *slot);

/* A wake of the task; by itself, from inside its poll, or not. */
void rv_stats_wake(struct rv_ready *queue, uint64_t id, bool own);

/* There is one more (+1) or one less (-1) who could wake it. */
void rv_stats_hold(struct rv_ready *queue, uint64_t id, int change);

#endif /* RV_STATS_H */
