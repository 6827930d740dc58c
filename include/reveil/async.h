/* SPDX-License-Identifier: MIT */
/*
 * async.h - write a poll function as a function that waits.
 *
 *     static enum rv_poll twice_poll(struct rv_future *future,
 *                                    struct rv_cx *cx)
 *     {
 *         struct twice *self = RV_CONTAINER_OF(future, struct twice, future);
 *
 *         RV_BEGIN(future);
 *         rv_sleep_init(&self->nap, rv_after_ms(10));
 *         RV_AWAIT(future, cx, &self->nap.future);
 *         rv_sleep_init(&self->nap, rv_after_ms(10));
 *         RV_AWAIT(future, cx, &self->nap.future);
 *         RV_RETURN(future, 0);
 *         RV_END(future);
 *     }
 *
 * The function is a switch on `future->at`, the line of the await where it
 * goes on. What follows from that:
 *
 *   - A local variable does not survive an await: keep it in `self`. gcc -O2
 *     with -Werror=jump-misses-init -Werror=maybe-uninitialized refuses most
 *     of the others.
 *   - No await inside a `switch` of your own: the next poll stops the program
 *     in RV_END.
 *   - Leave with RV_RETURN only; a plain `return RV_READY` keeps `at`, and
 *     `__attribute__((cleanup))` runs at each suspension.
 *   - One await a line.
 *   - The drop function drops every child that may have been started; rv_drop
 *     is harmless on the others, if the memory was zeroed before.
 */
#ifndef RV_ASYNC_H
#define RV_ASYNC_H

#include <reveil/future.h>

RV_BEGIN_DECLS

/* Open the body of a poll function. */
#define RV_BEGIN(future_)    \
    switch ((future_)->at) { \
    case 0:

/* Poll `child_` until it is READY; the caller is suspended in between. */
#define RV_AWAIT(future_, cx_, child_)              \
    do {                                            \
        (future_)->at = __LINE__;                   \
        __attribute__((fallthrough));               \
    case __LINE__:                                  \
        if (rv_poll((child_), (cx_)) == RV_PENDING) \
            return RV_PENDING;                      \
    } while (0)

/*
 * Suspend until `condition_` is true. It is evaluated at each poll and must
 * leave the waker somewhere when it is false.
 */
#define RV_AWAIT_UNTIL(future_, condition_) \
    do {                                    \
        (future_)->at = __LINE__;           \
        __attribute__((fallthrough));       \
    case __LINE__:                          \
        if (!(condition_))                  \
            return RV_PENDING;              \
    } while (0)

/* Finish with a result: 0 or more, or a negative errno. */
#define RV_RETURN(future_, result_)             \
    do {                                        \
        (future_)->result = (int32_t)(result_); \
        return RV_READY;                        \
    } while (0)

/* Close the body. Reached only by an error: see above. */
#define RV_END(future_)            \
    default:                       \
        rv_future_misuse(future_); \
        }                          \
        rv_future_misuse(future_)

RV_END_DECLS

#endif /* RV_ASYNC_H */
