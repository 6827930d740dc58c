/* SPDX-License-Identifier: MIT */
/* test_spsc.c - bounded channels: order, bounds, close, waiting. */
#include <pthread.h>
#include <sched.h>

#include "channel/polling.h"

RV_TEST_SUITE(spsc);

struct ends {
    struct rv_spsc_sender *sender;
    struct rv_spsc_receiver *receiver;
};

static struct ends new_channel(uint32_t capacity)
{
    struct ends ends;

    dropped = 0;
    cr_assert_eq(rv_spsc_new(&ends.sender, &ends.receiver, sizeof(int),
                             capacity, &counting),
                 0);
    return ends;
}

static void close_both(struct ends *ends)
{
    rv_spsc_sender_close(ends->sender);
    rv_spsc_receiver_close(ends->receiver);
}

static int send_one(struct ends *ends, int value)
{
    return rv_spsc_try_send(ends->sender, &value);
}

/* Returns: the value, or a negative errno. */
static int recv_one(struct ends *ends)
{
    int value = 0;
    int error = rv_spsc_try_recv(ends->receiver, &value);

    return error ? error : value;
}

RV_TEST(spsc, values_come_out_in_order_round_the_ring)
{
    struct ends ends = new_channel(3);

    for (int i = 0; i < 100; i++) {
        cr_assert_eq(send_one(&ends, 2 * i), 0);
        cr_assert_eq(send_one(&ends, 2 * i + 1), 0);
        cr_assert_eq(recv_one(&ends), 2 * i);
        cr_assert_eq(recv_one(&ends), 2 * i + 1);
    }
    cr_assert_eq(recv_one(&ends), -EAGAIN);
    close_both(&ends);
    cr_assert_eq(dropped, 0);
}

RV_TEST(spsc, the_capacity_is_exact)
{
    for (int capacity = 1; capacity < 10; capacity++) {
        struct ends ends = new_channel((uint32_t)capacity);

        for (int i = 0; i < capacity; i++)
            cr_assert_eq(send_one(&ends, i), 0);
        cr_assert_eq(send_one(&ends, 99), -EAGAIN);
        cr_assert_eq(recv_one(&ends), 0);
        cr_assert_eq(send_one(&ends, 77), 0);
        cr_assert_eq(send_one(&ends, 99), -EAGAIN);
        close_both(&ends);
        cr_assert_eq(dropped, (uint32_t)capacity);
    }
}

RV_TEST(spsc, many_at_once_are_cut_to_what_fits)
{
    struct ends ends = new_channel(5);
    int in[7] = {0, 1, 2, 3, 4, 5, 6};
    int out[7];

    for (int round = 0; round < 20; round++) {
        cr_assert_eq(rv_spsc_try_send_n(ends.sender, in, 3), 3);
        cr_assert_eq(rv_spsc_try_send_n(ends.sender, in + 3, 4), 2);
        cr_assert_eq(rv_spsc_try_send_n(ends.sender, in, 1), -EAGAIN);
        cr_assert_eq(rv_spsc_try_recv_n(ends.receiver, out, 2), 2);
        cr_assert_eq(rv_spsc_try_recv_n(ends.receiver, out + 2, 5), 3);
        cr_assert_eq(rv_spsc_try_recv_n(ends.receiver, out, 5), -EAGAIN);
        for (int i = 0; i < 5; i++)
            cr_assert_eq(out[i], i);
    }
    close_both(&ends);
}

RV_TEST(spsc, values_of_any_size_are_copied_whole)
{
    char in[100];
    char out[100];

    for (uint32_t size = 1; size <= sizeof in; size++) {
        struct ends ends;

        memset(in, (int)size, sizeof in);
        memset(out, 0, sizeof out);
        cr_assert_eq(rv_spsc_new(&ends.sender, &ends.receiver, size, 2, NULL),
                     0);
        cr_assert_eq(rv_spsc_try_send(ends.sender, in), 0);
        cr_assert_eq(rv_spsc_try_recv(ends.receiver, out), 0);
        cr_assert_arr_eq(in, out, size);
        cr_assert(size == sizeof in || out[size] == 0);
        close_both(&ends);
    }
}

