/* SPDX-License-Identifier: MIT */
/*
 * bounded.c - an unbounded channel, and a semaphore with a permit for each free
 * place in it.
 *
 * Threads: each sender: one task at a time; the receiver: one task.
 *
 *   - A send acquires a permit and then sends, which never waits. A receive
 *     releases a permit for each value.
 *   - The close of the receiver releases so many permits that no send waits any
 *     more. It does so after the channel is closed: each send then gets -EPIPE
 *     and returns its permit.
 *   - A send that is dropped with a permit returns it (SEMAPHORE-2).
 */
#include <errno.h>
#include <reveil/bounded.h>
#include <stdio.h>

#include "channel/channel_internal.h"

struct rv_bounded_receiver {
    struct bounded *channel;
    struct rv_mpsc_receiver *values;
};

struct rv_bounded_sender {
    struct bounded *channel;
    struct rv_mpsc_sender *values;
    uint32_t waiting; /* sends */
};

struct bounded {
    struct rv_semaphore room;
    uint32_t capacity;
    uint32_t mark;               /* of the process that made it */
    _Atomic uint32_t references; /* one an end */
    char name[RV_NAME_BYTES];
    struct rv_bounded_receiver receiver;
};

static void put(struct bounded *channel)
{
    /* release: this end no longer uses the channel; acquire: nor do the others.
     * They pair with each other. */
    if (atomic_fetch_sub_explicit(&channel->references, 1,
                                  memory_order_acq_rel) > 1)
        return;
    rv_semaphore_fini(&channel->room);
    rv_free(channel);
}

int rv_bounded_new(struct rv_bounded_sender **sender,
                   struct rv_bounded_receiver **receiver,
                   uint32_t element_bytes, uint32_t capacity,
                   const struct rv_channel_options *options)
{
    struct rv_element_type named = rv_element_type_make(1, options);
    struct rv_bounded_sender *first;
    struct bounded *channel;
    int error = capacity > 0 ? -ENOMEM : -EINVAL;

    channel = capacity > 0 ? rv_alloc(sizeof *channel) : NULL;
    if (!channel)
        return error;
    first = rv_alloc(sizeof *first);
    if (!first)
        goto fail_channel;
    error = rv_mpsc_new(&first->values, &channel->receiver.values,
                        element_bytes, options);
    if (error)
        goto fail_sender;
    rv_semaphore_init(&channel->room, capacity);
    channel->capacity = capacity;
    channel->mark = rv_fork_mark();
    atomic_init(&channel->references, 2);
    memcpy(channel->name, named.name, sizeof channel->name);
    channel->receiver.channel = channel;
    first->channel = channel;
    *sender = first;
    *receiver = &channel->receiver;
    return 0;

fail_sender:
    rv_free(first);
fail_channel:
    rv_free(channel);
    return error;
}

int rv_bounded_sender_clone(struct rv_bounded_sender *sender,
                            struct rv_bounded_sender **out)
{
    struct rv_bounded_sender *another = rv_alloc(sizeof *another);
    int error;

    if (!another)
        return -ENOMEM;
    error = rv_mpsc_sender_clone(sender->values, &another->values);
    if (error) {
        rv_free(another);
        return error;
    }
    another->channel = sender->channel;
    /* relaxed: `sender` is a reference; nothing is published. */
    atomic_fetch_add_explicit(&another->channel->references, 1,
                              memory_order_relaxed);
    *out = another;
    return 0;
}

void rv_bounded_sender_close(struct rv_bounded_sender *sender)
{
    struct bounded *channel;

    if (!sender)
        return;
    channel = sender->channel;
    /* In a child of fork() a coroutine of the parent is not unwound. */
    RV_CHECK(sender->waiting == 0 || rv_fork_is_copy(channel->mark),
             "an end of a channel is closed while a future waits on it");
    rv_mpsc_sender_close(sender->values);
    rv_free(sender);
    put(channel);
}

void rv_bounded_receiver_close(struct rv_bounded_receiver *receiver)
{
    struct bounded *channel;

    if (!receiver)
        return;
    channel = receiver->channel;
    rv_mpsc_receiver_close(receiver->values);
    /* The semaphore's lock publishes the close to each sender that is granted
     * one of these permits. */
    rv_semaphore_release(&channel->room, UINT32_MAX);
    put(channel);
}

/* --- send -------------------------------------------------------------- */

