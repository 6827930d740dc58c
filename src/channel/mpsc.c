/* SPDX-License-Identifier: MIT */
/*
 * mpsc.c - an unbounded channel from many tasks to one.
 *
 * Threads: each sender: one task at a time; the receiver: one task.
 *
 *     head --> node --> node --> node      node <-- tail
 *     (read already)                  busy
 *
 * The channel is a chain of nodes. The first one has been read already and only
 * links to the next. A send has two steps. It exchanges the tail for the new
 * node, which decides the order among the senders. Then it links the previous
 * tail to the new node. Between the two steps the chain is broken at this point
 * ("busy"), and the receiver sees no node behind it.
 *
 * A link has one of these values:
 *
 *   0        There is no next node yet.
 *   WAITING  There is no next node yet, and the receiver waits. The sender that
 *            links the next node wakes it.
 *   address  The next node. The bit LAST is added if that node is the last one
 *            of its block.
 *
 * Protocol.
 *
 *   MPSC-1  The value and the link of a node are written before the tail is
 *       exchanged and before the node is linked. Otherwise the receiver would
 *       read an unwritten value, or the next sender's link would be lost.
 *   MPSC-2  A receiver that finds no next node registers its waker and *then*
 *       changes the link from 0 to WAITING, with a compare-exchange. If that
 *       fails, there is a next node after all. It does this in each poll: only
 *       the latest mark publishes the latest waker.
 *   MPSC-3  A sender links with an exchange, and wakes the receiver if the old
 *       link was WAITING. It wakes *after* linking: a receiver that is woken in
 *       the busy state would find no node and could go back to sleep, and no
 *       other wake would follow.
 *   MPSC-4  After linking, a sender does not access the node before its own:
 *       the receiver may have recycled it.
 *   MPSC-5  The close of the last sender is a node too, so it comes after all
 *       values.
 *   MPSC-6  The end that closes last frees the channel. It drops the values
 *       that were sent after the receiver had drained the channel.
 *   MPSC-7  A sender forgets its block when it fills the last node. Once that
 *       node is linked, the receiver may recycle the block for another sender.
 *
 * tests/models/mpsc.pml is the model, with mutants for MPSC-1 to MPSC-3.
 */
#include <errno.h>
#include <reveil/mpsc.h>
#include <stdio.h>

#include "channel/blocks.h"
#include "channel/channel_internal.h"

#define WAITING ((uintptr_t)1)
#define LAST    ((uintptr_t)2)

enum { MOST_BYTES = 1 << 20 };

struct rv_mpsc_sender {
    struct mpsc *channel;
    struct rv_block *block; /* with the sender's next node, or NULL */
};

struct rv_mpsc_receiver {
    struct rv_node *head; /* the node that was read last */
    bool head_is_last;    /* in its block */
};

struct mpsc {
    /* Read by all ends; written when one waits, is cloned or is closed. */
    struct rv_element_type elements;
    struct rv_atomic_waker values; /* of the receiver */
    _Atomic bool receiver_closed;
    _Atomic uint32_t senders;
    _Atomic uint32_t references;
    struct rv_reclaim drain; /* after the receiver's close */
    struct rv_reclaim death; /* after the last close */
    struct rv_blocks blocks;
    struct rv_node first; /* the head of the new, empty chain */
    struct rv_node end;   /* the last sender has closed (MPSC-5) */

    char pad1[RV_CHANNEL_PAD_BYTES];
    _Atomic(struct rv_node *) tail; /* the senders */
    char pad2[RV_CHANNEL_PAD_BYTES];
    struct rv_mpsc_receiver receiver;
    char pad3[RV_CHANNEL_PAD_BYTES];
};

static struct mpsc *of_receiver(struct rv_mpsc_receiver *receiver)
{
    return RV_CONTAINER_OF(receiver, struct mpsc, receiver);
}

/* --- senders ----------------------------------------------------------- */

