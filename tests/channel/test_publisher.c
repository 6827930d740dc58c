/* SPDX-License-Identifier: MIT */
/* test_publisher.c - a ring of events: which subscriber sees what, and
 * back-pressure. */
#include <pthread.h>
#include <sched.h>

#include "channel/polling.h"

RV_TEST_SUITE(publisher);

static const struct rv_channel_options named = {.name = "news"};

static struct rv_publisher *new_publisher(uint32_t capacity)
{
    struct rv_publisher *publisher;

    cr_assert_eq(
        rv_publisher_new(&publisher, sizeof(uint64_t), capacity, &named), 0);
    return publisher;
}

static struct rv_subscriber *subscribe(struct rv_publisher *publisher,
                                       enum rv_subscribe_from from)
{
    struct rv_subscriber *subscriber;

    cr_assert_eq(rv_publisher_subscribe(publisher, from, &subscriber), 0);
    return subscriber;
}

/* Publish from, from + 1, ..., `n` at a time. */
static int publish(struct rv_publisher *publisher, uint64_t from, uint32_t n)
{
    struct rv_events events;
    int error = rv_publisher_try_reserve(publisher, n, &events);

    if (error)
        return error;
    cr_assert_eq(rv_events_len(&events), n);
    for (uint32_t i = 0; i < n; i++)
        *(uint64_t *)rv_events_at(&events, i) = from + i;
    rv_publisher_commit(publisher);
    return 0;
}

/* Receive up to n and check that they are from, from + 1, ... */
static int receive(struct rv_subscriber *subscriber, uint64_t from, uint32_t n)
{
    struct rv_events events;
    int got = rv_subscriber_try_recv(subscriber, n, &events);

    if (got < 0)
        return got;
    cr_assert_eq(rv_events_len(&events), (uint32_t)got);
    for (uint32_t i = 0; i < (uint32_t)got; i++)
        cr_assert_eq(*(uint64_t *)rv_events_at(&events, i), from + i);
    rv_subscriber_commit(subscriber);
    return got;
}

RV_TEST(publisher, every_subscriber_sees_all_in_order_round_the_ring)
{
    struct rv_publisher *publisher = new_publisher(8);
    struct rv_subscriber *a = subscribe(publisher, RV_FROM_NEXT);
    struct rv_subscriber *b = subscribe(publisher, RV_FROM_NEXT);
    uint64_t number = 0;

    for (uint32_t n = 1; n <= 8; n++) {
        for (int i = 0; i < 20; i++, number += n) {
            cr_assert_eq(publish(publisher, number, n), 0);
            cr_assert_eq(receive(a, number, n), (int)n);
            cr_assert_eq(receive(a, number, n), -EAGAIN);
            cr_assert_eq(receive(b, number, 100), (int)n);
        }
    }
    rv_subscriber_close(a);
    rv_subscriber_close(b);
    rv_publisher_close(publisher);
}

RV_TEST(publisher, a_slow_subscriber_holds_it_back_one_that_left_does_not)
{
    struct rv_publisher *publisher = new_publisher(4);
    struct rv_subscriber *slow = subscribe(publisher, RV_FROM_NEXT);
    struct rv_subscriber *fast = subscribe(publisher, RV_FROM_NEXT);

    cr_assert_eq(publish(publisher, 0, 4), 0);
    cr_assert_eq(receive(fast, 0, 4), 4);
    cr_assert_eq(publish(publisher, 4, 1), -EAGAIN);
    cr_assert_eq(receive(slow, 0, 1), 1);
    cr_assert_eq(publish(publisher, 4, 2), -EAGAIN);
    cr_assert_eq(publish(publisher, 4, 1), 0);
    rv_subscriber_close(slow);
    cr_assert_eq(publish(publisher, 5, 3), 0);
    cr_assert_eq(receive(fast, 4, 9), 4);
    rv_subscriber_close(fast);
    rv_publisher_close(publisher);
}

RV_TEST(publisher, without_subscribers_nothing_holds_it_back)
{
    struct rv_publisher *publisher = new_publisher(4);

    for (uint64_t i = 0; i < 100; i++)
        cr_assert_eq(publish(publisher, i, 1), 0);
    rv_publisher_close(publisher);
}

