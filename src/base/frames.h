/* SPDX-License-Identifier: MIT */
/*
 * frames.h - what is still in use in the frames of a coroutine.
 *
 * A sleep in the wheel, a waiter in the queue of a mutex, a call on a pool
 * whose argument is a local variable: the engine has a pointer to each, or uses
 * what it points to, and each may be in the frame of a coroutine. When that
 * function returns, its frame is used again, and the pointer writes into it. So
 * a coroutine counts what is in use on its stack, and looks once, at its end:
 *
 *     sleep_poll:  counted = rv_frames_count(cx->frames, sleep, ...)   1
 *     sleep_drop:  rv_frames_uncount(&sleep->counted)                  0
 *     the end:     rv_frames_are_used(frames)                          false
 *
 * What is in other memory is not counted.
 *
 * Threads: that of the coroutine, or one that it waits for. A handle of a task
 * of the scheduler may be dropped on any thread: rv_frames_give_back().
 */
#ifndef RV_FRAMES_H
#define RV_FRAMES_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum rv_frames_kind {
    RV_FRAMES_SLEEPS,
    RV_FRAMES_TIMERS,
    RV_FRAMES_EMBEDDED,
    RV_FRAMES_SCOPES,
    RV_FRAMES_JOINS,
    RV_FRAMES_HANDLES,    /* struct rv_go */
    RV_FRAMES_WAITERS,    /* for a semaphore, a mutex, a notify */
    RV_FRAMES_OPERATIONS, /* of the ring, of a file, on a pool */
    RV_FRAMES_KINDS
};

/* The stack of a coroutine, which has this on it. */
struct rv_frames {
    const char *low;
    size_t size_bytes;
    uint32_t used[RV_FRAMES_KINDS];
    /* Handles that were dropped elsewhere. */
    _Atomic uint32_t given_back;
};

/* The frames of the innermost coroutine that runs on this thread, or NULL. The
 * first member of its struct rv_coro. */
extern _Thread_local struct rv_frames *rv_frames_running
    __attribute__((tls_model("initial-exec")));

/* The same, for what may be inlined into a coroutine that continues on another
 * thread: the compiler could have kept the address. */
struct rv_frames *rv_frames_current(void);

/* frames: NULL: false. */
static inline bool rv_frames_have(const struct rv_frames *frames,
                                  const void *address)
{
    return frames &&
           (uintptr_t)address - (uintptr_t)frames->low < frames->size_bytes;
}

/* Count an object that is used from now on. Returns: where it counts; NULL if
 * it is not in these frames. */
static inline uint32_t *rv_frames_count(struct rv_frames *frames,
                                        const void *address,
                                        enum rv_frames_kind kind)
{
    if (!rv_frames_have(frames, address))
        return NULL;
    frames->used[kind]++;
    return &frames->used[kind];
}

/* The same for a future at a poll that leaves it PENDING; the first of them
 * counts it. */
static inline void rv_frames_count_once(uint32_t **counted,
                                        struct rv_frames *frames,
                                        const void *address,
                                        enum rv_frames_kind kind)
{
    if (!*counted)
        *counted = rv_frames_count(frames, address, kind);
}

/* The object is not used any more. */
static inline void rv_frames_uncount(uint32_t **counted)
{
    if (*counted)
        --**counted;
    *counted = NULL;
}

/* The same for a handle, which counts in `frames`, on any thread. */
static inline void rv_frames_give_back(struct rv_frames *frames)
{
    if (frames == rv_frames_current())
        frames->used[RV_FRAMES_HANDLES]--;
    else
        /* relaxed: whoever drops a handle of another task tells that task so,
         * before it ends. */
        atomic_fetch_add_explicit(&frames->given_back, 1, memory_order_relaxed);
}

/* Whether the coroutine may not end. Handles may have been given back. */
static inline bool rv_frames_are_used(const struct rv_frames *frames)
{
    const uint32_t *used = frames->used; /* gcc -O2 keeps a loop */

    return (used[0] | used[1] | used[2] | used[3] | used[4] | used[5] |
            used[6] | used[7]) != 0;
}

_Static_assert(RV_FRAMES_KINDS == 8, "rv_frames_are_used() looks at each");

#endif /* RV_FRAMES_H */
