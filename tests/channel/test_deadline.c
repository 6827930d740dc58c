/* SPDX-License-Identifier: MIT */
/*
 * test_deadline.c - the calls that wait, with deadlines: in the past, at a
 * time-out, and in time. Nothing is lost by one that was too late.
 *
 * Threads: those of the host.
 */
#include <errno.h>
#include <reveil/reveil.h>

#include "support/hosts.h"

RV_TEST_SUITE(channel_deadline);

/* The call is too late twice. */
#define HOST_CHECK_LATE(call_with)              \
    do {                                        \
        int64_t deadline_ns = 0;                \
                                                \
        HOST_CHECK((call_with) == -ETIMEDOUT);  \
        deadline_ns = rv_after_ms(2);           \
        HOST_CHECK((call_with) == -ETIMEDOUT);  \
        HOST_CHECK(rv_now_ns() >= deadline_ns); \
    } while (0)

RV_HOST_TEST(channel_deadline, spsc)
{
    struct rv_spsc_receiver *receiver;
    struct rv_spsc_sender *sender;
    int value = 1;

    HOST_CHECK(rv_spsc_new(&sender, &receiver, sizeof(int), 2, NULL) == 0);
    HOST_CHECK_LATE(rv_spsc_recv(receiver, &value, deadline_ns));
    while (rv_spsc_send(sender, &value, 0) == 0)
        value++;
    HOST_CHECK_LATE(rv_spsc_send(sender, &value, deadline_ns));
    for (int i = 1, end = value; i < end; i++)
        HOST_CHECK(rv_spsc_recv(receiver, &value, 0) == 0 && value == i);
    HOST_CHECK(rv_spsc_recv(receiver, &value, 0) == -ETIMEDOUT);
    rv_spsc_sender_close(sender);
    HOST_CHECK(rv_spsc_recv(receiver, &value, 0) == -EPIPE);
    rv_spsc_receiver_close(receiver);
    return 0;
}

RV_HOST_TEST(channel_deadline, mpsc_and_oneshot)
{
    struct rv_oneshot_receiver *answer;
    struct rv_mpsc_receiver *receiver;
    struct rv_oneshot_sender *reply;
    struct rv_mpsc_sender *sender;
    int value = 5;

    HOST_CHECK(rv_mpsc_new(&sender, &receiver, sizeof(int), NULL) == 0);
    HOST_CHECK_LATE(rv_mpsc_recv(receiver, &value, deadline_ns));
    HOST_CHECK(rv_mpsc_send(sender, &value) == 0);
    HOST_CHECK(rv_mpsc_recv(receiver, &value, 0) == 0 && value == 5);
    rv_mpsc_sender_close(sender);
    HOST_CHECK(rv_mpsc_recv(receiver, &value, 0) == -EPIPE);
    rv_mpsc_receiver_close(receiver);

    HOST_CHECK(rv_oneshot_new(&reply, &answer, sizeof(int), NULL) == 0);
    HOST_CHECK_LATE(rv_oneshot_recv(answer, &value, deadline_ns));
    HOST_CHECK(rv_oneshot_send(reply, &value) == 0);
    HOST_CHECK(rv_oneshot_recv(answer, &value, 0) == 0 && value == 5);
    rv_oneshot_receiver_close(answer);
    return 0;
}

RV_HOST_TEST(channel_deadline, publisher)
{
    struct rv_subscriber *subscriber;
    struct rv_publisher *publisher;
    struct rv_events events;

    HOST_CHECK(rv_publisher_new(&publisher, sizeof(int), 2, NULL) == 0);
    HOST_CHECK(rv_publisher_subscribe(publisher, RV_FROM_NEXT, &subscriber) ==
               0);
    HOST_CHECK_LATE(rv_subscriber_recv(subscriber, 1, &events, deadline_ns));
    HOST_CHECK(rv_publisher_reserve(publisher, 2, &events, 0) == 0);
    rv_publisher_commit(publisher);
    HOST_CHECK_LATE(rv_publisher_reserve(publisher, 2, &events, deadline_ns));
    HOST_CHECK(rv_subscriber_recv(subscriber, 2, &events, 0) == 2);
    rv_subscriber_commit(subscriber);
    HOST_CHECK(rv_publisher_reserve(publisher, 2, &events, 0) == 0);
    rv_subscriber_close(subscriber);
    rv_publisher_close(publisher);
    return 0;
}

RV_HOST_TEST(channel_deadline, locks)
{
    struct rv_semaphore semaphore;
    struct rv_notify notify;
    struct rv_mutex mutex;

    rv_semaphore_init(&semaphore, 1);
    HOST_CHECK_LATE(rv_semaphore_acquire(&semaphore, 2, deadline_ns));
    HOST_CHECK(rv_semaphore_acquire(&semaphore, 1, 0) == 0);
    HOST_CHECK_LATE(rv_semaphore_acquire(&semaphore, 1, deadline_ns));
    rv_semaphore_release(&semaphore, 1);
    HOST_CHECK(rv_semaphore_acquire(&semaphore, 1, 0) == 0);
    rv_semaphore_fini(&semaphore);

    rv_mutex_init(&mutex);
    HOST_CHECK(rv_mutex_lock(&mutex, 0) == 0);
    HOST_CHECK_LATE(rv_mutex_lock(&mutex, deadline_ns));
    rv_mutex_unlock(&mutex);
    HOST_CHECK(rv_mutex_lock(&mutex, RV_NEVER) == 0);
    rv_mutex_unlock(&mutex);
    rv_mutex_fini(&mutex);

    rv_notify_init(&notify);
    HOST_CHECK_LATE(rv_notify_wait(&notify, deadline_ns));
    rv_notify_one(&notify);
    HOST_CHECK(rv_notify_wait(&notify, 0) == 0);
    rv_notify_fini(&notify);
    return 0;
}