/* Append a chain: its nodes, `first` to `last`, are linked already. */
static void append(struct mpsc *channel, uintptr_t first, struct rv_node *last)
{
    struct rv_node *before;
    uintptr_t link;

    /* release: the link of `last` is 0 (MPSC-1); acquire: the link of `before`
     * is 0. They pair with each other. */
    before =
        atomic_exchange_explicit(&channel->tail, last, memory_order_acq_rel);
    /* release: publishes the values (MPSC-1) to find_next(); acquire: the waker
     * was registered before the mark (MPSC-2); pairs with wait_for_link(). */
    link = atomic_exchange_explicit(&before->next, first, memory_order_acq_rel);
    if (link == WAITING) /* MPSC-3, MPSC-4 */
        rv_atomic_waker_wake(&channel->values);
}

/* Make sure that the sender's block has an unused node. Returns: false if
 * allocation fails. */
static bool has_node(struct rv_mpsc_sender *sender)
{
    if (__builtin_expect(!sender->block, 0))
        sender->block = rv_blocks_take(&sender->channel->blocks);
    return sender->block != NULL;
}

/* Fill the next node of the block. Returns: the link to it. */
static uintptr_t fill_node(struct rv_mpsc_sender *sender, const void *element)
{
    const struct rv_blocks *blocks = &sender->channel->blocks;
    struct rv_block *block = sender->block;
    struct rv_node *node = rv_block_node(blocks, block, block->used++);

    rv_element_copy(rv_node_value(node), element,
                    sender->channel->elements.bytes);
    /* relaxed: append() publishes it. */
    atomic_store_explicit(&node->next, 0, memory_order_relaxed);
    if (__builtin_expect(block->used < blocks->nodes_a_block, 1))
        return (uintptr_t)node;
    sender->block = NULL; /* the receiver recycles it: MPSC-7 */
    return (uintptr_t)node | LAST;
}

static struct rv_node *node_of(uintptr_t link)
{
    return (struct rv_node *)(link & ~LAST); // NOLINT
}

static bool receiver_is_closed(const struct mpsc *channel)
{
    /* relaxed: it publishes nothing. A sender that misses it sends a value that
     * the last end drops (MPSC-6). */
    return atomic_load_explicit(&channel->receiver_closed,
                                memory_order_relaxed);
}

int rv_mpsc_send(struct rv_mpsc_sender *sender, const void *element)
{
    uintptr_t link;

    if (receiver_is_closed(sender->channel))
        return -EPIPE;
    if (!has_node(sender))
        return -ENOMEM;
    link = fill_node(sender, element);
    rv_trace_channel(RV_EV_CHAN_SEND, sender->channel, 1);
    append(sender->channel, link, node_of(link));
    return 0;
}

/* Send a chain of values, up to the end of the block. Returns: how many. */
static uint32_t send_chain(struct rv_mpsc_sender *sender, const char *elements,
                           uint32_t count)
{
    const size_t bytes = sender->channel->elements.bytes;
    const uintptr_t first = fill_node(sender, elements);
    uintptr_t last = first;
    uint32_t n;

    for (n = 1; n < count && !(last & LAST); n++) {
        uintptr_t link = fill_node(sender, elements + n * bytes);

        /* relaxed: append() publishes it. */
        atomic_store_explicit(&node_of(last)->next, link, memory_order_relaxed);
        last = link;
    }
    rv_trace_channel(RV_EV_CHAN_SEND, sender->channel, n);
    append(sender->channel, first, node_of(last));
    return n;
}

int rv_mpsc_send_n(struct rv_mpsc_sender *sender, const void *elements,
                   uint32_t count)
{
    const size_t bytes = sender->channel->elements.bytes;
    uint32_t n = 0;

    if (receiver_is_closed(sender->channel))
        return -EPIPE;
    while (n < count && has_node(sender))
        n += send_chain(sender, (const char *)elements + n * bytes, count - n);
    return n > 0 ? (int)n : -ENOMEM;
}

/* --- the receiver ------------------------------------------------------ */

/* Returns: false if the head has no next node yet. */
static bool find_next(const struct rv_mpsc_receiver *receiver, uintptr_t *link)
{
    /* acquire: the value is written (MPSC-1); pairs with append(). */
    *link = atomic_load_explicit(&receiver->head->next, memory_order_acquire);
    return *link & ~WAITING;
}

