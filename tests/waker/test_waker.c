/* SPDX-License-Identifier: MIT */
/*
 * test_waker.c - the handle on a task, and batches of wakes.
 *
 * Threads: the test's thread owns the queues; helpers wake.
 */
#include <criterion/criterion.h>

#include <pthread.h>
#include <reveil/base.h>
#include <reveil/trace.h>
#include <reveil/waker.h>
#include <sched.h>

#include "support/failing_alloc.h"
#include "support/support.h"
#include "waker/wake_batch.h"

RV_TEST_SUITE(waker);

RV_TEST(waker, wake_brings_the_task_back_once)
{
    struct rv_probe probe;
    struct rv_waker waker;

    rv_probe_init(&probe);
    waker = rv_probe_waker(&probe);
    rv_waker_wake(&waker);
    rv_waker_wake(&waker);

    cr_assert(rv_probe_take(&probe));
    cr_assert_not(rv_probe_take(&probe));
    rv_waker_drop(&waker);
    rv_probe_fini(&probe);
}

RV_TEST(waker, it_can_be_woken_again_after_each_take)
{
    struct rv_probe probe;
    struct rv_waker waker;

    rv_probe_init(&probe);
    waker = rv_probe_waker(&probe);
    for (int i = 0; i < 3; i++) {
        rv_waker_wake(&waker);
        cr_assert(rv_probe_take(&probe));
    }
    rv_waker_drop(&waker);
    rv_probe_fini(&probe);
}

RV_TEST(waker, a_clone_wakes_the_same_task)
{
    struct rv_probe probe;
    struct rv_waker waker;
    struct rv_waker clone;

    rv_probe_init(&probe);
    waker = rv_probe_waker(&probe);
    clone = rv_waker_clone(&waker);
    cr_assert(rv_waker_same(&waker, &clone));

    rv_waker_drop(&waker);
    rv_waker_wake(&clone);
    cr_assert(rv_probe_take(&probe));
    rv_waker_drop(&clone);
    rv_probe_fini(&probe);
}

RV_TEST(waker, same_means_same_queue_and_same_id)
{
    const struct rv_waker none = {0};
    const struct rv_waker other_none = {0};
    struct rv_waker other_id;
    struct rv_probe a;
    struct rv_probe b;
    struct rv_cx of_a;
    struct rv_cx of_b;

    rv_probe_init(&a);
    rv_probe_init(&b);
    of_a = rv_probe_cx(&a);
    of_b = rv_probe_cx(&b);
    other_id = of_a.waker; /* borrowed: not dropped */
    other_id.id++;

    cr_assert(rv_waker_same(&none, &other_none));
    cr_assert_not(rv_waker_same(&none, &of_a.waker));
    cr_assert_not(rv_waker_same(&of_a.waker, &of_b.waker));
    cr_assert_not(rv_waker_same(&of_a.waker, &other_id));
    rv_probe_fini(&a);
    rv_probe_fini(&b);
}

RV_TEST(waker, no_waker_may_be_cloned_woken_and_dropped)
{
    struct rv_waker none = {0};
    struct rv_waker clone = rv_waker_clone(&none);

    rv_waker_wake(&none);
    rv_waker_drop(&none);
    rv_waker_drop(&none);
    cr_assert(rv_waker_same(&none, &clone));
}

RV_TEST(waker, replace_stores_a_clone_and_gives_the_earlier_waker_back)
{
    struct rv_waker stored = {0};
    struct rv_waker earlier;
    struct rv_probe a;
    struct rv_probe b;
    struct rv_cx of_a;
    struct rv_cx of_b;

    rv_probe_init(&a);
    rv_probe_init(&b);
    of_a = rv_probe_cx(&a);
    of_b = rv_probe_cx(&b);
    earlier = rv_waker_replace(&stored, &of_a.waker);
    cr_assert_null(earlier.queue);
    earlier = rv_waker_replace(&stored, &of_a.waker);
    cr_assert_null(earlier.queue, "the same waker was cloned again");
    earlier = rv_waker_replace(&stored, &of_b.waker);
    cr_assert(rv_waker_same(&earlier, &of_a.waker));
    rv_waker_drop(&earlier);

    rv_waker_wake(&stored);
    cr_assert(rv_probe_take(&b));
    cr_assert_not(rv_probe_take(&a));
    rv_waker_drop(&stored);
    rv_probe_fini(&a);
    rv_probe_fini(&b);
}

