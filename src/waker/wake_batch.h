/* SPDX-License-Identifier: MIT */
/*
 * wake_batch.h - collect wakers under a lock, and wake their tasks after it.
 *
 * Consecutive wakers of the same ready queue cost one lock and one unpark.
 *
 * Threads: a batch belongs to one thread.
 */
#ifndef RV_WAKE_BATCH_H
#define RV_WAKE_BATCH_H

#include <reveil/waker.h>

enum { RV_WAKE_BATCH = 64 };

struct rv_wake_batch {
    uint32_t len;
    struct rv_waker wakers[RV_WAKE_BATCH]; /* owned */
};

/* Move the waker in; "no waker" is ignored. Returns: true if the batch is full
 * now. */
bool rv_wake_batch_add(struct rv_wake_batch *batch, struct rv_waker *waker);

/* Wake and drop all wakers; the batch is empty then. Call it without locks.
 * Returns: true if one of the executors slept. */
bool rv_wake_batch_deliver(struct rv_wake_batch *batch);

#endif /* RV_WAKE_BATCH_H */
