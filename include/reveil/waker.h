/* SPDX-License-Identifier: MIT */
/*
 * waker.h - put a suspended task back into its ready queue.
 *
 *     executor thread                          any other thread
 *     ids = take all of the ready queue  <---  rv_waker_wake(&waker):
 *     none? rv_parker_park()             <---    lock, push id, unlock, unpark
 *
 * A waker is two words: a ready queue and a task id. It never points at a task:
 * a wake after the task's end finds no task with that id and does nothing.
 */
#ifndef RV_WAKER_H
#define RV_WAKER_H

#include <reveil/atomic.h>
#include <reveil/export.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

RV_BEGIN_DECLS

/* --- the parker: one thread sleeps until another one wakes it ---------- */

/*
 * Another way to sleep than on a futex: the owner sleeps in park(), and a
 * write to event_fd ends that sleep. The reactor supplies one, which sleeps in
 * epoll_wait (the fused mode).
 */
struct rv_park_backend {
    /*
     * Sleep until event_fd is written, the backend has done some work, or the
     * deadline passes. With a deadline of 0: check without sleeping. Threads:
     * the owner.
     *
     * Returns: true; false if this sleep is unavailable. The parker then sleeps
     * on its futex, until *deadline_ns, which the backend may have made
     * earlier.
     */
    bool (*park)(void *context, int64_t *deadline_ns);
    void *context;
    int event_fd; /* an eventfd; stays open as long as the parker */
};

/* Embed it anywhere; do not copy or move it once it is shared. */
struct rv_parker {
    RV_ATOMIC(uint32_t) token; /* private: see Protocol in parker.c */
    RV_ATOMIC(bool) on_futex;  /* private: the park backend has refused once */
    struct rv_park_backend backend; /* private; without park(): a futex */
};

/* Make a parker without a token, which sleeps on a futex. */
void rv_parker_init(struct rv_parker *parker);

/*
 * Use another way to sleep from now on. park() may then return before there is
 * a token or the deadline passes: the backend may have made tasks ready.
 *
 * Owns: a copy of `backend`; its descriptor stays the caller's.
 * Threads: the owner, before the parker is shared.
 */
void rv_parker_use(struct rv_parker *parker,
                   const struct rv_park_backend *backend);

/* Run the park backend, if there is one, without sleeping. Threads: the owner.
 */
void rv_parker_drive(struct rv_parker *parker);

/*
 * Sleep until unpark() is called, or the deadline passes; return at once if
 * unpark() was called since the last park(). Consumes the token either way. An
 * unpark() happens-before the return of the park() that it ends, even when it
 * collapsed into an earlier unpark().
 *
 * deadline_ns: CLOCK_MONOTONIC, absolute; RV_NEVER to wait forever.
 * Threads: the owner only.   Blocks: the thread.
 * Returns: true if a token was taken, false if the deadline passed.
 */
bool rv_parker_park(struct rv_parker *parker, int64_t deadline_ns);

/*
 * Leave a token, and wake the owner if it sleeps. Never blocks, never fails.
 *
 * Threads: any, and signal handlers. Returns: true if the owner slept.
 */
bool rv_parker_unpark(struct rv_parker *parker);

/* --- the waker --------------------------------------------------------- */

/* The ready queue of an executor; see src/waker/ready.h. */
struct rv_ready;

/* Copy it with rv_waker_clone() only; all zero is "no waker". */
struct rv_waker {
    struct rv_ready *queue; /* private: one reference */
    uint64_t id;            /* private */
};

/*
 * Make a second waker for the same task.
 *
 * Threads: any; for a borrowed waker (in struct rv_cx) only the thread that
 * polls.
 */
struct rv_waker rv_waker_clone(const struct rv_waker *waker);

/* Whether both wake the same task. True also if both are "no waker". */
static inline bool rv_waker_same(const struct rv_waker *a,
                                 const struct rv_waker *b)
{
    return a->queue == b->queue && a->id == b->id;
}

/*
 * Put the task into its ready queue, unless it is there already, and unpark its
 * executor. The call happens-before the poll that follows, also if the task was
 * in the queue already. A waker of a finished task does nothing.
 *
 * Threads: any. Do not call it with a lock held that a poll may take.
 * Never allocates, never fails, locks one mutex for a short time.
 */
void rv_waker_wake(const struct rv_waker *waker);

/* Release the waker's reference; it is "no waker" afterwards. A no-op for "no
 * waker". */
void rv_waker_drop(struct rv_waker *waker);

/* rv_waker_wake(), then rv_waker_drop(). */
void rv_waker_wake_and_drop(struct rv_waker *waker);

/* Private: a future has stored the waker `earlier` and is polled with `now`.
 * Stop the program if two coroutines wait for that future. */
void rv_waker_displaced(const struct rv_waker *earlier,
                        const struct rv_waker *now);

/*
 * Store a clone of `waker` in *stored, as a poll does that returns RV_PENDING.
 * Nothing changes if *stored wakes the same task already. If it wakes another
 * coroutine of this executor, which waits for the same future and would never
 * be woken, the program ends with a message.
 *
 * Returns: the earlier waker, which the caller must drop; "no waker" if nothing
 * changed. A drop may free the ready queue: a caller that holds a lock drops
 * the earlier waker after it has released the lock.
 */
static inline struct rv_waker rv_waker_replace(struct rv_waker *stored,
                                               const struct rv_waker *waker)
{
    struct rv_waker earlier;

    earlier.queue = NULL;
    earlier.id = 0;
    if (!rv_waker_same(stored, waker)) {
        earlier = *stored;
        if (earlier.queue)
            rv_waker_displaced(&earlier, waker);
        *stored = rv_waker_clone(waker);
    }
    return earlier;
}

/* rv_waker_replace() for a caller without a lock: drops the earlier waker. */
static inline void rv_waker_store(struct rv_waker *stored,
                                  const struct rv_waker *waker)
{
    if (!rv_waker_same(stored, waker)) {
        if (stored->queue)
            rv_waker_displaced(stored, waker);
        rv_waker_drop(stored);
        *stored = rv_waker_clone(waker);
    }
}

/* Move the waker out of *stored, which is "no waker" afterwards. */
static inline struct rv_waker rv_waker_take(struct rv_waker *stored)
{
    const struct rv_waker taken = *stored;

    stored->queue = NULL;
    stored->id = 0;
    return taken;
}

RV_END_DECLS

#endif /* RV_WAKER_H */