RV_TEST(waker, store_keeps_the_latest_waker_and_drops_the_earlier_one)
{
    struct rv_waker stored = {0};
    struct rv_probe a;
    struct rv_probe b;
    struct rv_cx of_a;
    struct rv_cx of_b;

    rv_probe_init(&a);
    rv_probe_init(&b);
    of_a = rv_probe_cx(&a);
    of_b = rv_probe_cx(&b);
    rv_waker_store(&stored, &of_a.waker);
    rv_waker_store(&stored, &of_a.waker);
    rv_waker_store(&stored, &of_b.waker);

    rv_waker_wake(&stored);
    cr_assert(rv_probe_take(&b));
    cr_assert_not(rv_probe_take(&a));
    rv_waker_drop(&stored);
    rv_probe_fini(&a); /* and RV_TEST finds a reference that was not dropped */
    rv_probe_fini(&b);
}

RV_TEST(waker, take_moves_it_out_and_wake_and_drop_ends_it)
{
    const struct rv_waker none = {0};
    struct rv_probe probe;
    struct rv_waker stored;
    struct rv_waker taken;

    rv_probe_init(&probe);
    stored = rv_probe_waker(&probe);
    taken = rv_waker_take(&stored);
    cr_assert(rv_waker_same(&stored, &none));

    rv_waker_wake_and_drop(&stored);
    cr_assert_not(rv_probe_take(&probe));
    rv_waker_wake_and_drop(&taken);
    cr_assert(rv_probe_take(&probe));
    cr_assert(rv_waker_same(&taken, &none));
    rv_probe_fini(&probe);
}

RV_TEST(waker, a_dropped_waker_is_no_waker)
{
    const struct rv_waker none = {0};
    struct rv_probe probe;
    struct rv_waker waker;

    rv_probe_init(&probe);
    waker = rv_probe_waker(&probe);
    rv_waker_drop(&waker);

    cr_assert(rv_waker_same(&waker, &none));
    rv_waker_wake(&waker);
    cr_assert_not(rv_probe_take(&probe));
    rv_probe_fini(&probe);
}

RV_TEST(waker, a_waker_of_a_finished_task_does_nothing)
{
    struct rv_probe probe;
    struct rv_waker waker;

    rv_probe_init(&probe);
    waker = rv_probe_waker(&probe);
    rv_probe_retire(&probe);
    rv_waker_wake(&waker);

    cr_assert_not(rv_probe_take(&probe));
    rv_waker_drop(&waker);
    rv_probe_fini(&probe);
}

RV_TEST(waker, it_keeps_the_queue_after_the_owner_has_gone)
{
    struct rv_probe probe;
    struct rv_waker waker;

    rv_count_allocs(0);
    rv_probe_init(&probe);
    waker = rv_probe_waker(&probe);
    rv_probe_fini(&probe);

    cr_assert_gt(rv_alloc_live(), 0);
    rv_waker_wake(&waker);
    rv_waker_drop(&waker);
    cr_assert_eq(rv_stop_counting_allocs(), 0);
}

RV_TEST(waker, clone_wake_and_drop_never_allocate)
{
    struct rv_probe probe;
    struct rv_waker waker;
    struct rv_waker clone;

    rv_probe_init(&probe);
    waker = rv_probe_waker(&probe);
    rv_count_allocs(1);
    clone = rv_waker_clone(&waker);
    rv_waker_wake(&clone);
    rv_waker_drop(&clone);

    cr_assert_eq(rv_alloc_calls(), 0);
    rv_stop_counting_allocs();
    rv_waker_drop(&waker);
    rv_probe_fini(&probe);
}

/* --- what a wake makes visible ----------------------------------------- */

