/* SPDX-License-Identifier: MIT */
/* test_bounded.c - senders wait while the channel is full. */
#include "channel/polling.h"
#include "support/hosts.h"

RV_TEST_SUITE(bounded);

struct pair {
    struct rv_bounded_sender *sender;
    struct rv_bounded_receiver *receiver;
    struct rv_probe probe;
};

static void open_pair(struct pair *pair, uint32_t capacity)
{
    rv_probe_init(&pair->probe);
    cr_assert_eq(rv_bounded_new(&pair->sender, &pair->receiver, sizeof(int),
                                capacity, &counting),
                 0);
    dropped = 0;
}

static void close_pair(struct pair *pair)
{
    rv_bounded_sender_close(pair->sender);
    rv_bounded_receiver_close(pair->receiver);
    rv_probe_fini(&pair->probe);
}

static int take(struct pair *pair)
{
    int value = -1;

    cr_assert_eq(rv_bounded_try_recv(pair->receiver, &value), 0);
    return value;
}

RV_TEST(bounded, bad_sizes_are_refused)
{
    struct rv_bounded_receiver *receiver;
    struct rv_bounded_sender *sender;

    cr_assert_eq(rv_bounded_new(&sender, &receiver, 4, 0, NULL), -EINVAL);
    cr_assert_eq(rv_bounded_new(&sender, &receiver, 0, 1, NULL), -EINVAL);
    cr_assert_eq(rv_bounded_new(&sender, &receiver, UINT32_MAX, 1, NULL),
                 -EINVAL);
}

RV_TEST(bounded, a_full_channel_takes_no_more)
{
    struct rv_bounded_sender *another;
    struct pair pair;
    int value;

    open_pair(&pair, 3);
    cr_assert_eq(rv_bounded_sender_clone(pair.sender, &another), 0);
    for (int i = 0; i < 3; i++)
        cr_assert_eq(rv_bounded_try_send(i == 1 ? another : pair.sender, &i),
                     0);
    value = 3;
    cr_assert_eq(rv_bounded_try_send(another, &value), -EAGAIN);
    cr_assert_eq(take(&pair), 0);
    cr_assert_eq(rv_bounded_try_send(another, &value), 0);
    cr_assert_eq(rv_bounded_try_send(pair.sender, &value), -EAGAIN);
    for (int i = 1; i < 4; i++)
        cr_assert_eq(take(&pair), i);
    cr_assert_eq(rv_bounded_try_recv(pair.receiver, &value), -EAGAIN);
    rv_bounded_sender_close(another);
    close_pair(&pair);
    cr_assert_eq(dropped, 0);
}

RV_TEST(bounded, senders_are_served_in_order_and_none_overtakes)
{
    struct rv_bounded_send sends[2];
    int values[] = {1, 2, 3};
    struct pair pair;

    open_pair(&pair, 1);
    cr_assert_eq(rv_bounded_try_send(pair.sender, &values[0]), 0);
    for (int i = 0; i < 2; i++) {
        rv_bounded_send_init(&sends[i], pair.sender, &values[i + 1]);
        cr_assert_eq(poll_as(&pair.probe, &sends[i].future), RV_PENDING);
    }
    cr_assert_eq(take(&pair), 1);
    cr_assert(rv_probe_take(&pair.probe));
    cr_assert_eq(rv_bounded_try_send(pair.sender, &values[0]), -EAGAIN);
    cr_assert_eq(poll_as(&pair.probe, &sends[1].future), RV_PENDING);
    cr_assert_eq(poll_as(&pair.probe, &sends[0].future), RV_READY);
    cr_assert_eq(take(&pair), 2);
    cr_assert_eq(poll_as(&pair.probe, &sends[1].future), RV_READY);
    cr_assert_eq(take(&pair), 3);
    rv_probe_take(&pair.probe);
    close_pair(&pair);
}

/* Dropped while it waits, and dropped when it has its permit. */
RV_TEST(bounded, a_dropped_send_sends_nothing_and_keeps_no_room)
{
    struct rv_bounded_send send;
    struct pair pair;
    int value = 1;

    open_pair(&pair, 1);
    cr_assert_eq(rv_bounded_try_send(pair.sender, &value), 0);
    rv_bounded_send_init(&send, pair.sender, &value);
    CHECK_DROP_AFTER_EACH_POLL(&send.future, &pair.probe);

    rv_bounded_send_init(&send, pair.sender, &value);
    cr_assert_eq(poll_as(&pair.probe, &send.future), RV_PENDING);
    cr_assert_eq(take(&pair), 1);
    rv_drop(&send.future);
    cr_assert(rv_probe_take(&pair.probe));
    cr_assert_eq(rv_bounded_try_send(pair.sender, &value), 0);
    cr_assert_eq(rv_bounded_try_send(pair.sender, &value), -EAGAIN);
    cr_assert_eq(take(&pair), 1);
    close_pair(&pair);
}

