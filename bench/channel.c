/* SPDX-License-Identifier: MIT */
/*
 * channel.c - one operation: a value goes through a channel to another thread.
 *
 * Variants: spsc, mpsc and publisher, one value at a time; "-64": 64 at once.
 */
#include <reveil/mpsc.h>
#include <reveil/publisher.h>
#include <reveil/spsc.h>
#include <stdio.h>
#include <string.h>

#include "bench.h"
#include "cross.h"

struct ends {
    struct rv_spsc_sender *spsc_sender;
    struct rv_spsc_receiver *spsc_receiver;
    struct rv_mpsc_sender *mpsc_sender;
    struct rv_mpsc_receiver *mpsc_receiver;
    struct rv_publisher *publisher;
    struct rv_subscriber *subscriber;
    uint32_t batch; /* of the publisher */
};

/* --- one by one -------------------------------------------------------- */

static int64_t spsc_send(void *queue, int64_t from, int64_t to)
{
    (void)to;
    return rv_spsc_try_send(((struct ends *)queue)->spsc_sender, &from) == 0;
}

static int64_t spsc_receive(void *queue, int64_t expected)
{
    uint64_t value;

    if (rv_spsc_try_recv(((struct ends *)queue)->spsc_receiver, &value) < 0)
        return 0;
    cross_check(value, expected);
    return 1;
}

static int64_t mpsc_send(void *queue, int64_t from, int64_t to)
{
    (void)to;
    return rv_mpsc_send(((struct ends *)queue)->mpsc_sender, &from) == 0;
}

static int64_t mpsc_receive(void *queue, int64_t expected)
{
    uint64_t value;

    if (rv_mpsc_try_recv(((struct ends *)queue)->mpsc_receiver, &value) < 0)
        return 0;
    cross_check(value, expected);
    return 1;
}

/* --- in batches -------------------------------------------------------- */

static uint32_t fill(uint64_t batch[CROSS_BATCH], int64_t from, int64_t to)
{
    uint32_t n = to - from < CROSS_BATCH ? (uint32_t)(to - from) : CROSS_BATCH;

    for (uint32_t i = 0; i < n; i++)
        batch[i] = (uint64_t)from + i;
    return n;
}

static int64_t check(const uint64_t *values, int n, int64_t expected)
{
    for (int i = 0; i < n; i++)
        cross_check(values[i], expected + i);
    return n > 0 ? n : 0;
}

static int64_t spsc_send_n(void *queue, int64_t from, int64_t to)
{
    uint64_t batch[CROSS_BATCH];
    uint32_t n = fill(batch, from, to);
    int sent =
        rv_spsc_try_send_n(((struct ends *)queue)->spsc_sender, batch, n);

    return sent > 0 ? sent : 0;
}

static int64_t spsc_receive_n(void *queue, int64_t expected)
{
    uint64_t batch[CROSS_BATCH];

    return check(batch,
                 rv_spsc_try_recv_n(((struct ends *)queue)->spsc_receiver,
                                    batch, CROSS_BATCH),
                 expected);
}

static int64_t mpsc_send_n(void *queue, int64_t from, int64_t to)
{
    uint64_t batch[CROSS_BATCH];
    uint32_t n = fill(batch, from, to);
    int sent = rv_mpsc_send_n(((struct ends *)queue)->mpsc_sender, batch, n);

    return sent > 0 ? sent : 0;
}

static int64_t mpsc_receive_n(void *queue, int64_t expected)
{
    uint64_t batch[CROSS_BATCH];

    return check(batch,
                 rv_mpsc_try_recv_n(((struct ends *)queue)->mpsc_receiver,
                                    batch, CROSS_BATCH),
                 expected);
}

/* --- the publisher, in place ------------------------------------------- */

static int64_t publish(void *queue, int64_t from, int64_t to)
{
    struct ends *ends = queue;
    uint32_t n = to - from < ends->batch ? (uint32_t)(to - from) : ends->batch;
    struct rv_events events;
    uint64_t *place;

    if (rv_publisher_try_reserve(ends->publisher, n, &events) < 0)
        return 0;
    place = events.first;
    for (uint32_t i = 0; i < events.first_len; i++)
        place[i] = (uint64_t)from + i;
    place = events.rest;
    for (uint32_t i = 0; i < events.rest_len; i++)
        place[i] = (uint64_t)from + events.first_len + i;
    rv_publisher_commit(ends->publisher);
    return n;
}

static int64_t read_events(void *queue, int64_t expected)
{
    struct ends *ends = queue;
    struct rv_events events;
    int n = rv_subscriber_try_recv(ends->subscriber, ends->batch, &events);

    if (n < 0)
        return 0;
    check(events.first, (int)events.first_len, expected);
    check(events.rest, (int)events.rest_len, expected + events.first_len);
    rv_subscriber_commit(ends->subscriber);
    return n;
}

static const struct {
    const char *name;
    int64_t (*send)(void *queue, int64_t from, int64_t to);
    int64_t (*receive)(void *queue, int64_t expected);
    uint32_t batch;
} variants[] = {
    {"spsc", spsc_send, spsc_receive, 1},
    {"spsc-64", spsc_send_n, spsc_receive_n, CROSS_BATCH},
    {"mpsc", mpsc_send, mpsc_receive, 1},
    {"mpsc-64", mpsc_send_n, mpsc_receive_n, CROSS_BATCH},
    {"publisher", publish, read_events, 1},
    {"publisher-64", publish, read_events, CROSS_BATCH},
};

static void open_all(struct ends *ends)
{
    const uint32_t bytes = sizeof(uint64_t);

    bench_check(rv_spsc_new(&ends->spsc_sender, &ends->spsc_receiver, bytes,
                            CROSS_CAPACITY, NULL),
                "spsc");
    bench_check(
        rv_mpsc_new(&ends->mpsc_sender, &ends->mpsc_receiver, bytes, NULL),
        "mpsc");
    bench_check(rv_publisher_new(&ends->publisher, bytes, CROSS_CAPACITY, NULL),
                "publisher");
    bench_check(rv_publisher_subscribe(ends->publisher, RV_FROM_NEXT,
                                       &ends->subscriber),
                "subscriber");
}

static void close_all(struct ends *ends)
{
    rv_spsc_sender_close(ends->spsc_sender);
    rv_spsc_receiver_close(ends->spsc_receiver);
    rv_mpsc_sender_close(ends->mpsc_sender);
    rv_mpsc_receiver_close(ends->mpsc_receiver);
    rv_publisher_close(ends->publisher);
    rv_subscriber_close(ends->subscriber);
}

int main(int argc, char **argv)
{
    const int64_t ops = bench_ops(argc, argv);
    struct cross cross = {.send = spsc_send, .receive = spsc_receive};
    struct ends ends = {.batch = 1};
    int status;

    for (size_t i = 0; i < sizeof variants / sizeof variants[0]; i++) {
        if (!bench_variant(argc, argv, variants[i].name))
            continue;
        cross.send = variants[i].send;
        cross.receive = variants[i].receive;
        ends.batch = variants[i].batch;
    }
    cross.queue = &ends;
    open_all(&ends);
    status = cross_main(&cross, ops);
    close_all(&ends);
    return status;
}
