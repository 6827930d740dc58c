/* SPDX-License-Identifier: MIT */
/*
 * scale_timers.c - 100,000 tasks asleep at once, and timers under load.
 */
#include "scale/scale.h"

enum { SLEEPERS = 100000, LONGEST_MS = 1000 };

/* Timers that saw the turn of a later deadline before their own. */
static int64_t latest_ns;
static uint32_t out_of_order;

static void saw_order(int64_t deadline_ns)
{
    out_of_order += deadline_ns < latest_ns - 2 * RV_NS_PER_MS;
    if (deadline_ns > latest_ns)
        latest_ns = deadline_ns;
}

/* Deadlines 1..1000 ms after a moment that is `lead_ms` away. */
static struct scale_late let_sleep(struct rv_executor *executor, int lead_ms)
{
    struct scale_late late = {.saw = saw_order};
    const int64_t start_ns = rv_after_ms(lead_ms);
    struct rv_scope scope;

    latest_ns = 0;
    out_of_order = 0;
    rv_scope_init(&scope, executor);
    for (int i = 0; i < SLEEPERS; i++)
        scale_sleep(&scope,
                    start_ns + (1 + i * 7919LL % LONGEST_MS) * RV_NS_PER_MS,
                    &late);
    SCALE_CHECK(rv_block_on(executor, &scope.future) == 0, "block_on");
    rv_drop(&scope.future);
    return late;
}

/* All of them must sleep before the first is due. How long that takes depends
 * on the machine, so the lead grows until it is enough. */
static void measure_sleepers(struct rv_executor *executor)
{
    const double cpu_ms = scale_cpu_ms();
    struct scale_late late;
    int lead_ms = 250;

    do {
        lead_ms *= 2;
        late = let_sleep(executor, lead_ms);
    } while (late.too_late > 0);

    scale_report(late.count == SLEEPERS && late.early == 0,
                 "sleepers: %u tasks, %u early", late.count, late.early);
    /* A tick of the wheel may hold two milliseconds' deadlines. */
    scale_report(out_of_order == 0,
                 "order: %u later than one that was due 2 ms after it; late by "
                 "%.2f ms (mean), at most %.2f ms, CPU %.0f ms",
                 out_of_order, scale_mean_ms(&late), scale_ms(late.longest_ns),
                 scale_cpu_ms() - cpu_ms);
}

/* --- timers while others yield all the time ---------------------------- */

enum { YIELDERS = 1000, TIMERS = 200, TURNS = 10 };

/* The number of yields when each timer was due. */
static int64_t base_ns;
static uint64_t yields;
static uint64_t yields_at[TIMERS];
static int64_t passed; /* of the deadlines: this many are due */
static uint64_t most_yields;

static void note_yield(uint64_t count)
{
    const int64_t due = (rv_now_ns() - base_ns) / RV_NS_PER_MS;

    yields = count;
    for (; passed < due && passed < TIMERS; passed++)
        yields_at[passed] = count;
}

static void saw_yields(int64_t deadline_ns)
{
    const int64_t i = (deadline_ns - base_ns) / RV_NS_PER_MS - 1;

    if (i < passed && yields - yields_at[i] > most_yields)
        most_yields = yields - yields_at[i];
}

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
        note_yield(++*self->turns);
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

/* The executor checks its timers every few polls, so a timer that is due waits
 * for few of them. This is a count, which a busy machine does not change. A
 * timer that starves waits for all. */
static void measure_under_load(struct rv_executor *executor)
{
    uint64_t turns = 0;
    struct scale_late late = {.saw = saw_yields};
    struct rv_scope yielders;
    struct rv_scope sleepers;

    rv_scope_init(&yielders, executor);
    rv_scope_init(&sleepers, executor);
    add_yielders(&yielders, &turns);
    base_ns = rv_now_ns();
    for (int i = 1; i <= TIMERS; i++)
        scale_sleep(&sleepers, base_ns + i * RV_NS_PER_MS, &late);
    SCALE_CHECK(rv_block_on(executor, &sleepers.future) == 0, "block_on");
    rv_drop(&sleepers.future);
    rv_drop(&yielders.future);

    scale_report(late.count == TIMERS && late.early == 0,
                 "load: %u timers beside %d tasks that yield, %u early",
                 late.count, YIELDERS, late.early);
    scale_report(turns > 0, "load-yields: %llu", (unsigned long long)turns);
    scale_report(most_yields <= TURNS * YIELDERS,
                 "load-turns: at most %llu yields behind time (limit: %d), "
                 "late by %.2f ms (mean), at most %.2f ms",
                 (unsigned long long)most_yields, TURNS * YIELDERS,
                 scale_mean_ms(&late), scale_ms(late.longest_ns));
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
