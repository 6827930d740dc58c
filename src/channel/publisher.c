/* SPDX-License-Identifier: MIT */
/*
 * publisher.c - a broadcast ring: one writer, and readers that each see every
 * event.
 *
 * Threads: the publisher's half: one task at a time; each subscriber: another.
 *
 *          slowest          fastest        committed  reserved
 *             |                |               |         |
 *     --------|-- events that some still read  | writing |-------------
 *             |<------------- at most `capacity` ------->|
 *
 * Event numbers only grow. Only the publisher writes `committed`. Only the
 * subscriber writes its `cursor`, the number of its next event. The list of
 * subscribers is private to the publisher. A subscriber has two references: the
 * list's, and that of the task that reads.
 *
 * Protocol.
 *
 *   PUBLISHER-1  Events are written before `committed` is, and read after it.
 *   PUBLISHER-2  Events are read before `cursor` is written. Slots are
 *       overwritten only up to `gate`, the lowest cursor that the publisher has
 *       loaded. A cursor only grows, so a stale value is safe.
 *   PUBLISHER-3  A subscriber that closes sets its cursor to GONE, the highest
 *       number, so it no longer holds the publisher back. The close is in the
 *       same word as the cursor, so one load returns both. The publisher frees
 *       the subscriber when it finds GONE in its list.
 *   PUBLISHER-4  The publisher's close is a bit in `committed`, so one load
 *       returns the close and the number of the last event.
 *   PUBLISHER-5  Publish, then check the atomic wakers of the other side
 *       (ATOMIC_WAKER-1).
 */
#include <errno.h>
#include <reveil/publisher.h>
#include <stdio.h>

#include "channel/channel_internal.h"

#define CLOSED UINT64_C(1) /* in `committed`; the number is above it */
#define GONE   UINT64_MAX

struct rv_subscriber {
    struct rv_list node; /* private to the publisher */
    struct rv_publisher *publisher;
    struct rv_atomic_waker events; /* of the subscriber */
    _Atomic uint32_t references;

    char pad1[RV_CHANNEL_PAD_BYTES];
    _Atomic uint64_t cursor; /* written by the subscriber */
    uint64_t committed_seen; /* private to it, like the next one */
    uint32_t received;       /* since the last commit */
    char pad2[RV_CHANNEL_PAD_BYTES];
};

struct rv_publisher {
    /* Read by all; written when the publisher waits. */
    struct rv_element_type elements;
    struct rv_ring_buffer ring;
    struct rv_atomic_waker room; /* of the publisher */
    _Atomic uint32_t references;

    char pad1[RV_CHANNEL_PAD_BYTES];
    _Atomic uint64_t committed; /* number << 1 | CLOSED */

    /* Private to the publisher. */
    struct rv_list subscribers;
    uint64_t gate;     /* no cursor is lower (PUBLISHER-2) */
    uint64_t written;  /* the end of the highest reservation so far */
    uint32_t reserved; /* events that are being written */
    char pad2[RV_CHANNEL_PAD_BYTES];
};

static void publisher_put(struct rv_publisher *publisher)
{
    /* release: this side no longer uses the ring; acquire: nor do the others.
     * They pair with each other. */
    if (atomic_fetch_sub_explicit(&publisher->references, 1,
                                  memory_order_acq_rel) != 1)
        return;
    rv_free(publisher->ring.slots);
    rv_free(publisher);
}

static void subscriber_put(struct rv_subscriber *subscriber)
{
    /* As publisher_put(). */
    if (atomic_fetch_sub_explicit(&subscriber->references, 1,
                                  memory_order_acq_rel) == 1)
        rv_free(subscriber);
}

static struct rv_events events_at(const struct rv_ring_buffer *ring,
                                  uint64_t number, uint32_t n)
{
    const uint32_t run = (uint32_t)rv_ring_buffer_run(ring, number, n);

    return (struct rv_events){
        .first = rv_ring_buffer_at(ring, number),
        .rest = ring->slots,
        .first_len = run,
        .rest_len = n - run,
        .element_bytes = ring->element_bytes,
    };
}

/* --- the publisher ----------------------------------------------------- */

