/* SPDX-License-Identifier: MIT */
/*
 * test_interval.c - ticks, missed ticks, and the virtual clock, which these
 * tests use.
 *
 * Threads: the test's.
 */
#include <criterion/criterion.h>

#include <pthread.h>
#include <reveil/combine.h>
#include <reveil/interval.h>

#include "executor/executor_internal.h"
#include "executor/tasks.h"
#include "support/support.h"

RV_TEST_SUITE(interval);

static const int64_t start_ns = 1000 * RV_NS_PER_S;
static const int64_t period_ns = 10 * RV_NS_PER_MS;
static const int64_t tick_of_wheel_ns = 1 << RV_WHEEL_TICK_BITS;

static struct rv_executor *freeze(void)
{
    rv_clock_freeze(start_ns);
    return new_executor();
}

static void thaw(struct rv_executor *executor)
{
    rv_executor_free(executor);
    rv_clock_thaw();
}

/* Wait for the next tick. Returns: the number of ticks it stands for. */
static int take(struct rv_executor *executor, struct rv_interval *interval)
{
    rv_interval_next(interval);
    return rv_block_on(executor, &interval->future);
}

/* The number of ticks that are READY without waiting. */
static int take_all_due(struct rv_executor *executor,
                        struct rv_interval *interval)
{
    const int64_t now_ns = rv_now_ns();
    int ticks = 0;

    while (interval->next_ns <= now_ns) {
        cr_assert_eq(take(executor, interval), 1);
        cr_assert_eq(rv_now_ns(), now_ns);
        ticks++;
    }
    return ticks;
}

/* --- the virtual clock and the executor -------------------------------- */

RV_TEST(interval, hours_of_virtual_time_take_none)
{
    struct rv_executor *executor = freeze();
    const int64_t deadline_ns = rv_after_ms(INT64_C(100) * 3600 * 1000);
    struct rv_sleep sleep;

    rv_sleep_init(&sleep, deadline_ns);
    cr_assert_eq(rv_block_on(executor, &sleep.future), 0);

    cr_assert_geq(rv_now_ns(), deadline_ns);
    cr_assert_lt(rv_now_ns(), deadline_ns + tick_of_wheel_ns);
    thaw(executor);
}

RV_TEST(interval, the_virtual_clock_stands_while_a_task_is_ready)
{
    struct rv_executor *executor = freeze();
    struct log log = {.len = 0};
    struct stepper stepper;

    stepper_init(&stepper, &log, 's', 60);
    cr_assert_eq(rv_block_on(executor, &stepper.future), 0);

    cr_assert_eq(rv_now_ns(), start_ns);
    thaw(executor);
}

/* Wakes a task of an executor that sleeps without a timer. */
static void *open_door(void *arg)
{
    struct door *door = arg;

    atomic_store(&door->open, true);
    rv_waker_wake(&door->waker);
    return NULL;
}

/* A waiter that starts the thread that opens its door. */
struct opened {
    struct waiter waiter;
    struct rv_future future;
    pthread_t thread;
    bool started;
};

static enum rv_poll opened_poll(struct rv_future *future, struct rv_cx *cx)
{
    struct opened *self = RV_CONTAINER_OF(future, struct opened, future);

    if (rv_poll(&self->waiter.future, cx) == RV_READY)
        return RV_READY;
    if (!self->started)
        cr_assert_eq(
            pthread_create(&self->thread, NULL, open_door, self->waiter.door),
            0);
    self->started = true;
    return RV_PENDING;
}

RV_TEST(interval, without_a_timer_the_executor_parks_in_virtual_time_too)
{
    static const struct rv_future_ops ops = {.name = "opened",
                                             .poll = opened_poll};
    struct rv_executor *executor = freeze();
    struct door door = {.polls = 0};
    struct opened opened = {.started = false};

    waiter_init(&opened.waiter, &door);
    rv_future_init(&opened.future, &ops);
    rv_block_on(executor, &opened.future);

    cr_assert_eq(rv_now_ns(), start_ns);
    pthread_join(opened.thread, NULL);
    rv_waker_drop(&door.waker);
    thaw(executor);
}

