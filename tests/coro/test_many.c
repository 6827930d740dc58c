/* SPDX-License-Identifier: MIT */
/*
 * test_many.c - a million coroutines one after the other, and a hundred
 * thousand at once.
 *
 * Threads: the test's.
 */
#include <criterion/criterion.h>

#include <errno.h>
#include <reveil/coro.h>

#include "coro/annotate.h"
#include "coro/stack.h"
#include "executor/tasks.h"
#include "support/machine.h"
#include "support/support.h"

/* A sanitizer keeps shadow memory for every stack, and is slow. */
#ifdef RV_CORO_SANITIZED
enum { IN_TURN = 20000, AT_ONCE = 2000 };
#else
enum { IN_TURN = 1000000, AT_ONCE = 100000 };
#endif

TestSuite(coro_many, .timeout = 2 * RV_TEST_SECONDS);

static int32_t plus_one(void *arg)
{
    *(int64_t *)arg += 1;
    return 0;
}

static int32_t spawn_in_turn(void *arg)
{
    struct rv_join join;

    for (int i = 0; i < IN_TURN; i++) {
        cr_assert_eq(
            rv_coro_spawn(rv_executor_current(), plus_one, arg, NULL, &join),
            0);
        cr_assert_eq(rv_await(&join.future), 0);
        rv_join_drop(&join);
    }
    return 0;
}

RV_TEST(coro_many, a_million_in_turn_use_one_slab_of_stacks)
{
    struct rv_executor *executor;
    struct rv_join join;
    int64_t count = 0;

    if (machine_is_valgrind())
        cr_skip_test("valgrind looks for each stack in a list");
    executor = new_executor();
    cr_assert_eq(rv_coro_spawn(executor, spawn_in_turn, &count, NULL, &join),
                 0);
    cr_assert_eq(rv_block_on(executor, &join.future), 0);
    cr_assert_eq(count, IN_TURN);
    cr_assert_leq(rv_stack_mapped(), 64);
    rv_join_drop(&join);
    rv_executor_free(executor);
}

static int32_t sleep_an_hour(void *arg)
{
    (void)arg;
    return rv_coro_sleep_until(rv_now_ns() + 3600 * RV_NS_PER_S);
}

/* Returns: the number of coroutines that fit. */
static int spawn_at_once(struct rv_executor *executor, struct rv_join *joins)
{
    const struct rv_coro_options options = {.stack_bytes =
                                                RV_CORO_MIN_STACK_BYTES};

    for (int i = 0; i < AT_ONCE; i++) {
        const int error =
            rv_coro_spawn(executor, sleep_an_hour, NULL, &options, &joins[i]);

        if (error) {
            cr_assert_eq(error, -ENOMEM);
            return i;
        }
    }
    return AT_ONCE;
}

RV_TEST(coro_many, a_hundred_thousand_sleep_at_once)
{
    struct rv_join *const joins = rv_test_zeros(AT_ONCE * sizeof *joins);
    struct rv_executor *executor;
    int count;

    if (machine_is_valgrind())
        cr_skip_test("valgrind looks for each stack in a list");
    rv_clock_freeze(1000 * RV_NS_PER_S);
    executor = new_executor();
    count = spawn_at_once(executor, joins);
    run_batches(executor, 1);
    cr_assert_eq(rv_executor_tasks(executor), (uint32_t)count);
    for (int i = 0; i < count; i++) {
        cr_assert_eq(rv_block_on(executor, &joins[i].future), 0);
        rv_join_drop(&joins[i]);
    }
    rv_executor_free(executor);
    rv_clock_thaw();
    rv_coro_trim();
    cr_assert_eq(rv_stack_mapped(), 0);
    if (machine_has_guard())
        cr_assert_eq(count, AT_ONCE);
    else if (count < AT_ONCE)
        cr_skip_test("%d only: no MADV_GUARD_INSTALL (Linux 6.13)", count);
}
