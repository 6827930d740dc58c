/* SPDX-License-Identifier: MIT */
/*
 * sync_waiter.h - a waiter in the queue of a semaphore or a notify.
 *
 * Threads: any; the caller must hold the lock of the object.
 *
 *     NEW --poll--> IN_LINE --served--> GRANTED --poll--> TAKEN
 *                      |                   |
 *                     drop                drop: pass it on
 */
#ifndef RV_SYNC_WAITER_H
#define RV_SYNC_WAITER_H

#include <reveil/sync.h>

#include "base/frames.h"
#include "waker/wake_batch.h"

/*
 * NEW: The future has not been polled. The waiter is in no list.
 *
 * IN_LINE: The waiter is in the object's list and has a waker. Set by a poll
 * that has to wait.
 *
 * GRANTED: The permits, or the notification, belong to the waiter. Its task is
 * being woken and has not been polled since. The waiter is in no list. A drop
 * in this state must pass on what was granted.
 *
 * GRANTED_ALL: As GRANTED, by rv_notify_all(). A drop has nothing to pass on.
 *
 * TAKEN: The future is READY or was dropped.
 */
enum {
    RV_SYNC_NEW,
    RV_SYNC_IN_LINE,
    RV_SYNC_GRANTED,
    RV_SYNC_GRANTED_ALL,
    RV_SYNC_TAKEN,
};

static inline struct rv_sync_waiter *rv_sync_first(struct rv_list *waiters)
{
    return RV_CONTAINER_OF(waiters->next, struct rv_sync_waiter, node);
}

/* Join the queue at the first poll, and store the latest waker. Returns: the
 * previous waker, to be dropped without the lock. */
static inline struct rv_waker rv_sync_wait(struct rv_sync_waiter *waiter,
                                           struct rv_list *waiters,
                                           const struct rv_cx *cx)
{
    if (waiter->state == RV_SYNC_NEW) {
        waiter->state = RV_SYNC_IN_LINE;
        rv_list_push(waiters, &waiter->node);
        waiter->counted =
            rv_frames_count(cx->frames, waiter, RV_FRAMES_WAITERS);
    }
    return rv_waker_replace(&waiter->waker, &cx->waker);
}

/* The future is READY, or dropped. It is in no list, or the caller takes it out
 * of it. */
static inline void rv_sync_leave(struct rv_sync_waiter *waiter)
{
    waiter->state = RV_SYNC_TAKEN;
    rv_frames_uncount(&waiter->counted);
}

/* Serve the first waiter. The batch must have room. */
static inline void rv_sync_grant(struct rv_sync_waiter *waiter, uint32_t state,
                                 struct rv_wake_batch *batch)
{
    rv_list_remove(&waiter->node);
    waiter->state = state;
    rv_wake_batch_add(batch, &waiter->waker);
}

#endif /* RV_SYNC_WAITER_H */
