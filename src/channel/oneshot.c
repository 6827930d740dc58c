/* SPDX-License-Identifier: MIT */
/*
 * oneshot.c - one value, from one task to another, once.
 *
 * Threads: the sender: one task; the receiver: another one.
 *
 * Protocol. The state is one word of three bits. Each end sets its bits with an
 * atomic read-modify-write, which also returns the bits that the other end has
 * set before.
 *
 *   ONESHOT-1  The value is written before SENT is set, and read after SENT is
 *       seen.
 *   ONESHOT-2  The end that acts second is responsible for the value: a
 *       receiver that closes and finds SENT drops it; a sender that finds
 *       RECEIVER_CLOSED leaves it to its caller. With two separate flags, both
 *       ends or none might release it.
 *   ONESHOT-3  Publish, then check the atomic waker (ATOMIC_WAKER-1).
 */
#include <errno.h>
#include <reveil/oneshot.h>
#include <stdio.h>

#include "channel/channel_internal.h"

/*
 * SENT: `value` is valid. Set by a send, which also closes the sender.
 *
 * SENDER_CLOSED: The sender was closed without a value. Never set together with
 * SENT.
 *
 * RECEIVER_CLOSED: The receiver was closed, with or without the value.
 */
enum {
    SENT = 1,
    SENDER_CLOSED = 2,
    RECEIVER_CLOSED = 4,
};

enum { MOST_BYTES = 1 << 20 };

/* Both ends are pointers to this struct. */
struct oneshot {
    struct rv_element_type elements;
    _Atomic uint32_t state;
    _Atomic uint32_t references;
    struct rv_atomic_waker value_waker; /* where the receiver waits */
    bool received;                      /* private to the receiver */
    struct rv_reclaim drain;            /* after the receiver's close */
    _Alignas(max_align_t) char value[];
};

static struct oneshot *of_sender(struct rv_oneshot_sender *sender)
{
    return (struct oneshot *)sender;
}

static struct oneshot *of_receiver(struct rv_oneshot_receiver *receiver)
{
    return (struct oneshot *)receiver;
}

/* Returns: the bits before the call. */
static uint32_t add_bits(struct oneshot *channel, uint32_t bits)
{
    /* release: publishes the value (ONESHOT-1); acquire: sees it; seq_cst:
     * ordered before the check of the atomic waker (ONESHOT-3). Pairs with
     * itself and with load_bits(). */
    return atomic_fetch_or_explicit(&channel->state, bits,
                                    memory_order_seq_cst);
}

static uint32_t load_bits(struct oneshot *channel)
{
    /* acquire: sees the value (ONESHOT-1); seq_cst: ordered after the
     * registration of the waker (ONESHOT-3). The other side is add_bits(). */
    return atomic_load_explicit(&channel->state, memory_order_seq_cst);
}

int rv_oneshot_new(struct rv_oneshot_sender **sender,
                   struct rv_oneshot_receiver **receiver,
                   uint32_t element_bytes,
                   const struct rv_channel_options *options)
{
    struct oneshot *channel;

    if (element_bytes == 0 || element_bytes > MOST_BYTES)
        return -EINVAL;
    channel = rv_alloc(sizeof *channel + element_bytes);
    if (!channel)
        return -ENOMEM;
    channel->elements = rv_element_type_make(element_bytes, options);
    atomic_init(&channel->references, 2);
    *sender = (struct rv_oneshot_sender *)channel;
    *receiver = (struct rv_oneshot_receiver *)channel;
    return 0;
}

static void put(struct oneshot *channel)
{
    /* release: this end no longer uses the channel; acquire: nor does the other
     * one. They pair with each other. */
    if (atomic_fetch_sub_explicit(&channel->references, 1,
                                  memory_order_acq_rel) == 1)
        rv_free(channel);
}

