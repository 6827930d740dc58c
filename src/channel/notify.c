/* SPDX-License-Identifier: MIT */
/*
 * notify.c - wake one waiting task, or all of them; no value is passed.
 *
 * Threads: any.
 *
 * Protocol. SEMAPHORE-2 and SEMAPHORE-4 apply here too, and one more rule:
 *
 *   NOTIFY-1  rv_notify_all() moves all waiters to a list of its own, under the
 *       lock, before it wakes the first one. So it may release the lock between
 *       batches, and still does not wake a task that began to wait later.
 */
#include "base/base_internal.h"
#include "channel/channel_internal.h"
#include "channel/sync_waiter.h"

void rv_notify_init(struct rv_notify *notify)
{
    pthread_mutex_init(&notify->lock, NULL);
    rv_list_init(&notify->waiters);
    notify->kept = false;
}

void rv_notify_fini(struct rv_notify *notify)
{
    RV_CHECK(rv_list_empty(&notify->waiters), "a task still waits for it");
    pthread_mutex_destroy(&notify->lock);
}

/* The lock must be held; this function releases it. */
static void notify_and_unlock(struct rv_notify *notify)
{
    struct rv_wake_batch batch;

    batch.len = 0;
    if (rv_list_empty(&notify->waiters))
        notify->kept = true;
    else
        rv_sync_grant(rv_sync_first(&notify->waiters), RV_SYNC_GRANTED, &batch);
    pthread_mutex_unlock(&notify->lock);
    rv_wake_batch_deliver(&batch); /* SEMAPHORE-4 */
}

void rv_notify_one(struct rv_notify *notify)
{
    pthread_mutex_lock(&notify->lock);
    notify_and_unlock(notify);
}

/* The lock must be held. Returns: true if the batch is full and a waiter is
 * left. */
static bool serve_all(struct rv_list *waiters, struct rv_wake_batch *batch)
{
    while (!rv_list_empty(waiters)) {
        if (batch->len == RV_WAKE_BATCH)
            return true;
        rv_sync_grant(rv_sync_first(waiters), RV_SYNC_GRANTED_ALL, batch);
    }
    return false;
}

void rv_notify_all(struct rv_notify *notify)
{
    struct rv_wake_batch batch;
    struct rv_list waiters;

    batch.len = 0;
    rv_list_init(&waiters);
    pthread_mutex_lock(&notify->lock);
    rv_list_splice(&waiters, &notify->waiters); /* NOTIFY-1 */
    while (serve_all(&waiters, &batch)) {
        pthread_mutex_unlock(&notify->lock);
        rv_wake_batch_deliver(&batch); /* SEMAPHORE-4 */
        pthread_mutex_lock(&notify->lock);
    }
    pthread_mutex_unlock(&notify->lock);
    rv_wake_batch_deliver(&batch);
}

/* The lock must be held. Returns: true if the waiter was notified, or if a kept
 * notification was there for it. */
static bool is_notified(struct rv_notify *notify, struct rv_sync_waiter *waiter)
{
    if (waiter->state == RV_SYNC_NEW && notify->kept) {
        notify->kept = false;
        return true;
    }
    return waiter->state == RV_SYNC_GRANTED ||
           waiter->state == RV_SYNC_GRANTED_ALL;
}

static enum rv_poll notified_poll(struct rv_future *future, struct rv_cx *cx)
{
    struct rv_notified *self =
        RV_CONTAINER_OF(future, struct rv_notified, future);
    struct rv_waker old = {.queue = NULL};
    bool ready;

    pthread_mutex_lock(&self->notify->lock);
    ready = is_notified(self->notify, &self->waiter);
    if (ready)
        rv_sync_leave(&self->waiter);
    else
        old = rv_sync_wait(&self->waiter, &self->notify->waiters, cx);
    pthread_mutex_unlock(&self->notify->lock);
    rv_waker_drop(&old);
    return ready ? RV_READY : rv_channel_pending(future, cx);
}

static void notified_drop(struct rv_future *future)
{
    struct rv_notified *self =
        RV_CONTAINER_OF(future, struct rv_notified, future);
    uint32_t state;

    if (future->at == RV_AT_END)
        return;
    pthread_mutex_lock(&self->notify->lock);
    state = self->waiter.state;
    rv_sync_leave(&self->waiter);
    if (state == RV_SYNC_IN_LINE)
        rv_list_remove(&self->waiter.node);
    if (state == RV_SYNC_GRANTED)
        notify_and_unlock(self->notify); /* SEMAPHORE-2 */
    else
        pthread_mutex_unlock(&self->notify->lock);
    rv_waker_drop(&self->waiter.waker);
}

void rv_notified_init(struct rv_notified *notified, struct rv_notify *notify)
{
    static const struct rv_future_ops ops = {
        .name = "rv_notified", .poll = notified_poll, .drop = notified_drop};

    *notified = (struct rv_notified){.notify = notify};
    rv_future_init(&notified->future, &ops);
}
