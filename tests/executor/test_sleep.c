/* SPDX-License-Identifier: MIT */
/*
 * test_sleep.c - futures that wait for a time, or for other tasks.
 *
 * Time is what is tested here, so these tests wait: a few ms each.
 *
 * Threads: the test's.
 */
#include <criterion/criterion.h>

#include <errno.h>
#include <reveil/async.h>
#include <reveil/executor.h>

#include "executor/executor_internal.h"
#include "executor/tasks.h"
#include "support/support.h"

RV_TEST_SUITE(sleep);

/* A virtual clock: it advances by what the executor asks for, not by how long
 * the machine takes. */
RV_TEST(sleep, it_is_never_early_and_at_most_1_ms_late)
{
    struct rv_executor *executor;
    struct rv_sleep sleep;

    rv_clock_freeze(RV_NS_PER_S);
    executor = new_executor();
    for (int64_t i = 1; i <= 1000; i++) {
        const int64_t deadline_ns = rv_now_ns() + i * 7919;

        rv_sleep_init(&sleep, deadline_ns);
        cr_assert_eq(rv_block_on(executor, &sleep.future), 0);
        rv_drop(&sleep.future);
        cr_assert_geq(rv_now_ns(), deadline_ns, "early");
        cr_assert_leq(rv_now_ns(), deadline_ns + RV_NS_PER_MS, "late");
    }
    rv_executor_free(executor);
    rv_clock_thaw();
}

RV_TEST(sleep, a_deadline_in_the_past_is_ready_at_once)
{
    const int64_t past[] = {rv_now_ns(), 0, -1, INT64_MIN};
    struct rv_cx cx = {0};
    struct rv_sleep sleep;

    for (size_t i = 0; i < sizeof past / sizeof past[0]; i++) {
        rv_sleep_init(&sleep, past[i]);
        cr_assert_eq(rv_poll(&sleep.future, &cx), RV_READY);
        cr_assert_eq(sleep.future.result, 0);
    }
}

RV_TEST(sleep, it_can_be_used_again_after_its_end)
{
    struct rv_executor *executor = new_executor();
    struct rv_sleep sleep;

    for (int i = 0; i < 5; i++) {
        const int64_t deadline_ns = rv_after_ms(1);

        rv_sleep_init(&sleep, deadline_ns);
        cr_assert_eq(rv_block_on(executor, &sleep.future), 0);
        cr_assert_geq(rv_now_ns(), deadline_ns);
    }
    rv_executor_free(executor);
}

/* --- several ----------------------------------------------------------- */

/* Sleeps, then notes its letter. */
struct sleeper {
    struct rv_future future;
    struct rv_sleep sleep;
    struct log *log;
    char letter;
    int64_t deadline_ns;
    int *early;
};

static enum rv_poll sleeper_poll(struct rv_future *future, struct rv_cx *cx)
{
    struct sleeper *self = RV_CONTAINER_OF(future, struct sleeper, future);

    RV_BEGIN(future);
    rv_sleep_init(&self->sleep, self->deadline_ns);
    RV_AWAIT(future, cx, &self->sleep.future);
    if (self->log)
        log_add(self->log, self->letter);
    if (self->early && rv_now_ns() < self->deadline_ns)
        ++*self->early;
    RV_RETURN(future, 0);
    RV_END(future);
}

static void sleeper_drop(struct rv_future *future)
{
    rv_drop(&RV_CONTAINER_OF(future, struct sleeper, future)->sleep.future);
}

static void sleeper_init(struct sleeper *sleeper, int64_t deadline_ns)
{
    static const struct rv_future_ops ops = {
        .name = "sleeper", .poll = sleeper_poll, .drop = sleeper_drop};

    *sleeper = (struct sleeper){.deadline_ns = deadline_ns};
    rv_future_init(&sleeper->future, &ops);
}

static struct sleeper *spawn_sleeper(struct rv_executor *executor,
                                     int64_t deadline_ns, struct rv_join *join)
{
    struct sleeper *sleeper = rv_alloc(sizeof *sleeper);

    cr_assert_not_null(sleeper);
    sleeper_init(sleeper, deadline_ns);
    cr_assert_eq(rv_spawn(executor, &sleeper->future, join), 0);
    return sleeper;
}

static void block_on_sleep(struct rv_executor *executor, int64_t deadline_ns)
{
    struct rv_sleep sleep;

    rv_sleep_init(&sleep, deadline_ns);
    cr_assert_eq(rv_block_on(executor, &sleep.future), 0);
}

RV_TEST(sleep, sleepers_wake_in_the_order_of_their_deadlines)
{
    const int64_t start_ns = RV_NS_PER_S;
    struct rv_executor *executor;
    struct log log = {.len = 0};

    rv_clock_freeze(start_ns);
    executor = new_executor();
    for (int i = 0; i < 5; i++) {
        const int turn = i * 3 % 5; /* spawned as 0 3 1 4 2 */
        struct sleeper *sleeper =
            spawn_sleeper(executor, start_ns + (2 + turn) * RV_NS_PER_MS, NULL);

        sleeper->log = &log;
        sleeper->letter = (char)('a' + turn);
    }
    block_on_sleep(executor, start_ns + 8 * RV_NS_PER_MS);

    cr_assert_str_eq(log.text, "abcde");
    rv_executor_free(executor);
    rv_clock_thaw();
}