/* Make the next node the head. The old head is no longer used. */
static void advance(struct mpsc *channel, uintptr_t link)
{
    struct rv_mpsc_receiver *receiver = &channel->receiver;

    if (receiver->head_is_last)
        rv_blocks_recycle(&channel->blocks, receiver->head);
    receiver->head = node_of(link);
    receiver->head_is_last = link & LAST;
}

/* Returns: the next value, valid until the next call; NULL: see *error. */
static void *next_value(struct mpsc *channel, int *error)
{
    uintptr_t link;

    *error = -EAGAIN;
    if (!find_next(&channel->receiver, &link))
        return NULL;
    *error = -EPIPE;
    if (node_of(link) == &channel->end) /* MPSC-5; it is never the head */
        return NULL;
    advance(channel, link);
    return rv_node_value(channel->receiver.head);
}

int rv_mpsc_try_recv(struct rv_mpsc_receiver *receiver, void *element)
{
    struct mpsc *channel = of_receiver(receiver);
    int error;
    const void *value = next_value(channel, &error);

    if (!value)
        return error;
    rv_element_copy(element, value, channel->elements.bytes);
    rv_trace_channel(RV_EV_CHAN_RECV, channel, 1);
    return 0;
}

int rv_mpsc_try_recv_n(struct rv_mpsc_receiver *receiver, void *elements,
                       uint32_t count)
{
    const size_t bytes = of_receiver(receiver)->elements.bytes;
    uint32_t n;
    int error = 0;

    for (n = 0; n < count && !error; n++)
        error = rv_mpsc_try_recv(receiver, (char *)elements + n * bytes);
    n -= error != 0;
    return n > 0 ? (int)n : error;
}

/* Mark the link of the head WAITING. Returns: false if there is a next node
 * after all. */
static bool wait_for_link(struct mpsc *channel, const struct rv_future *future,
                          const struct rv_waker *waker)
{
    _Atomic uintptr_t *next = &channel->receiver.head->next;
    uintptr_t link = 0;

    rv_atomic_waker_register(&channel->values, future, waker);
    rv_trace_channel(RV_EV_CHAN_WAIT, channel, 0);
    /* release: the waker is registered (MPSC-2); pairs with the exchange in
     * append(). If the link is WAITING already, it is written again, in order
     * to publish the latest waker. */
    return atomic_compare_exchange_strong_explicit(next, &link, WAITING,
                                                   memory_order_acq_rel,
                                                   memory_order_acquire) ||
           (link == WAITING && atomic_compare_exchange_strong_explicit(
                                   next, &link, WAITING, memory_order_acq_rel,
                                   memory_order_acquire));
}

/* --- birth and death --------------------------------------------------- */

static struct rv_mpsc_sender *new_sender(struct mpsc *channel)
{
    struct rv_mpsc_sender *sender = rv_alloc(sizeof *sender);

    if (!sender)
        return NULL;
    sender->channel = channel;
    /* relaxed: the caller has a sender, or is the only user of the channel. */
    atomic_fetch_add_explicit(&channel->senders, 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&channel->references, 1, memory_order_relaxed);
    return sender;
}

int rv_mpsc_new(struct rv_mpsc_sender **sender,
                struct rv_mpsc_receiver **receiver, uint32_t element_bytes,
                const struct rv_channel_options *options)
{
    struct rv_mpsc_sender *first;
    struct mpsc *channel;

    if (element_bytes == 0 || element_bytes > MOST_BYTES)
        return -EINVAL;
    channel = rv_alloc(sizeof *channel);
    if (!channel)
        return -ENOMEM;
    first = new_sender(channel);
    if (!first) {
        rv_free(channel);
        return -ENOMEM;
    }
    channel->elements = rv_element_type_make(element_bytes, options);
    rv_blocks_init(&channel->blocks, element_bytes);
    atomic_init(&channel->tail, &channel->first);
    channel->receiver.head = &channel->first;
    /* relaxed: no other thread has the channel yet. */
    atomic_fetch_add_explicit(&channel->references, 1, memory_order_relaxed);
    *sender = first;
    *receiver = &channel->receiver;
    return 0;
}

int rv_mpsc_sender_clone(struct rv_mpsc_sender *sender,
                         struct rv_mpsc_sender **out)
{
    struct rv_mpsc_sender *clone = new_sender(sender->channel);

