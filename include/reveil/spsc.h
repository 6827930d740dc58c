/* SPDX-License-Identifier: MIT */
/*
 * spsc.h - a bounded channel with one sender and one receiver.
 *
 *     rv_spsc_new(&sender, &receiver, sizeof(int), 2, NULL);
 *     rv_spsc_try_send(sender, &answer);             a copy of the int
 *     rv_spsc_try_recv(receiver, &value);
 *     rv_spsc_sender_close(sender);
 *     rv_spsc_receiver_close(receiver);
 *
 * Values are received in the order of the sends. channel.h has what all
 * channels have in common, and the results after a close.
 */
#ifndef RV_SPSC_H
#define RV_SPSC_H

#include <reveil/channel.h>
#include <reveil/future.h>

RV_BEGIN_DECLS

struct rv_spsc_sender;
struct rv_spsc_receiver;

/*
 * Create a channel for exactly `capacity` values of `element_bytes` each.
 * Neither may be 0.
 *
 * Returns: 0, -ENOMEM, -EINVAL (too large, or 0).
 */
int rv_spsc_new(struct rv_spsc_sender **sender,
                struct rv_spsc_receiver **receiver, uint32_t element_bytes,
                uint32_t capacity, const struct rv_channel_options *options);

/* Close an end, and free it. NULL is allowed. Threads: the end's. */
void rv_spsc_sender_close(struct rv_spsc_sender *sender);
void rv_spsc_receiver_close(struct rv_spsc_receiver *receiver);

/* --- without waiting --------------------------------------------------- */

/* Returns: 0, -EAGAIN (full), -EPIPE (the receiver is closed). */
int rv_spsc_try_send(struct rv_spsc_sender *sender, const void *element);

/* Send as many of `count` values as there is room for. Returns: how many, 1 or
 * more; -EAGAIN, -EPIPE. */
int rv_spsc_try_send_n(struct rv_spsc_sender *sender, const void *elements,
                       uint32_t count);

/* Returns: 0, -EAGAIN (empty), -EPIPE (closed and drained). */
int rv_spsc_try_recv(struct rv_spsc_receiver *receiver, void *element);

/* Receive up to `count` values. Returns: how many, 1 or more; -EAGAIN, -EPIPE.
 */
int rv_spsc_try_recv_n(struct rv_spsc_receiver *receiver, void *elements,
                       uint32_t count);

/* --- futures ----------------------------------------------------------- */

/* READY with 0 when all values have been sent; or with -EPIPE after
 * `done` of them. */
struct rv_spsc_send {
    struct rv_future future;
    uint32_t done;  /* values sent so far */
    uint32_t count; /* private, as are the rest */
    struct rv_spsc_sender *sender;
    const char *elements;
};

/* elements: `count` values, 1 or more. They must stay valid, unmoved and
 * unmodified until the future is READY or dropped. */
void rv_spsc_send_init(struct rv_spsc_send *send, struct rv_spsc_sender *sender,
                       const void *elements, uint32_t count);

/* READY when there is at least one value, with the number of values; or with
 * -EPIPE. */
struct rv_spsc_recv {
    struct rv_future future;
    uint32_t count; /* private, as are the rest */
    struct rv_spsc_receiver *receiver;
    void *elements;
};

/* elements: room for `count` values, 1 or more. It must stay valid and must not
 * move until the future is READY or dropped. */
void rv_spsc_recv_init(struct rv_spsc_recv *recv,
                       struct rv_spsc_receiver *receiver, void *elements,
                       uint32_t count);

/* --- in a coroutine ---------------------------------------------------- */

/* Wait for room if there is none. Returns: 0, -EPIPE, -ETIMEDOUT, -ECANCELED.
 */
int rv_spsc_send(struct rv_spsc_sender *sender, const void *element,
                 int64_t deadline_ns);

/* Wait for a value if there is none. Returns: 0, -EPIPE, -ETIMEDOUT,
 * -ECANCELED. */
int rv_spsc_recv(struct rv_spsc_receiver *receiver, void *element,
                 int64_t deadline_ns);

RV_END_DECLS

#endif /* RV_SPSC_H */
