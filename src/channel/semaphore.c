/* SPDX-License-Identifier: MIT */
/*
 * semaphore.c - permits, granted in the order of the requests; and the mutex,
 * which is a semaphore with one permit.
 *
 * Threads: any.
 *
 * Protocol.
 *
 *   SEMAPHORE-1  A release grants permits to the first waiter directly: it
 *       subtracts them from the count before it releases the lock. If the count
 *       became visible first, running tasks could take the permits each time,
 *       and a waiting task could starve.
 *   SEMAPHORE-2  A waiter that is dropped when GRANTED releases its permits.
 *       Otherwise they are lost, and later waiters wait for ever.
 *   SEMAPHORE-3  When a waiter in the queue is dropped, the waiters behind it
 *       are served: they may need fewer permits than it did.
 *   SEMAPHORE-4  Wakers are collected under the lock and woken after its
 *       release. After the last wake the semaphore is not accessed: the task
 *       that was woken may destroy it.
 *
 * tests/models/semaphore.pml is the model, with mutants for SEMAPHORE-1 to
 * SEMAPHORE-3.
 */
#include <errno.h>
#include <stdatomic.h>

#include "base/base_internal.h"
#include "channel/channel_internal.h"
#include "channel/sync_waiter.h"

void rv_semaphore_init(struct rv_semaphore *semaphore, uint32_t permits)
{
    pthread_mutex_init(&semaphore->lock, NULL);
    rv_list_init(&semaphore->waiters);
    semaphore->permits = permits;
}

void rv_semaphore_fini(struct rv_semaphore *semaphore)
{
    RV_CHECK(rv_list_empty(&semaphore->waiters), "a task still waits for it");
    pthread_mutex_destroy(&semaphore->lock);
}

/* The lock must be held. Returns: false if the caller has to wait. */
static bool try_take(struct rv_semaphore *semaphore, uint32_t permits)
{
    if (!rv_list_empty(&semaphore->waiters) || semaphore->permits < permits)
        return false;
    semaphore->permits -= permits;
    return true;
}

int rv_semaphore_try_acquire(struct rv_semaphore *semaphore, uint32_t permits)
{
    bool taken;

    pthread_mutex_lock(&semaphore->lock);
    taken = try_take(semaphore, permits);
    pthread_mutex_unlock(&semaphore->lock);
    return taken ? 0 : -EAGAIN;
}

/* The lock must be held. Returns: true if the batch is full and another waiter
 * can be served. */
static bool serve(struct rv_semaphore *semaphore, struct rv_wake_batch *batch)
{
    while (!rv_list_empty(&semaphore->waiters)) {
        struct rv_sync_waiter *first = rv_sync_first(&semaphore->waiters);

        if (first->permits > semaphore->permits)
            return false;
        if (batch->len == RV_WAKE_BATCH)
            return true;
        semaphore->permits -= first->permits; /* SEMAPHORE-1 */
        rv_sync_grant(first, RV_SYNC_GRANTED, batch);
    }
    return false;
}

/* The lock must be held; this function releases it. */
static void serve_and_unlock(struct rv_semaphore *semaphore)
{
    struct rv_wake_batch batch;
    bool more;

    batch.len = 0;
    while ((more = serve(semaphore, &batch))) {
        pthread_mutex_unlock(&semaphore->lock);
        rv_wake_batch_deliver(&batch); /* SEMAPHORE-4 */
        pthread_mutex_lock(&semaphore->lock);
    }
    pthread_mutex_unlock(&semaphore->lock);
    rv_wake_batch_deliver(&batch);
}

void rv_semaphore_release(struct rv_semaphore *semaphore, uint32_t permits)
{
    pthread_mutex_lock(&semaphore->lock);
    semaphore->permits += permits;
    serve_and_unlock(semaphore);
}

static enum rv_poll poll_waiter(const struct rv_future *future,
                                struct rv_semaphore *semaphore,
                                struct rv_sync_waiter *waiter, struct rv_cx *cx)
{
    struct rv_waker old = {.queue = NULL};
    bool ready;

