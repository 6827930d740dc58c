/* SPDX-License-Identifier: MIT */
/*
 * test_ready.c - the ready queue: in order, once each, with room reserved.
 *
 * Threads: the test's thread owns the queue.
 */
#include <criterion/criterion.h>

#include <pthread.h>
#include <reveil/base.h>
#include <reveil/waker.h>

#include "support/failing_alloc.h"
#include "support/support.h"

RV_TEST_SUITE(ready);

/* A queue with the tasks 0..len-1, in the first use of their slots. */
static struct rv_ready *new_queue(uint32_t len)
{
    struct rv_ready *queue = rv_ready_new(sizeof(struct rv_ready_slot));

    cr_assert_not_null(queue);
    for (uint32_t i = 0; i < len; i++)
        cr_assert_not_null(rv_ready_alloc(queue));
    return queue;
}

/* The id of the n-th task in the first use of its slot. */
static uint64_t first_id(uint32_t n)
{
    return UINT64_C(1) << 32 | n;
}

static void expect_next(struct rv_ready *queue, uint32_t expected)
{
    const struct rv_ready_slot *slot = rv_ready_take(queue);

    cr_assert_not_null(slot, "no %u", expected);
    cr_assert_eq(rv_id_index(slot->id), expected, "%u instead of %u",
                 rv_id_index(slot->id), expected);
}

static void expect_end(struct rv_ready *queue)
{
    cr_assert_null(rv_ready_take(queue));
}

static bool has_token(struct rv_ready *queue)
{
    return rv_parker_park(rv_ready_parker(queue), 0);
}

/* --- order ------------------------------------------------------------- */

RV_TEST(ready, a_new_queue_is_empty)
{
    struct rv_ready *queue = new_queue(1);

    cr_assert_not(rv_ready_batch(queue));
    expect_end(queue);
    cr_assert_not(has_token(queue));
    rv_ready_put(queue);
}

RV_TEST(ready, ids_come_in_the_order_of_their_pushes)
{
    struct rv_ready *queue = new_queue(3);

    rv_ready_push(queue, first_id(2));
    rv_ready_push(queue, first_id(0));
    rv_ready_push(queue, first_id(1));

    cr_assert(rv_ready_batch(queue));
    expect_next(queue, 2);
    expect_next(queue, 0);
    expect_next(queue, 1);
    expect_end(queue);
    rv_ready_put(queue);
}

RV_TEST(ready, an_id_is_in_the_queue_at_most_once)
{
    struct rv_ready *queue = new_queue(2);

    rv_ready_push(queue, first_id(0));
    rv_ready_push(queue, first_id(1));
    rv_ready_push(queue, first_id(0));

    cr_assert(rv_ready_batch(queue));
    expect_next(queue, 0);
    expect_next(queue, 1);
    expect_end(queue);
    rv_ready_put(queue);
}

RV_TEST(ready, a_push_during_the_batch_comes_with_the_next_one)
{
    struct rv_ready *queue = new_queue(2);

    rv_ready_push(queue, first_id(0));
    cr_assert(rv_ready_batch(queue));
    rv_ready_push(queue, first_id(1));

    expect_next(queue, 0);
    expect_end(queue);
    cr_assert(rv_ready_batch(queue));
    expect_next(queue, 1);
    rv_ready_put(queue);
}

RV_TEST(ready, a_taken_id_can_be_pushed_again_at_once)
{
    struct rv_ready *queue = new_queue(1);

    rv_ready_push(queue, first_id(0));
    rv_ready_batch(queue);
    expect_next(queue, 0);
    rv_ready_push(queue, first_id(0)); /* a wake during the poll */

    expect_end(queue);
    cr_assert(rv_ready_batch(queue));
    expect_next(queue, 0);
    rv_ready_put(queue);
}

RV_TEST(ready, what_is_left_of_a_batch_is_first_in_the_next_one)
{
    struct rv_ready *queue = new_queue(4);

    for (uint32_t i = 0; i < 3; i++)
        rv_ready_push(queue, first_id(i));
    rv_ready_batch(queue);
    expect_next(queue, 0);
    rv_ready_push(queue, first_id(3));
    rv_ready_end_batch(queue);
    expect_end(queue);

    cr_assert(rv_ready_batch(queue));
    for (uint32_t i = 1; i < 4; i++)
        expect_next(queue, i);
    expect_end(queue);
    rv_ready_put(queue);
}