    if (!clone)
        return -ENOMEM;
    *out = clone;
    return 0;
}

static void drop_values(struct mpsc *channel)
{
    void *value;
    int error;

    while ((value = next_value(channel, &error)))
        rv_element_drop(&channel->elements, value);
}

static void die(struct rv_reclaim *reclaim)
{
    struct mpsc *channel = RV_CONTAINER_OF(reclaim, struct mpsc, death);

    drop_values(channel);
    if (channel->receiver.head_is_last)
        rv_blocks_recycle(&channel->blocks, channel->receiver.head);
    rv_blocks_fini(&channel->blocks);
    rv_free(channel);
}

static void put(struct mpsc *channel)
{
    /* release: this end no longer uses the channel; acquire: nor do the others.
     * They pair with each other (MPSC-6). */
    if (atomic_fetch_sub_explicit(&channel->references, 1,
                                  memory_order_acq_rel) == 1)
        rv_reclaim(&channel->death, die);
}

static void drain(struct rv_reclaim *reclaim)
{
    struct mpsc *channel = RV_CONTAINER_OF(reclaim, struct mpsc, drain);

    drop_values(channel);
    put(channel);
}

void rv_mpsc_sender_close(struct rv_mpsc_sender *sender)
{
    struct mpsc *channel;

    if (!sender)
        return;
    channel = sender->channel;
    rv_blocks_give(&channel->blocks, sender->block);
    rv_free(sender);
    /* release: this sender's values are in the chain; acquire: so are those of
     * the others. They pair with each other (MPSC-5). */
    if (atomic_fetch_sub_explicit(&channel->senders, 1, memory_order_acq_rel) ==
        1)
        append(channel, (uintptr_t)&channel->end, &channel->end);
    put(channel);
}

void rv_mpsc_receiver_close(struct rv_mpsc_receiver *receiver)
{
    struct mpsc *channel;

    if (!receiver)
        return;
    channel = of_receiver(receiver);
    rv_atomic_waker_close(&channel->values, __func__);
    /* relaxed: see receiver_is_closed(). */
    atomic_store_explicit(&channel->receiver_closed, true,
                          memory_order_relaxed);
    rv_reclaim(&channel->drain, drain);
}

/* --- the future -------------------------------------------------------- */

static enum rv_poll recv_poll(struct rv_future *future, struct rv_cx *cx)
{
    struct rv_mpsc_recv *self =
        RV_CONTAINER_OF(future, struct rv_mpsc_recv, future);
    struct mpsc *channel = of_receiver(self->receiver);

    if (!rv_may_go_on(cx))
        return RV_PENDING;
    future->result =
        rv_mpsc_try_recv_n(self->receiver, self->elements, self->count);
    if (future->result == -EAGAIN) {
        if (wait_for_link(channel, future, &cx->waker))
            return rv_channel_pending(future, cx);
        future->result =
            rv_mpsc_try_recv_n(self->receiver, self->elements, self->count);
    }
    rv_atomic_waker_clear(&channel->values);
    return RV_READY;
}

static void recv_drop(struct rv_future *future)
{
    struct rv_mpsc_recv *self =
        RV_CONTAINER_OF(future, struct rv_mpsc_recv, future);

    if (future->at != RV_AT_END)
        rv_atomic_waker_clear(&of_receiver(self->receiver)->values);
}

static void recv_describe(const struct rv_future *future, char *text,
                          size_t size)
{
    const struct rv_mpsc_recv *self = (const struct rv_mpsc_recv *)future;

    snprintf(text, size, "receive on channel %s, empty",
             of_receiver(self->receiver)->elements.name);
}

static const struct rv_future_ops recv_ops = {
    .name = "rv_mpsc_recv",
    .poll = recv_poll,
    .drop = recv_drop,
    .describe = recv_describe,
};

void rv_mpsc_recv_init(struct rv_mpsc_recv *recv,
                       struct rv_mpsc_receiver *receiver, void *elements,
                       uint32_t count)
{
    *recv = (struct rv_mpsc_recv){
        .count = count, .receiver = receiver, .elements = elements};
    rv_future_init(&recv->future, &recv_ops);
}