int rv_publisher_new(struct rv_publisher **out, uint32_t element_bytes,
                     uint32_t capacity,
                     const struct rv_channel_options *options)
{
    struct rv_publisher *publisher = rv_alloc(sizeof *publisher);
    int error;

    if (!publisher)
        return -ENOMEM;
    error = rv_ring_buffer_init(&publisher->ring, element_bytes, capacity);
    if (error) {
        rv_free(publisher);
        return error;
    }
    publisher->elements = rv_element_type_make(element_bytes, options);
    rv_list_init(&publisher->subscribers);
    atomic_init(&publisher->references, 1);
    *out = publisher;
    return 0;
}

static uint64_t own_committed(const struct rv_publisher *publisher)
{
    /* relaxed: only the caller writes it. */
    return atomic_load_explicit(&publisher->committed, memory_order_relaxed) >>
           1;
}

/* Wake all subscribers that wait. */
static void wake_subscribers(struct rv_publisher *publisher)
{
    struct rv_list *head = &publisher->subscribers;

    for (struct rv_list *node = head->next; node != head; node = node->next)
        rv_atomic_waker_wake(
            &RV_CONTAINER_OF(node, struct rv_subscriber, node)->events);
}

/* Find the lowest cursor, and remove closed subscribers (PUBLISHER-3). */
static void find_gate(struct rv_publisher *publisher)
{
    struct rv_list *head = &publisher->subscribers;
    uint64_t gate = own_committed(publisher);
    struct rv_list *next;

    for (struct rv_list *node = head->next; node != head; node = next) {
        struct rv_subscriber *subscriber =
            RV_CONTAINER_OF(node, struct rv_subscriber, node);
        /* acquire: it has read the events before (PUBLISHER-2); seq_cst:
         * ordered after the registration of the waker (PUBLISHER-5). The other
         * side is rv_subscriber_commit(). */
        uint64_t cursor =
            atomic_load_explicit(&subscriber->cursor, memory_order_seq_cst);

        next = node->next;
        if (cursor == GONE) {
            rv_list_remove(node);
            subscriber_put(subscriber);
        } else if (cursor < gate) {
            gate = cursor;
        }
    }
    publisher->gate = gate;
}

int rv_publisher_try_reserve(struct rv_publisher *publisher, uint32_t n,
                             struct rv_events *events)
{
    const uint64_t from = own_committed(publisher);

    if (n == 0 || n > publisher->ring.capacity)
        return -EINVAL;
    if (from + n - publisher->gate > publisher->ring.capacity) {
        find_gate(publisher);
        if (from + n - publisher->gate > publisher->ring.capacity)
            return -EAGAIN;
    }
    publisher->reserved = n;
    if (publisher->written < from + n)
        publisher->written = from + n;
    *events = events_at(&publisher->ring, from, n);
    return 0;
}

/* Each subscriber is a channel of its own in the trace. */
static void trace_commit(const struct rv_publisher *publisher)
{
    const struct rv_list *head = &publisher->subscribers;

    for (const struct rv_list *node = head->next; node != head;
         node = node->next)
        rv_trace_channel(
            RV_EV_CHAN_SEND,
            RV_CONTAINER_OF(node, const struct rv_subscriber, node),
            publisher->reserved);
}

void rv_publisher_commit(struct rv_publisher *publisher)
{
    const uint64_t to = own_committed(publisher) + publisher->reserved;

    if (publisher->reserved == 0)
        return;
    if (rv_trace_is_on())
        trace_commit(publisher);
    publisher->reserved = 0;
    /* release: the events are written (PUBLISHER-1); seq_cst: ordered before
     * the check of the atomic wakers (PUBLISHER-5). The other side is
     * count_events(). */
    atomic_store_explicit(&publisher->committed, to << 1, memory_order_seq_cst);
    wake_subscribers(publisher);
}