/* With a permit. Returns: 0; -EPIPE, -ENOMEM: the permit was released. */
static int send_now(struct rv_bounded_sender *sender, const void *element)
{
    const int error = rv_mpsc_send(sender->values, element);

    if (error)
        rv_semaphore_release(&sender->channel->room, 1);
    return error;
}

int rv_bounded_try_send(struct rv_bounded_sender *sender, const void *element)
{
    const int error = rv_semaphore_try_acquire(&sender->channel->room, 1);

    return error ? error : send_now(sender, element);
}

static struct rv_bounded_send *send_of(struct rv_future *future)
{
    return RV_CONTAINER_OF(future, struct rv_bounded_send, future);
}

/* Each send has a place of its own in the queue for room, so several of one
 * sender may wait. It must not be closed under them. */
static void set_waits(struct rv_bounded_send *self, bool waits)
{
    if (self->waits == waits)
        return;
    self->waits = waits;
    if (waits)
        self->sender->waiting++;
    else
        self->sender->waiting--;
}

static enum rv_poll send_poll(struct rv_future *future, struct rv_cx *cx)
{
    struct rv_bounded_send *self = send_of(future);

    if (!rv_may_go_on(cx))
        return RV_PENDING;
    if (rv_poll(&self->room.future, cx) == RV_PENDING) {
        set_waits(self, true);
        return rv_channel_pending(future, cx);
    }
    set_waits(self, false);
    future->result = send_now(self->sender, self->element);
    return RV_READY;
}

static void send_drop(struct rv_future *future)
{
    set_waits(send_of(future), false);
    rv_drop(&send_of(future)->room.future);
}

static void send_describe(const struct rv_future *future, char *text,
                          size_t size)
{
    const struct rv_bounded_send *self =
        (const struct rv_bounded_send *)(const void *)future;

    snprintf(text, size, "send on channel %s, full (%u)",
             self->sender->channel->name, self->sender->channel->capacity);
}

void rv_bounded_send_init(struct rv_bounded_send *send,
                          struct rv_bounded_sender *sender, const void *element)
{
    static const struct rv_future_ops ops = {.name = "rv_bounded_send",
                                             .poll = send_poll,
                                             .drop = send_drop,
                                             .describe = send_describe};

    rv_future_init(&send->future, &ops);
    send->sender = sender;
    send->element = element;
    send->waits = false;
    rv_semaphore_acquire_init(&send->room, &sender->channel->room, 1);
}

/* --- receive ----------------------------------------------------------- */

int rv_bounded_try_recv(struct rv_bounded_receiver *receiver, void *element)
{
    const int error = rv_mpsc_try_recv(receiver->values, element);

    if (!error)
        rv_semaphore_release(&receiver->channel->room, 1);
    return error;
}

static struct rv_bounded_recv *recv_of(struct rv_future *future)
{
    return RV_CONTAINER_OF(future, struct rv_bounded_recv, future);
}

static enum rv_poll recv_poll(struct rv_future *future, struct rv_cx *cx)
{
    struct rv_bounded_recv *self = recv_of(future);

    if (rv_poll(&self->recv.future, cx) == RV_PENDING) {
        if (cx->needs_task == &self->recv.future)
            cx->needs_task = future;
        return RV_PENDING;
    }
    future->result = self->recv.future.result;
    if (future->result > 0)
        rv_semaphore_release(&self->receiver->channel->room,
                             (uint32_t)future->result);
    return RV_READY;
}

static void recv_drop(struct rv_future *future)
{
    rv_drop(&recv_of(future)->recv.future);
}

static void recv_describe(const struct rv_future *future, char *text,
                          size_t size)
{
    const struct rv_bounded_recv *self =
        (const struct rv_bounded_recv *)(const void *)future;

    snprintf(text, size, "receive on channel %s, empty",
             self->receiver->channel->name);
}

void rv_bounded_recv_init(struct rv_bounded_recv *recv,
                          struct rv_bounded_receiver *receiver, void *elements,
                          uint32_t count)
{
    static const struct rv_future_ops ops = {.name = "rv_bounded_recv",
                                             .poll = recv_poll,
                                             .drop = recv_drop,
                                             .describe = recv_describe};

    rv_future_init(&recv->future, &ops);
    recv->receiver = receiver;
    rv_mpsc_recv_init(&recv->recv, receiver->values, elements, count);
}
