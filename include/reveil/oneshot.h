/* SPDX-License-Identifier: MIT */
/*
 * oneshot.h - a channel for exactly one value, such as the result of a
 * request.
 *
 *     rv_oneshot_new(&sender, &receiver, sizeof(int), NULL);
 *     rv_oneshot_send(sender, &answer);           also closes the sender
 *     rv_oneshot_try_recv(receiver, &value);
 *     rv_oneshot_receiver_close(receiver);
 */
#ifndef RV_ONESHOT_H
#define RV_ONESHOT_H

#include <reveil/channel.h>
#include <reveil/future.h>

RV_BEGIN_DECLS

struct rv_oneshot_sender;
struct rv_oneshot_receiver;

/* Create a channel for one value of `element_bytes`. Returns: 0, -ENOMEM,
 * -EINVAL (0, or more than 1 MiB). */
int rv_oneshot_new(struct rv_oneshot_sender **sender,
                   struct rv_oneshot_receiver **receiver,
                   uint32_t element_bytes,
                   const struct rv_channel_options *options);

/*
 * Send the value and close the sender, also on error. Never waits.
 *
 * Returns: 0, -EPIPE (the receiver is closed; the caller keeps the value).
 */
int rv_oneshot_send(struct rv_oneshot_sender *sender, const void *element);

/* Close an end, and free it. A sender that has sent is closed already. NULL is
 * allowed. Threads: the end's. */
void rv_oneshot_sender_close(struct rv_oneshot_sender *sender);
void rv_oneshot_receiver_close(struct rv_oneshot_receiver *receiver);

/* Returns: 0; -EAGAIN (not sent yet); -EPIPE (the sender was closed without a
 * value, or the value has been received already). */
int rv_oneshot_try_recv(struct rv_oneshot_receiver *receiver, void *element);

/* READY with 0 and the value, or with -EPIPE. */
struct rv_oneshot_recv {
    struct rv_future future;
    struct rv_oneshot_receiver *receiver; /* private, as is the rest */
    void *element;
};

/* element: room for the value, until the future is READY or dropped. */
void rv_oneshot_recv_init(struct rv_oneshot_recv *recv,
                          struct rv_oneshot_receiver *receiver, void *element);

/* In a coroutine: wait for the value. Returns: 0, -EPIPE, -ETIMEDOUT,
 * -ECANCELED. */
int rv_oneshot_recv(struct rv_oneshot_receiver *receiver, void *element,
                    int64_t deadline_ns);

RV_END_DECLS

#endif /* RV_ONESHOT_H */