RV_TEST(publisher, a_new_subscriber_begins_with_the_oldest_or_the_next)
{
    struct rv_publisher *publisher = new_publisher(8);
    struct rv_subscriber *first;
    struct rv_subscriber *next;
    struct rv_subscriber *oldest;
    struct rv_events claimed;

    cr_assert_eq(publish(publisher, 0, 4), 0);
    first = subscribe(publisher, RV_FROM_OLDEST);
    next = subscribe(publisher, RV_FROM_NEXT);
    cr_assert_eq(receive(first, 0, 9), 4);
    cr_assert_eq(receive(next, 4, 9), -EAGAIN);
    cr_assert_eq(publish(publisher, 4, 6), 0);
    cr_assert_eq(receive(first, 4, 9), 6);
    cr_assert_eq(receive(next, 4, 9), 6);

    /* Events 2 and 3 are still there, but the next to be overwritten. */
    cr_assert_eq(rv_publisher_try_reserve(publisher, 2, &claimed), 0);
    oldest = subscribe(publisher, RV_FROM_OLDEST);
    cr_assert_eq(receive(oldest, 4, 1), 1);
    cr_assert_eq(publish(publisher, 10, 4), -EAGAIN);
    rv_subscriber_close(first);
    rv_subscriber_close(next);
    rv_subscriber_close(oldest);
    rv_publisher_close(publisher);
}

RV_TEST(publisher, events_stay_until_the_commit)
{
    struct rv_publisher *publisher = new_publisher(2);
    struct rv_subscriber *subscriber = subscribe(publisher, RV_FROM_NEXT);
    struct rv_events events;

    rv_publisher_commit(publisher);
    rv_subscriber_commit(subscriber);
    cr_assert_eq(rv_publisher_try_reserve(publisher, 0, &events), -EINVAL);
    cr_assert_eq(rv_publisher_try_reserve(publisher, 3, &events), -EINVAL);
    cr_assert_eq(rv_publisher_try_reserve(publisher, 2, &events), 0);
    cr_assert_eq(rv_subscriber_try_recv(subscriber, 1, &events), -EAGAIN);
    cr_assert_eq(publish(publisher, 0, 2), 0);
    cr_assert_eq(rv_subscriber_try_recv(subscriber, 2, &events), 2);
    cr_assert_eq(rv_subscriber_try_recv(subscriber, 1, &events), 1);
    cr_assert_eq(publish(publisher, 2, 1), -EAGAIN);
    rv_subscriber_commit(subscriber);
    cr_assert_eq(publish(publisher, 2, 1), 0);
    cr_assert_eq(receive(subscriber, 1, 9), 2);
    rv_subscriber_close(subscriber);
    rv_publisher_close(publisher);
}

RV_TEST(publisher, what_is_left_is_received_after_the_close)
{
    struct rv_publisher *publisher = new_publisher(8);
    struct rv_subscriber *a = subscribe(publisher, RV_FROM_NEXT);
    struct rv_subscriber *b = subscribe(publisher, RV_FROM_NEXT);

    publish(publisher, 0, 3);
    rv_publisher_close(publisher);
    cr_assert_eq(receive(a, 0, 2), 2);
    rv_subscriber_close(b);
    cr_assert_eq(receive(a, 2, 2), 1);
    cr_assert_eq(receive(a, 3, 2), -EPIPE);
    rv_subscriber_close(a);
}

