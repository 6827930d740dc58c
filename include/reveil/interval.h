/* SPDX-License-Identifier: MIT */
/*
 * interval.h - wait for ticks that are a fixed period apart.
 *
 *     rv_interval_init(&self->every, rv_now_ns(), 10 * RV_NS_PER_MS,
 *                      RV_TICK_SKIP);
 *     for (;;) {
 *         rv_interval_next(&self->every);
 *         RV_AWAIT(future, cx, &self->every.future);
 *         sample(self->every.future.result);
 *     }
 *
 * Each tick is due one period after the previous tick was due, not after it was
 * taken, so delays do not add up.
 */
#ifndef RV_INTERVAL_H
#define RV_INTERVAL_H

#include <reveil/executor.h>

RV_BEGIN_DECLS

/*
 * What happens to ticks that were missed, that is, ticks that became due before
 * the one ahead of them was taken. Example: ticks are due at 0, 1, 2, ...
 * periods, and the first one is taken at 3.5:
 *
 *     RV_TICK_BURST    0 1 2 3 at once, then 4, 5: no tick is left out
 *     RV_TICK_DELAY    0 at once, then 4.5, 5.5: missed ticks are left out, and
 *                      ticks are always at least a period apart
 *     RV_TICK_SKIP     0 at once, as one tick for 0 1 2 3, then 4, 5
 */
enum rv_tick_policy { RV_TICK_BURST, RV_TICK_DELAY, RV_TICK_SKIP };

/*
 * The future is READY when the next tick is due. result: the number of ticks
 * that it stands for, at most INT32_MAX: 1, or with RV_TICK_SKIP possibly more.
 * Cancellation-safe: dropped before it is READY, it takes no tick.
 */
struct rv_interval {
    struct rv_future future;
    int64_t tick_ns; /* when the last tick that was taken was due */

    /* Private. */
    int64_t next_ns;
    int64_t period_ns;
    enum rv_tick_policy policy;
    struct rv_sleep sleep;
};

/*
 * The first tick is due at `first_ns`, which may have passed; the others follow
 * every `period_ns`. Call rv_interval_next() before the first tick too.
 *
 * Misuse: period_ns < 1.
 */
void rv_interval_init(struct rv_interval *interval, int64_t first_ns,
                      int64_t period_ns, enum rv_tick_policy policy);

/*
 * Prepare `interval->future` to wait for the next tick, whether or not it was
 * READY before.
 *
 * Threads: the executor's.
 */
void rv_interval_next(struct rv_interval *interval);

RV_END_DECLS

#endif /* RV_INTERVAL_H */