enum { WAKERS = 4, WAKES_EACH = 2000 };

struct adder {
    struct rv_waker waker;
    _Atomic int64_t written; /* relaxed: only the wake orders it */
    pthread_t thread;
};

static void *write_then_wake(void *arg)
{
    struct adder *adder = arg;

    for (int i = 0; i < WAKES_EACH; i++)
        rv_waker_wake(&adder->waker);
    atomic_store_explicit(&adder->written, WAKES_EACH, memory_order_relaxed);
    rv_waker_wake(&adder->waker);
    rv_waker_drop(&adder->waker);
    return NULL;
}

static int64_t sum(const struct adder *adders)
{
    int64_t all = 0;

    for (int i = 0; i < WAKERS; i++)
        all += atomic_load_explicit(&adders[i].written, memory_order_relaxed);
    return all;
}

RV_TEST(waker, the_last_wake_of_each_thread_is_followed_by_a_take)
{
    struct adder adders[WAKERS] = {0};
    struct rv_probe probe;

    rv_probe_init(&probe);
    for (int i = 0; i < WAKERS; i++) {
        adders[i].waker = rv_probe_waker(&probe);
        pthread_create(&adders[i].thread, NULL, write_then_wake, &adders[i]);
    }
    while (sum(adders) < WAKERS * WAKES_EACH)
        cr_assert(rv_probe_wait(&probe), "a wake was lost");
    for (int i = 0; i < WAKERS; i++)
        pthread_join(adders[i].thread, NULL);
    rv_probe_fini(&probe);
}

/* --- batches ----------------------------------------------------------- */

/* A queue with the tasks 0..len-1. */
static struct rv_ready *new_queue(uint32_t len)
{
    struct rv_ready *queue = rv_ready_new(sizeof(struct rv_ready_slot));

    cr_assert_not_null(queue);
    for (uint32_t i = 0; i < len; i++)
        cr_assert_not_null(rv_ready_alloc(queue));
    return queue;
}

static struct rv_waker waker_of(struct rv_ready *queue, uint32_t index)
{
    const struct rv_waker borrowed = {queue, UINT64_C(1) << 32 | index};

    return rv_waker_clone(&borrowed);
}

/* Move a waker of the task into the batch. Returns: true if it is full now. */
static bool add(struct rv_wake_batch *batch, struct rv_ready *queue,
                uint32_t index)
{
    struct rv_waker waker = waker_of(queue, index);
    const bool full = rv_wake_batch_add(batch, &waker);

    cr_assert_null(waker.queue, "it was copied, not moved");
    return full;
}

static void expect_batch(struct rv_ready *queue, const uint32_t *expected,
                         uint32_t len)
{
    cr_assert(rv_ready_batch(queue));
    for (uint32_t i = 0; i < len; i++) {
        struct rv_ready_slot *slot = rv_ready_take(queue);

        cr_assert_not_null(slot);
        cr_assert_eq(rv_id_index(slot->id), expected[i]);
    }
    cr_assert_null(rv_ready_take(queue));
}

RV_TEST(waker, a_batch_wakes_nobody_before_it_is_delivered)
{
    struct rv_wake_batch batch = {.len = 0};
    struct rv_ready *queue = new_queue(3);

    add(&batch, queue, 1);
    add(&batch, queue, 0);
    add(&batch, queue, 2);
    cr_assert_not(rv_ready_batch(queue));
    cr_assert_not(rv_wake_batch_deliver(&batch), "no executor slept");

    expect_batch(queue, (const uint32_t[]){1, 0, 2}, 3);
    cr_assert(rv_parker_park(rv_ready_parker(queue), 0));
    cr_assert_eq(batch.len, 0);
    rv_ready_put(queue);
}

static void *deliver_to_a_sleeper(void *batch)
{
    while (rv_trace_count(RV_EV_PARK) < 1)
        sched_yield();
    return rv_wake_batch_deliver(batch) ? batch : NULL;
}

