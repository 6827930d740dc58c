/* SPDX-License-Identifier: MIT */
/*
 * atomic_waker.h - a slot for the waker of one task that waits on one end.
 *
 *     the task that waits              whoever changes what it waits for
 *     nothing there                    publish (a seq_cst store)
 *     rv_atomic_waker_register()       rv_atomic_waker_wake()
 *     look again: nothing there
 *     return RV_PENDING
 *
 * Threads: register and clear the task that owns the end; wake any.
 */
#ifndef RV_CHANNEL_ATOMIC_WAKER_H
#define RV_CHANNEL_ATOMIC_WAKER_H

#include <reveil/waker.h>

enum {
    RV_ATOMIC_WAKER_IDLE,       /* nobody waits */
    RV_ATOMIC_WAKER_REGISTERED, /* the waker is there for whoever takes it */
    RV_ATOMIC_WAKER_WAKING,     /* somebody copies it, and will wake it */
};

/* All zero is an idle one. */
struct rv_atomic_waker {
    _Atomic uint32_t state; /* see Protocol in atomic_waker.c */
    struct rv_waker waker;  /* written while IDLE, by the owner */
};

/* Leave a clone of the waker, or wake it. The caller looks again after it. */
void rv_atomic_waker_register(struct rv_atomic_waker *atomic_waker,
                              const struct rv_waker *waker);

/* Take the waker back: the task does not wait any more. */
void rv_atomic_waker_clear(struct rv_atomic_waker *atomic_waker);

/* The slow half of rv_atomic_waker_wake(). */
void rv_atomic_waker_deliver(struct rv_atomic_waker *atomic_waker);

/* Wake who waits. Call it after what it waits for was published. */
static inline void rv_atomic_waker_wake(struct rv_atomic_waker *atomic_waker)
{
    /* seq_cst: after the caller's seq_cst publication; the other side is the
     * store in rv_atomic_waker_register(), and the look that follows it
     * (ATOMIC_WAKER-1). */
    if (__builtin_expect(
            atomic_load_explicit(&atomic_waker->state, memory_order_seq_cst) ==
                RV_ATOMIC_WAKER_REGISTERED,
            0))
        rv_atomic_waker_deliver(atomic_waker);
}

#endif /* RV_CHANNEL_ATOMIC_WAKER_H */
