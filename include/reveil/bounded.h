/* SPDX-License-Identifier: MIT */
/*
 * bounded.h - a bounded channel with many senders and one receiver.
 *
 *     rv_bounded_new(&sender, &receiver, sizeof(int), 100, NULL);
 *     rv_bounded_sender_clone(sender, &another);      for another task
 *     error = rv_bounded_send(another, &number, rv_after_ms(1000));
 *     ...
 *     while (rv_bounded_recv(receiver, &number, RV_NEVER) == 0)
 *         use(number);
 *
 * A send waits while the channel is full, so that fast senders cannot fill the
 * memory. Waiting senders are served in the order in which they began to wait.
 * Otherwise it is the channel of mpsc.h, with its order of values and its
 * memory.
 */
#ifndef RV_BOUNDED_H
#define RV_BOUNDED_H

#include <reveil/channel.h>
#include <reveil/future.h>
#include <reveil/mpsc.h>
#include <reveil/sync.h>

RV_BEGIN_DECLS

struct rv_bounded_sender;
struct rv_bounded_receiver;

/*
 * Create a channel for values of `element_bytes`, with one sender.
 *
 * capacity: the values that were sent and not received, 1 or more.
 * Returns: 0, -ENOMEM, -EINVAL (a size of 0, or of more than 1 MiB; a capacity
 * of 0).
 */
int rv_bounded_new(struct rv_bounded_sender **sender,
                   struct rv_bounded_receiver **receiver,
                   uint32_t element_bytes, uint32_t capacity,
                   const struct rv_channel_options *options);

/* Create another sender. Threads: those of `sender`. Returns: 0, -ENOMEM. */
int rv_bounded_sender_clone(struct rv_bounded_sender *sender,
                            struct rv_bounded_sender **out);

/* Close an end, and free it. NULL is allowed. The close of the receiver ends
 * all sends that wait, with -EPIPE. Threads: the end's. */
void rv_bounded_sender_close(struct rv_bounded_sender *sender);
void rv_bounded_receiver_close(struct rv_bounded_receiver *receiver);

/* --- at once ----------------------------------------------------------- */

/* Returns: 0; -EAGAIN: the channel is full, or other senders wait; -EPIPE: the
 * receiver is closed; -ENOMEM. */
int rv_bounded_try_send(struct rv_bounded_sender *sender, const void *element);

/* Returns: 0, -EAGAIN (empty), -EPIPE (closed and drained). */
int rv_bounded_try_recv(struct rv_bounded_receiver *receiver, void *element);

/* --- futures ----------------------------------------------------------- */

/* READY with 0 when the value was sent; or with -EPIPE, -ENOMEM. Dropped before
 * it is READY, it has sent nothing. */
struct rv_bounded_send {
    struct rv_future future;
    struct rv_bounded_sender *sender; /* private, as are the rest */
    const void *element;
    struct rv_semaphore_acquire room;
    bool waits;
};

/* element: it must stay valid, unmoved and unmodified until the future is READY
 * or dropped. */
void rv_bounded_send_init(struct rv_bounded_send *send,
                          struct rv_bounded_sender *sender,
                          const void *element);

/* READY when there is at least one value, with the number of values; or with
 * -EPIPE. Dropped before it is READY, it has received nothing. */
struct rv_bounded_recv {
    struct rv_future future;
    struct rv_bounded_receiver *receiver; /* private, as is the rest */
    struct rv_mpsc_recv recv;
};

/* elements: room for `count` values, 1 or more. It must stay valid and must not
 * move until the future is READY or dropped. */
void rv_bounded_recv_init(struct rv_bounded_recv *recv,
                          struct rv_bounded_receiver *receiver, void *elements,
                          uint32_t count);

/* --- in a coroutine ---------------------------------------------------- */

/* Wait while the channel is full. deadline_ns: CLOCK_MONOTONIC, absolute;
 * RV_NEVER. Returns: 0, -EPIPE, -ENOMEM; -ETIMEDOUT, -ECANCELED: it was not
 * sent. */
int rv_bounded_send(struct rv_bounded_sender *sender, const void *element,
                    int64_t deadline_ns);

/* Wait while the channel is empty. Returns: 0, -EPIPE; -ETIMEDOUT, -ECANCELED:
 * nothing was received. */
int rv_bounded_recv(struct rv_bounded_receiver *receiver, void *element,
                    int64_t deadline_ns);

RV_END_DECLS

#endif /* RV_BOUNDED_H */
