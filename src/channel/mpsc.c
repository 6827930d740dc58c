/* SPDX-License-Identifier: MIT */
/*
 * mpsc.c - an unbounded channel from many tasks to one.
 *
 * Threads: each sender one task at a time, the receiver one.
 *
 *     head --> node --> node --> node      node <-- tail
 *     (read already)                  busy
 *
 * A chain of nodes; the first one was read already and only links to the
 * next. A send takes two steps: exchange the tail for the new node, which
 * settles the order among the senders; then link the node that was the tail
 * to it. Between the two the chain is broken there ("busy"), and the receiver
 * sees nothing behind the break.
 *
 * A link is 0 (no next node yet), WAITING (nor that, and the receiver is to be
 * woken by whoever links), or the address of the next node, with LAST if that
 * one is the last of its block.
 *
 * Protocol.
 *
 *   MPSC-1  The value and the link of a node are written before the tail is
 *       exchanged, and before it is linked. Otherwise the receiver reads a
 *       value that is not there, or the next sender's link is lost.
 *   MPSC-2  The receiver that finds no next node registers its waker and *then*
 *       turns the link from 0 to WAITING, with a compare-exchange: if that
 *       fails, there is a value after all. It does so in each poll, because
 *       only its latest mark publishes its latest waker.
 *   MPSC-3  A sender links with an exchange, and wakes if it took WAITING out.
 *       It is woken *after* linking: woken in the busy state, it would find
 *       nothing and could go to sleep again, and nobody wakes it.
 *   MPSC-4  After it has linked, a sender does not touch the node before its
 *       own: the receiver may have given it back.
 *   MPSC-5  The close of the last sender is a node as well, so that it comes
 *       behind all values.
 *   MPSC-6  Whoever closes last frees the channel, and drops what a send has
 *       left after the receiver had drained it.
 *   MPSC-7  A sender forgets its block when it fills the last node: once that
 *       one is linked, the receiver may give the block to another sender.
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
    struct rv_block *block; /* where its next node is, or NULL */
};

struct rv_mpsc_receiver {
    struct rv_node *head; /* read already */
    bool head_is_last;    /* of its block */
};

struct mpsc {
    /* Read by all, written when somebody waits, comes or goes. */
    struct rv_element_type elements;
    struct rv_atomic_waker values; /* where the receiver waits */
    _Atomic bool receiver_closed;
    _Atomic uint32_t senders;
    _Atomic uint32_t references;
    struct rv_reclaim drain; /* the receiver's */
    struct rv_reclaim death;
    struct rv_blocks blocks;
    struct rv_node first; /* the head of an empty chain at birth */
    struct rv_node end;   /* says that the last sender has closed */

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

/* Put a chain at the end: `first` to `last` are linked already. */
static void append(struct mpsc *channel, uintptr_t first, struct rv_node *last)
{
    struct rv_node *before;
    uintptr_t link;

    /* release: the link of `last` is 0 (MPSC-1); acquire: so is that of
     * `before`. They pair with each other. */
    before =
        atomic_exchange_explicit(&channel->tail, last, memory_order_acq_rel);
    /* release: publishes the values (MPSC-1) to find_next(); acquire: the
     * atomic waker was registered before the mark (MPSC-2), pairs with
     * wait_for_link(). */
    link = atomic_exchange_explicit(&before->next, first, memory_order_acq_rel);
    if (link == WAITING) /* MPSC-3, MPSC-4 */
        rv_atomic_waker_wake(&channel->values);
}

/* The sender has a block with a node left. Returns: false without memory. */
static bool has_node(struct rv_mpsc_sender *sender)
{
    if (__builtin_expect(!sender->block, 0))
        sender->block = rv_blocks_take(&sender->channel->blocks);
    return sender->block != NULL;
}

/* Fill the next node of the block. Returns: how to link it. */
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
    sender->block = NULL; /* the receiver gives it back: MPSC-7 */
    return (uintptr_t)node | LAST;
}

static struct rv_node *node_of(uintptr_t link)
{
    return (struct rv_node *)(link & ~LAST); // NOLINT
}

static bool receiver_is_gone(const struct mpsc *channel)
{
    /* relaxed: it publishes nothing. Who misses it leaves a value that the
     * last one drops (MPSC-6). */
    return atomic_load_explicit(&channel->receiver_closed,
                                memory_order_relaxed);
}

int rv_mpsc_send(struct rv_mpsc_sender *sender, const void *element)
{
    uintptr_t link;

    if (receiver_is_gone(sender->channel))
        return -EPIPE;
    if (!has_node(sender))
        return -ENOMEM;
    link = fill_node(sender, element);
    append(sender->channel, link, node_of(link));
    return 0;
}

/* Fill a chain with values, as many as the block has nodes for. */
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
    append(sender->channel, first, node_of(last));
    return n;
}

int rv_mpsc_send_n(struct rv_mpsc_sender *sender, const void *elements,
                   uint32_t count)
{
    const size_t bytes = sender->channel->elements.bytes;
    uint32_t n = 0;

    if (receiver_is_gone(sender->channel))
        return -EPIPE;
    while (n < count && has_node(sender))
        n += send_chain(sender, (const char *)elements + n * bytes, count - n);
    return n > 0 ? (int)n : -ENOMEM;
}

/* --- the receiver ------------------------------------------------------ */

/* The link of the head, if there is one. */
static bool find_next(const struct rv_mpsc_receiver *receiver, uintptr_t *link)
{
    /* acquire: the value is there (MPSC-1); pairs with append(). */
    *link = atomic_load_explicit(&receiver->head->next, memory_order_acquire);
    return *link & ~WAITING;
}

/* Go on to the next node; the one before is not needed any more. */
static void step(struct mpsc *channel, uintptr_t link)
{
    struct rv_mpsc_receiver *receiver = &channel->receiver;

    if (receiver->head_is_last)
        rv_blocks_recycle(&channel->blocks, receiver->head);
    receiver->head = node_of(link);
    receiver->head_is_last = link & LAST;
}

/* Returns: the next value, valid until the next step; NULL: see *error. */
static void *next_value(struct mpsc *channel, int *error)
{
    uintptr_t link;

    *error = -EAGAIN;
    if (!find_next(&channel->receiver, &link))
        return NULL;
    *error = -EPIPE;
    if (node_of(link) == &channel->end) /* MPSC-5; it stays the next one */
        return NULL;
    step(channel, link);
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

/* Returns: false if there is a next node after all. */
static bool wait_for_link(struct mpsc *channel, const struct rv_waker *waker)
{
    _Atomic uintptr_t *next = &channel->receiver.head->next;
    uintptr_t link = 0;

    rv_atomic_waker_register(&channel->values, waker);
    /* release: the atomic waker is registered (MPSC-2); pairs with the exchange
     * in append(). A mark of before is written anew, which publishes the same.
     */
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
    /* relaxed: the caller has a sender, or the channel for itself. */
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
    /* relaxed: nobody else has the channel yet. */
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
    /* release: we have done with the channel; acquire: so have the others;
     * they pair with each other (MPSC-6). */
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
    /* release: our values are in the chain; acquire: so are those of the
     * others; they pair with each other (MPSC-5). */
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
    rv_atomic_waker_clear(&channel->values);
    /* relaxed: see receiver_is_gone(). */
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
        if (wait_for_link(channel, &cx->waker))
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
