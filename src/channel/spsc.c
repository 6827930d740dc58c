/* SPDX-License-Identifier: MIT */
/*
 * spsc.c - a bounded channel between two tasks.
 *
 * Threads: the sender's half: one task at a time; the receiver's half: another.
 *
 *     head                     tail
 *      |--- values ... --------|--- free ... ---|
 *
 * Both indexes only grow. Only the receiver writes `head`, and only the sender
 * writes `tail`. Each end keeps a copy of the other end's index, and refreshes
 * it only when the copy means "full" or "empty". So while both ends are active,
 * they rarely touch each other's cache lines.
 *
 * Protocol.
 *
 *   SPSC-1  The sender writes the value, then the tail. The receiver reads the
 *       tail, then the value. Otherwise it would read an unwritten slot.
 *   SPSC-2  The receiver copies the value, then writes the head. The sender
 *       reads the head, then writes the slot. Otherwise it would overwrite a
 *       value that is still being read.
 *   SPSC-3  The copy of the other end's index may be stale. Then there is at
 *       least as much room, or as many values, as it says.
 *   SPSC-4  The sender's close is a bit in the tail, so one load returns the
 *       close and the last value. A separate flag could be seen before the
 *       value that was sent ahead of the close.
 *   SPSC-5  Publish, then check the atomic waker of the other end
 *       (ATOMIC_WAKER-1): both indexes are stored with seq_cst.
 *   SPSC-6  The end that closes second frees the channel. It drops the values
 *       that were sent after the receiver had drained the channel.
 */
#include <errno.h>
#include <reveil/spsc.h>
#include <stdio.h>

#include "base/base_internal.h"
#include "channel/channel_internal.h"

#define CLOSED UINT64_C(1) /* in the tail; the index is above it */

struct rv_spsc_sender {
    _Atomic uint64_t tail; /* index << 1 | CLOSED; written by the sender */
    uint64_t head_seen;    /* private to the sender (SPSC-3) */
};

struct rv_spsc_receiver {
    _Atomic uint64_t head; /* written by the receiver */
    uint64_t tail_seen;    /* private to the receiver (SPSC-3) */
};

struct spsc {
    /* Read by both ends; written when an end waits or closes. */
    struct rv_element_type elements;
    struct rv_ring_buffer ring;
    struct rv_atomic_waker values; /* of the receiver */
    struct rv_atomic_waker room;   /* of the sender */
    _Atomic bool receiver_closed;
    _Atomic uint32_t references;
    struct rv_reclaim drain; /* after the receiver's close */
    struct rv_reclaim death; /* after the last close */

    char pad1[RV_CHANNEL_PAD_BYTES];
    struct rv_spsc_sender sender;
    char pad2[RV_CHANNEL_PAD_BYTES];
    struct rv_spsc_receiver receiver;
    char pad3[RV_CHANNEL_PAD_BYTES];
};

static struct spsc *of_sender(struct rv_spsc_sender *sender)
{
    return RV_CONTAINER_OF(sender, struct spsc, sender);
}

static struct spsc *of_receiver(struct rv_spsc_receiver *receiver)
{
    return RV_CONTAINER_OF(receiver, struct spsc, receiver);
}

/* --- the sender -------------------------------------------------------- */

static uint64_t own_tail(const struct rv_spsc_sender *sender)
{
    /* relaxed: only the caller writes it. */
    return atomic_load_explicit(&sender->tail, memory_order_relaxed) >> 1;
}

/* For how many more values there is room. Loads the head if its copy says
 * "full". */
static uint64_t find_room(struct spsc *channel)
{
    struct rv_spsc_sender *sender = &channel->sender;
    const uint64_t capacity = channel->ring.capacity;
    uint64_t used = own_tail(sender) - sender->head_seen;

    if (__builtin_expect(used < capacity, 1))
        return capacity - used;
    /* acquire: the values before it have been copied (SPSC-2); seq_cst: ordered
     * after the registration of the waker (ATOMIC_WAKER-1). The other side is
     * publish_head(). */
    sender->head_seen =
        atomic_load_explicit(&channel->receiver.head, memory_order_seq_cst);
    return capacity - (own_tail(sender) - sender->head_seen);
}

static bool receiver_is_closed(struct spsc *channel)
{
    /* seq_cst: ordered after the registration of the waker (ATOMIC_WAKER-1).
     * The other side is rv_spsc_receiver_close(). */
    return atomic_load_explicit(&channel->receiver_closed,
                                memory_order_seq_cst);
}

