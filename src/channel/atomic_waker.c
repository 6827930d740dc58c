/* SPDX-License-Identifier: MIT */
/*
 * atomic_waker.c - one waker, left by one task and taken by one of those who
 * wake it.
 *
 * Threads: register and clear the task that owns the end; deliver any.
 *
 * Protocol.
 *
 *   ATOMIC_WAKER-1  Who waits registers the waker, *then* looks again at what
 *       it waits for; who changes that publishes, *then* looks at the atomic
 *       waker. All four are seq_cst, so one of the two sees the other. The
 *       other way round, the change may come between look and registering: it
 *       wakes nobody, and the task sleeps for ever.
 *   ATOMIC_WAKER-2  The waker is written only while the atomic waker is IDLE,
 *       and only by its owner; it is read by whoever turned REGISTERED into
 *       WAKING. Without WAKING, the owner could write a new waker while the old
 *       one is being copied.
 *   ATOMIC_WAKER-3  An owner that finds WAKING wakes itself: the atomic waker
 *       cannot be written now, and the wake on its way may be for a waker of
 *       before.
 *   ATOMIC_WAKER-4  Who takes the waker owns it: it is woken and dropped once,
 *       after the atomic waker is IDLE again, outside of all locks.
 *
 * tests/models/atomic_waker.pml is the model, with mutants for ATOMIC_WAKER-1
 * to ATOMIC_WAKER-3.
 */
#include "channel/atomic_waker.h"

/* Turn REGISTERED into `to`. Returns: true if the waker is the caller's now. */
static bool take(struct rv_atomic_waker *atomic_waker, uint32_t to)
{
    uint32_t armed = RV_ATOMIC_WAKER_REGISTERED;

    /* acquire: sees the waker; pairs with the store in
     * rv_atomic_waker_register(). */
    return atomic_compare_exchange_strong_explicit(&atomic_waker->state, &armed,
                                                   to, memory_order_acquire,
                                                   memory_order_relaxed);
}

void rv_atomic_waker_register(struct rv_atomic_waker *atomic_waker,
                              const struct rv_waker *waker)
{
    /* acquire: the waker was copied; pairs with rv_atomic_waker_deliver()
     * (ATOMIC_WAKER-2). */
    uint32_t state =
        atomic_load_explicit(&atomic_waker->state, memory_order_acquire);

    if (state == RV_ATOMIC_WAKER_REGISTERED) {
        if (rv_waker_same(&atomic_waker->waker, waker))
            return;
        rv_atomic_waker_clear(atomic_waker);
        state =
            atomic_load_explicit(&atomic_waker->state, memory_order_acquire);
    }
    if (state == RV_ATOMIC_WAKER_WAKING) {
        rv_waker_wake(waker); /* ATOMIC_WAKER-3 */
        return;
    }
    atomic_waker->waker = rv_waker_clone(waker);
    /* seq_cst: before the owner's look that follows; the other side is the
     * load in rv_atomic_waker_wake() (ATOMIC_WAKER-1). As a release it
     * publishes the waker. */
    atomic_store_explicit(&atomic_waker->state, RV_ATOMIC_WAKER_REGISTERED,
                          memory_order_seq_cst);
}

void rv_atomic_waker_clear(struct rv_atomic_waker *atomic_waker)
{
    /* relaxed: only a guess. Nobody but us registers it. */
    if (atomic_load_explicit(&atomic_waker->state, memory_order_relaxed) ==
            RV_ATOMIC_WAKER_REGISTERED &&
        take(atomic_waker, RV_ATOMIC_WAKER_IDLE))
        rv_waker_drop(&atomic_waker->waker);
}

void rv_atomic_waker_deliver(struct rv_atomic_waker *atomic_waker)
{
    struct rv_waker waker;

    if (!take(atomic_waker, RV_ATOMIC_WAKER_WAKING))
        return;
    waker = atomic_waker->waker;
    /* release: the waker is copied; pairs with rv_atomic_waker_register()
     * (ATOMIC_WAKER-2). */
    atomic_store_explicit(&atomic_waker->state, RV_ATOMIC_WAKER_IDLE,
                          memory_order_release);
    rv_waker_wake_and_drop(&waker); /* ATOMIC_WAKER-4 */
}