RV_TEST(spsc, odd_sizes_are_refused)
{
    struct ends ends;

    cr_assert_eq(rv_spsc_new(&ends.sender, &ends.receiver, 0, 1, NULL),
                 -EINVAL);
    cr_assert_eq(rv_spsc_new(&ends.sender, &ends.receiver, 1, 0, NULL),
                 -EINVAL);
    cr_assert_eq(rv_spsc_new(&ends.sender, &ends.receiver, 1, UINT32_MAX, NULL),
                 -EINVAL);
}

/* --- close and drain --------------------------------------------------- */

RV_TEST(spsc, what_is_left_is_received_and_then_epipe)
{
    struct ends ends = new_channel(4);

    send_one(&ends, 1);
    send_one(&ends, 2);
    rv_spsc_sender_close(ends.sender);
    cr_assert_eq(recv_one(&ends), 1);
    cr_assert_eq(recv_one(&ends), 2);
    cr_assert_eq(recv_one(&ends), -EPIPE);
    cr_assert_eq(recv_one(&ends), -EPIPE);
    rv_spsc_receiver_close(ends.receiver);
    cr_assert_eq(dropped, 0);
}

RV_TEST(spsc, a_send_to_a_closed_receiver_is_epipe_at_once)
{
    struct ends ends = new_channel(4);

    send_one(&ends, 1);
    send_one(&ends, 2);
    rv_spsc_receiver_close(ends.receiver);
    cr_assert_eq(dropped, 2);
    cr_assert_eq(send_one(&ends, 3), -EPIPE);
    cr_assert_eq(rv_spsc_try_send_n(ends.sender, &(int){3}, 1), -EPIPE);
    rv_spsc_sender_close(ends.sender);
    cr_assert_eq(dropped, 2);
}

/* --- waiting ----------------------------------------------------------- */

RV_TEST(spsc, a_recv_waits_and_a_send_wakes_it)
{
    struct ends ends = new_channel(2);
    struct rv_spsc_recv wait;
    struct rv_probe probe;
    int out[2] = {0};

    rv_probe_init(&probe);
    rv_spsc_recv_init(&wait, ends.receiver, out, 2);
    cr_assert_eq(poll_as(&probe, &wait.future), RV_PENDING);
    cr_assert_not(rv_probe_take(&probe));
    send_one(&ends, 41);
    cr_assert(rv_probe_take(&probe));
    send_one(&ends, 42);
    cr_assert_not(rv_probe_take(&probe));
    cr_assert_eq(poll_as(&probe, &wait.future), RV_READY);
    cr_assert_eq(wait.future.result, 2);
    cr_assert(out[0] == 41 && out[1] == 42);
    rv_probe_fini(&probe);
    close_both(&ends);
}

RV_TEST(spsc, a_send_waits_for_room_until_all_are_in)
{
    struct ends ends = new_channel(2);
    struct rv_spsc_send wait;
    struct rv_probe probe;
    int in[5] = {1, 2, 3, 4, 5};

    rv_probe_init(&probe);
    rv_spsc_send_init(&wait, ends.sender, in, 5);
    cr_assert_eq(poll_as(&probe, &wait.future), RV_PENDING);
    cr_assert_eq(wait.done, 2);
    for (int i = 1; i <= 2; i++) {
        cr_assert_eq(recv_one(&ends), i);
        cr_assert(rv_probe_take(&probe));
        cr_assert_eq(poll_as(&probe, &wait.future), RV_PENDING);
        cr_assert_eq(wait.done, (uint32_t)(2 + i));
    }
    cr_assert_eq(recv_one(&ends), 3);
    cr_assert_eq(poll_as(&probe, &wait.future), RV_READY);
    cr_assert_eq(wait.future.result, 0);
    cr_assert_eq(recv_one(&ends), 4);
    cr_assert_eq(recv_one(&ends), 5);
    rv_probe_fini(&probe);
    close_both(&ends);
}

