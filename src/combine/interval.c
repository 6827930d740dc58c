/* SPDX-License-Identifier: MIT */
/*
 * interval.c - a sleep whose deadline advances by a period for each tick.
 *
 * Threads: the executor's.
 */
#include <reveil/interval.h>

#include "base/base_internal.h"

/*
 * The tick due at tick_ns is taken, and the next one is due already. Set
 * next_ns by the policy.
 *
 * Returns: the number of ticks that the one taken stands for.
 */
static int32_t catch_up(struct rv_interval *self, int64_t now_ns)
{
    const uint64_t period_ns = (uint64_t)self->period_ns;
    /* Unsigned: the difference may be larger than an int64_t. */
    const uint64_t late_ns = (uint64_t)now_ns - (uint64_t)self->tick_ns;
    const uint64_t missed = late_ns / period_ns;

    if (self->policy == RV_TICK_BURST)
        return 1;
    if (self->policy == RV_TICK_DELAY) {
        self->next_ns = rv_later_ns(now_ns, self->period_ns);
        return 1;
    }
    self->next_ns =
        rv_later_ns(now_ns - (int64_t)(late_ns % period_ns), self->period_ns);
    return missed < INT32_MAX ? (int32_t)missed + 1 : INT32_MAX;
}

static enum rv_poll tick_poll(struct rv_future *future, struct rv_cx *cx)
{
    struct rv_interval *self =
        RV_CONTAINER_OF(future, struct rv_interval, future);
    int64_t now_ns;

    if (rv_poll(&self->sleep.future, cx) == RV_PENDING)
        return RV_PENDING;
    now_ns = rv_now_ns();
    self->tick_ns = self->next_ns;
    self->next_ns = rv_later_ns(self->tick_ns, self->period_ns);
    future->result = now_ns < self->next_ns ? 1 : catch_up(self, now_ns);
    return RV_READY;
}

static void tick_drop(struct rv_future *future)
{
    rv_drop(&RV_CONTAINER_OF(future, struct rv_interval, future)->sleep.future);
}

static const struct rv_future_ops tick_ops = {
    .name = "rv_interval", .poll = tick_poll, .drop = tick_drop};

void rv_interval_init(struct rv_interval *interval, int64_t first_ns,
                      int64_t period_ns, enum rv_tick_policy policy)
{
    RV_CHECK(period_ns > 0, "a period below 1 ns");
    *interval = (struct rv_interval){
        .next_ns = first_ns, .period_ns = period_ns, .policy = policy};
    rv_future_init(&interval->future, &tick_ops);
    interval->future.at = RV_AT_END; /* no tick yet: polling it is misuse */
}

void rv_interval_next(struct rv_interval *interval)
{
    rv_drop(&interval->future);
    rv_future_init(&interval->future, &tick_ops);
    rv_sleep_init(&interval->sleep, interval->next_ns);
}
