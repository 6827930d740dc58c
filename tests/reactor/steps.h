/* SPDX-License-Identifier: MIT */
/*
 * steps.h - small steps that the tests of the reactor part share.
 *
 * Threads: the one that owns the probe.
 */
#ifndef RV_TEST_STEPS_H
#define RV_TEST_STEPS_H

#include <criterion/criterion.h>

#include <reveil/base.h>
#include <reveil/reactor.h>
#include <sched.h>

#include "support/support.h"

static inline struct rv_reactor *start_reactor(void)
{
    struct rv_reactor *reactor;

    cr_assert_eq(rv_reactor_start(&reactor), 0);
    return reactor;
}

static inline struct rv_source *open_source(struct rv_reactor *reactor, int fd)
{
    struct rv_source *source;

    cr_assert_eq(rv_source_open(reactor, fd, &source), 0);
    return source;
}

/* Ask as a poll of the probe's task does. */
static inline bool ready(struct rv_source *source, enum rv_direction direction,
                         const struct rv_probe *probe, uint32_t *tick)
{
    const struct rv_cx cx = rv_probe_cx(probe);

    return rv_source_ready(source, direction, &cx.waker, tick);
}

/* The tick of a direction that is ready now. */
static inline uint32_t tick_of(struct rv_source *source,
                               enum rv_direction direction)
{
    const struct rv_waker none = {0};
    uint32_t tick;

    cr_assert(rv_source_ready(source, direction, &none, &tick));
    return tick;
}

/* Wait until the reactor has reported this direction, which is ready, after
 * `tick`. */
static inline uint32_t wait_for_tick_after(struct rv_source *source,
                                           enum rv_direction direction,
                                           uint32_t tick)
{
    const int64_t limit_ns = rv_after_ms(RV_TEST_WAIT_MS);

    while (tick_of(source, direction) == tick) {
        cr_assert_lt(rv_now_ns(), limit_ns, "no report after tick %u", tick);
        sched_yield();
    }
    return tick_of(source, direction);
}

/* Wait until the reactor reports a direction that was cleared. */
static inline void wait_until_ready(struct rv_source *source,
                                    enum rv_direction direction)
{
    const int64_t limit_ns = rv_after_ms(RV_TEST_WAIT_MS);
    const struct rv_waker none = {0};
    uint32_t tick;

    while (!rv_source_ready(source, direction, &none, &tick)) {
        cr_assert_lt(rv_now_ns(), limit_ns, "no report");
        sched_yield();
    }
}

/* A new source counts as ready at tick 0: wait for the first report. Writing is
 * watched only after a task has waited for it. */
static inline void wait_until_known(struct rv_source *source,
                                    enum rv_direction direction)
{
    if (direction == RV_READ) {
        wait_for_tick_after(source, direction, 0);
        return;
    }
    rv_source_clear(source, direction, 0);
    wait_until_ready(source, direction);
}

/* Report EAGAIN for a direction without events, and wait. */
static inline void leave_waker(struct rv_source *source,
                               enum rv_direction direction,
                               const struct rv_probe *probe)
{
    uint32_t tick;

    cr_assert(ready(source, direction, probe, &tick));
    rv_source_clear(source, direction, tick);
    cr_assert_not(ready(source, direction, probe, &tick));
}

/* The same for a direction that the reactor may be reporting now. */
static inline void leave_waker_when_quiet(struct rv_source *source,
                                          enum rv_direction direction,
                                          const struct rv_probe *probe)
{
    uint32_t tick;

    while (ready(source, direction, probe, &tick))
        rv_source_clear(source, direction, tick);
}

#endif /* RV_TEST_STEPS_H */