RV_TEST(spsc, a_close_wakes_who_waits_at_the_other_end)
{
    struct ends ends = new_channel(1);
    struct rv_spsc_send send_wait;
    struct rv_spsc_recv recv_wait;
    struct rv_probe probe;
    int in[3] = {1, 2, 3};

    rv_probe_init(&probe);
    rv_spsc_send_init(&send_wait, ends.sender, in, 3);
    cr_assert_eq(poll_as(&probe, &send_wait.future), RV_PENDING);
    rv_spsc_receiver_close(ends.receiver);
    cr_assert(rv_probe_take(&probe));
    cr_assert_eq(poll_as(&probe, &send_wait.future), RV_READY);
    cr_assert_eq(send_wait.future.result, -EPIPE);
    cr_assert_eq(send_wait.done, 1);
    rv_spsc_sender_close(ends.sender);
    cr_assert_eq(dropped, 1);

    ends = new_channel(1);
    rv_spsc_recv_init(&recv_wait, ends.receiver, in, 3);
    cr_assert_eq(poll_as(&probe, &recv_wait.future), RV_PENDING);
    rv_spsc_sender_close(ends.sender);
    cr_assert(rv_probe_take(&probe));
    cr_assert_eq(poll_as(&probe, &recv_wait.future), RV_READY);
    cr_assert_eq(recv_wait.future.result, -EPIPE);
    rv_spsc_receiver_close(ends.receiver);
    rv_probe_fini(&probe);
}

RV_TEST(spsc, a_dropped_future_leaves_neither_waker_nor_value_behind)
{
    struct ends ends = new_channel(1);
    struct rv_spsc_send send_wait;
    struct rv_spsc_recv recv_wait;
    struct rv_probe probe;
    int value = 7;

    rv_probe_init(&probe);
    rv_spsc_recv_init(&recv_wait, ends.receiver, &value, 1);
    rv_drop(&recv_wait.future);
    rv_spsc_recv_init(&recv_wait, ends.receiver, &value, 1);
    CHECK_DROP_AFTER_EACH_POLL(&recv_wait.future, &probe);
    cr_assert_eq(send_one(&ends, 1), 0);
    cr_assert_not(rv_probe_take(&probe));
    rv_spsc_send_init(&send_wait, ends.sender, &value, 1);
    CHECK_DROP_AFTER_EACH_POLL(&send_wait.future, &probe);
    cr_assert_eq(recv_one(&ends), 1);
    cr_assert_not(rv_probe_take(&probe));
    cr_assert_eq(recv_one(&ends), -EAGAIN);
    rv_probe_fini(&probe);
    close_both(&ends);
}

RV_TEST(spsc, whoever_polled_last_is_woken)
{
    struct ends ends = new_channel(1);
    struct rv_probe first;
    struct rv_probe last;
    struct rv_spsc_recv wait;
    int value;

    rv_probe_init(&first);
    rv_probe_init(&last);
    rv_spsc_recv_init(&wait, ends.receiver, &value, 1);
    cr_assert_eq(poll_as(&first, &wait.future), RV_PENDING);
    cr_assert_eq(poll_as(&first, &wait.future), RV_PENDING);
    cr_assert_eq(poll_as(&last, &wait.future), RV_PENDING);
    send_one(&ends, 1);
    cr_assert_not(rv_probe_take(&first));
    cr_assert(rv_probe_take(&last));
    rv_drop(&wait.future);
    rv_probe_fini(&first);
    rv_probe_fini(&last);
    close_both(&ends);
}

RV_TEST(spsc, a_task_that_never_has_to_wait_lets_others_go_first)
{
    struct ends ends = new_channel(1);
    struct rv_probe probe;
    struct rv_cx cx;
    int polls = 0;

    rv_probe_init(&probe);
    cx = rv_probe_cx(&probe);
    for (bool ready = true; ready; polls++) {
        struct rv_spsc_recv wait;
        int value;

        cr_assert_leq(polls, RV_IO_BUDGET);
        send_one(&ends, 1);
        rv_spsc_recv_init(&wait, ends.receiver, &value, 1);
        ready = rv_poll(&wait.future, &cx) == RV_READY;
        rv_drop(&wait.future);
    }
    cr_assert(rv_probe_take(&probe));
    rv_probe_fini(&probe);
    close_both(&ends);
}

