/* SPDX-License-Identifier: MIT */
/*
 * test_layout.c - memory that the library keeps for the caller is aligned for
 * every type: values in channels, states and results of callables, a
 * coroutine's data, arguments of a thread, items of a slab.
 *
 * Threads: the test's, and a bare one.
 */
#include <criterion/criterion.h>

#include <errno.h>
#include <reveil/callable.h>
#include <reveil/coro.h>
#include <reveil/mpsc.h>
#include <reveil/oneshot.h>
#include <reveil/publisher.h>
#include <reveil/spsc.h>
#include <reveil/thread.h>
#include <stddef.h>

#include "base/slab.h"
#include "support/support.h"

RV_TEST_SUITE(layout);

/* Sizes of values. A type may need the alignment of the largest power of two
 * that divides its size. */
static const uint32_t sizes[] = {1,  2,  4,  8,  12, 16,  24,
                                 32, 40, 48, 64, 80, 144, 4096};

enum { SIZES = sizeof sizes / sizeof sizes[0], LARGEST = 4096 };

static uint32_t size_now;
static uint32_t seen;

static bool is_aligned(const void *at, size_t size_bytes)
{
    size_t align = 1;

    while (align < _Alignof(max_align_t) && size_bytes % (align * 2) == 0)
        align *= 2;
    return (uintptr_t)at % align == 0;
}

static void drop_element(void *item)
{
    cr_assert(is_aligned(item, size_now), "%u bytes at %p", size_now, item);
    seen++;
}

static const struct rv_channel_options options = {.drop_element = drop_element};

static char item[LARGEST];

/* --- channels ---------------------------------------------------------- */

enum { VALUES = 600 }; /* several blocks */

RV_TEST(layout, of_values_in_an_unbounded_channel)
{
    for (int i = 0; i < SIZES; i++) {
        struct rv_mpsc_sender *sender;
        struct rv_mpsc_receiver *receiver;

        size_now = sizes[i];
        seen = 0;
        cr_assert_eq(rv_mpsc_new(&sender, &receiver, size_now, &options), 0);
        for (int n = 0; n < VALUES; n++)
            cr_assert_eq(rv_mpsc_send(sender, item), 0);
        rv_mpsc_sender_close(sender);
        rv_mpsc_receiver_close(receiver);
        cr_assert_eq(seen, VALUES);
    }
}

RV_TEST(layout, of_values_in_a_bounded_channel)
{
    for (int i = 0; i < SIZES; i++) {
        struct rv_spsc_sender *sender;
        struct rv_spsc_receiver *receiver;

        size_now = sizes[i];
        seen = 0;
        cr_assert_eq(rv_spsc_new(&sender, &receiver, size_now, 7, &options), 0);
        while (rv_spsc_try_send(sender, item) == 0)
            ;
        rv_spsc_sender_close(sender);
        rv_spsc_receiver_close(receiver);
        cr_assert_eq(seen, 7);
    }
}

RV_TEST(layout, of_the_value_in_a_oneshot)
{
    for (int i = 0; i < SIZES; i++) {
        struct rv_oneshot_sender *sender;
        struct rv_oneshot_receiver *receiver;

        size_now = sizes[i];
        seen = 0;
        cr_assert_eq(rv_oneshot_new(&sender, &receiver, size_now, &options), 0);
        cr_assert_eq(rv_oneshot_send(sender, item), 0);
        rv_oneshot_receiver_close(receiver);
        cr_assert_eq(seen, 1);
    }
}

RV_TEST(layout, of_the_events_of_a_publisher)
{
    for (int i = 0; i < SIZES; i++) {
        struct rv_publisher *publisher;
        struct rv_events events;

        cr_assert_eq(rv_publisher_new(&publisher, sizes[i], 8, NULL), 0);
        cr_assert_eq(rv_publisher_try_reserve(publisher, 8, &events), 0);
        for (uint32_t n = 0; n < 8; n++)
            cr_assert(is_aligned(rv_events_at(&events, n), sizes[i]));
        rv_publisher_close(publisher);
    }
}

/* --- copies of states and arguments ------------------------------------ */

static int32_t look_at_both(void *state, void *result)
{
    return is_aligned(state, 16) && is_aligned(result, 16);
}

RV_TEST(layout, of_the_state_and_result_of_a_callable)
{
    for (int i = 0; i < SIZES; i++) {
        const struct rv_callable_ops ops = {.name = "look",
                                            .call = look_at_both,
                                            .state_bytes = sizes[i],
                                            .result_bytes = 16};
        struct rv_callable *callable;

        cr_assert_eq(rv_callable_new(&callable, &ops, item), 0);
        cr_assert(look_at_both(rv_callable_state(callable),
                               rv_callable_result(callable)));
        rv_callable_put(callable);
    }
}

static int32_t nothing(void *arg)
{
    (void)arg;
    return 0;
}

RV_TEST(layout, of_the_data_of_a_coroutine)
{
    for (size_t bytes = 1; bytes <= 1024; bytes++) {
        const struct rv_coro_options coro_options = {.data_bytes = bytes};
        struct rv_coro *coro;

        cr_assert_eq(rv_coro_new(&coro, nothing, NULL, &coro_options), 0);
        cr_assert(is_aligned(rv_coro_data(coro), 16));
        rv_coro_free(coro);
    }
}

static _Atomic uintptr_t args_at;

static void look_at_args(void *args)
{
    atomic_store(&args_at, (uintptr_t)args);
}

RV_TEST(layout, of_the_arguments_of_a_thread)
{
    if (!rv_thread_supported())
        cr_skip_test("no bare threads on this processor");
    for (int i = 0; i < SIZES; i++) {
        struct rv_thread thread;

        cr_assert_eq(rv_thread_start(&thread, look_at_args, item, sizes[i], 0),
                     0);
        cr_assert_eq(rv_thread_join(&thread, RV_NEVER), 0);
        cr_assert_eq(args_at % 16, 0);
    }
}

struct wide {
    struct rv_slab_item head;
    max_align_t value;
};

RV_TEST(layout, of_the_items_of_a_slab)
{
    struct rv_slab slab;

    rv_slab_init(&slab, sizeof(struct wide));
    for (int i = 0; i < 1000; i++) {
        struct wide *wide = rv_slab_get(&slab, rv_slab_alloc(&slab));

        cr_assert(is_aligned(&wide->value, sizeof wide->value));
    }
    rv_slab_fini(&slab);
}
