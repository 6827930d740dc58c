/* SPDX-License-Identifier: MIT */
/*
 * test_callable.c - a call with its state, made once and freed once.
 *
 * Threads: the test's.
 */
#include <criterion/criterion.h>

#include <errno.h>
#include <stdint.h>

#include "support/failing_alloc.h"
#include "support/support.h"
#include "thread/pure.h"

RV_TEST_SUITE(callable);

RV_TEST(callable, it_runs_on_its_own_copy_of_the_state)
{
    struct rv_callable *callable = new_sum(40, 2);

    rv_callable_run(callable);
    cr_assert_eq(callable->returned, 42);
    rv_callable_put(callable);
}

struct odd {
    char bytes[17];
};

static int32_t reverse(void *state, void *result)
{
    const struct odd *from = state;
    struct odd *to = result;

    for (int i = 0; i < 17; i++)
        to->bytes[i] = from->bytes[16 - i];
    return 0;
}

RV_TEST(callable, state_and_result_lie_apart_and_aligned)
{
    static const struct rv_callable_ops ops = {.name = "reverse",
                                               .call = reverse,
                                               .state_bytes = 17,
                                               .result_bytes = 17};
    const struct odd state = {"sixteen letters!"};
    struct rv_callable *callable;

    cr_assert_eq(rv_callable_new(&callable, &ops, &state), 0);
    cr_assert_eq((uintptr_t)rv_callable_state(callable) % 16, 0);
    cr_assert_eq((uintptr_t)rv_callable_result(callable) % 16, 0);
    rv_callable_run(callable);
    cr_assert_str_eq((char *)rv_callable_state(callable), "sixteen letters!");
    cr_assert_arr_eq((char *)rv_callable_result(callable), "\0!srettel neetxis",
                     17);
    rv_callable_put(callable);
}

RV_TEST(callable, only_the_first_takes_it)
{
    struct rv_callable *callable = new_sum(1, 1);

    cr_assert_not(rv_callable_is_taken(callable));
    cr_assert(rv_callable_take(callable));
    cr_assert(rv_callable_is_taken(callable));
    cr_assert_not(rv_callable_take(callable));
    rv_callable_put(callable);
}

RV_TEST(callable, the_last_holder_drops_the_state)
{
    struct gate gate = {.drops = 0};
    struct rv_callable *callable = new_gate_call(&gate);

    rv_callable_get(callable);
    rv_callable_put(callable);
    cr_assert_eq(gate.drops, 0);
    rv_callable_put(callable);
    cr_assert_eq(gate.drops, 1);
}

RV_TEST(callable, a_state_that_was_dropped_is_not_dropped_again)
{
    struct gate gate = {.drops = 0};
    struct rv_callable *callable = new_gate_call(&gate);

    rv_callable_drop_state(callable);
    rv_callable_drop_state(callable);
    rv_callable_put(callable);
    cr_assert_eq(gate.drops, 1);
}

RV_TEST(callable, without_memory_it_is_an_error)
{
    static const struct rv_callable_ops small = {.call = sum_call};
    static const struct rv_callable_ops huge = {.call = sum_call,
                                                .state_bytes = SIZE_MAX};
    struct rv_callable *callable;

    cr_assert_eq(rv_callable_new(&callable, &huge, NULL), -ENOMEM);
    rv_count_allocs(1);
    cr_assert_eq(rv_callable_new(&callable, &small, NULL), -ENOMEM);
    cr_assert_eq(rv_stop_counting_allocs(), 0);
}
