/* SPDX-License-Identifier: MIT */
/*
 * scale_timers.c - 100,000 tasks asleep at once, and timers under load.
 */
#include "scale/scale.h"

enum { SLEEPERS = 100000, LONGEST_MS = 1000, MARK_MS = 2 };

/* Deadlines 1..1000 ms after a moment when all of them are asleep. */
static void measure_sleepers(struct rv_executor *executor)
{
    struct scale_late late = {.count = 0};
    const int64_t start_ns = rv_after_ms(500);
    const double cpu_ms = scale_cpu_ms();
    struct rv_scope scope;

    rv_scope_init(&scope, executor);
    for (int i = 0; i < SLEEPERS; i++)
        scale_sleep(&scope,
                    start_ns + (1 + i * 7919LL % LONGEST_MS) * RV_NS_PER_MS,
                    &late);
    SCALE_CHECK(rv_block_on(executor, &scope.future) == 0, "block_on");
    rv_drop(&scope.future);

    scale_report(late.count == SLEEPERS && late.early == 0,
                 "sleepers: %u tasks, %u early", late.count, late.early);
    scale_report(scale_mean_ms(&late) < MARK_MS * SCALE_GROSS,
                 "lateness: mean %.2f ms, at most %.2f ms, CPU %.0f ms "
                 "(mark: mean %d ms)",
                 scale_mean_ms(&late), scale_ms(late.longest_ns),
                 scale_cpu_ms() - cpu_ms, MARK_MS);
}

/* --- timers while others yield for ever -------------------------------- */

enum { YIELDERS = 1000, TIMERS = 200 };

struct yielder {
    struct rv_future future;
    struct rv_yield yield;
    uint64_t *turns;
};

static enum rv_poll yielder_poll(struct rv_future *future, struct rv_cx *cx)
{
    struct yielder *self = RV_CONTAINER_OF(future, struct yielder, future);

    RV_BEGIN(future);
    for (;;) {
        rv_yield_init(&self->yield);
        RV_AWAIT(future, cx, &self->yield.future);
        ++*self->turns;
    }
    RV_END(future);
}

static void add_yielders(struct rv_scope *scope, uint64_t *turns)
{
    static const struct rv_future_ops ops = {.name = "yielder",
                                             .poll = yielder_poll};

    for (int i = 0; i < YIELDERS; i++) {
        struct yielder *yielder = rv_alloc(sizeof *yielder);

        SCALE_CHECK(yielder, "no memory");
        rv_future_init(&yielder->future, &ops);
        yielder->turns = turns;
        SCALE_CHECK(rv_scope_spawn(scope, &yielder->future) == 0, "spawn");
    }
}

static void measure_under_load(struct rv_executor *executor)
{
    struct scale_late late = {.count = 0};
    uint64_t turns = 0;
    struct rv_scope yielders;
    struct rv_scope sleepers;

    rv_scope_init(&yielders, executor);
    rv_scope_init(&sleepers, executor);
    add_yielders(&yielders, &turns);
    for (int i = 1; i <= TIMERS; i++)
        scale_sleep(&sleepers, rv_after_ms(i), &late);
    SCALE_CHECK(rv_block_on(executor, &sleepers.future) == 0, "block_on");
    rv_drop(&sleepers.future);
    rv_drop(&yielders.future);

    scale_report(late.count == TIMERS && late.early == 0,
                 "load: %u timers beside %d tasks that yield, %u early",
                 late.count, YIELDERS, late.early);
    scale_report(turns >= YIELDERS &&
                     scale_mean_ms(&late) < MARK_MS * SCALE_GROSS,
                 "load-lateness: mean %.2f ms, at most %.2f ms, %llu yields "
                 "(mark: mean %d ms)",
                 scale_mean_ms(&late), scale_ms(late.longest_ns),
                 (unsigned long long)turns, MARK_MS);
}

int main(void)
{
    struct rv_executor *executor;

    scale_start();
    SCALE_CHECK(rv_executor_new(&executor) == 0, "no executor");
    measure_sleepers(executor);
    measure_under_load(executor);
    rv_executor_free(executor);
    return scale_failed;
}
