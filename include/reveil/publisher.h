/* SPDX-License-Identifier: MIT */
/*
 * publisher.h - a ring of events that every subscriber reads.
 *
 *     rv_publisher_new(&publisher, sizeof(uint32_t), 8, NULL);
 *     rv_publisher_subscribe(publisher, RV_FROM_NEXT, &subscriber);
 *
 *     rv_publisher_try_reserve(publisher, 4, &events);  0, or -EAGAIN: full
 *     for (uint32_t i = 0; i < 4; i++)
 *         *(uint32_t *)rv_events_at(&events, i) = i;
 *     rv_publisher_commit(publisher);
 *
 *     n = rv_subscriber_try_recv(subscriber, 4, &events);
 *     ... rv_events_at(&events, i) ...
 *     rv_subscriber_commit(subscriber);
 *
 * Events are written and read in place, in batches. A subscriber sees each
 * event once, in order. A slow subscriber holds the publisher back: an event is
 * not overwritten before all subscribers have committed it. Closed subscribers
 * do not hold the publisher back. With no subscribers, the oldest events are
 * overwritten.
 */
#ifndef RV_PUBLISHER_H
#define RV_PUBLISHER_H

#include <reveil/channel.h>
#include <reveil/future.h>

RV_BEGIN_DECLS

struct rv_publisher;
struct rv_subscriber;

/*
 * A batch of events in the ring: `first_len` of them at `first`, and after
 * the end of the ring's memory `rest_len` more at `rest`. A fast loop iterates
 * over the two parts; other code uses rv_events_at().
 */
struct rv_events {
    void *first;
    void *rest;
    uint32_t first_len;
    uint32_t rest_len;
    uint32_t element_bytes;
};

/* The number of events in the batch. */
static inline uint32_t rv_events_len(const struct rv_events *events)
{
    return events->first_len + events->rest_len;
}

/* Event i of the batch; i must be less than rv_events_len(). */
static inline void *rv_events_at(const struct rv_events *events, uint32_t i)
{
    if (i < events->first_len)
        return (char *)events->first + (size_t)i * events->element_bytes;
    return (char *)events->rest +
           (size_t)(i - events->first_len) * events->element_bytes;
}

/* Create a ring of exactly `capacity` events. options: drop_element is not
 * called: events have no resources. Returns: 0, -ENOMEM, -EINVAL. */
int rv_publisher_new(struct rv_publisher **out, uint32_t element_bytes,
                     uint32_t capacity,
                     const struct rv_channel_options *options);

/* Close it: subscribers get the remaining events, then -EPIPE. NULL is allowed.
 */
void rv_publisher_close(struct rv_publisher *publisher);

/* --- publishing: one task ---------------------------------------------- */

/*
 * Reserve slots for the next n events. The slots have old contents. Another
 * call before the commit replaces the reservation: it begins at the same slot.
 *
 * Returns: 0; -EAGAIN (a subscriber has not read that far); -EINVAL (n is 0 or
 * above the capacity).
 */
int rv_publisher_try_reserve(struct rv_publisher *publisher, uint32_t n,
                             struct rv_events *events);

/* Publish the reserved events. A no-op if none are reserved. */
void rv_publisher_commit(struct rv_publisher *publisher);

/* READY with 0 when there is room for n events, with `events`; or -EINVAL. */
struct rv_publisher_reserve {
    struct rv_future future;
    struct rv_events events;
    struct rv_publisher *publisher; /* private, as is the rest */
    uint32_t n;
};

/* Reserves nothing before it is READY. n: 1 to the capacity; otherwise the
 * result is -EINVAL. */
void rv_publisher_reserve_init(struct rv_publisher_reserve *reserve,
                               struct rv_publisher *publisher, uint32_t n);

/* In a coroutine: rv_publisher_try_reserve(), waiting for room. Returns: 0,
 * -EINVAL, -ETIMEDOUT, -ECANCELED. */
int rv_publisher_reserve(struct rv_publisher *publisher, uint32_t n,
                         struct rv_events *events, int64_t deadline_ns);

/* --- subscribing ------------------------------------------------------- */

/* Where a new subscriber begins. */
enum rv_subscribe_from {
    RV_FROM_NEXT,   /* with the next event to be committed */
    RV_FROM_OLDEST, /* with the oldest one that has not been overwritten */
};

/* Create a subscriber. Threads: the publisher's; the subscriber may be used on
 * any other. Returns: 0, -ENOMEM. */
int rv_publisher_subscribe(struct rv_publisher *publisher,
                           enum rv_subscribe_from from,
                           struct rv_subscriber **out);

/* Close a subscriber. It no longer holds the publisher back. NULL is allowed.
 */
void rv_subscriber_close(struct rv_subscriber *subscriber);

/*
 * Get up to n of the next events. They stay in the ring until
 * rv_subscriber_commit(); until then another call returns them again.
 *
 * Returns: how many, 1 or more; -EAGAIN (none), -EPIPE (closed and drained).
 */
int rv_subscriber_try_recv(struct rv_subscriber *subscriber, uint32_t n,
                           struct rv_events *events);

/* The events of the last call have been read: they may be overwritten. */
void rv_subscriber_commit(struct rv_subscriber *subscriber);

/* READY when there is at least one event, with the number of `events`; or with
 * -EPIPE. */
struct rv_subscriber_recv {
    struct rv_future future;
    struct rv_events events;
    struct rv_subscriber *subscriber; /* private, as is the rest */
    uint32_t n;
};

/* Up to n events. Cancellation-safe: a drop before READY loses no event. */
void rv_subscriber_recv_init(struct rv_subscriber_recv *recv,
                             struct rv_subscriber *subscriber, uint32_t n);

/* In a coroutine: rv_subscriber_try_recv(), waiting for an event. Returns: how
 * many, -EPIPE, -ETIMEDOUT, -ECANCELED. */
int rv_subscriber_recv(struct rv_subscriber *subscriber, uint32_t n,
                       struct rv_events *events, int64_t deadline_ns);

RV_END_DECLS

#endif /* RV_PUBLISHER_H */
