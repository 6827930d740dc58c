/* SPDX-License-Identifier: MIT */
/*
 * test_ready.c - the ready queue: in order, once each, with room reserved.
 *
 * Threads: the test's thread owns the queue.
 */
#include <criterion/criterion.h>

#include <errno.h>
#include <pthread.h>
#include <reveil/base.h>
#include <reveil/waker.h>

#include "support/failing_alloc.h"
#include "support/support.h"

RV_TEST_SUITE(ready);

/* An id as a slab gives it: generations of live items are odd. */
static uint64_t make_id(uint32_t index, uint32_t generation)
{
    return (uint64_t)generation << 32 | index;
}

/* A queue with room for the ids 0..len-1, all of generation 1. */
static struct rv_ready *new_queue(uint32_t len)
{
    struct rv_ready *queue = rv_ready_new();

    cr_assert_not_null(queue);
    for (uint32_t i = 0; i < len; i++)
        cr_assert_eq(rv_ready_reserve(queue, make_id(i, 1)), 0);
    return queue;
}

static void expect_next(struct rv_ready *queue, uint32_t expected)
{
    uint32_t index = UINT32_MAX;

    cr_assert(rv_ready_take(queue, &index), "no %u", expected);
    cr_assert_eq(index, expected, "%u instead of %u", index, expected);
}

static void expect_end(struct rv_ready *queue)
{
    uint32_t index = UINT32_MAX;

    cr_assert_not(rv_ready_take(queue, &index), "%u is left", index);
}

static bool has_token(struct rv_ready *queue)
{
    return rv_parker_park(rv_ready_parker(queue), 0);
}

/* --- order ------------------------------------------------------------- */

RV_TEST(ready, a_new_queue_is_empty)
{
    struct rv_ready *queue = new_queue(1);

    cr_assert_eq(rv_ready_batch(queue), 0);
    expect_end(queue);
    cr_assert_not(has_token(queue));
    rv_ready_put(queue);
}

RV_TEST(ready, ids_come_in_the_order_of_their_pushes)
{
    struct rv_ready *queue = new_queue(3);

    rv_ready_push(queue, make_id(2, 1));
    rv_ready_push(queue, make_id(0, 1));
    rv_ready_push(queue, make_id(1, 1));

    cr_assert_eq(rv_ready_batch(queue), 3);
    expect_next(queue, 2);
    expect_next(queue, 0);
    expect_next(queue, 1);
    expect_end(queue);
    rv_ready_put(queue);
}

RV_TEST(ready, an_id_is_in_the_queue_at_most_once)
{
    struct rv_ready *queue = new_queue(2);

    rv_ready_push(queue, make_id(0, 1));
    rv_ready_push(queue, make_id(1, 1));
    rv_ready_push(queue, make_id(0, 1));

    cr_assert_eq(rv_ready_batch(queue), 2);
    expect_next(queue, 0);
    expect_next(queue, 1);
    expect_end(queue);
    rv_ready_put(queue);
}

RV_TEST(ready, a_push_during_the_batch_comes_with_the_next_one)
{
    struct rv_ready *queue = new_queue(2);

    rv_ready_push(queue, make_id(0, 1));
    cr_assert_eq(rv_ready_batch(queue), 1);
    rv_ready_push(queue, make_id(1, 1));

    expect_next(queue, 0);
    expect_end(queue);
    cr_assert_eq(rv_ready_batch(queue), 1);
    expect_next(queue, 1);
    rv_ready_put(queue);
}

RV_TEST(ready, a_taken_id_can_be_pushed_again_at_once)
{
    struct rv_ready *queue = new_queue(1);

    rv_ready_push(queue, make_id(0, 1));
    rv_ready_batch(queue);
    expect_next(queue, 0);
    rv_ready_push(queue, make_id(0, 1)); /* a wake during the poll */

    expect_end(queue);
    cr_assert_eq(rv_ready_batch(queue), 1);
    expect_next(queue, 0);
    rv_ready_put(queue);
}

