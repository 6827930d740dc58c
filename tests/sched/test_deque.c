/* SPDX-License-Identifier: MIT */
/*
 * test_deque.c - the deque on one thread, and against a naive one.
 *
 * What needs more threads is in tests/stress/stress_deque.c.
 */
#include <errno.h>

#include "sched/deque.h"
#include "support/failing_alloc.h"
#include "support/support.h"

RV_TEST_SUITE(deque);

enum { SMALL = 2 };

static void *item(intptr_t number)
{
    return (void *)number;
}

static void *steal(struct rv_deque *deque)
{
    void *taken = NULL;

    return rv_deque_steal(deque, &taken) == RV_STEAL_TAKEN ? taken : NULL;
}

RV_TEST(deque, pops_what_was_pushed_last)
{
    struct rv_deque deque;

    cr_assert_eq(rv_deque_init(&deque, SMALL), 0);
    cr_assert_eq(rv_deque_push(&deque, item(1)), 0);
    cr_assert_eq(rv_deque_push(&deque, item(2)), 0);
    cr_assert_eq(rv_deque_pop(&deque), item(2));
    cr_assert_eq(rv_deque_pop(&deque), item(1));
    cr_assert_null(rv_deque_pop(&deque));
    rv_deque_fini(&deque);
}

RV_TEST(deque, steals_what_was_pushed_first)
{
    struct rv_deque deque;

    cr_assert_eq(rv_deque_init(&deque, SMALL), 0);
    cr_assert_eq(rv_deque_push(&deque, item(1)), 0);
    cr_assert_eq(rv_deque_push(&deque, item(2)), 0);
    cr_assert_eq(steal(&deque), item(1));
    cr_assert_eq(steal(&deque), item(2));
    cr_assert_null(steal(&deque));
    rv_deque_fini(&deque);
}

RV_TEST(deque, an_empty_one_stays_usable_however_often_it_is_asked)
{
    struct rv_deque deque;

    cr_assert_eq(rv_deque_init(&deque, SMALL), 0);
    for (intptr_t i = 1; i <= 100; i++) {
        cr_assert_null(rv_deque_pop(&deque));
        cr_assert_null(steal(&deque));
        cr_assert_eq(rv_deque_push(&deque, item(i)), 0);
        cr_assert_eq(rv_deque_len(&deque), 1);
        cr_assert_eq(i % 2 ? steal(&deque) : rv_deque_pop(&deque), item(i));
        cr_assert_eq(rv_deque_len(&deque), 0);
    }
    rv_deque_fini(&deque);
}

RV_TEST(deque, grows_and_keeps_the_order)
{
    struct rv_deque deque;

    cr_assert_eq(rv_deque_init(&deque, SMALL), 0);
    cr_assert_eq(rv_deque_push(&deque, item(1)), 0);
    cr_assert_eq(steal(&deque), item(1)); /* the array does not begin at 0 */
    for (intptr_t i = 2; i < 1000; i++)
        cr_assert_eq(rv_deque_push(&deque, item(i)), 0);
    cr_assert_eq(steal(&deque), item(2));
    for (intptr_t i = 999; i > 2; i--)
        cr_assert_eq(rv_deque_pop(&deque), item(i));
    cr_assert_null(rv_deque_pop(&deque));
    rv_deque_fini(&deque);
}

RV_TEST(deque, without_memory_to_grow_nothing_is_lost)
{
    struct rv_deque deque;

    cr_assert_eq(rv_deque_init(&deque, SMALL), 0);
    cr_assert_eq(rv_deque_push(&deque, item(1)), 0);
    cr_assert_eq(rv_deque_push(&deque, item(2)), 0);
    rv_count_allocs(1);
    cr_assert_eq(rv_deque_push(&deque, item(3)), -ENOMEM);
    rv_stop_counting_allocs();
    cr_assert_eq(rv_deque_pop(&deque), item(2));
    cr_assert_eq(rv_deque_pop(&deque), item(1));
    rv_deque_fini(&deque);

    rv_count_allocs(1);
    cr_assert_eq(rv_deque_init(&deque, SMALL), -ENOMEM);
    rv_stop_counting_allocs();
    rv_deque_fini(&deque);
}

/* --- against a naive one ------------------------------------------------ */

enum { STEPS = 200000, ROOM = STEPS };

struct naive {
    intptr_t *items;
    size_t first;
    size_t end;
};

static uint32_t next_random(uint32_t *state)
{
    *state = *state * 1664525u + 1013904223u;
    return *state >> 16;
}

static void step(struct rv_deque *deque, struct naive *naive, uint32_t what,
                 intptr_t number)
{
    const bool empty = naive->first == naive->end;

    if (what < 3) {
        cr_assert_eq(rv_deque_push(deque, item(number)), 0);
        naive->items[naive->end++] = number;
    } else if (what < 5) {
        cr_assert_eq(rv_deque_pop(deque),
                     empty ? NULL : item(naive->items[--naive->end]));
    } else {
        cr_assert_eq(steal(deque),
                     empty ? NULL : item(naive->items[naive->first++]));
    }
    cr_assert_eq(rv_deque_len(deque), (int64_t)(naive->end - naive->first));
}

RV_TEST(deque, does_what_a_naive_one_does)
{
    struct naive naive = {.items = calloc(ROOM, sizeof(intptr_t))};
    struct rv_deque deque;
    uint32_t state = 1;

    cr_assert_not_null(naive.items);
    cr_assert_eq(rv_deque_init(&deque, SMALL), 0);
    for (intptr_t i = 1; i <= STEPS; i++) {
        /* In turn more pushes than pops, and fewer. */
        const uint32_t kinds = i / 5000 % 2 ? 6 : 8;

        step(&deque, &naive, next_random(&state) % kinds, i);
    }
    rv_deque_fini(&deque);
    free(naive.items);
}
