/* SPDX-License-Identifier: MIT */
/*
 * cell.c - one waker, left by one task and taken by one of those who wake it.
 *
 * Threads: arm and disarm the task that owns the end; deliver any.
 *
 * Protocol.
 *
 *   C1  Who waits arms the cell, *then* looks again at what it waits for; who
 *       changes that publishes, *then* looks at the cell. All four are
 *       seq_cst, so one of the two sees the other. The other way round, the
 *       change may come between look and arming: it wakes nobody, and the
 *       task sleeps for ever.
 *   C2  The waker is written only while the cell is IDLE, and only by its
 *       owner; it is read by whoever turned ARMED into TAKING. Without
 *       TAKING, the owner could write a new waker while the old one is being
 *       copied.
 *   C3  An owner that finds TAKING wakes itself: the cell cannot be written
 *       now, and the wake on its way may be for a waker of before.
 *   C4  Who takes the waker owns it: it is woken and dropped once, after the
 *       cell is IDLE again, outside of all locks.
 *
 * tests/models/cell.pml is the model, with mutants for C1 to C3.
 */
#include "channel/cell.h"

/* Turn ARMED into `to`. Returns: true if the waker is the caller's now. */
static bool take(struct rv_cell *cell, uint32_t to)
{
    uint32_t armed = RV_CELL_ARMED;

    /* acquire: sees the waker; pairs with the store in rv_cell_arm(). */
    return atomic_compare_exchange_strong_explicit(
        &cell->state, &armed, to, memory_order_acquire, memory_order_relaxed);
}

void rv_cell_arm(struct rv_cell *cell, const struct rv_waker *waker)
{
    /* acquire: the waker was copied; pairs with rv_cell_deliver() (C2). */
    uint32_t state = atomic_load_explicit(&cell->state, memory_order_acquire);

    if (state == RV_CELL_ARMED) {
        if (rv_waker_same(&cell->waker, waker))
            return;
        rv_cell_disarm(cell);
        state = atomic_load_explicit(&cell->state, memory_order_acquire);
    }
    if (state == RV_CELL_TAKING) {
        rv_waker_wake(waker); /* C3 */
        return;
    }
    cell->waker = rv_waker_clone(waker);
    /* seq_cst: before the owner's look that follows; the other side is the
     * load in rv_cell_wake() (C1). As a release it publishes the waker. */
    atomic_store_explicit(&cell->state, RV_CELL_ARMED, memory_order_seq_cst);
}

void rv_cell_disarm(struct rv_cell *cell)
{
    /* relaxed: only a guess. Nobody but us arms it. */
    if (atomic_load_explicit(&cell->state, memory_order_relaxed) ==
            RV_CELL_ARMED &&
        take(cell, RV_CELL_IDLE))
        rv_waker_drop(&cell->waker);
}

void rv_cell_deliver(struct rv_cell *cell)
{
    struct rv_waker waker;

    if (!take(cell, RV_CELL_TAKING))
        return;
    waker = cell->waker;
    /* release: the waker is copied; pairs with rv_cell_arm() (C2). */
    atomic_store_explicit(&cell->state, RV_CELL_IDLE, memory_order_release);
    rv_waker_wake(&waker); /* C4 */
    rv_waker_drop(&waker);
}