RV_TEST(ready, a_batch_that_was_left_goes_on_with_what_came_since)
{
    struct rv_ready *queue = new_queue(3);

    rv_ready_push(queue, make_id(0, 1));
    rv_ready_push(queue, make_id(1, 1));
    rv_ready_batch(queue);
    expect_next(queue, 0);
    rv_ready_push(queue, make_id(2, 1));

    cr_assert_eq(rv_ready_batch(queue), 2);
    expect_next(queue, 1);
    expect_next(queue, 2);
    expect_end(queue);
    rv_ready_put(queue);
}

RV_TEST(ready, many_ids_keep_their_order)
{
    enum { MANY = 1000 }; /* several of the queue's chunks */
    struct rv_ready *queue = new_queue(MANY);

    for (uint32_t i = 0; i < MANY; i++)
        rv_ready_push(queue, make_id(i * 7 % MANY, 1));

    cr_assert_eq(rv_ready_batch(queue), MANY);
    for (uint32_t i = 0; i < MANY; i++)
        expect_next(queue, i * 7 % MANY);
    expect_end(queue);
    rv_ready_put(queue);
}

/* --- the thread that polls --------------------------------------------- */

RV_TEST(ready, enter_says_for_whom_the_thread_polled_before)
{
    struct rv_ready *first = new_queue(0);
    struct rv_ready *second = new_queue(0);

    cr_assert_null(rv_ready_current());
    cr_assert_null(rv_ready_enter(first));
    cr_assert_eq(rv_ready_current(), first);
    cr_assert_eq(rv_ready_enter(second), first);
    cr_assert_eq(rv_ready_enter(NULL), second);
    cr_assert_null(rv_ready_current());
    rv_ready_put(first);
    rv_ready_put(second);
}

RV_TEST(ready, pushes_of_the_polling_thread_arrive_too)
{
    struct rv_ready *queue = new_queue(3);

    rv_ready_enter(queue);
    rv_ready_push(queue, make_id(1, 1));
    rv_ready_push(queue, make_id(0, 1));
    rv_ready_push(queue, make_id(1, 1));

    cr_assert_eq(rv_ready_batch(queue), 2);
    expect_next(queue, 1);
    expect_next(queue, 0);
    expect_end(queue);
    rv_ready_enter(NULL);
    rv_ready_put(queue);
}

RV_TEST(ready, a_push_from_outside_leaves_a_token)
{
    struct rv_ready *queue = new_queue(1);

    rv_ready_push(queue, make_id(0, 1));

    cr_assert(has_token(queue));
    rv_ready_put(queue);
}

/* --- room and retirement ----------------------------------------------- */

RV_TEST(ready, wakes_for_a_retired_id_do_nothing)
{
    struct rv_ready *queue = new_queue(1);

    cr_assert_not(rv_ready_retire(queue, make_id(0, 1)));
    rv_ready_push(queue, make_id(0, 1));

    cr_assert_eq(rv_ready_batch(queue), 0);
    cr_assert_not(has_token(queue));
    rv_ready_put(queue);
}

RV_TEST(ready, retire_says_if_the_id_is_still_in_the_queue)
{
    struct rv_ready *queue = new_queue(1);

    rv_ready_push(queue, make_id(0, 1));
    cr_assert(rv_ready_retire(queue, make_id(0, 1)));

    cr_assert_eq(rv_ready_batch(queue), 1);
    expect_next(queue, 0);
    cr_assert_not(rv_ready_retire(queue, make_id(0, 1)));
    rv_ready_put(queue);
}

RV_TEST(ready, a_late_wake_does_not_reach_the_next_user_of_the_index)
{
    struct rv_ready *queue = new_queue(1);

    rv_ready_retire(queue, make_id(0, 1));
    cr_assert_eq(rv_ready_reserve(queue, make_id(0, 3)), 0);

    rv_ready_push(queue, make_id(0, 1));
    cr_assert_eq(rv_ready_batch(queue), 0);
    rv_ready_push(queue, make_id(0, 3));
    cr_assert_eq(rv_ready_batch(queue), 1);
    rv_ready_put(queue);
}