void rv_publisher_close(struct rv_publisher *publisher)
{
    struct rv_list *node;

    if (!publisher)
        return;
    rv_atomic_waker_close(&publisher->room, __func__);
    /* seq_cst: as rv_publisher_commit() (PUBLISHER-4). */
    atomic_store_explicit(&publisher->committed,
                          own_committed(publisher) << 1 | CLOSED,
                          memory_order_seq_cst);
    wake_subscribers(publisher);
    while ((node = rv_list_pop(&publisher->subscribers)))
        subscriber_put(RV_CONTAINER_OF(node, struct rv_subscriber, node));
    publisher_put(publisher);
}

/* --- subscribers ------------------------------------------------------- */

/* The oldest event that no reservation has overwritten. */
static uint64_t oldest(const struct rv_publisher *publisher)
{
    const uint64_t capacity = publisher->ring.capacity;

    return publisher->written > capacity ? publisher->written - capacity : 0;
}

int rv_publisher_subscribe(struct rv_publisher *publisher,
                           enum rv_subscribe_from from,
                           struct rv_subscriber **out)
{
    struct rv_subscriber *subscriber = rv_alloc(sizeof *subscriber);
    uint64_t cursor;

    if (!subscriber)
        return -ENOMEM;
    find_gate(publisher);
    cursor =
        from == RV_FROM_OLDEST ? oldest(publisher) : own_committed(publisher);
    if (cursor < publisher->gate)
        publisher->gate = cursor;
    subscriber->publisher = publisher;
    atomic_init(&subscriber->cursor, cursor);
    subscriber->committed_seen = cursor << 1;
    atomic_init(&subscriber->references, 2);
    rv_list_push(&publisher->subscribers, &subscriber->node);
    /* relaxed: the caller has the publisher. */
    atomic_fetch_add_explicit(&publisher->references, 1, memory_order_relaxed);
    *out = subscriber;
    return 0;
}

static uint64_t own_cursor(const struct rv_subscriber *subscriber)
{
    /* relaxed: only the caller writes it. */
    return atomic_load_explicit(&subscriber->cursor, memory_order_relaxed);
}

static void publish_cursor(struct rv_subscriber *subscriber, uint64_t cursor)
{
    /* release: the events have been read (PUBLISHER-2); seq_cst: ordered before
     * the check of the atomic waker (PUBLISHER-5). The other side is
     * find_gate(). */
    atomic_store_explicit(&subscriber->cursor, cursor, memory_order_seq_cst);
    rv_atomic_waker_wake(&subscriber->publisher->room);
}

void rv_subscriber_close(struct rv_subscriber *subscriber)
{
    struct rv_publisher *publisher;

    if (!subscriber)
        return;
    publisher = subscriber->publisher;
    rv_atomic_waker_close(&subscriber->events, __func__);
    publish_cursor(subscriber, GONE);
    subscriber_put(subscriber);
    publisher_put(publisher);
}

/* How many events there are. Loads `committed` if its copy shows fewer than n.
 */
static uint64_t count_events(struct rv_subscriber *subscriber, uint32_t n)
{
    const uint64_t cursor = own_cursor(subscriber);

    if ((subscriber->committed_seen >> 1) - cursor < n)
        /* acquire: the events before it are written (PUBLISHER-1); seq_cst:
         * ordered after the registration of the waker (PUBLISHER-5). The other
         * side is rv_publisher_commit(). */
        subscriber->committed_seen = atomic_load_explicit(
            &subscriber->publisher->committed, memory_order_seq_cst);
    return (subscriber->committed_seen >> 1) - cursor;
}

int rv_subscriber_try_recv(struct rv_subscriber *subscriber, uint32_t n,
                           struct rv_events *events)
{
    const uint64_t known = count_events(subscriber, n);

    if (known == 0)
        return subscriber->committed_seen & CLOSED ? -EPIPE
                                                   : -EAGAIN; /* PUBLISHER-4 */
    n = known < n ? (uint32_t)known : n;
    subscriber->received = n;
    *events =
        events_at(&subscriber->publisher->ring, own_cursor(subscriber), n);
    return (int)n;
}

void rv_subscriber_commit(struct rv_subscriber *subscriber)
{
    const uint64_t to = own_cursor(subscriber) + subscriber->received;

    if (subscriber->received == 0)
        return;
    rv_trace_channel(RV_EV_CHAN_RECV, subscriber, subscriber->received);
    subscriber->received = 0;
    publish_cursor(subscriber, to);
}