int rv_oneshot_send(struct rv_oneshot_sender *sender, const void *element)
{
    struct oneshot *channel = of_sender(sender);
    uint32_t before;

    rv_element_copy(channel->value, element, channel->elements.bytes);
    rv_trace_channel(RV_EV_CHAN_SEND, channel, 1);
    before = add_bits(channel, SENT);
    rv_atomic_waker_wake(&channel->value_waker);
    put(channel);
    return before & RECEIVER_CLOSED ? -EPIPE : 0; /* ONESHOT-2 */
}

void rv_oneshot_sender_close(struct rv_oneshot_sender *sender)
{
    struct oneshot *channel = of_sender(sender);

    if (!channel)
        return;
    add_bits(channel, SENDER_CLOSED);
    rv_atomic_waker_wake(&channel->value_waker);
    put(channel);
}

static void drain(struct rv_reclaim *reclaim)
{
    struct oneshot *channel = RV_CONTAINER_OF(reclaim, struct oneshot, drain);

    if ((add_bits(channel, RECEIVER_CLOSED) & SENT) && !channel->received)
        rv_element_drop(&channel->elements, channel->value); /* ONESHOT-2 */
    put(channel);
}

void rv_oneshot_receiver_close(struct rv_oneshot_receiver *receiver)
{
    struct oneshot *channel = of_receiver(receiver);

    if (!channel)
        return;
    rv_atomic_waker_close(&channel->value_waker, __func__);
    rv_reclaim(&channel->drain, drain);
}

int rv_oneshot_try_recv(struct rv_oneshot_receiver *receiver, void *element)
{
    struct oneshot *channel = of_receiver(receiver);
    const uint32_t state = load_bits(channel);

    if (channel->received || state & SENDER_CLOSED)
        return -EPIPE;
    if (!(state & SENT))
        return -EAGAIN;
    rv_trace_channel(RV_EV_CHAN_RECV, channel, 1);
    rv_element_copy(element, channel->value, channel->elements.bytes);
    channel->received = true;
    return 0;
}

/* --- the future -------------------------------------------------------- */

static enum rv_poll recv_poll(struct rv_future *future, struct rv_cx *cx)
{
    struct rv_oneshot_recv *self =
        RV_CONTAINER_OF(future, struct rv_oneshot_recv, future);
    struct rv_atomic_waker *atomic_waker =
        &of_receiver(self->receiver)->value_waker;

    future->result = rv_oneshot_try_recv(self->receiver, self->element);
    if (future->result == -EAGAIN) {
        rv_atomic_waker_register(atomic_waker, future, &cx->waker);
        rv_trace_channel(RV_EV_CHAN_WAIT, of_receiver(self->receiver), 0);
        future->result = rv_oneshot_try_recv(self->receiver, self->element);
        if (future->result == -EAGAIN) /* ONESHOT-3 */
            return rv_channel_pending(future, cx);
    }
    rv_atomic_waker_clear(atomic_waker);
    return RV_READY;
}

static void recv_drop(struct rv_future *future)
{
    struct rv_oneshot_recv *self =
        RV_CONTAINER_OF(future, struct rv_oneshot_recv, future);

    if (future->at != RV_AT_END)
        rv_atomic_waker_clear(&of_receiver(self->receiver)->value_waker);
}

static void recv_describe(const struct rv_future *future, char *text,
                          size_t size)
{
    const struct rv_oneshot_recv *self = (const struct rv_oneshot_recv *)future;

    snprintf(text, size, "receive on oneshot %s, not sent",
             of_receiver(self->receiver)->elements.name);
}

static const struct rv_future_ops recv_ops = {
    .name = "rv_oneshot_recv",
    .poll = recv_poll,
    .drop = recv_drop,
    .describe = recv_describe,
};

void rv_oneshot_recv_init(struct rv_oneshot_recv *recv,
                          struct rv_oneshot_receiver *receiver, void *element)
{
    *recv = (struct rv_oneshot_recv){.receiver = receiver, .element = element};
    rv_future_init(&recv->future, &recv_ops);
}