RV_TEST(spsc, a_future_says_what_it_waits_for)
{
    struct ends ends = new_channel(2);
    struct rv_spsc_send send_wait;
    struct rv_spsc_recv recv_wait;
    struct rv_yield yield;
    const struct rv_future zero = {0};
    char text[80];
    int value = 0;

    rv_spsc_send_init(&send_wait, ends.sender, &value, 1);
    cr_assert(rv_future_describe(&send_wait.future, text, sizeof text));
    cr_assert_str_eq(text, "send on channel counted, full (2 of 2)");
    rv_spsc_recv_init(&recv_wait, ends.receiver, &value, 1);
    cr_assert(rv_future_describe(&recv_wait.future, text, sizeof text));
    cr_assert_str_eq(text, "receive on channel counted, empty");
    rv_yield_init(&yield);
    cr_assert_not(rv_future_describe(&yield.future, text, sizeof text));
    cr_assert_str_eq(text, "");
    text[0] = 'x';
    cr_assert_not(rv_future_describe(&zero, text, sizeof text));
    cr_assert_str_eq(text, "");
    cr_assert_not(rv_future_describe(&zero, NULL, 0));
    close_both(&ends);
}

/* --- between threads --------------------------------------------------- */

enum { MESSAGES = 1000000 };

static void *send_numbers(void *arg)
{
    struct rv_spsc_sender *sender = arg;

    for (int i = 0; i < MESSAGES;) {
        if (rv_spsc_try_send(sender, &i) == 0)
            i++;
        else
            sched_yield();
    }
    rv_spsc_sender_close(sender);
    return NULL;
}

RV_TEST(spsc, a_million_values_cross_threads_in_order)
{
    struct ends ends = new_channel(64);
    pthread_t thread;
    int expected = 0;
    int value;

    pthread_create(&thread, NULL, send_numbers, ends.sender);
    while ((value = recv_one(&ends)) != -EPIPE) {
        if (value == -EAGAIN)
            sched_yield();
        else if (value != expected++)
            cr_assert_fail("%d after %d", value, expected - 1);
    }
    cr_assert_eq(expected, MESSAGES);
    pthread_join(thread, NULL);
    rv_spsc_receiver_close(ends.receiver);
}

/* --- memory ------------------------------------------------------------ */

static int make_one(void *arg)
{
    struct ends ends;
    int error = rv_spsc_new(&ends.sender, &ends.receiver, 8, 8, (void *)arg);

    if (error)
        return error;
    rv_spsc_try_send(ends.sender, &(uint64_t){1});
    close_both(&ends);
    return 0;
}

RV_TEST(spsc, without_memory_there_is_none)
{
    cr_assert_eq(rv_fail_each_alloc_strictly(make_one, NULL), 2);
}

/* A channel whose only value is the receiver of the next such channel. */
static void close_receiver(void *element)
{
    dropped++;
    rv_spsc_receiver_close(*(struct rv_spsc_receiver **)element);
}

static const struct rv_channel_options of_channels = {.drop_element =
                                                          close_receiver};

/* Returns: the receiver of the first of `count` channels in a chain. */
static struct rv_spsc_receiver *chain(int count)
{
    struct rv_spsc_receiver *first = NULL;

    for (int i = 0; i < count; i++) {
        struct rv_spsc_receiver *receiver;
        struct rv_spsc_sender *sender;

        cr_assert_eq(
            rv_spsc_new(&sender, &receiver, sizeof first, 1, &of_channels), 0);
        if (first)
            cr_assert_eq(rv_spsc_try_send(sender, &first), 0);
        rv_spsc_sender_close(sender);
        first = receiver;
    }
    return first;
}

RV_TEST(spsc, a_receiver_travels_through_10000_channels_of_channels)
{
    struct rv_spsc_receiver *receiver = chain(10000);
    struct rv_spsc_receiver *next;
    int hops = 1;

    while (rv_spsc_try_recv(receiver, &next) == 0) {
        rv_spsc_receiver_close(receiver);
        receiver = next;
        hops++;
    }
    rv_spsc_receiver_close(receiver);
    cr_assert_eq(hops, 10000);
}

RV_TEST(spsc, a_chain_of_channels_dies_without_a_deep_stack)
{
    dropped = 0;
    rv_spsc_receiver_close(chain(200000));
    cr_assert_eq(dropped, 200000 - 1);
}
