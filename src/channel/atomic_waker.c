/* SPDX-License-Identifier: MIT */
/*
 * atomic_waker.c - a slot for one waker: one task registers it, and any thread
 * may take and wake it.
 *
 * Threads: register, clear and close: the task that owns the end; deliver: any.
 *
 * Protocol.
 *
 *   ATOMIC_WAKER-1  A waiting task registers its waker, *then* checks the
 *       condition again. A thread that changes the condition publishes the
 *       change, *then* checks the atomic waker. All four accesses are seq_cst,
 *       so at least one side sees the other. If the task checked before it
 *       registered, a change in between would wake no task: a lost wake.
 *   ATOMIC_WAKER-2  The waker is written only while the state is IDLE, and only
 *       by the owner. It is read only by the thread that changed REGISTERED to
 *       WAKING. Without WAKING, the owner could overwrite the waker while it is
 *       being copied.
 *   ATOMIC_WAKER-3  An owner that finds WAKING wakes itself. It cannot write
 *       the waker now, and the wake in progress may be for an earlier waker.
 *   ATOMIC_WAKER-4  The thread that takes the waker owns it. It wakes and drops
 *       it once, after the state is IDLE again, without holding a lock.
 *
 * tests/models/atomic_waker.pml is the model, with mutants for ATOMIC_WAKER-1
 * to ATOMIC_WAKER-3.
 */
#include "channel/atomic_waker.h"

#include "base/base_internal.h"
#include "waker/ready.h"

/* Change REGISTERED to `to`. Returns: true if the caller now owns the waker. */
static bool take_waker(struct rv_atomic_waker *atomic_waker, uint32_t to)
{
    uint32_t armed = RV_ATOMIC_WAKER_REGISTERED;

    /* acquire: sees the waker; pairs with the store in
     * rv_atomic_waker_register(). */
    return atomic_compare_exchange_strong_explicit(&atomic_waker->state, &armed,
                                                   to, memory_order_acquire,
                                                   memory_order_relaxed);
}

/*
 * A future still waits here, which is misuse. The waker is taken before it is
 * looked at (ATOMIC_WAKER-2). One that a child of fork() inherited is no
 * misuse: its task runs in the parent only, and its coroutine is not unwound
 * here.
 */
static void end_wait(struct rv_atomic_waker *atomic_waker, const char *what,
                     const char *name)
{
    const struct rv_ready *queue;

    if (!take_waker(atomic_waker, RV_ATOMIC_WAKER_IDLE))
        return;
    queue = atomic_waker->waker.queue;
    if (queue && !rv_fork_is_copy(queue->mark))
        rv_panic(what, name);
    rv_waker_drop(&atomic_waker->waker);
}

void rv_atomic_waker_register(struct rv_atomic_waker *atomic_waker,
                              const struct rv_future *future,
                              const struct rv_waker *waker)
{
    /* acquire: the old waker has been copied; pairs with
     * rv_atomic_waker_deliver() (ATOMIC_WAKER-2). */
    uint32_t state =
        atomic_load_explicit(&atomic_waker->state, memory_order_acquire);

    if (state == RV_ATOMIC_WAKER_REGISTERED) {
        if (atomic_waker->future != future)
            end_wait(atomic_waker, "two futures wait on one end of a channel",
                     future->ops->name);
        else if (rv_waker_same(&atomic_waker->waker, waker))
            return;
        else
            rv_waker_displaced(&atomic_waker->waker, waker);
        rv_atomic_waker_clear(atomic_waker);
        state =
            atomic_load_explicit(&atomic_waker->state, memory_order_acquire);
    }
    if (state == RV_ATOMIC_WAKER_WAKING) {
        rv_waker_wake(waker); /* ATOMIC_WAKER-3 */
        return;
    }
    atomic_waker->waker = rv_waker_clone(waker);
    atomic_waker->future = future;
    /* seq_cst: ordered before the owner's check that follows; the other side is
     * the load in rv_atomic_waker_wake() (ATOMIC_WAKER-1). It is also a release
     * and publishes the waker. */
    atomic_store_explicit(&atomic_waker->state, RV_ATOMIC_WAKER_REGISTERED,
                          memory_order_seq_cst);
}

void rv_atomic_waker_clear(struct rv_atomic_waker *atomic_waker)
{
    /* relaxed: a hint for the exchange. Only the caller registers a waker. */
    if (atomic_load_explicit(&atomic_waker->state, memory_order_relaxed) ==
            RV_ATOMIC_WAKER_REGISTERED &&
        take_waker(atomic_waker, RV_ATOMIC_WAKER_IDLE))
        rv_waker_drop(&atomic_waker->waker);
}

void rv_atomic_waker_close(struct rv_atomic_waker *atomic_waker,
                           const char *name)
{
    /* relaxed: as in rv_atomic_waker_clear(). */
    if (atomic_load_explicit(&atomic_waker->state, memory_order_relaxed) ==
        RV_ATOMIC_WAKER_REGISTERED)
        end_wait(atomic_waker,
                 "an end of a channel is closed while a future waits on it",
                 name);
}

void rv_atomic_waker_deliver(struct rv_atomic_waker *atomic_waker)
{
    struct rv_waker waker;

    if (!take_waker(atomic_waker, RV_ATOMIC_WAKER_WAKING))
        return;
    waker = atomic_waker->waker;
    /* release: the waker has been copied; pairs with rv_atomic_waker_register()
     * (ATOMIC_WAKER-2). */
    atomic_store_explicit(&atomic_waker->state, RV_ATOMIC_WAKER_IDLE,
                          memory_order_release);
    rv_waker_wake_and_drop(&waker); /* ATOMIC_WAKER-4 */
}
