/* SPDX-License-Identifier: MIT */
/*
 * backoff.c - pauses that grow, with jitter.
 *
 * Threads: one at a time for a backoff.
 *
 * Source: the pauses are those of "equal jitter" in M. Brooker, "Exponential
 * Backoff And Jitter", AWS Architecture Blog (2015). The generator is
 * splitmix64 (S. Vigna).
 */
#include <errno.h>
#include <reveil/async.h>
#include <reveil/backoff.h>
#include <reveil/coro.h>

#include "base/base_internal.h"

void rv_backoff_init(struct rv_backoff *backoff, int64_t first_ns,
                     int64_t most_ns, int64_t deadline_ns)
{
    RV_CHECK(first_ns > 0 && most_ns >= first_ns, "bad pauses");
    *backoff = (struct rv_backoff){
        .most_ns = most_ns,
        .first_ns = first_ns,
        .deadline_ns = deadline_ns,
        /* Two clients, and two backoffs of a client, must differ. */
        .random = (uint64_t)rv_now_ns() ^ (uint64_t)(uintptr_t)backoff,
    };
    rv_backoff_reset(backoff);
}

void rv_backoff_reset(struct rv_backoff *backoff)
{
    backoff->pauses = 0;
    backoff->pause_ns = backoff->first_ns;
}

static uint64_t next_random(struct rv_backoff *backoff)
{
    uint64_t z = backoff->random += UINT64_C(0x9e3779b97f4a7c15);

    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

int64_t rv_backoff_next_ns(struct rv_backoff *backoff)
{
    const int64_t longest_ns = backoff->pause_ns;
    const uint64_t half_ns = (uint64_t)longest_ns / 2;
    const int64_t pause_ns =
        longest_ns - (int64_t)(next_random(backoff) % (half_ns + 1));
    const int64_t end_ns = rv_later_ns(rv_now_ns(), pause_ns);

    backoff->pauses++;
    backoff->pause_ns =
        longest_ns > backoff->most_ns / 2 ? backoff->most_ns : longest_ns * 2;
    return end_ns < backoff->deadline_ns ? end_ns : RV_NEVER;
}

static enum rv_poll wait_poll(struct rv_future *future, struct rv_cx *cx)
{
    struct rv_backoff_wait *self =
        RV_CONTAINER_OF(future, struct rv_backoff_wait, future);
    int64_t end_ns;

    RV_BEGIN(future);
    end_ns = rv_backoff_next_ns(self->backoff);
    if (end_ns == RV_NEVER)
        RV_RETURN(future, -ETIMEDOUT);
    rv_sleep_init(&self->sleep, end_ns);
    RV_AWAIT(future, cx, &self->sleep.future);
    RV_RETURN(future, 0);
    RV_END(future);
}

static void wait_drop(struct rv_future *future)
{
    struct rv_backoff_wait *self =
        RV_CONTAINER_OF(future, struct rv_backoff_wait, future);

    if (future->at > 0)
        rv_drop(&self->sleep.future);
}

void rv_backoff_wait_init(struct rv_backoff_wait *wait,
                          struct rv_backoff *backoff)
{
    static const struct rv_future_ops ops = {
        .name = "rv_backoff_wait", .poll = wait_poll, .drop = wait_drop};

    rv_future_init(&wait->future, &ops);
    wait->backoff = backoff;
}

int rv_backoff_wait(struct rv_backoff *backoff)
{
    struct rv_backoff_wait wait;

    rv_backoff_wait_init(&wait, backoff);
    return rv_await_and_drop(&wait.future, RV_NEVER);
}