RV_TEST(ready, without_memory_there_is_no_room_and_then_there_is)
{
    struct rv_ready *queue = new_queue(0);

    rv_count_allocs(1);
    cr_assert_eq(rv_ready_reserve(queue, make_id(0, 1)), -ENOMEM);
    cr_assert_eq(rv_stop_counting_allocs(), 0);

    cr_assert_eq(rv_ready_reserve(queue, make_id(0, 1)), 0);
    rv_ready_push(queue, make_id(0, 1));
    cr_assert_eq(rv_ready_batch(queue), 1);
    rv_ready_put(queue);
}

RV_TEST(ready, without_memory_there_is_no_queue)
{
    rv_count_allocs(1);

    cr_assert_null(rv_ready_new());
    cr_assert_eq(rv_stop_counting_allocs(), 0);
}

RV_TEST(ready, a_push_never_allocates)
{
    struct rv_ready *queue = new_queue(200);

    rv_count_allocs(0);
    for (uint32_t i = 0; i < 200; i++)
        rv_ready_push(queue, make_id(i, 1));
    cr_assert_eq(rv_alloc_calls(), 0);
    rv_stop_counting_allocs();
    rv_ready_put(queue);
}

RV_TEST(ready, the_last_put_frees_the_queue)
{
    struct rv_ready *queue;

    rv_count_allocs(0);
    queue = new_queue(100);
    rv_ready_get(queue);

    rv_ready_put(queue);
    cr_assert_gt(rv_alloc_live(), 0);
    rv_ready_push(queue, make_id(99, 1)); /* still usable */
    rv_ready_put(queue);
    cr_assert_eq(rv_stop_counting_allocs(), 0);
}

/* --- many threads ------------------------------------------------------ */

enum { PUSHERS = 4, IDS_EACH = 2000 };

struct pusher {
    struct rv_ready *queue;
    uint32_t first;
    pthread_t thread;
};

static void *push_all(void *arg)
{
    const struct pusher *pusher = arg;

    for (uint32_t i = 0; i < IDS_EACH; i++)
        rv_ready_push(pusher->queue, make_id(pusher->first + i, 1));
    return NULL;
}

/* Take all that is there and note when each came. Returns: how many. */
static uint32_t take_batch(struct rv_ready *queue, uint32_t *order,
                           uint32_t taken)
{
    const uint32_t before = taken;
    uint32_t index;

    if (!rv_ready_batch(queue))
        cr_assert(rv_parker_park(rv_ready_parker(queue),
                                 rv_after_ms(RV_TEST_WAIT_MS)),
                  "a push was lost after %u", taken);
    while (rv_ready_take(queue, &index)) {
        cr_assert_eq(order[index], 0, "%u came twice", index);
        order[index] = ++taken;
    }
    return taken - before;
}

RV_TEST(ready, four_threads_push_and_nothing_is_lost_or_doubled)
{
    static uint32_t order[PUSHERS * IDS_EACH];
    struct rv_ready *queue = new_queue(PUSHERS * IDS_EACH);
    struct pusher pushers[PUSHERS];
    uint32_t taken = 0;

    for (uint32_t i = 0; i < PUSHERS; i++) {
        pushers[i] = (struct pusher){.queue = queue, .first = i * IDS_EACH};
        pthread_create(&pushers[i].thread, NULL, push_all, &pushers[i]);
    }
    while (taken < PUSHERS * IDS_EACH)
        taken += take_batch(queue, order, taken);
    for (uint32_t i = 0; i < PUSHERS; i++)
        pthread_join(pushers[i].thread, NULL);

    cr_assert_eq(rv_ready_batch(queue), 0);
    for (uint32_t i = 1; i < PUSHERS * IDS_EACH; i++)
        if (i % IDS_EACH)
            cr_assert_lt(order[i - 1], order[i], "%u came too early", i);
    rv_ready_put(queue);
}
