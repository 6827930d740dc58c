/* SPDX-License-Identifier: MIT */
/* test_oneshot.c - one value, once. */
#include <pthread.h>

#include "channel/polling.h"

RV_TEST_SUITE(oneshot);

struct ends {
    struct rv_oneshot_sender *sender;
    struct rv_oneshot_receiver *receiver;
};

static struct ends new_channel(void)
{
    struct ends ends;

    dropped = 0;
    cr_assert_eq(
        rv_oneshot_new(&ends.sender, &ends.receiver, sizeof(int), &counting),
        0);
    return ends;
}

RV_TEST(oneshot, the_value_comes_once)
{
    struct ends ends = new_channel();
    int value = 0;

    cr_assert_eq(rv_oneshot_try_recv(ends.receiver, &value), -EAGAIN);
    cr_assert_eq(rv_oneshot_send(ends.sender, &(int){42}), 0);
    cr_assert_eq(rv_oneshot_try_recv(ends.receiver, &value), 0);
    cr_assert_eq(value, 42);
    cr_assert_eq(rv_oneshot_try_recv(ends.receiver, &value), -EPIPE);
    rv_oneshot_receiver_close(ends.receiver);
    cr_assert_eq(dropped, 0);
    cr_assert_eq(rv_oneshot_new(NULL, NULL, 0, NULL), -EINVAL);
}

RV_TEST(oneshot, a_sender_closed_without_a_value_is_epipe)
{
    struct ends ends = new_channel();
    int value = 0;

    rv_oneshot_sender_close(ends.sender);
    cr_assert_eq(rv_oneshot_try_recv(ends.receiver, &value), -EPIPE);
    rv_oneshot_receiver_close(ends.receiver);
}

RV_TEST(oneshot, a_value_that_nobody_received_is_dropped_once)
{
    struct ends ends = new_channel();

    cr_assert_eq(rv_oneshot_send(ends.sender, &(int){1}), 0);
    rv_oneshot_receiver_close(ends.receiver);
    cr_assert_eq(dropped, 1);

    ends = new_channel();
    rv_oneshot_receiver_close(ends.receiver);
    cr_assert_eq(rv_oneshot_send(ends.sender, &(int){1}), -EPIPE);
    cr_assert_eq(dropped, 0);
}

RV_TEST(oneshot, a_recv_waits_for_the_value_or_the_close)
{
    for (int closes = 0; closes < 2; closes++) {
        struct ends ends = new_channel();
        struct rv_oneshot_recv wait;
        struct rv_probe probe;
        char text[60];
        int value = 0;

        rv_probe_init(&probe);
        rv_oneshot_recv_init(&wait, ends.receiver, &value);
        CHECK_DROP_AFTER_EACH_POLL(&wait.future, &probe);
        rv_oneshot_recv_init(&wait, ends.receiver, &value);
        cr_assert_eq(poll_as(&probe, &wait.future), RV_PENDING);
        cr_assert(rv_future_describe(&wait.future, text, sizeof text));
        cr_assert_str_eq(text, "receive on oneshot counted, not sent");
        if (closes)
            rv_oneshot_sender_close(ends.sender);
        else
            rv_oneshot_send(ends.sender, &(int){42});
        cr_assert(rv_probe_take(&probe));
        cr_assert_eq(poll_as(&probe, &wait.future), RV_READY);
        cr_assert_eq(wait.future.result, closes ? -EPIPE : 0);
        cr_assert_eq(value, closes ? 0 : 42);
        rv_oneshot_receiver_close(ends.receiver);
        rv_probe_fini(&probe);
    }
}

static void *send_it(void *sender)
{
    int value = 42;

    return rv_oneshot_send(sender, &value) == 0 ? sender : NULL;
}

RV_TEST(oneshot, send_and_close_at_once_release_the_value_once)
{
    for (int round = 0; round < 500; round++) {
        struct ends ends = new_channel();
        pthread_t thread;
        void *delivered;

        pthread_create(&thread, NULL, send_it, ends.sender);
        for (volatile int i = 0; i < round * 20; i++)
            ;
        rv_oneshot_receiver_close(ends.receiver);
        pthread_join(thread, &delivered);
        cr_assert_eq(dropped, delivered != NULL);
    }
}

static int make_one(void *arg)
{
    struct ends ends;
    int error = rv_oneshot_new(&ends.sender, &ends.receiver, 8, arg);

    if (error)
        return error;
    rv_oneshot_sender_close(ends.sender);
    rv_oneshot_receiver_close(ends.receiver);
    return 0;
}

RV_TEST(oneshot, without_memory_there_is_none)
{
    cr_assert_eq(rv_fail_each_alloc_strictly(make_one, NULL), 1);
}
