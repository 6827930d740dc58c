/* SPDX-License-Identifier: MIT */
/*
 * mpsc.h - an unbounded channel with many senders and one receiver.
 *
 *     rv_mpsc_new(&sender, &receiver, sizeof(int), NULL);
 *     rv_mpsc_sender_clone(sender, &another);     for another task
 *     rv_mpsc_send(another, &answer);             a copy of the int
 *     rv_mpsc_try_recv(receiver, &value);
 *
 * The values of one sender are received in the order of its sends. Values of
 * two senders are received in order too if one send has returned before the
 * other begins. A send never waits, so there is no back-pressure: if senders
 * are faster than the receiver, memory use grows. Where that matters, use
 * bounded.h.
 *
 * Memory is allocated in blocks of about 4 KiB, which are recycled. The channel
 * keeps some free blocks until its end.
 *
 * Source: the queue is Dmitry Vyukov's, "Non-intrusive MPSC node-based queue",
 * with the receiver's mark in the link.
 */
#ifndef RV_MPSC_H
#define RV_MPSC_H

#include <reveil/channel.h>
#include <reveil/future.h>

RV_BEGIN_DECLS

struct rv_mpsc_sender;
struct rv_mpsc_receiver;

/* Create a channel for values of `element_bytes`, with one sender. Returns: 0,
 * -ENOMEM, -EINVAL (0, or more than 1 MiB). */
int rv_mpsc_new(struct rv_mpsc_sender **sender,
                struct rv_mpsc_receiver **receiver, uint32_t element_bytes,
                const struct rv_channel_options *options);

/*
 * Create another sender. Each sender has a block of memory of its own, so the
 * only operation on which senders contend is one atomic exchange.
 *
 * Threads: those of `sender`. Returns: 0, -ENOMEM.
 */
int rv_mpsc_sender_clone(struct rv_mpsc_sender *sender,
                         struct rv_mpsc_sender **out);

/* Close an end, and free it. NULL is allowed. Threads: the end's. */
void rv_mpsc_sender_close(struct rv_mpsc_sender *sender);
void rv_mpsc_receiver_close(struct rv_mpsc_receiver *receiver);

/* Never waits. Returns: 0, -EPIPE (the receiver is closed), -ENOMEM. */
int rv_mpsc_send(struct rv_mpsc_sender *sender, const void *element);

/* Send `count` values, 1 or more. Returns: how many were sent, fewer than
 * `count` if memory ran out; -EPIPE; -ENOMEM: there was none for the first. */
int rv_mpsc_send_n(struct rv_mpsc_sender *sender, const void *elements,
                   uint32_t count);

/* Returns: 0, -EAGAIN (empty), -EPIPE (closed and drained). */
int rv_mpsc_try_recv(struct rv_mpsc_receiver *receiver, void *element);

/* Receive up to `count` values. Returns: how many, 1 or more; -EAGAIN, -EPIPE.
 */
int rv_mpsc_try_recv_n(struct rv_mpsc_receiver *receiver, void *elements,
                       uint32_t count);

/* READY when there is at least one value, with the number of values; or with
 * -EPIPE. */
struct rv_mpsc_recv {
    struct rv_future future;
    uint32_t count; /* private, as are the rest */
    struct rv_mpsc_receiver *receiver;
    void *elements;
};

/* elements: room for `count` values, 1 or more. It must stay valid and must not
 * move until the future is READY or dropped. */
void rv_mpsc_recv_init(struct rv_mpsc_recv *recv,
                       struct rv_mpsc_receiver *receiver, void *elements,
                       uint32_t count);

/* In a coroutine: wait for a value if there is none. Returns: 0, -EPIPE,
 * -ETIMEDOUT, -ECANCELED. */
int rv_mpsc_recv(struct rv_mpsc_receiver *receiver, void *element,
                 int64_t deadline_ns);

RV_END_DECLS

#endif /* RV_MPSC_H */
