/* SPDX-License-Identifier: MIT */
/*
 * async.h - write a poll function like a function that blocks.
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
 * The function is a switch on `future->at`, the line of the await at which it
 * continues. Therefore:
 *
 *   - A local variable does not survive an await: keep it in `self`. gcc -O2
 *     with -Werror=jump-misses-init -Werror=maybe-uninitialized rejects most
 *     uses of one that was lost. It does not see one with a value from before
 *     RV_BEGIN, which each poll sets again; tests/tools/check-locals does.
 *   - Do not await inside a `switch` of your own: the next poll would stop the
 *     program in RV_END.
 *   - Return only with RV_RETURN, and do not use `__attribute__((cleanup))`,
 *     which would run at each suspension.
 *   - Write at most one await per line.
 *   - The drop function drops every child that may have been started. rv_drop()
 *     is a no-op for the others if their memory was zeroed.
 */
#ifndef RV_ASYNC_H
#define RV_ASYNC_H

#include <reveil/future.h>

RV_BEGIN_DECLS

/* Begin the body of a poll function. */
#define RV_BEGIN(future_)    \
    switch ((future_)->at) { \
    case 0:

/* Suspend until `child_` is READY: each poll of this future polls the child. */
#define RV_AWAIT(future_, cx_, child_)              \
    do {                                            \
        (future_)->at = __LINE__;                   \
        __attribute__((fallthrough));               \
    case __LINE__:                                  \
        if (rv_poll((child_), (cx_)) == RV_PENDING) \
            return RV_PENDING;                      \
    } while (0)

/*
 * Suspend until `condition_` is true. It is evaluated at each poll. If it is
 * false, it must have arranged for a wake.
 */
#define RV_AWAIT_UNTIL(future_, condition_) \
    do {                                    \
        (future_)->at = __LINE__;           \
        __attribute__((fallthrough));       \
    case __LINE__:                          \
        if (!(condition_))                  \
            return RV_PENDING;              \
    } while (0)

/* Finish with a result: non-negative, or a negative errno. */
#ifdef __cplusplus
#define RV_RETURN(future_, result_)                        \
    do {                                                   \
        (future_)->result = static_cast<int32_t>(result_); \
        return RV_READY;                                   \
    } while (0)
#else
#define RV_RETURN(future_, result_)             \
    do {                                        \
        (future_)->result = (int32_t)(result_); \
        return RV_READY;                        \
    } while (0)
#endif

/* End the body. Execution gets here only through a mistake listed above. */
#define RV_END(future_)            \
    default:                       \
        rv_future_misuse(future_); \
        }                          \
        rv_future_misuse(future_)

RV_END_DECLS

#endif /* RV_ASYNC_H */
