/* SPDX-License-Identifier: MIT */
/*
 * atomic_waker.h - a slot for the waker of one task that waits on one end.
 *
 *     the task that waits              a thread that ends the wait
 *     check: nothing there             publish (a seq_cst store)
 *     rv_atomic_waker_register()       rv_atomic_waker_wake()
 *     check again: nothing there
 *     return RV_PENDING
 *
 * Threads: register and clear: the task that owns the end; wake: any.
 */
#ifndef RV_CHANNEL_ATOMIC_WAKER_H
#define RV_CHANNEL_ATOMIC_WAKER_H

#include <reveil/future.h>

/*
 * IDLE: No task waits. The owner may write `waker`. The next state is
 * REGISTERED, which only the owner sets.
 *
 * REGISTERED: `waker` is valid. The owner may take it back (IDLE), and any
 * thread may take it to wake it (WAKING). Both use a compare-exchange, so only
 * one of them succeeds.
 *
 * WAKING: A thread copies `waker` and will wake it. That thread sets IDLE next;
 * until then no other thread may access `waker`.
 */
enum {
    RV_ATOMIC_WAKER_IDLE,
    RV_ATOMIC_WAKER_REGISTERED,
    RV_ATOMIC_WAKER_WAKING,
};

/* All zero is idle. */
struct rv_atomic_waker {
    _Atomic uint32_t state; /* see Protocol in atomic_waker.c */
    struct rv_waker waker;
    const struct rv_future *future; /* the owner's, that registered it last */
};

/*
 * Store a clone of the waker, or wake it if that is not possible now. The
 * caller must check its condition again after this call.
 *
 * future: that waits. Misuse: another one waits here, which nothing would wake.
 */
void rv_atomic_waker_register(struct rv_atomic_waker *atomic_waker,
                              const struct rv_future *future,
                              const struct rv_waker *waker);

/* Take the waker back: the task no longer waits. */
void rv_atomic_waker_clear(struct rv_atomic_waker *atomic_waker);

/* The end is closed, in the function `name`. Misuse: a future waits here, which
 * would use the end again. */
void rv_atomic_waker_close(struct rv_atomic_waker *atomic_waker,
                           const char *name);

/* The slow half of rv_atomic_waker_wake(). */
void rv_atomic_waker_deliver(struct rv_atomic_waker *atomic_waker);

/* Wake the task that waits. Call it after publishing what it waits for. */
static inline void rv_atomic_waker_wake(struct rv_atomic_waker *atomic_waker)
{
    /* seq_cst: ordered after the caller's seq_cst publication; the other side
     * is the store in rv_atomic_waker_register() and the check that follows it
     * (ATOMIC_WAKER-1). */
    if (__builtin_expect(
            atomic_load_explicit(&atomic_waker->state, memory_order_seq_cst) ==
                RV_ATOMIC_WAKER_REGISTERED,
            0))
        rv_atomic_waker_deliver(atomic_waker);
}

#endif /* RV_CHANNEL_ATOMIC_WAKER_H */