RV_TEST(publisher, both_sides_wait_and_wake_each_other)
{
    struct rv_publisher *publisher = new_publisher(4);
    struct rv_subscriber *subscriber = subscribe(publisher, RV_FROM_NEXT);
    struct rv_subscriber_recv recv;
    struct rv_publisher_reserve next;
    struct rv_probe probe;

    rv_probe_init(&probe);
    rv_subscriber_recv_init(&recv, subscriber, 4);
    CHECK_DROP_AFTER_EACH_POLL(&recv.future, &probe);
    rv_subscriber_recv_init(&recv, subscriber, 4);
    cr_assert_eq(poll_as(&probe, &recv.future), RV_PENDING);
    publish(publisher, 0, 3);
    cr_assert(rv_probe_take(&probe));
    cr_assert_eq(poll_as(&probe, &recv.future), RV_READY);
    cr_assert_eq(recv.future.result, 3);
    cr_assert_eq(*(uint64_t *)rv_events_at(&recv.events, 2), 2);

    rv_publisher_reserve_init(&next, publisher, 2);
    CHECK_DROP_AFTER_EACH_POLL(&next.future, &probe);
    rv_publisher_reserve_init(&next, publisher, 2);
    cr_assert_eq(poll_as(&probe, &next.future), RV_PENDING);
    rv_subscriber_commit(subscriber);
    cr_assert(rv_probe_take(&probe));
    cr_assert_eq(poll_as(&probe, &next.future), RV_READY);
    cr_assert_eq(rv_events_len(&next.events), 2);
    rv_publisher_commit(publisher);

    rv_publisher_reserve_init(&next, publisher, 4);
    cr_assert_eq(poll_as(&probe, &next.future), RV_PENDING);
    rv_subscriber_close(subscriber);
    cr_assert(rv_probe_take(&probe));
    cr_assert_eq(poll_as(&probe, &next.future), RV_READY);

    subscriber = subscribe(publisher, RV_FROM_NEXT);
    rv_subscriber_recv_init(&recv, subscriber, 4);
    cr_assert_eq(poll_as(&probe, &recv.future), RV_PENDING);
    rv_publisher_close(publisher);
    cr_assert(rv_probe_take(&probe));
    cr_assert_eq(poll_as(&probe, &recv.future), RV_READY);
    cr_assert_eq(recv.future.result, -EPIPE);
    rv_subscriber_close(subscriber);
    rv_probe_fini(&probe);
}

RV_TEST(publisher, futures_say_what_they_wait_for)
{
    struct rv_publisher *publisher = new_publisher(4);
    struct rv_subscriber *subscriber = subscribe(publisher, RV_FROM_NEXT);
    struct rv_subscriber_recv recv;
    struct rv_publisher_reserve next;
    char text[80];

    rv_subscriber_recv_init(&recv, subscriber, 4);
    cr_assert(rv_future_describe(&recv.future, text, sizeof text));
    cr_assert_str_eq(text, "receive from publisher news, no event");
    rv_publisher_reserve_init(&next, publisher, 2);
    cr_assert(rv_future_describe(&next.future, text, sizeof text));
    cr_assert_str_eq(text, "room for 2 events in publisher news, full");
    rv_subscriber_close(subscriber);
    rv_publisher_close(publisher);
}

/* --- between threads --------------------------------------------------- */

enum { EVENTS = 1000000, READERS = 3 };

struct reader {
    pthread_t thread;
    struct rv_subscriber *subscriber;
    uint64_t seen;
    uint64_t leaves_at;
};

static void *read_events(void *arg)
{
    struct reader *reader = arg;
    int n;

    while ((n = receive(reader->subscriber, reader->seen, 64)) != -EPIPE &&
           reader->seen < reader->leaves_at) {
        if (n < 0)
            sched_yield();
        else
            reader->seen += (uint64_t)n;
    }
    rv_subscriber_close(reader->subscriber);
    return NULL;
}

RV_TEST(publisher, a_million_events_reach_all_but_the_one_that_leaves)
{
    struct rv_publisher *publisher = new_publisher(1000);
    struct reader readers[READERS] = {{.seen = 0}};

    for (int i = 0; i < READERS; i++) {
        readers[i].subscriber = subscribe(publisher, RV_FROM_NEXT);
        readers[i].leaves_at = i ? UINT64_MAX : EVENTS / 2;
        pthread_create(&readers[i].thread, NULL, read_events, &readers[i]);
    }
    for (uint64_t i = 0; i < EVENTS;) {
        if (publish(publisher, i, 50) == 0)
            i += 50;
        else
            sched_yield();
    }
    rv_publisher_close(publisher);
    for (int i = 0; i < READERS; i++) {
        pthread_join(readers[i].thread, NULL);
        cr_assert(i ? readers[i].seen == EVENTS : readers[i].seen < EVENTS);
    }
}

static int make_one(void *arg)
{
    struct rv_publisher *publisher;
    struct rv_subscriber *subscriber;
    int error = rv_publisher_new(&publisher, 8, 8, arg);

    if (error)
        return error;
    error = rv_publisher_subscribe(publisher, RV_FROM_NEXT, &subscriber);
    if (!error)
        rv_subscriber_close(subscriber);
    rv_publisher_close(publisher);
    return error;
}

RV_TEST(publisher, without_memory_there_is_none)
{
    cr_assert_eq(rv_fail_each_alloc_strictly(make_one, NULL), 3);
}