    pthread_mutex_lock(&semaphore->lock);
    ready =
        waiter->state == RV_SYNC_GRANTED ||
        (waiter->state == RV_SYNC_NEW && try_take(semaphore, waiter->permits));
    if (ready)
        rv_sync_leave(waiter);
    else
        old = rv_sync_wait(waiter, &semaphore->waiters, cx);
    pthread_mutex_unlock(&semaphore->lock);
    rv_waker_drop(&old);
    return ready ? RV_READY : rv_channel_pending(future, cx);
}

static void drop_waiter(struct rv_semaphore *semaphore,
                        struct rv_sync_waiter *waiter)
{
    if (!semaphore)
        return;
    pthread_mutex_lock(&semaphore->lock);
    if (waiter->state == RV_SYNC_GRANTED)
        semaphore->permits += waiter->permits; /* SEMAPHORE-2 */
    if (waiter->state == RV_SYNC_IN_LINE)
        rv_list_remove(&waiter->node);
    rv_sync_leave(waiter);
    serve_and_unlock(semaphore); /* SEMAPHORE-2, SEMAPHORE-3 */
    rv_waker_drop(&waiter->waker);
}

/* --- the two kinds of future ------------------------------------------- */

static enum rv_poll acquire_poll(struct rv_future *future, struct rv_cx *cx)
{
    struct rv_semaphore_acquire *self =
        RV_CONTAINER_OF(future, struct rv_semaphore_acquire, future);

    return poll_waiter(future, self->semaphore, &self->waiter, cx);
}

static void acquire_drop(struct rv_future *future)
{
    struct rv_semaphore_acquire *self =
        RV_CONTAINER_OF(future, struct rv_semaphore_acquire, future);

    if (future->at != RV_AT_END)
        drop_waiter(self->semaphore, &self->waiter);
}

void rv_semaphore_acquire_init(struct rv_semaphore_acquire *acquire,
                               struct rv_semaphore *semaphore, uint32_t permits)
{
    static const struct rv_future_ops ops = {.name = "rv_semaphore_acquire",
                                             .poll = acquire_poll,
                                             .drop = acquire_drop};

    *acquire = (struct rv_semaphore_acquire){.semaphore = semaphore,
                                             .waiter.permits = permits};
    rv_future_init(&acquire->future, &ops);
}

void rv_mutex_init(struct rv_mutex *mutex)
{
    rv_semaphore_init(&mutex->semaphore, 1);
    atomic_init(&mutex->owner, 0);
}

void rv_mutex_fini(struct rv_mutex *mutex)
{
    rv_semaphore_fini(&mutex->semaphore);
}

int rv_mutex_try_lock(struct rv_mutex *mutex)
{
    return rv_semaphore_try_acquire(&mutex->semaphore, 1);
}

void rv_mutex_unlock(struct rv_mutex *mutex)
{
    struct rv_semaphore *semaphore = &mutex->semaphore;

    /* relaxed: only the coroutine that has stored itself compares it. */
    atomic_store_explicit(&mutex->owner, 0, memory_order_relaxed);
    pthread_mutex_lock(&semaphore->lock);
    RV_CHECK(semaphore->permits == 0, "the mutex is not locked");
    semaphore->permits = 1;
    serve_and_unlock(semaphore);
}

static enum rv_poll lock_poll(struct rv_future *future, struct rv_cx *cx)
{
    struct rv_mutex_lock *self =
        RV_CONTAINER_OF(future, struct rv_mutex_lock, future);

    return poll_waiter(future, &self->mutex->semaphore, &self->waiter, cx);
}

static void lock_drop(struct rv_future *future)
{
    struct rv_mutex_lock *self =
        RV_CONTAINER_OF(future, struct rv_mutex_lock, future);

    if (future->at != RV_AT_END)
        drop_waiter(&self->mutex->semaphore, &self->waiter);
}

void rv_mutex_lock_init(struct rv_mutex_lock *lock, struct rv_mutex *mutex)
{
    static const struct rv_future_ops ops = {
        .name = "rv_mutex_lock", .poll = lock_poll, .drop = lock_drop};

    *lock = (struct rv_mutex_lock){.mutex = mutex, .waiter.permits = 1};
    rv_future_init(&lock->future, &ops);
}
