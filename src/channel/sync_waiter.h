/* SPDX-License-Identifier: MIT */
/*
 * sync_waiter.h - one that waits in a line, and how it is served.
 *
 * Threads: any; the lock of the object must be held in all of these.
 *
 *     NEW --poll--> IN_LINE --served--> GRANTED --poll--> TAKEN
 *                      |                   |
 *                     drop                drop: pass it on
 */
#ifndef RV_SYNC_WAITER_H
#define RV_SYNC_WAITER_H

#include <reveil/sync.h>

#include "waker/wake_batch.h"

enum {
    RV_SYNC_NEW,
    RV_SYNC_IN_LINE,
    RV_SYNC_GRANTED,     /* it has what it wanted, and does not know yet */
    RV_SYNC_GRANTED_ALL, /* the same, but there is nothing to pass on */
    RV_SYNC_TAKEN,       /* it knows, or has gone */
};

static inline struct rv_sync_waiter *rv_sync_first(struct rv_list *waiters)
{
    return RV_CONTAINER_OF(waiters->next, struct rv_sync_waiter, node);
}

/* Get in line at the first poll, and leave the latest waker. Returns: the
 * waker of before, to be dropped without the lock. */
static inline struct rv_waker rv_sync_wait(struct rv_sync_waiter *waiter,
                                           struct rv_list *waiters,
                                           const struct rv_waker *waker)
{
    if (waiter->state == RV_SYNC_NEW) {
        waiter->state = RV_SYNC_IN_LINE;
        rv_list_push(waiters, &waiter->node);
    }
    return rv_waker_replace(&waiter->waker, waker);
}

/* Serve the one in front; there is room in the batch. */
static inline void rv_sync_grant(struct rv_sync_waiter *waiter, uint32_t state,
                                 struct rv_wake_batch *batch)
{
    rv_list_remove(&waiter->node);
    waiter->state = state;
    rv_wake_batch_add(batch, &waiter->waker);
}

#endif /* RV_SYNC_WAITER_H */