RV_TEST(sleep, a_thousand_sleepers_none_early_none_lost)
{
    struct rv_executor *executor = new_executor();
    const int64_t start_ns = rv_now_ns();
    int early = 0;

    for (int64_t i = 0; i < 1000; i++) {
        const int64_t in_ns = i * 7919 % 1000 * 20000; /* up to 20 ms */

        spawn_sleeper(executor, start_ns + in_ns, NULL)->early = &early;
    }
    while (rv_executor_tasks(executor) > 0) /* hangs if one is lost */
        block_on_sleep(executor, rv_after_ms(5));

    cr_assert_eq(early, 0);
    rv_executor_free(executor);
}

/* Always ready: wakes itself at each poll, until it is dropped. */
static enum rv_poll spinner_poll(struct rv_future *future, struct rv_cx *cx)
{
    (void)future;
    rv_waker_wake(&cx->waker);
    return RV_PENDING;
}

RV_TEST(sleep, it_ends_while_another_task_is_always_ready)
{
    static const struct rv_future_ops ops = {.name = "spinner",
                                             .poll = spinner_poll};
    struct rv_executor *executor = new_executor();
    struct rv_future *spinner = rv_alloc(sizeof *spinner);

    cr_assert_not_null(spinner);
    rv_future_init(spinner, &ops);
    rv_spawn(executor, spinner, NULL);
    block_on_sleep(executor, rv_after_ms(2)); /* hangs if the timer starves */

    cr_assert_eq(rv_executor_tasks(executor), 1);
    rv_executor_free(executor);
}

/* --- poll and drop ----------------------------------------------------- */

RV_TEST(sleep, polled_for_another_reason_it_keeps_its_one_timer)
{
    struct rv_executor *executor = new_executor();
    struct rv_probe probe;
    struct rv_sleep sleep;
    struct rv_cx cx;

    rv_probe_init(&probe);
    cx = rv_probe_cx(&probe);
    cx.executor = executor;
    rv_sleep_init(&sleep, rv_after_ms(60000));
    for (int i = 0; i < 3; i++)
        cr_assert_eq(rv_poll(&sleep.future, &cx), RV_PENDING);

    cr_assert_eq(executor->wheel.len, 1);
    rv_drop(&sleep.future);
    cr_assert_eq(executor->wheel.len, 0);
    rv_drop(&sleep.future);
    rv_probe_fini(&probe);
    rv_executor_free(executor);
}

RV_TEST(sleep, drop_before_the_first_poll_is_harmless)
{
    struct rv_sleep sleep;

    rv_sleep_init(&sleep, rv_after_ms(1));
    rv_drop(&sleep.future);

    cr_assert_eq(sleep.future.at, RV_AT_END);
}

RV_TEST(sleep, an_aborted_sleeper_leaves_no_timer)
{
    struct rv_executor *executor = new_executor();
    struct rv_join join;

    spawn_sleeper(executor, rv_after_ms(60000), &join);
    run_batches(executor, 1);
    cr_assert_eq(executor->wheel.len, 1);
    rv_join_abort(&join);

    cr_assert_eq(executor->wheel.len, 0);
    rv_join_drop(&join);
    rv_executor_free(executor);
}

RV_TEST(sleep, never_takes_no_timer_and_does_not_end)
{
    struct rv_executor *executor = new_executor();
    struct rv_join join;

    spawn_sleeper(executor, RV_NEVER, &join);
    block_on_sleep(executor, rv_after_ms(2));

    cr_assert_eq(executor->wheel.len, 0);
    cr_assert_eq(rv_executor_tasks(executor), 1);
    rv_executor_free(executor);
    cr_assert_eq(join.future.result, -ECANCELED);
    rv_join_drop(&join);
}

RV_TEST(sleep, an_executor_may_be_freed_while_tasks_sleep)
{
    struct rv_executor *executor = new_executor();

    for (int64_t i = 1; i < 100; i++)
        spawn_sleeper(executor, rv_after_ms(i * i * i), NULL);
    spawn_sleeper(executor, RV_NEVER - 1, NULL);
    run_batches(executor, 1);

    cr_assert_geq(executor->wheel.len, 90);
    rv_executor_free(executor);
}

/* --- yield ------------------------------------------------------------- */

RV_TEST(sleep, yield_is_ready_at_its_second_poll_and_wakes_its_task)
{
    struct rv_probe probe;
    struct rv_yield yield;
    struct rv_cx cx;

    rv_probe_init(&probe);
    cx = rv_probe_cx(&probe);
    rv_yield_init(&yield);

    cr_assert_eq(rv_poll(&yield.future, &cx), RV_PENDING);
    cr_assert(rv_probe_take(&probe));
    cr_assert_eq(rv_poll(&yield.future, &cx), RV_READY);
    cr_assert_not(rv_probe_take(&probe));
    rv_probe_fini(&probe);
}

RV_TEST(sleep, yield_lets_the_other_ready_tasks_go_first)
{
    struct rv_executor *executor = new_executor();
    struct log log = {.len = 0};
    struct rv_yield yield;

    rv_spawn(executor, &new_stepper(&log, 'a', 1)->future, NULL);
    rv_spawn(executor, &new_stepper(&log, 'b', 1)->future, NULL);
    rv_yield_init(&yield);
    cr_assert_eq(rv_block_on(executor, &yield.future), 0);

    cr_assert_str_eq(log.text, "ab");
    rv_executor_free(executor);
}
