/* SPDX-License-Identifier: MIT */
/*
 * test_combine.c - all, try_all, select, timeout: which children are polled and
 * dropped, and the results.
 *
 * Threads: the test's.
 */
#include <criterion/criterion.h>

#include <errno.h>
#include <reveil/combine.h>
#include <string.h>

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

/* How often each of `count` children was first in `rounds` selects; after each
 * one, another task makes `others` selects. */
static void count_firsts(uint32_t firsts[], uint32_t count, int rounds,
                         int others)
{
    struct rv_executor *executor = new_executor();

    for (int n = 0; n < rounds * (1 + others); n++) {
        struct rv_yield children[8];
        struct rv_future *list[8];
        struct rv_select select;
        int first;

        for (uint32_t i = 0; i < count; i++) {
            rv_yield_init(&children[i]);
            list[i] = &children[i].future;
            rv_drop(list[i]); /* it counts as READY */
        }
        rv_select_init(&select, list, count);
        first = rv_test_block_on(executor, &select.future);
        cr_assert(first >= 0 && (uint32_t)first < count);
        firsts[first] += n % (1 + others) == 0;
    }
    rv_executor_free(executor);
}

RV_TEST(combine, select_begins_with_each_child_equally_often)
{
    enum { ROUNDS = 840 };

    for (uint32_t count = 1; count <= 8; count++) {
        for (int others = 0; others < 8; others++) {
            uint32_t firsts[8] = {0};

            count_firsts(firsts, count, ROUNDS, others);
            for (uint32_t i = 0; i < count; i++)
                cr_assert(firsts[i] >= ROUNDS / count * 9 / 10 &&
                              firsts[i] <= ROUNDS / count * 11 / 10 + 1,
                          "%u of %u, beside %d: %u", i, count, others,
                          firsts[i]);
        }
    }
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

/* --- what all of them do ----------------------------------------------- */

/* Any of the combinators with `count` children, in memory filled with
 * `byte`. */
enum kind { ALL, TRY_ALL, SELECT, TIMEOUT, KINDS };

union any {
    struct rv_future future;
    struct rv_all all;
    struct rv_try_all try_all;
    struct rv_select select;
    struct rv_timeout timeout;
};

static struct rv_future *combine(union any *any, enum kind kind,
                                 struct rv_future **list, uint32_t count,
                                 int byte)
{
    memset(any, byte, sizeof *any);
    if (kind == ALL)
        rv_all_init(&any->all, list, count);
    else if (kind == TRY_ALL)
        rv_try_all_init(&any->try_all, list, count);
    else if (kind == SELECT)
        rv_select_init(&any->select, list, count);
    else
        rv_timeout_init(&any->timeout, list[0], RV_NEVER);
    return &any->future;
}

static int result_of(enum kind kind, struct rv_future **list, uint32_t count)
{
    struct rv_executor *executor = new_executor();
    union any any;
    const int result =
        rv_test_block_on(executor, combine(&any, kind, list, count, 0xa5));

    rv_drop(&any.future);
    rv_executor_free(executor);
    return result;
}

/* Poll a stepper to its end. */
static void finish(struct stepper *stepper)
{
    struct rv_probe probe;
    struct rv_cx cx;

    rv_probe_init(&probe);
    cx = rv_probe_cx(&probe);
    while (rv_poll(&stepper->future, &cx) == RV_PENDING)
        ;
    rv_probe_fini(&probe);
}

RV_TEST(combine, one_that_is_finished_is_ready_and_not_polled)
{
    static const int wanted[KINDS][2] = {[ALL] = {0, 0},
                                         [TRY_ALL] = {0, -EPIPE},
                                         [SELECT] = {0, 0},
                                         [TIMEOUT] = {7, -EPIPE}};

    for (int n = 0; n < KINDS * 2; n++) {
        struct log log = {.len = 0};
        struct stepper child;
        struct rv_future *list[] = {&child.future};

        stepper_init(&child, &log, 'a', 2);
        child.result = n % 2 ? -EPIPE : 7;
        finish(&child);
        cr_assert_eq(result_of((enum kind)(n / 2), list, 1),
                     wanted[n / 2][n % 2], "%d", n);
        cr_assert_str_eq(log.text, "aa");
        cr_assert_eq(log.drops, 0, "it is the caller's to drop");
        cr_assert_eq(child.future.result, child.result);
    }
}

RV_TEST(combine, one_that_is_finished_wins_over_one_that_is_not)
{
    for (int at = 0; at < CHILDREN; at++) {
        struct family family;

        family_init(&family, 9, 9, 9);
        family.child[at].steps = 1;
        finish(&family.child[at]);
        cr_assert_eq(result_of(SELECT, family.list, CHILDREN), at);
        cr_assert_eq(family.log.drops, CHILDREN - 1);
    }
}

RV_TEST(combine, one_that_was_dropped_is_ready_and_canceled)
{
    static const int wanted[KINDS] = {[ALL] = 0,
                                      [TRY_ALL] = -ECANCELED,
                                      [SELECT] = 0,
                                      [TIMEOUT] = -ECANCELED};

    for (int kind = 0; kind < KINDS; kind++) {
        struct log log = {.len = 0};
        struct stepper child;
        struct rv_future *list[] = {&child.future};

        stepper_init(&child, &log, 'a', 2);
        rv_drop(&child.future);
        cr_assert_eq(child.future.result, -ECANCELED);
        cr_assert_eq(result_of((enum kind)kind, list, 1), wanted[kind]);
        cr_assert_str_eq(log.text, "");
        cr_assert_eq(log.drops, 1);
    }
}

/* Another task drops a child, or polls it to its end, in the meantime. */
RV_TEST(combine, one_that_ends_elsewhere_in_between_is_ready)
{
    for (int n = 0; n < KINDS * 2; n++) {
        struct log log = {.len = 0};
        struct stepper child;
        struct rv_future *list[] = {&child.future};
        struct rv_future *future;
        struct rv_executor *executor = new_executor();
        struct rv_probe probe;
        struct rv_cx cx;
        union any any;

        rv_probe_init(&probe);
        cx = rv_probe_cx(&probe);
        cx.executor = executor;
        stepper_init(&child, &log, 'a', 3);
        future = combine(&any, (enum kind)(n / 2), list, 1, 0xff);
        cr_assert_eq(rv_poll(future, &cx), RV_PENDING);
        if (n % 2)
            rv_drop(&child.future);
        else
            finish(&child);
        cr_assert_eq(rv_poll(future, &cx), RV_READY);
        cr_assert_eq(log.drops, (uint32_t)n % 2);
        rv_probe_fini(&probe);
        rv_executor_free(executor);
    }
}

RV_TEST(combine, none_at_all_is_ready)
{
    cr_assert_eq(result_of(ALL, NULL, 0), 0);
    cr_assert_eq(result_of(TRY_ALL, NULL, 0), 0);
    cr_assert_eq(result_of(SELECT, NULL, 0), -ECHILD);
}

/* Before its first poll; it drops the unfinished child, but not the finished
 * one. */
RV_TEST(combine, dropped_at_once_it_drops_what_is_not_finished)
{
    for (int n = 0; n < KINDS * 2; n++) {
        struct log log = {.len = 0};
        struct stepper child;
        struct rv_future *list[] = {&child.future};
        union any any;

        stepper_init(&child, &log, 'a', 2);
        if (n % 2)
            finish(&child);
        combine(&any, (enum kind)(n / 2), list, 1, 0x5a);
        rv_drop(&any.future);
        rv_drop(&any.future);
        cr_assert_eq(log.drops, n % 2 ? 0 : 1);
    }
}