RV_TEST(interval, a_canceled_timer_does_not_stop_the_virtual_clock)
{
    struct rv_executor *executor = freeze();
    struct rv_sleep early;
    struct rv_sleep late;
    struct rv_future *both[] = {&early.future, &late.future};
    struct rv_select select;

    /* The second round uses the slot of the first round's late sleep, whose
     * earliest tick was canceled. */
    for (int round = 0; round < 3; round++) {
        rv_sleep_init(&early, rv_now_ns() + period_ns);
        rv_sleep_init(&late, rv_now_ns() + 1000 * period_ns);
        rv_select_init(&select, both, 2);
        cr_assert_eq(rv_block_on(executor, &select.future), 0);
        cr_assert_eq(executor->wheel.len, 0);
    }
    cr_assert_lt(rv_now_ns(), start_ns + 4 * period_ns);
    thaw(executor);
}

/* --- no drift ---------------------------------------------------------- */

RV_TEST(interval, a_hundred_thousand_ticks_do_not_drift)
{
    struct rv_executor *executor = freeze();
    struct rv_interval interval;

    rv_interval_init(&interval, start_ns, period_ns, RV_TICK_DELAY);
    for (int64_t i = 0; i < 100000; i++) {
        const int ticks = take(executor, &interval);

        if (ticks != 1 || interval.tick_ns != start_ns + i * period_ns)
            cr_assert_fail("tick %ld stands for %d", (long)i, ticks);
        if (rv_now_ns() < interval.tick_ns ||
            rv_now_ns() >= interval.tick_ns + tick_of_wheel_ns)
            cr_assert_fail("tick %ld at a wrong time", (long)i);
    }
    thaw(executor);
}

RV_TEST(interval, by_the_real_clock_no_tick_is_early)
{
    struct rv_executor *executor = new_executor();
    struct rv_interval interval;
    const int64_t first_ns = rv_after_ms(1);
    int64_t ticks = 0;

    rv_interval_init(&interval, first_ns, RV_NS_PER_MS, RV_TICK_SKIP);
    while (ticks < 5) {
        ticks += take(executor, &interval);
        cr_assert_geq(rv_now_ns(), first_ns + (ticks - 1) * RV_NS_PER_MS);
        cr_assert_lt(interval.tick_ns, first_ns + ticks * RV_NS_PER_MS);
    }
    rv_executor_free(executor);
}

/* --- missed ticks ------------------------------------------------------ */

/* The tick of the start is taken only 3.5 periods later. */
static struct rv_executor *stall(struct rv_interval *interval,
                                 enum rv_tick_policy policy)
{
    struct rv_executor *executor = freeze();

    rv_interval_init(interval, start_ns, period_ns, policy);
    rv_clock_advance(3 * period_ns + period_ns / 2);
    return executor;
}

/* When the next two ticks are due, in half periods from the start. */
static void check_next(struct rv_executor *executor,
                       struct rv_interval *interval, int64_t halves)
{
    for (int i = 0; i < 2; i++) {
        const int64_t due_ns = start_ns + (halves + 2 * i) * period_ns / 2;

        cr_assert_eq(take(executor, interval), 1);
        cr_assert_eq(interval->tick_ns, due_ns);
        cr_assert_geq(rv_now_ns(), due_ns);
        cr_assert_lt(rv_now_ns(), due_ns + tick_of_wheel_ns);
    }
}

RV_TEST(interval, burst_makes_up_for_each_missed_tick)
{
    struct rv_interval interval;
    struct rv_executor *executor = stall(&interval, RV_TICK_BURST);

    cr_assert_eq(take_all_due(executor, &interval), 4);
    cr_assert_eq(interval.tick_ns, start_ns + 3 * period_ns);
    check_next(executor, &interval, 8);
    thaw(executor);
}

RV_TEST(interval, delay_starts_a_new_period_where_it_is)
{
    struct rv_interval interval;
    struct rv_executor *executor = stall(&interval, RV_TICK_DELAY);

    cr_assert_eq(take_all_due(executor, &interval), 1);
    cr_assert_eq(interval.tick_ns, start_ns);
    check_next(executor, &interval, 9);
    thaw(executor);
}