/* --- futures ----------------------------------------------------------- */

static enum rv_poll reserve_poll(struct rv_future *future, struct rv_cx *cx)
{
    struct rv_publisher_reserve *self =
        RV_CONTAINER_OF(future, struct rv_publisher_reserve, future);
    struct rv_atomic_waker *room = &self->publisher->room;

    if (!rv_may_go_on(cx))
        return RV_PENDING;
    future->result =
        rv_publisher_try_reserve(self->publisher, self->n, &self->events);
    if (future->result == -EAGAIN) {
        rv_atomic_waker_register(room, future, &cx->waker);
        rv_trace_channel(RV_EV_CHAN_WAIT, self->publisher, 0);
        future->result =
            rv_publisher_try_reserve(self->publisher, self->n, &self->events);
        if (future->result == -EAGAIN) /* PUBLISHER-5 */
            return rv_channel_pending(future, cx);
    }
    rv_atomic_waker_clear(room);
    return RV_READY;
}

static void reserve_drop(struct rv_future *future)
{
    struct rv_publisher_reserve *self =
        RV_CONTAINER_OF(future, struct rv_publisher_reserve, future);

    if (future->at != RV_AT_END)
        rv_atomic_waker_clear(&self->publisher->room);
}

static void reserve_describe(const struct rv_future *future, char *text,
                             size_t size)
{
    const struct rv_publisher_reserve *self =
        (const struct rv_publisher_reserve *)future;

    snprintf(text, size, "room for %u events in publisher %s, full", self->n,
             self->publisher->elements.name);
}

static const struct rv_future_ops reserve_ops = {
    .name = "rv_publisher_reserve",
    .poll = reserve_poll,
    .drop = reserve_drop,
    .describe = reserve_describe,
};

void rv_publisher_reserve_init(struct rv_publisher_reserve *reserve,
                               struct rv_publisher *publisher, uint32_t n)
{
    *reserve = (struct rv_publisher_reserve){.publisher = publisher, .n = n};
    rv_future_init(&reserve->future, &reserve_ops);
}

static enum rv_poll recv_poll(struct rv_future *future, struct rv_cx *cx)
{
    struct rv_subscriber_recv *self =
        RV_CONTAINER_OF(future, struct rv_subscriber_recv, future);
    struct rv_atomic_waker *atomic_waker = &self->subscriber->events;

    if (!rv_may_go_on(cx))
        return RV_PENDING;
    future->result =
        rv_subscriber_try_recv(self->subscriber, self->n, &self->events);
    if (future->result == -EAGAIN) {
        rv_atomic_waker_register(atomic_waker, future, &cx->waker);
        rv_trace_channel(RV_EV_CHAN_WAIT, self->subscriber, 0);
        future->result =
            rv_subscriber_try_recv(self->subscriber, self->n, &self->events);
        if (future->result == -EAGAIN) /* PUBLISHER-5 */
            return rv_channel_pending(future, cx);
    }
    rv_atomic_waker_clear(atomic_waker);
    return RV_READY;
}

static void recv_drop(struct rv_future *future)
{
    struct rv_subscriber_recv *self =
        RV_CONTAINER_OF(future, struct rv_subscriber_recv, future);

    if (future->at != RV_AT_END)
        rv_atomic_waker_clear(&self->subscriber->events);
}

static void recv_describe(const struct rv_future *future, char *text,
                          size_t size)
{
    const struct rv_subscriber_recv *self =
        (const struct rv_subscriber_recv *)future;

    snprintf(text, size, "receive from publisher %s, no event",
             self->subscriber->publisher->elements.name);
}

static const struct rv_future_ops recv_ops = {
    .name = "rv_subscriber_recv",
    .poll = recv_poll,
    .drop = recv_drop,
    .describe = recv_describe,
};

void rv_subscriber_recv_init(struct rv_subscriber_recv *recv,
                             struct rv_subscriber *subscriber, uint32_t n)
{
    *recv = (struct rv_subscriber_recv){.subscriber = subscriber, .n = n};
    rv_future_init(&recv->future, &recv_ops);
}
