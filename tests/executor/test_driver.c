/* SPDX-License-Identifier: MIT */
/* test_driver.c - drivers, and loops that embed the executor's own. */
#include "executor/executor_internal.h"

#include "executor/tasks.h"

RV_TEST_SUITE(driver);

struct counting {
    struct rv_driver driver;
    struct door *opens; /* at the first idle call */
    uint32_t idle;
    uint32_t busy;
};

static bool counting_run(struct rv_driver *driver, bool idle)
{
    struct counting *self = RV_CONTAINER_OF(driver, struct counting, driver);

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

RV_TEST(driver, comes_before_the_executor_sleeps)
{
    struct rv_executor *executor = new_executor();
    struct door door = {.polls = 0};
    struct counting counting = {.driver.run = counting_run, .opens = &door};
    struct waiter waiter;

    rv_executor_add_driver(executor, &counting.driver);
    waiter_init(&waiter, &door);

    cr_assert_eq(rv_block_on(executor, &waiter.future), 0);
    cr_assert_eq(counting.idle, 1); /* it would hang otherwise */

    rv_waker_drop(&door.waker);
    rv_executor_free(executor);
    rv_executor_remove_driver(
        &counting.driver); /* a no-op after the executor was freed */
}

RV_TEST(driver, comes_now_and_then_to_a_busy_executor)
{
    struct rv_executor *executor = new_executor();
    struct counting counting = {.driver.run = counting_run};

    rv_executor_add_driver(executor, &counting.driver);

    run_batches(executor, 1000);
    cr_assert_geq(counting.busy, 10);
    cr_assert_eq(counting.idle, 0);

    rv_executor_remove_driver(&counting.driver);
    rv_executor_free(executor);
}

/* A driver that removes and adds others. */
struct meddling {
    struct rv_driver driver;
    struct rv_executor *executor;
    struct rv_driver *removes;
    struct rv_driver *adds; /* once */
    uint32_t runs;
};

static bool meddle(struct rv_driver *driver, bool idle)
{
    struct meddling *self = RV_CONTAINER_OF(driver, struct meddling, driver);

    (void)idle;
    self->runs++;
    if (self->removes)
        rv_executor_remove_driver(self->removes);
    if (self->adds)
        rv_executor_add_driver(self->executor, self->adds);
    self->adds = NULL;
    return false;
}

enum { TURNS = 4 };

/* One round, in which driver 1 removes `removes` and adds the last one
 * again. */
static void meddle_in_a_round(struct meddling drivers[TURNS], uint32_t removes)
{
    struct rv_executor *executor = new_executor();

    for (int i = 0; i < TURNS; i++) {
        drivers[i] =
            (struct meddling){.driver.run = meddle, .executor = executor};
        rv_list_init(&drivers[i].driver.node);
        if (i < TURNS - 1)
            rv_executor_add_driver(executor, &drivers[i].driver);
    }
    drivers[1].removes = &drivers[removes].driver;
    drivers[1].adds = &drivers[TURNS - 1].driver;
    rv_executor_enter(executor);
    cr_assert(!rv_executor_run(executor));
    drivers[1].removes = NULL;
    cr_assert(!rv_executor_run(executor));
    rv_executor_leave(executor);
    for (int i = 0; i < TURNS; i++)
        rv_executor_remove_driver(&drivers[i].driver);
    rv_executor_free(executor);
}

RV_TEST(driver, may_remove_any_other_and_itself_and_add_one)
{
    struct meddling drivers[TURNS];

    for (uint32_t removes = 0; removes < TURNS - 1; removes++) {
        meddle_in_a_round(drivers, removes);
        cr_assert_eq(drivers[0].runs, removes == 0 ? 1 : 2);
        cr_assert_eq(drivers[1].runs, removes == 1 ? 1 : 2);
        cr_assert_eq(drivers[2].runs, removes == 2 ? 0 : 2);
        cr_assert_eq(drivers[3].runs, 1);
    }
}

RV_TEST(driver, run_polls_what_is_ready_and_does_not_sleep)
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
