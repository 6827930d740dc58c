/* SPDX-License-Identifier: MIT */
/* await.h - await a future until a deadline, then drop it. */
#ifndef RV_HTTP_AWAIT_H
#define RV_HTTP_AWAIT_H

#include <reveil/combine.h>
#include <reveil/coro.h>

/* In a coroutine. Returns: the result of the future; -ETIMEDOUT, -ECANCELED. */
static inline int rv_http_await(struct rv_future *future, int64_t deadline_ns)
{
    struct rv_timeout timeout;
    int result;

    if (deadline_ns == RV_NEVER) {
        result = rv_await(future);
    } else {
        rv_timeout_init(&timeout, future, deadline_ns);
        result = rv_await(&timeout.future);
        rv_drop(&timeout.future);
    }
    rv_drop(future);
    return result;
}

#endif /* RV_HTTP_AWAIT_H */