static void publish_tail(struct spsc *channel, uint64_t tail)
{
    /* release: the values are written (SPSC-1); seq_cst: ordered before the
     * check of the atomic waker (SPSC-5). The other side is find_values(). */
    atomic_store_explicit(&channel->sender.tail, tail << 1,
                          memory_order_seq_cst);
    rv_atomic_waker_wake(&channel->values);
}

static inline int try_send(struct rv_spsc_sender *sender, const void *element,
                           bool traced)
{
    struct spsc *channel = of_sender(sender);
    const uint64_t tail = own_tail(sender);

    if (receiver_is_closed(channel))
        return -EPIPE;
    if (find_room(channel) == 0)
        return -EAGAIN;
    rv_element_copy(rv_ring_buffer_at(&channel->ring, tail), element,
                    channel->ring.element_bytes);
    if (traced)
        rv_trace_channel(RV_EV_CHAN_SEND, channel, 1);
    publish_tail(channel, tail + 1);
    return 0;
}

/* A function of its own: with a call in the middle, the other one would save
 * registers also when the trace is off. */
static __attribute__((noinline)) int
try_send_traced(struct rv_spsc_sender *sender, const void *element)
{
    return try_send(sender, element, true);
}

int rv_spsc_try_send(struct rv_spsc_sender *sender, const void *element)
{
    if (rv_trace_is_on())
        return try_send_traced(sender, element);
    return try_send(sender, element, false);
}

int rv_spsc_try_send_n(struct rv_spsc_sender *sender, const void *elements,
                       uint32_t count)
{
    struct spsc *channel = of_sender(sender);
    const size_t bytes = channel->ring.element_bytes;
    const uint64_t tail = own_tail(sender);
    uint64_t n;
    uint64_t run;

    if (receiver_is_closed(channel))
        return -EPIPE;
    n = find_room(channel);
    if (n == 0)
        return -EAGAIN;
    n = n < count ? n : count;
    run = rv_ring_buffer_run(&channel->ring, tail, n);
    memcpy(rv_ring_buffer_at(&channel->ring, tail), elements, run * bytes);
    memcpy(channel->ring.slots, (const char *)elements + run * bytes,
           (n - run) * bytes);
    rv_trace_channel(RV_EV_CHAN_SEND, channel, n);
    publish_tail(channel, tail + n);
    return (int)n;
}

/* --- the receiver ------------------------------------------------------ */

static uint64_t own_head(const struct rv_spsc_receiver *receiver)
{
    /* relaxed: only the caller writes it. */
    return atomic_load_explicit(&receiver->head, memory_order_relaxed);
}

/* How many values there are. Loads the tail if its copy says "empty". */
static uint64_t find_values(struct spsc *channel)
{
    struct rv_spsc_receiver *receiver = &channel->receiver;
    uint64_t n = (receiver->tail_seen >> 1) - own_head(receiver);

    if (__builtin_expect(n > 0, 1))
        return n;
    /* acquire: the values before it are written (SPSC-1); seq_cst: ordered
     * after the registration of the waker (ATOMIC_WAKER-1). The other side is
     * publish_tail(). */
    receiver->tail_seen =
        atomic_load_explicit(&channel->sender.tail, memory_order_seq_cst);
    return (receiver->tail_seen >> 1) - own_head(receiver);
}

static int empty_error(const struct rv_spsc_receiver *receiver)
{
    return receiver->tail_seen & CLOSED ? -EPIPE : -EAGAIN; /* SPSC-4 */
}

static void publish_head(struct spsc *channel, uint64_t head)
{
    /* release: the values have been copied (SPSC-2); seq_cst: ordered before
     * the check of the atomic waker (SPSC-5). The other side is find_room(). */
    atomic_store_explicit(&channel->receiver.head, head, memory_order_seq_cst);
    rv_atomic_waker_wake(&channel->room);
}

static inline int try_recv(struct rv_spsc_receiver *receiver, void *element,
                           bool traced)
{
    struct spsc *channel = of_receiver(receiver);
    const uint64_t head = own_head(receiver);

    if (find_values(channel) == 0)
        return empty_error(receiver);
    rv_element_copy(element, rv_ring_buffer_at(&channel->ring, head),
                    channel->ring.element_bytes);
    if (traced)
        rv_trace_channel(RV_EV_CHAN_RECV, channel, 1);
    publish_head(channel, head + 1);
    return 0;
}