RV_TEST(waker, a_batch_tells_that_somebody_slept)
{
    struct rv_wake_batch batch = {.len = 0};
    struct rv_ready *queue = new_queue(2);
    pthread_t helper;
    void *slept;

    add(&batch, queue, 0);
    add(&batch, queue, 1);
    rv_trace_start(RV_TRACE_COUNTERS);
    pthread_create(&helper, NULL, deliver_to_a_sleeper, &batch);
    cr_assert(rv_parker_park(rv_ready_parker(queue), RV_NEVER));
    pthread_join(helper, &slept);
    cr_assert_not_null(slept);
    rv_trace_start(RV_TRACE_OFF);
    expect_batch(queue, (const uint32_t[]){0, 1}, 2);
    rv_ready_put(queue);
}

RV_TEST(waker, a_batch_ignores_no_waker)
{
    struct rv_wake_batch batch = {.len = 0};
    struct rv_waker none = {0};

    cr_assert_not(rv_wake_batch_add(&batch, &none));
    cr_assert_eq(batch.len, 0);
    rv_wake_batch_deliver(&batch);
}

RV_TEST(waker, a_batch_says_when_it_is_full)
{
    struct rv_wake_batch batch = {.len = 0};
    struct rv_ready *queue = new_queue(RV_WAKE_BATCH);

    for (uint32_t i = 0; i < RV_WAKE_BATCH - 1; i++)
        cr_assert_not(add(&batch, queue, i));
    cr_assert(add(&batch, queue, RV_WAKE_BATCH - 1));
    rv_wake_batch_deliver(&batch);

    cr_assert(rv_ready_batch(queue));
    for (uint32_t i = 0; i < RV_WAKE_BATCH; i++)
        cr_assert_not_null(rv_ready_take(queue));
    cr_assert_null(rv_ready_take(queue));
    rv_ready_put(queue);
}

RV_TEST(waker, a_batch_reaches_every_queue_in_it)
{
    struct rv_wake_batch batch = {.len = 0};
    struct rv_ready *a = new_queue(4);
    struct rv_ready *b = new_queue(4);

    add(&batch, a, 0);
    add(&batch, a, 1);
    add(&batch, b, 3);
    add(&batch, a, 2);
    add(&batch, b, 0);
    add(&batch, b, 1);
    rv_wake_batch_deliver(&batch);

    expect_batch(a, (const uint32_t[]){0, 1, 2}, 3);
    expect_batch(b, (const uint32_t[]){3, 0, 1}, 3);
    rv_ready_put(a);
    rv_ready_put(b);
}

RV_TEST(waker, a_batch_delivers_on_the_polling_thread_too)
{
    struct rv_wake_batch batch = {.len = 0};
    struct rv_ready *queue = new_queue(2);

    rv_ready_enter(queue);
    add(&batch, queue, 1);
    add(&batch, queue, 0);
    rv_wake_batch_deliver(&batch);

    expect_batch(queue, (const uint32_t[]){1, 0}, 2);
    rv_ready_enter(NULL);
    rv_ready_put(queue);
}

RV_TEST(waker, a_batch_wakes_a_task_once_and_skips_finished_ones)
{
    struct rv_wake_batch batch = {.len = 0};
    struct rv_ready *queue = new_queue(2);

    rv_ready_retire(queue, rv_ready_at(queue, 0));
    add(&batch, queue, 1);
    add(&batch, queue, 0);
    add(&batch, queue, 1);
    rv_wake_batch_deliver(&batch);

    expect_batch(queue, (const uint32_t[]){1}, 1);
    rv_ready_put(queue);
}

RV_TEST(waker, a_delivered_batch_has_dropped_its_wakers)
{
    struct rv_wake_batch batch = {.len = 0};
    struct rv_ready *queue;

    rv_count_allocs(0);
    queue = new_queue(2);
    add(&batch, queue, 0);
    add(&batch, queue, 1);
    rv_ready_put(queue); /* the batch has the last references */
    cr_assert_gt(rv_alloc_live(), 0);

    rv_wake_batch_deliver(&batch);
    cr_assert_eq(rv_stop_counting_allocs(), 0);
}
