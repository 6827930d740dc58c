/* SPDX-License-Identifier: MIT */
/*
 * interval.h - again and again, a fixed time apart.
 *
 *     rv_interval_init(&self->every, rv_now_ns(), 10 * RV_NS_PER_MS,
 *                      RV_TICK_SKIP);
 *     for (;;) {
 *         rv_interval_next(&self->every);
 *         RV_AWAIT(future, cx, &self->every.future);
 *         sample(self->every.future.result);
 *     }
 *
 * Each tick is due one period after the one before was due, not after it was
 * taken: an interval that is late by a little is not late by more and more.
 */
#ifndef RV_INTERVAL_H
#define RV_INTERVAL_H

#include <reveil/executor.h>

RV_BEGIN_DECLS

/*
 * What becomes of ticks that were missed: of those that are due, a whole
 * period or more, before the one in front of them is taken. Taken at 3.5
 * periods, with ticks due at 0, 1, 2, ...:
 *
 *     RV_TICK_BURST    0 1 2 3 at once, then 4, 5: each comes, late or not
 *     RV_TICK_DELAY    0 at once, then 4.5, 5.5: the others are left out, and
 *                      two ticks are never less than a period apart
 *     RV_TICK_SKIP     0 at once, which stands for 0 1 2 3, then 4, 5
 */
enum rv_tick_policy { RV_TICK_BURST, RV_TICK_DELAY, RV_TICK_SKIP };

/*
 * The future is READY when the next tick is due. result: how many ticks it
 * stands for: 1, with RV_TICK_SKIP also more (at most INT32_MAX). Dropped, it
 * takes no tick: the next one is still the next one, so it can be a child of
 * a select or a timeout.
 */
struct rv_interval {
    struct rv_future future;
    int64_t tick_ns; /* when the tick that was taken last was due */

    /* Private. */
    int64_t next_ns;
    int64_t period_ns;
    enum rv_tick_policy policy;
    struct rv_sleep sleep;
};

/*
 * The first tick is due at `first_ns`, also if that is past; then one each
 * `period_ns`. Call rv_interval_next() before the first tick too.
 *
 * Misuse: period_ns < 1.
 */
void rv_interval_init(struct rv_interval *interval, int64_t first_ns,
                      int64_t period_ns, enum rv_tick_policy policy);

/*
 * Make `interval->future` the next tick, to be awaited; it need not have been
 * READY before.
 *
 * Threads: the executor's.
 */
void rv_interval_next(struct rv_interval *interval);

RV_END_DECLS

#endif /* RV_INTERVAL_H */
