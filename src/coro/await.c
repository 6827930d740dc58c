/* SPDX-License-Identifier: MIT */
/*
 * await.c - wait for a future until a deadline, in a coroutine of any host.
 *
 * Threads: those of the coroutine.
 */
#include <errno.h>
#include <reveil/combine.h>
#include <reveil/coro.h>

int rv_await_until(struct rv_future *future, int64_t deadline_ns)
{
    struct rv_until until;
    int result;

    if (future->at == RV_AT_END)
        return future->result;
    if (deadline_ns == RV_NEVER)
        return rv_await(future);
    rv_until_init(&until, future, deadline_ns);
    result = rv_await(&until.future);
    rv_drop(&until.future);
    return result;
}

/* At the deadline rv_timeout drops the child where it was polled: the coroutine
 * may continue on another thread. */
int rv_await_and_drop(struct rv_future *future, int64_t deadline_ns)
{
    struct rv_timeout timeout;
    int result;

    if (future->at == RV_AT_END) {
        result = future->result;
    } else if (deadline_ns == RV_NEVER) {
        result = rv_await(future);
    } else {
        rv_timeout_init(&timeout, future, deadline_ns);
        result = rv_await(&timeout.future);
        rv_drop(&timeout.future);
    }
    rv_drop(future);
    return result;
}

int rv_await_either(struct rv_future *first, struct rv_future *second,
                    int64_t deadline_ns)
{
    struct rv_either either;
    int result;

    rv_either_init(&either, first, second, deadline_ns);
    result = rv_await(&either.future);
    rv_drop(&either.future);
    return result;
}