RV_TEST(interval, skip_counts_the_missed_ticks_and_keeps_the_phase)
{
    struct rv_interval interval;
    struct rv_executor *executor = stall(&interval, RV_TICK_SKIP);

    cr_assert_eq(take(executor, &interval), 4);
    cr_assert_eq(interval.tick_ns, start_ns);
    cr_assert_eq(take_all_due(executor, &interval), 0);
    check_next(executor, &interval, 8);
    thaw(executor);
}

RV_TEST(interval, late_by_less_than_a_period_misses_nothing)
{
    for (int policy = RV_TICK_BURST; policy <= RV_TICK_SKIP; policy++) {
        struct rv_executor *executor = freeze();
        struct rv_interval interval;

        rv_interval_init(&interval, start_ns, period_ns,
                         (enum rv_tick_policy)policy);
        rv_clock_advance(period_ns - 1);
        cr_assert_eq(take(executor, &interval), 1);
        check_next(executor, &interval, 2);
        thaw(executor);
    }
}

RV_TEST(interval, a_tick_at_the_very_moment_of_the_next_has_missed_it)
{
    struct rv_executor *executor = freeze();
    struct rv_interval interval;

    rv_interval_init(&interval, start_ns, period_ns, RV_TICK_SKIP);
    rv_clock_advance(period_ns);
    cr_assert_eq(take(executor, &interval), 2);
    check_next(executor, &interval, 4);
    thaw(executor);
}

RV_TEST(interval, the_ends_of_time_do_not_overflow)
{
    struct rv_executor *executor = freeze();
    struct rv_interval interval;

    rv_interval_init(&interval, INT64_MIN, 1, RV_TICK_SKIP);
    cr_assert_eq(take(executor, &interval), INT32_MAX);
    cr_assert_eq(interval.next_ns, start_ns + 1);
    rv_interval_init(&interval, start_ns, INT64_MAX, RV_TICK_SKIP);
    cr_assert_eq(take(executor, &interval), 1);
    cr_assert_eq(interval.next_ns, RV_NEVER);
    thaw(executor);
}

/* --- drop and misuse --------------------------------------------------- */

RV_TEST(interval, a_dropped_tick_leaves_no_timer_and_is_not_lost)
{
    struct rv_executor *executor = freeze();
    struct rv_interval interval;
    struct rv_probe probe;
    struct rv_cx cx;

    rv_probe_init(&probe);
    cx = rv_probe_cx(&probe);
    cx.executor = executor;
    rv_interval_init(&interval, start_ns + period_ns, period_ns, RV_TICK_BURST);
    for (int i = 0; i < 3; i++) {
        rv_interval_next(&interval); /* also while one is awaited */
        cr_assert_eq(rv_poll(&interval.future, &cx), RV_PENDING);
        cr_assert_eq(executor->wheel.len, 1);
    }
    rv_drop(&interval.future);
    rv_drop(&interval.future);
    cr_assert_eq(executor->wheel.len, 0);

    check_next(executor, &interval, 2);
    rv_probe_fini(&probe);
    thaw(executor);
}

RV_TEST(interval, as_the_loser_of_a_select_it_loses_no_tick)
{
    struct rv_executor *executor = freeze();
    struct rv_interval interval;
    struct rv_sleep sleep;
    struct rv_future *both[] = {&sleep.future, &interval.future};
    struct rv_select select;

    rv_interval_init(&interval, start_ns + period_ns, period_ns, RV_TICK_BURST);
    for (int i = 0; i < 3; i++) {
        rv_sleep_init(&sleep, start_ns + (i + 1) * period_ns / 4);
        rv_interval_next(&interval);
        rv_select_init(&select, both, 2);
        cr_assert_eq(rv_block_on(executor, &select.future), 0);
        cr_assert_eq(executor->wheel.len, 0);
    }
    check_next(executor, &interval, 2);
    thaw(executor);
}

static void wait_without_next(void)
{
    struct rv_interval interval;
    struct rv_cx cx = {.executor = NULL};

    rv_interval_init(&interval, 0, 1, RV_TICK_BURST);
    rv_poll(&interval.future, &cx);
}

static void init_without_period(void)
{
    struct rv_interval interval;

    rv_interval_init(&interval, 0, 0, RV_TICK_BURST);
}

RV_TEST(interval, misuse_stops_the_program)
{
    rv_test_aborts(wait_without_next, "rv_interval");
    rv_test_aborts(init_without_period, "period");
}
