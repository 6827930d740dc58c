/* SPDX-License-Identifier: MIT */
/*
 * future.h - a value that is not available yet, and how to poll for it.
 *
 *     struct countdown {
 *         struct rv_future future;
 *         int left;
 *     };
 *
 *     static enum rv_poll countdown_poll(struct rv_future *future,
 *                                        struct rv_cx *cx)
 *     {
 *         struct countdown *self =
 *             RV_CONTAINER_OF(future, struct countdown, future);
 *
 *         if (self->left-- > 0) {
 *             rv_waker_wake(&cx->waker);      again, after the other tasks
 *             return RV_PENDING;
 *         }
 *         future->result = 42;
 *         return RV_READY;
 *     }
 *
 *     static const struct rv_future_ops countdown_ops = {
 *         .name = "countdown", .poll = countdown_poll};
 *
 *     rv_future_init(&countdown.future, &countdown_ops);
 *     countdown.left = 3;
 *     result = rv_block_on(executor, &countdown.future);       42
 *     rv_drop(&countdown.future);
 *
 * A future is a struct that begins with `struct rv_future`. It does nothing
 * before its first poll and does not move after it. Its holder polls it until
 * it is READY, or drops it, which cancels it. One task at a time waits for it:
 * two coroutines of one executor that do end the program with a message. It may
 * pass from one to the other, when the first does not wait for it any more.
 *
 * async.h has the macros that write a poll function as if it were a plain
 * function that waits.
 */
#ifndef RV_FUTURE_H
#define RV_FUTURE_H

#include <errno.h>
#include <reveil/base.h>
#include <reveil/waker.h>

RV_BEGIN_DECLS

enum rv_poll { RV_PENDING, RV_READY };

struct rv_executor;
struct rv_frames;
struct rv_future;

/* The argument of a poll: the waker of the task, and its executor. */
struct rv_cx {
    struct rv_waker waker; /* borrowed: clone it to keep it */
    struct rv_executor *executor;
    uint32_t io_calls; /* private: I/O in this poll, see RV_IO_BUDGET */
    /*
     * A future that is READY sets this if a child that it has polled is still
     * pending and stays with the caller, as in rv_until. Such a child belongs
     * to this thread: see sched.h.
     */
    bool leaves_child;
    /*
     * A future stores itself here if it is PENDING and only another task can
     * make it READY: it waits for a channel or a lock, not for a descriptor or
     * the clock. If all tasks of a scheduler await such futures, the scheduler
     * detects a deadlock, see sched.h.
     */
    const struct rv_future *needs_task;
    struct rv_frames *frames; /* private: of the coroutine that waits */
};

/*
 * The I/O calls that one poll of a task may make. The next one wakes the task
 * and is PENDING, so that the other ready tasks are polled first: a fast socket
 * cannot starve them.
 */
enum { RV_IO_BUDGET = 128 };

/*
 * Count an I/O call. Returns: true if this poll may make it; false: the task
 * was woken, return RV_PENDING and continue in the next poll. For futures that
 * make system calls themselves; those of the library call this already.
 */
static inline bool rv_may_go_on(struct rv_cx *cx)
{
    if (cx->io_calls++ < RV_IO_BUDGET)
        return true;
    rv_waker_wake(&cx->waker);
    return false;
}

struct rv_future_ops {
    const char *name; /* for messages and logs */

    /*
     * Advance as far as possible without blocking. Returns: RV_PENDING: a clone
     * of the waker in `cx` is stored where an event will wake it; RV_READY:
     * `result` is set, and the future must not be polled again.
     */
    enum rv_poll (*poll)(struct rv_future *future, struct rv_cx *cx);

    /*
     * Release everything that the future holds: wakers, timers, descriptors
     * that it opened, children. May be called in any state, any number of
     * times, on the executor's thread; must not block. NULL: it holds nothing.
     */
    void (*drop)(struct rv_future *future);

    /*
     * For rv_future_describe(): write into `text` what the future waits for.
     * Called on a future that is PENDING. NULL: `name` says enough.
     */
    void (*describe)(const struct rv_future *future, char *text,
                     size_t size_bytes);

    /*
     * The future is a handle on something that continues when the handle is
     * dropped, such as a task. A combinator (rv_select, rv_timeout, ...) does
     * not drop an unfinished handle with its other children: the owner can
     * still join or abort the task, and drops the handle in the end.
     */
    bool is_handle;

    /* Private: behind the struct rv_future there are so many pointers to
     * futures, which this one does nothing with but wait for them. */
    uint8_t wraps;
};

struct rv_future {
    const struct rv_future_ops *ops;
    int32_t at;     /* where poll continues: 0 at first, RV_AT_END at the end */
    int32_t result; /* when READY: non-negative, or a negative errno */
};

enum { RV_AT_END = -1 };

/* Initialize a future that was not polled yet. The fields that follow it in its
 * struct are the caller's to initialize. */
static inline void rv_future_init(struct rv_future *future,
                                  const struct rv_future_ops *ops)
{
    future->ops = ops;
    future->at = 0;
    future->result = 0;
}

/* Private. Stop the program: a future was polled after its end, or before it
 * was initialized. */
void rv_future_misuse(const struct rv_future *future) __attribute__((noreturn));

/*
 * Poll a future. Polling one that is READY or dropped stops the program with
 * the future's name; so does one that is all zero, such as the join of a spawn
 * that has failed.
 *
 * Threads: the executor's.
 */
static inline enum rv_poll rv_poll(struct rv_future *future, struct rv_cx *cx)
{
    if (__builtin_expect(future->at == RV_AT_END || !future->ops, 0))
        rv_future_misuse(future);
    if (future->ops->poll(future, cx) == RV_PENDING)
        return RV_PENDING;
    future->at = RV_AT_END;
    return RV_READY;
}

/*
 * Cancel a future that is not finished, or release what a finished one holds.
 * Allowed on a future that is all zero, was never polled, or was dropped
 * before. The result of one that was not finished becomes -ECANCELED.
 *
 * Threads: the executor's. Blocks: never.
 */
static inline void rv_drop(struct rv_future *future)
{
    const bool finished = future->at == RV_AT_END;

    if (future->ops && future->ops->drop)
        future->ops->drop(future);
    future->at = RV_AT_END;
    if (!finished)
        future->result = -ECANCELED;
}

/*
 * What a PENDING future waits for, in words, such as
 * "send on channel numbers, full (2 of 2)". The report of a deadlock has them,
 * see rv_sched_deadlock().
 *
 * Threads: the one that polls the future, or any while none does.
 * Returns: false, and "" in `text`, if the future's type has no `describe`, or
 *          if the future is all zero.
 */
bool rv_future_describe(const struct rv_future *future, char *text,
                        size_t size_bytes);

RV_END_DECLS

#endif /* RV_FUTURE_H */