RV_TEST(ready, what_is_left_of_a_batch_may_be_all_there_is)
{
    struct rv_ready *queue = new_queue(3);

    rv_ready_push(queue, first_id(0));
    rv_ready_push(queue, first_id(1));
    rv_ready_batch(queue);
    expect_next(queue, 0);
    rv_ready_end_batch(queue);
    rv_ready_end_batch(queue); /* a no-op */

    rv_ready_enter(queue);
    rv_ready_push(queue, first_id(2)); /* behind it, on the local chain */
    cr_assert(rv_ready_batch(queue));
    expect_next(queue, 1);
    expect_next(queue, 2);
    expect_end(queue);
    rv_ready_enter(NULL);
    rv_ready_put(queue);
}

RV_TEST(ready, many_ids_keep_their_order)
{
    enum { MANY = 1000 }; /* several of the queue's chunks */
    struct rv_ready *queue = new_queue(MANY);

    for (uint32_t i = 0; i < MANY; i++)
        rv_ready_push(queue, first_id(i * 7 % MANY));

    cr_assert(rv_ready_batch(queue));
    for (uint32_t i = 0; i < MANY; i++)
        expect_next(queue, i * 7 % MANY);
    expect_end(queue);
    rv_ready_put(queue);
}

/* --- the thread that polls --------------------------------------------- */

RV_TEST(ready, current_is_the_queue_that_was_entered_last)
{
    struct rv_ready *first = new_queue(0);
    struct rv_ready *second = new_queue(0);

    cr_assert_null(rv_ready_current());
    rv_ready_enter(first);
    cr_assert_eq(rv_ready_current(), first);
    rv_ready_enter(second);
    cr_assert_eq(rv_ready_current(), second);
    rv_ready_enter(NULL);
    cr_assert_null(rv_ready_current());
    rv_ready_put(first);
    rv_ready_put(second);
}

RV_TEST(ready, pushes_of_the_polling_thread_arrive_too)
{
    struct rv_ready *queue = new_queue(3);

    rv_ready_enter(queue);
    rv_ready_push(queue, first_id(1));
    rv_ready_push(queue, first_id(0));
    rv_ready_push(queue, first_id(1));

    cr_assert(rv_ready_batch(queue));
    expect_next(queue, 1);
    expect_next(queue, 0);
    expect_end(queue);
    rv_ready_enter(NULL);
    rv_ready_put(queue);
}

RV_TEST(ready, a_push_from_outside_leaves_a_token)
{
    struct rv_ready *queue = new_queue(1);

    rv_ready_push(queue, first_id(0));

    cr_assert(has_token(queue));
    rv_ready_put(queue);
}

/* --- birth and retirement ---------------------------------------------- */

RV_TEST(ready, wakes_for_a_retired_id_do_nothing)
{
    struct rv_ready *queue = new_queue(1);

    rv_ready_retire(queue, rv_ready_find(queue, first_id(0)));
    cr_assert_null(rv_ready_find(queue, first_id(0)));
    rv_ready_push(queue, first_id(0));

    cr_assert_not(rv_ready_batch(queue));
    cr_assert_not(has_token(queue));
    rv_ready_put(queue);
}

RV_TEST(ready, a_task_that_is_retired_in_the_queue_is_passed_over)
{
    struct rv_ready *queue = new_queue(2);

    rv_ready_push(queue, first_id(0));
    rv_ready_push(queue, first_id(1));
    rv_ready_retire(queue, rv_ready_find(queue, first_id(0)));

    cr_assert(rv_ready_batch(queue));
    expect_next(queue, 1);
    expect_end(queue);
    rv_ready_put(queue);
}

/* Otherwise the link that the chain continues with would be the new user's. */
RV_TEST(ready, a_slot_has_no_new_user_while_it_is_in_the_queue)
{
    struct rv_ready *queue = new_queue(1);

    rv_ready_push(queue, first_id(0));
    rv_ready_retire(queue, rv_ready_find(queue, first_id(0)));
    cr_assert_eq(rv_id_index(rv_ready_alloc(queue)->id), 1);

    rv_ready_batch(queue);
    expect_end(queue);
    cr_assert_eq(rv_ready_alloc(queue)->id, UINT64_C(2) << 32);
    rv_ready_put(queue);
}

RV_TEST(ready, a_late_wake_does_not_reach_the_next_user_of_the_slot)
{
    struct rv_ready *queue = new_queue(1);
    uint64_t id;

    rv_ready_retire(queue, rv_ready_find(queue, first_id(0)));
    id = rv_ready_alloc(queue)->id;
    cr_assert_eq(rv_id_index(id), 0);
    cr_assert_neq(id, first_id(0));

    rv_ready_push(queue, first_id(0));
    cr_assert_not(rv_ready_batch(queue));
    rv_ready_push(queue, id);
    cr_assert(rv_ready_batch(queue));
    rv_ready_put(queue);
}

