/* SPDX-License-Identifier: MIT */
/*
 * cell.h - a place for the waker of one task that waits on one end.
 *
 *     the task that waits              whoever changes what it waits for
 *     nothing there                    publish (a seq_cst store)
 *     rv_cell_arm(&cell, waker)        rv_cell_wake(&cell)
 *     look again: nothing there
 *     return RV_PENDING
 *
 * Threads: arm and disarm the task that owns the end; wake any.
 */
#ifndef RV_CHANNEL_CELL_H
#define RV_CHANNEL_CELL_H

#include <reveil/waker.h>

enum {
    RV_CELL_IDLE,   /* nobody waits */
    RV_CELL_ARMED,  /* the waker is there for whoever takes it */
    RV_CELL_TAKING, /* somebody copies it, and will wake it */
};

/* All zero is an idle one. */
struct rv_cell {
    _Atomic uint32_t state; /* see Protocol in cell.c */
    struct rv_waker waker;  /* written while IDLE, by the owner */
};

/* Leave a clone of the waker, or wake it. The caller looks again after it. */
void rv_cell_arm(struct rv_cell *cell, const struct rv_waker *waker);

/* Take the waker back: the task does not wait any more. */
void rv_cell_disarm(struct rv_cell *cell);

/* The slow half of rv_cell_wake(). */
void rv_cell_deliver(struct rv_cell *cell);

/* Wake who waits. Call it after what it waits for was published. */
static inline void rv_cell_wake(struct rv_cell *cell)
{
    /* seq_cst: after the caller's seq_cst publication; the other side is the
     * store in rv_cell_arm(), and the look that follows it (C1). */
    if (__builtin_expect(
            atomic_load_explicit(&cell->state, memory_order_seq_cst) ==
                RV_CELL_ARMED,
            0))
        rv_cell_deliver(cell);
}

#endif /* RV_CHANNEL_CELL_H */
