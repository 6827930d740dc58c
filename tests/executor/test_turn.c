/* SPDX-License-Identifier: MIT */
/* test_turn.c - what shares the executor's thread, and loops around it. */
#include "executor/executor_internal.h"

#include "executor/tasks.h"

RV_TEST_SUITE(turn);

struct counting {
    struct rv_turn turn;
    struct door *opens; /* at the first idle turn */
    uint32_t idle;
    uint32_t busy;
};

static bool counting_run(struct rv_turn *turn, bool idle)
{
    struct counting *self = RV_CONTAINER_OF(turn, struct counting, turn);

    if (!idle) {
        self->busy++;
        return false;
    }
    if (self->idle++ > 0)
        return false;
    self->opens->open = true;
    rv_waker_wake(&self->opens->waker);
    return true;
}

RV_TEST(turn, comes_before_the_executor_sleeps)
{
    struct rv_executor *executor = new_executor();
    struct door door = {.polls = 0};
    struct counting counting = {.turn.run = counting_run, .opens = &door};
    struct waiter waiter;

    rv_executor_add_turn(executor, &counting.turn);
    waiter_init(&waiter, &door);

    cr_assert_eq(rv_block_on(executor, &waiter.future), 0);
    cr_assert_eq(counting.idle, 1); /* it hung otherwise */

    rv_waker_drop(&door.waker);
    rv_executor_free(executor);
    rv_executor_remove_turn(&counting.turn); /* harmless after the executor */
}

RV_TEST(turn, comes_now_and_then_to_a_busy_executor)
{
    struct rv_executor *executor = new_executor();
    struct counting counting = {.turn.run = counting_run};

    rv_executor_add_turn(executor, &counting.turn);

    run_batches(executor, 1000);
    cr_assert_geq(counting.busy, 10);
    cr_assert_eq(counting.idle, 0);

    rv_executor_remove_turn(&counting.turn);
    rv_executor_free(executor);
}

RV_TEST(turn, run_polls_what_is_ready_and_does_not_sleep)
{
    struct log log = {.len = 0};
    struct rv_executor *executor = new_executor();
    struct rv_sleep *sleep = rv_alloc(sizeof *sleep);

    cr_assert_eq(rv_executor_next_ns(executor), RV_NEVER);
    rv_sleep_init(sleep, rv_after_ms(3600000));
    cr_assert_eq(rv_spawn(executor, &sleep->future, NULL), 0);
    cr_assert_eq(rv_spawn(executor, &new_stepper(&log, 'a', 2)->future, NULL),
                 0);

    rv_executor_enter(executor);
    cr_assert_eq(rv_executor_current(), executor);
    cr_assert(rv_executor_run(executor));
    cr_assert(rv_executor_run(executor));
    cr_assert(!rv_executor_run(executor));
    rv_executor_leave(executor);

    cr_assert_str_eq(log.text, "aa");
    cr_assert_lt(rv_executor_next_ns(executor), RV_NEVER);
    cr_assert_null(rv_executor_current());
    rv_executor_free(executor);
}