/* As try_send_traced(). */
static __attribute__((noinline)) int
try_recv_traced(struct rv_spsc_receiver *receiver, void *element)
{
    return try_recv(receiver, element, true);
}

int rv_spsc_try_recv(struct rv_spsc_receiver *receiver, void *element)
{
    if (rv_trace_is_on())
        return try_recv_traced(receiver, element);
    return try_recv(receiver, element, false);
}

int rv_spsc_try_recv_n(struct rv_spsc_receiver *receiver, void *elements,
                       uint32_t count)
{
    struct spsc *channel = of_receiver(receiver);
    const size_t bytes = channel->ring.element_bytes;
    const uint64_t head = own_head(receiver);
    uint64_t n = find_values(channel);
    uint64_t run;

    if (n == 0)
        return empty_error(receiver);
    n = n < count ? n : count;
    run = rv_ring_buffer_run(&channel->ring, head, n);
    memcpy(elements, rv_ring_buffer_at(&channel->ring, head), run * bytes);
    memcpy((char *)elements + run * bytes, channel->ring.slots,
           (n - run) * bytes);
    rv_trace_channel(RV_EV_CHAN_RECV, channel, n);
    publish_head(channel, head + n);
    return (int)n;
}

/* --- birth and death --------------------------------------------------- */

int rv_spsc_new(struct rv_spsc_sender **sender,
                struct rv_spsc_receiver **receiver, uint32_t element_bytes,
                uint32_t capacity, const struct rv_channel_options *options)
{
    struct spsc *channel = rv_alloc(sizeof *channel);
    int error;

    if (!channel)
        return -ENOMEM;
    error = rv_ring_buffer_init(&channel->ring, element_bytes, capacity);
    if (error) {
        rv_free(channel);
        return error;
    }
    channel->elements = rv_element_type_make(element_bytes, options);
    atomic_init(&channel->references, 2);
    *sender = &channel->sender;
    *receiver = &channel->receiver;
    return 0;
}

/* Drop the values of the channel. Threads: the receiver's; or the last one that
 * uses the channel. */
static void drop_values(struct spsc *channel)
{
    const uint64_t head = own_head(&channel->receiver);
    const uint64_t n = find_values(channel);

    for (uint64_t i = 0; i < n; i++)
        rv_element_drop(&channel->elements,
                        rv_ring_buffer_at(&channel->ring, head + i));
    /* release: they were read (SPSC-2); pairs with find_room(). The sender no
     * longer waits for room. */
    atomic_store_explicit(&channel->receiver.head, head + n,
                          memory_order_release);
}

static void die(struct rv_reclaim *reclaim)
{
    struct spsc *channel = RV_CONTAINER_OF(reclaim, struct spsc, death);

    drop_values(channel); /* those that tail_seen covers */
    drop_values(channel); /* and those sent since */
    rv_free(channel->ring.slots);
    rv_free(channel);
}

static void put(struct spsc *channel)
{
    /* release: this end no longer uses the channel; acquire: nor does the other
     * one. They pair with each other (SPSC-6). */
    if (atomic_fetch_sub_explicit(&channel->references, 1,
                                  memory_order_acq_rel) == 1)
        rv_reclaim(&channel->death, die);
}

static void drain(struct rv_reclaim *reclaim)
{
    struct spsc *channel = RV_CONTAINER_OF(reclaim, struct spsc, drain);

    drop_values(channel);
    drop_values(channel);
    put(channel);
}

void rv_spsc_sender_close(struct rv_spsc_sender *sender)
{
    struct spsc *channel;

    if (!sender)
        return;
    channel = of_sender(sender);
    rv_atomic_waker_close(&channel->room, __func__);
    /* release, seq_cst: as publish_tail(). */
    atomic_store_explicit(&sender->tail, own_tail(sender) << 1 | CLOSED,
                          memory_order_seq_cst);
    rv_atomic_waker_wake(&channel->values);
    put(channel);
}

void rv_spsc_receiver_close(struct rv_spsc_receiver *receiver)
{
    struct spsc *channel;

    if (!receiver)
        return;
    channel = of_receiver(receiver);
    rv_atomic_waker_close(&channel->values, __func__);
    /* seq_cst: ordered before the check of the atomic waker (SPSC-5). The other
     * side is receiver_is_closed(). */
    atomic_store_explicit(&channel->receiver_closed, true,
                          memory_order_seq_cst);
    rv_atomic_waker_wake(&channel->room);
    rv_reclaim(&channel->drain, drain);
}

/* --- futures ----------------------------------------------------------- */

