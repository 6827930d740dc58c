/* SPDX-License-Identifier: MIT */
/*
 * test_combine.c - all, try_all, select, timeout: who is polled, who is
 * dropped, what comes out.
 *
 * Threads: the test's.
 */
#include <criterion/criterion.h>

#include <errno.h>
#include <reveil/combine.h>

#include "executor/tasks.h"
#include "support/support.h"

RV_TEST_SUITE(combine);

enum { CHILDREN = 3 };

/* Three steppers, a, b and c, that log what happens to them. */
struct family {
    struct log log;
    struct stepper child[CHILDREN];
    struct rv_future *list[CHILDREN];
};

static void family_init(struct family *family, int a, int b, int c)
{
    const int steps[CHILDREN] = {a, b, c};

    *family = (struct family){.log = {.len = 0}};
    for (int i = 0; i < CHILDREN; i++) {
        stepper_init(&family->child[i], &family->log, (char)('a' + i),
                     steps[i]);
        family->list[i] = &family->child[i].future;
    }
}

/* --- all --------------------------------------------------------------- */

RV_TEST(combine, all_polls_only_the_children_that_are_not_finished)
{
    struct rv_executor *executor = new_executor();
    struct family family;
    struct rv_all all;

    family_init(&family, 1, 3, 2);
    rv_all_init(&all, family.list, CHILDREN);

    cr_assert_eq(rv_test_block_on(executor, &all.future), 0);
    cr_assert_str_eq(family.log.text, "abcbcb");
    cr_assert_eq(family.log.drops, 0, "finished children are the caller's");
    rv_executor_free(executor);
}

RV_TEST(combine, all_keeps_errors_with_the_children)
{
    struct rv_executor *executor = new_executor();
    struct family family;
    struct rv_all all;

    family_init(&family, 1, 2, 1);
    family.child[0].result = -EPIPE;
    family.child[1].result = 7;
    rv_all_init(&all, family.list, CHILDREN);

    cr_assert_eq(rv_test_block_on(executor, &all.future), 0);
    cr_assert_eq(family.list[0]->result, -EPIPE);
    cr_assert_eq(family.list[1]->result, 7);
    rv_executor_free(executor);
}

RV_TEST(combine, all_of_nothing_is_ready)
{
    struct rv_executor *executor = new_executor();
    struct rv_all all;

    rv_all_init(&all, NULL, 0);

    cr_assert_eq(rv_test_block_on(executor, &all.future), 0);
    rv_executor_free(executor);
}

RV_TEST(combine, all_dropped_in_between_drops_the_unfinished)
{
    struct rv_probe probe;
    struct rv_cx cx;
    struct family family;
    struct rv_all all;

    rv_probe_init(&probe);
    cx = rv_probe_cx(&probe);
    family_init(&family, 1, 3, 3);
    rv_all_init(&all, family.list, CHILDREN);
    cr_assert_eq(rv_poll(&all.future, &cx), RV_PENDING);

    rv_drop(&all.future);
    rv_drop(&all.future);
    cr_assert_eq(family.log.drops, 2);
    rv_probe_fini(&probe);
}

/* --- try_all ----------------------------------------------------------- */

RV_TEST(combine, try_all_is_zero_when_all_went_well)
{
    struct rv_executor *executor = new_executor();
    struct family family;
    struct rv_try_all all;

    family_init(&family, 2, 1, 3);
    family.child[1].result = 5;
    rv_try_all_init(&all, family.list, CHILDREN);

    cr_assert_eq(rv_test_block_on(executor, &all.future), 0);
    cr_assert_eq(family.log.drops, 0);
    rv_executor_free(executor);
}

RV_TEST(combine, try_all_ends_with_the_first_error_and_drops_the_rest)
{
    struct rv_executor *executor = new_executor();
    struct family family;
    struct rv_try_all all;

    family_init(&family, 9, 2, 9);
    family.child[1].result = -ECONNRESET;
    rv_try_all_init(&all, family.list, CHILDREN);

    cr_assert_eq(rv_test_block_on(executor, &all.future), -ECONNRESET);
    cr_assert_str_eq(family.log.text, "abcab");
    cr_assert_eq(family.log.drops, 2);
    rv_executor_free(executor);
}

/* --- select ------------------------------------------------------------ */

RV_TEST(combine, select_gives_the_winner_and_drops_the_losers)
{
    struct rv_executor *executor = new_executor();
    struct family family;
    struct rv_select select = {.future = {0}};

    family_init(&family, 5, 2, 5);
    rv_select_init(&select, family.list, CHILDREN);

    cr_assert_eq(rv_test_block_on(executor, &select.future), 1);
    cr_assert_eq(family.log.drops, 2);
    rv_executor_free(executor);
}

RV_TEST(combine, select_goes_round_among_children_that_are_always_ready)
{
    struct rv_executor *executor = new_executor();
    struct family family;
    struct rv_select select = {.future = {0}};
    int winner[4];

    for (int i = 0; i < 4; i++) {
        family_init(&family, 1, 1, 1);
        rv_select_init(&select, family.list, CHILDREN);
        winner[i] = rv_test_block_on(executor, &select.future);
    }
    cr_assert(winner[0] == 0 && winner[1] == 1 && winner[2] == 2 &&
              winner[3] == 0);
    rv_executor_free(executor);
}

RV_TEST(combine, select_dropped_in_between_drops_all)
{
    struct rv_probe probe;
    struct rv_cx cx;
    struct family family;
    struct rv_select select = {.future = {0}};

    rv_probe_init(&probe);
    cx = rv_probe_cx(&probe);
    family_init(&family, 2, 2, 2);
    rv_select_init(&select, family.list, CHILDREN);
    cr_assert_eq(rv_poll(&select.future, &cx), RV_PENDING);

    rv_drop(&select.future);
    rv_drop(&select.future);
    cr_assert_eq(family.log.drops, 3);
    rv_probe_fini(&probe);
}

/* --- timeout ----------------------------------------------------------- */

RV_TEST(combine, timeout_gives_the_childs_result_when_it_is_in_time)
{
    struct rv_executor *executor = new_executor();
    struct log log = {.len = 0};
    struct rv_timeout timeout;
    struct stepper child;

    stepper_init(&child, &log, 'a', 3);
    child.result = 9;
    rv_timeout_init(&timeout, &child.future, RV_NEVER);

    cr_assert_eq(rv_test_block_on(executor, &timeout.future), 9);
    cr_assert_eq(log.drops, 0);
    rv_executor_free(executor);
}

RV_TEST(combine, timeout_drops_the_child_when_the_deadline_passes)
{
    struct rv_executor *executor = new_executor();
    struct door door = {.polls = 0};
    struct rv_timeout timeout;
    struct waiter child;
    int64_t deadline_ns = rv_after_ms(5);

    waiter_init(&child, &door);
    rv_timeout_init(&timeout, &child.future, deadline_ns);

    cr_assert_eq(rv_test_block_on(executor, &timeout.future), -ETIMEDOUT);
    cr_assert_geq(rv_now_ns(), deadline_ns);
    cr_assert_eq(door.drops, 1);
    rv_waker_drop(&door.waker);
    rv_executor_free(executor);
}

RV_TEST(combine, a_child_that_is_ready_at_the_deadline_wins)
{
    struct rv_executor *executor = new_executor();
    struct log log = {.len = 0};
    struct rv_timeout timeout;
    struct stepper child;

    stepper_init(&child, &log, 'a', 1);
    rv_timeout_init(&timeout, &child.future, rv_now_ns() - 1);

    cr_assert_eq(rv_test_block_on(executor, &timeout.future), 0);
    rv_executor_free(executor);
}