RV_TEST(bounded, a_recv_waits_and_makes_room_for_each_value)
{
    struct rv_bounded_recv recv;
    struct pair pair;
    int values[4];

    open_pair(&pair, 2);
    rv_bounded_recv_init(&recv, pair.receiver, values, 4);
    CHECK_DROP_AFTER_EACH_POLL(&recv.future, &pair.probe);
    rv_bounded_recv_init(&recv, pair.receiver, values, 4);
    cr_assert_eq(poll_as(&pair.probe, &recv.future), RV_PENDING);
    for (int i = 0; i < 2; i++)
        cr_assert_eq(rv_bounded_try_send(pair.sender, &i), 0);
    cr_assert(rv_probe_take(&pair.probe));
    cr_assert_eq(poll_as(&pair.probe, &recv.future), RV_READY);
    cr_assert_eq(recv.future.result, 2);
    for (int i = 0; i < 2; i++)
        cr_assert_eq(rv_bounded_try_send(pair.sender, &i), 0);
    cr_assert_eq(rv_bounded_try_send(pair.sender, values), -EAGAIN);
    close_pair(&pair);
    cr_assert_eq(dropped, 2);
}

RV_TEST(bounded, a_wait_says_what_it_waits_for)
{
    struct rv_bounded_recv recv;
    struct rv_bounded_send send;
    struct pair pair;
    char text[64];
    int value = 1;

    open_pair(&pair, 1);
    rv_bounded_recv_init(&recv, pair.receiver, &value, 1);
    cr_assert_eq(poll_as(&pair.probe, &recv.future), RV_PENDING);
    cr_assert(rv_future_describe(&recv.future, text, sizeof text));
    cr_assert_str_eq(text, "receive on channel counted, empty");
    rv_drop(&recv.future);
    cr_assert_eq(rv_bounded_try_send(pair.sender, &value), 0);
    rv_bounded_send_init(&send, pair.sender, &value);
    cr_assert_eq(poll_as(&pair.probe, &send.future), RV_PENDING);
    cr_assert(rv_future_describe(&send.future, text, sizeof text));
    cr_assert_str_eq(text, "send on channel counted, full (1)");
    rv_drop(&send.future);
    close_pair(&pair);
}

/* --- the other end goes ------------------------------------------------ */

RV_TEST(bounded, the_close_of_the_receiver_ends_every_send)
{
    struct rv_bounded_send sends[3];
    struct pair pair;
    int value = 1;

    open_pair(&pair, 1);
    cr_assert_eq(rv_bounded_try_send(pair.sender, &value), 0);
    for (int i = 0; i < 3; i++) {
        rv_bounded_send_init(&sends[i], pair.sender, &value);
        cr_assert_eq(poll_as(&pair.probe, &sends[i].future), RV_PENDING);
    }
    rv_bounded_receiver_close(pair.receiver);
    pair.receiver = NULL;
    cr_assert_eq(dropped, 1);
    for (int i = 0; i < 3; i++) {
        cr_assert_eq(poll_as(&pair.probe, &sends[i].future), RV_READY);
        cr_assert_eq(sends[i].future.result, -EPIPE);
    }
    for (int i = 0; i < 3; i++)
        cr_assert_eq(rv_bounded_try_send(pair.sender, &value), -EPIPE);
    rv_probe_take(&pair.probe);
    close_pair(&pair);
    cr_assert_eq(dropped, 1);
}

RV_TEST(bounded, what_is_left_is_received_after_the_last_sender_has_closed)
{
    struct pair pair;
    int value = 7;

    open_pair(&pair, 2);
    cr_assert_eq(rv_bounded_try_send(pair.sender, &value), 0);
    rv_bounded_sender_close(pair.sender);
    pair.sender = NULL;
    cr_assert_eq(take(&pair), 7);
    cr_assert_eq(rv_bounded_try_recv(pair.receiver, &value), -EPIPE);
    close_pair(&pair);
}

/* --- without memory ---------------------------------------------------- */