/* Returns: true when all values have been sent, or the channel is closed. */
static bool send_more(struct rv_spsc_send *self)
{
    const size_t bytes = of_sender(self->sender)->ring.element_bytes;
    int n;

    while (self->done < self->count) {
        n = rv_spsc_try_send_n(self->sender,
                               self->elements + self->done * bytes,
                               self->count - self->done);
        if (n == -EAGAIN)
            return false;
        self->future.result = n < 0 ? n : 0;
        if (n < 0)
            return true;
        self->done += (uint32_t)n;
    }
    return true;
}

static enum rv_poll send_poll(struct rv_future *future, struct rv_cx *cx)
{
    struct rv_spsc_send *self =
        RV_CONTAINER_OF(future, struct rv_spsc_send, future);
    struct rv_atomic_waker *room = &of_sender(self->sender)->room;

    if (!rv_may_go_on(cx))
        return RV_PENDING;
    if (!send_more(self)) {
        rv_atomic_waker_register(room, future, &cx->waker);
        rv_trace_channel(RV_EV_CHAN_WAIT, of_sender(self->sender), 0);
        if (!send_more(self)) /* ATOMIC_WAKER-1 */
            return rv_channel_pending(future, cx);
    }
    rv_atomic_waker_clear(room);
    return RV_READY;
}

static void send_drop(struct rv_future *future)
{
    struct rv_spsc_send *self =
        RV_CONTAINER_OF(future, struct rv_spsc_send, future);

    if (future->at != RV_AT_END)
        rv_atomic_waker_clear(&of_sender(self->sender)->room);
}

static void send_describe(const struct rv_future *future, char *text,
                          size_t size)
{
    const struct rv_spsc_send *self = (const struct rv_spsc_send *)future;
    const struct spsc *channel = of_sender(self->sender);
    const unsigned capacity = (unsigned)channel->ring.capacity;

    snprintf(text, size, "send on channel %s, full (%u of %u)",
             channel->elements.name, capacity, capacity);
}

static const struct rv_future_ops send_ops = {
    .name = "rv_spsc_send",
    .poll = send_poll,
    .drop = send_drop,
    .describe = send_describe,
};

void rv_spsc_send_init(struct rv_spsc_send *send, struct rv_spsc_sender *sender,
                       const void *elements, uint32_t count)
{
    *send = (struct rv_spsc_send){
        .count = count, .sender = sender, .elements = elements};
    rv_future_init(&send->future, &send_ops);
}

static enum rv_poll recv_poll(struct rv_future *future, struct rv_cx *cx)
{
    struct rv_spsc_recv *self =
        RV_CONTAINER_OF(future, struct rv_spsc_recv, future);
    struct rv_atomic_waker *values = &of_receiver(self->receiver)->values;

    if (!rv_may_go_on(cx))
        return RV_PENDING;
    future->result =
        rv_spsc_try_recv_n(self->receiver, self->elements, self->count);
    if (future->result == -EAGAIN) {
        rv_atomic_waker_register(values, future, &cx->waker);
        rv_trace_channel(RV_EV_CHAN_WAIT, of_receiver(self->receiver), 0);
        future->result =
            rv_spsc_try_recv_n(self->receiver, self->elements, self->count);
        if (future->result == -EAGAIN) /* ATOMIC_WAKER-1 */
            return rv_channel_pending(future, cx);
    }
    rv_atomic_waker_clear(values);
    return RV_READY;
}

static void recv_drop(struct rv_future *future)
{
    struct rv_spsc_recv *self =
        RV_CONTAINER_OF(future, struct rv_spsc_recv, future);

    if (future->at != RV_AT_END)
        rv_atomic_waker_clear(&of_receiver(self->receiver)->values);
}

static void recv_describe(const struct rv_future *future, char *text,
                          size_t size)
{
    const struct rv_spsc_recv *self = (const struct rv_spsc_recv *)future;

    snprintf(text, size, "receive on channel %s, empty",
             of_receiver(self->receiver)->elements.name);
}

static const struct rv_future_ops recv_ops = {
    .name = "rv_spsc_recv",
    .poll = recv_poll,
    .drop = recv_drop,
    .describe = recv_describe,
};

void rv_spsc_recv_init(struct rv_spsc_recv *recv,
                       struct rv_spsc_receiver *receiver, void *elements,
                       uint32_t count)
{
    *recv = (struct rv_spsc_recv){
        .count = count, .receiver = receiver, .elements = elements};
    rv_future_init(&recv->future, &recv_ops);
}