/* The state word has 31 bits for it. */
RV_TEST(ready, a_slot_whose_generations_are_used_up_is_not_used_again)
{
    struct rv_ready *queue = new_queue(1);
    struct rv_ready_slot *slot = rv_ready_find(queue, first_id(0));

    slot->id = UINT64_C(0x7ffffffe) << 32;
    rv_ready_retire(queue, slot);
    slot = rv_ready_alloc(queue);
    cr_assert_eq(slot->id, UINT64_C(0x7fffffff) << 32);
    rv_ready_retire(queue, slot);

    cr_assert_eq(rv_ready_alloc(queue)->id, first_id(1));
    rv_ready_put(queue);
}

RV_TEST(ready, slots_know_whom_they_belong_to)
{
    struct rv_ready *queue = new_queue(2);

    cr_assert_eq(rv_ready_at(queue, 1)->id, first_id(1));
    rv_ready_retire(queue, rv_ready_at(queue, 1));
    cr_assert_null(rv_ready_at(queue, 1));
    cr_assert_eq(queue->used, 2);
    rv_ready_put(queue);
}

RV_TEST(ready, without_memory_there_is_no_room_and_then_there_is)
{
    struct rv_ready *queue = new_queue(0);

    rv_count_allocs(1);
    cr_assert_null(rv_ready_alloc(queue));
    cr_assert_eq(rv_stop_counting_allocs(), 0);

    cr_assert_eq(rv_ready_alloc(queue)->id, first_id(0));
    rv_ready_push(queue, first_id(0));
    cr_assert(rv_ready_batch(queue));
    rv_ready_put(queue);
}

/* READY-7: a task that only its owner knows needs no read-modify-write. */
RV_TEST(ready, cloning_a_waker_makes_a_task_known_to_others)
{
    struct rv_ready *queue = new_queue(1);
    const struct rv_waker borrowed = {queue, first_id(0)};
    struct rv_waker waker;

    cr_assert_not(rv_ready_is_shared(rv_ready_at(queue, 0)));
    waker = rv_waker_clone(&borrowed);
    cr_assert(rv_ready_is_shared(rv_ready_at(queue, 0)));

    rv_waker_drop(&waker);
    rv_ready_retire(queue, rv_ready_at(queue, 0));
    cr_assert_not(rv_ready_is_shared(rv_ready_alloc(queue)));
    rv_ready_put(queue);
}

RV_TEST(ready, without_memory_there_is_no_queue)
{
    rv_count_allocs(1);

    cr_assert_null(rv_ready_new(sizeof(struct rv_ready_slot)));
    cr_assert_eq(rv_stop_counting_allocs(), 0);
}

RV_TEST(ready, a_push_never_allocates)
{
    struct rv_ready *queue = new_queue(200);

    rv_count_allocs(0);
    for (uint32_t i = 0; i < 200; i++)
        rv_ready_push(queue, first_id(i));
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
    rv_ready_push(queue, first_id(99)); /* still usable */
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
        rv_ready_push(pusher->queue, first_id(pusher->first + i));
    return NULL;
}

/* Take all that is there and record when each came. Returns: the number. */
static uint32_t take_batch(struct rv_ready *queue, uint32_t *order,
                           uint32_t taken)
{
    const uint32_t before = taken;
    const struct rv_ready_slot *slot;

    if (!rv_ready_batch(queue))
        cr_assert(rv_parker_park(rv_ready_parker(queue),
                                 rv_after_ms(RV_TEST_WAIT_MS)),
                  "a push was lost after %u", taken);
    while ((slot = rv_ready_take(queue))) {
        const uint32_t index = rv_id_index(slot->id);

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

    for (uint32_t i = 0; i < PUSHERS * IDS_EACH; i++)
        rv_ready_share(queue, first_id(i)); /* READY-7 */
    for (uint32_t i = 0; i < PUSHERS; i++) {
        pushers[i] = (struct pusher){.queue = queue, .first = i * IDS_EACH};
        pthread_create(&pushers[i].thread, NULL, push_all, &pushers[i]);
    }
    while (taken < PUSHERS * IDS_EACH)
        taken += take_batch(queue, order, taken);
    for (uint32_t i = 0; i < PUSHERS; i++)
        pthread_join(pushers[i].thread, NULL);

    cr_assert_not(rv_ready_batch(queue));
    for (uint32_t i = 1; i < PUSHERS * IDS_EACH; i++)
        if (i % IDS_EACH)
            cr_assert_lt(order[i - 1], order[i], "%u came too early", i);
    rv_ready_put(queue);
}