static int one_value(void *arg)
{
    struct rv_bounded_receiver *receiver;
    struct rv_bounded_sender *another;
    struct rv_bounded_sender *sender;
    int value = 1;
    int error = rv_bounded_new(&sender, &receiver, sizeof value, 1, NULL);

    (void)arg;
    if (error)
        return error;
    error = rv_bounded_sender_clone(sender, &another);
    if (!error) {
        error = rv_bounded_try_send(another, &value);
        /* A send without memory keeps no room: the next one may lack memory
         * too, but not room. */
        if (error && rv_bounded_try_send(another, &value) == -EAGAIN)
            error = -EIO;
        rv_bounded_sender_close(another);
    }
    rv_bounded_sender_close(sender);
    rv_bounded_receiver_close(receiver);
    return error;
}

RV_TEST(bounded, without_memory)
{
    rv_fail_each_alloc_strictly(one_value, NULL);
}

/* --- in coroutines ----------------------------------------------------- */

enum { SENDERS = 4, COUNT = 500 };

struct sending {
    struct rv_bounded_sender *sender;
    int first;
};

static int32_t send_all(void *arg)
{
    struct sending *sending = arg;
    int error = 0;

    for (int i = 0; !error && i < COUNT; i++) {
        const int value = sending->first + i;

        error = rv_bounded_send(sending->sender, &value, RV_NEVER);
    }
    rv_bounded_sender_close(sending->sender);
    return error;
}

RV_HOST_TEST(bounded, many_senders_and_a_small_channel)
{
    struct rv_bounded_receiver *receiver;
    struct rv_host_task tasks[SENDERS] = {{.on_sched = false}};
    struct sending sendings[SENDERS];
    int next[SENDERS] = {0};
    int value;
    int error;

    HOST_CHECK(rv_bounded_new(&sendings[0].sender, &receiver, sizeof value, 3,
                              NULL) == 0);
    for (int i = 0; i < SENDERS; i++) {
        sendings[i].first = i * COUNT;
        HOST_CHECK(i == 0 || rv_bounded_sender_clone(sendings[0].sender,
                                                     &sendings[i].sender) == 0);
    }
    for (int i = 0; i < SENDERS; i++)
        HOST_CHECK(rv_host_start(&tasks[i], send_all, &sendings[i]) == 0);
    while ((error = rv_bounded_recv(receiver, &value, RV_NEVER)) == 0)
        HOST_CHECK(value % COUNT == next[value / COUNT]++);
    HOST_CHECK(error == -EPIPE);
    for (int i = 0; i < SENDERS; i++) {
        HOST_CHECK(next[i] == COUNT);
        HOST_CHECK(rv_host_join(&tasks[i]) == 0);
    }
    rv_bounded_receiver_close(receiver);
    return 0;
}

RV_HOST_TEST(bounded, a_deadline_ends_a_wait_and_nothing_is_lost)
{
    struct rv_bounded_receiver *receiver;
    struct rv_bounded_sender *sender;
    int value = 5;

    HOST_CHECK(rv_bounded_new(&sender, &receiver, sizeof value, 1, NULL) == 0);
    HOST_CHECK(rv_bounded_recv(receiver, &value, 0) == -ETIMEDOUT);
    HOST_CHECK(rv_bounded_recv(receiver, &value, rv_after_ms(2)) == -ETIMEDOUT);
    HOST_CHECK(rv_bounded_send(sender, &value, 0) == 0);
    HOST_CHECK(rv_bounded_send(sender, &value, 0) == -ETIMEDOUT);
    HOST_CHECK(rv_bounded_send(sender, &value, rv_after_ms(2)) == -ETIMEDOUT);
    HOST_CHECK(rv_bounded_recv(receiver, &value, 0) == 0);
    HOST_CHECK(rv_bounded_recv(receiver, &value, 0) == -ETIMEDOUT);
    HOST_CHECK(rv_bounded_send(sender, &value, 0) == 0);
    rv_bounded_receiver_close(receiver);
    HOST_CHECK(rv_bounded_send(sender, &value, RV_NEVER) == -EPIPE);
    rv_bounded_sender_close(sender);
    return 0;
}

static int32_t wait_for_room(void *arg)
{
    struct rv_bounded_receiver *receiver;
    struct rv_bounded_sender *sender;
    int value = 1;
    int result;

    (void)arg;
    if (rv_bounded_new(&sender, &receiver, sizeof value, 1, NULL) != 0)
        return -EIO;
    result = rv_bounded_send(sender, &value, RV_NEVER);
    if (result == 0)
        result = rv_bounded_send(sender, &value, RV_NEVER);
    rv_bounded_sender_close(sender);
    rv_bounded_receiver_close(receiver);
    return result;
}

RV_TEST(bounded, a_canceled_coroutine_stops_waiting)
{
    for (int host = 0; host < RV_HOSTS; host++)
        cr_assert_eq(
            rv_host_run_canceled((enum rv_host)host, wait_for_room, NULL),
            -ECANCELED);
}
