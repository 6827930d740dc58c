/* SPDX-License-Identifier: MIT */
/*
 * channel.h - what the five kinds of channel have in common.
 *
 *     static void free_line(void *element)
 *     {
 *         free(*(char **)element);
 *     }
 *
 *     const struct rv_channel_options options = {
 *         .name = "lines", .drop_element = free_line};
 *
 *     error = rv_spsc_new(&sender, &receiver, sizeof(char *), 8, &options);
 *     if (error)
 *         return error;
 *     if (rv_spsc_send(sender, &line, rv_after_ms(100)) < 0)
 *         free(line);                              it is still the sender's
 *     rv_spsc_sender_close(sender);
 *     rv_spsc_receiver_close(receiver);            calls free_line()
 *
 * The kinds:
 *
 *     spsc.h       bounded, one sender, one receiver
 *     mpsc.h       unbounded, many senders, one receiver
 *     bounded.h    bounded, many senders, one receiver
 *     oneshot.h    one value, once
 *     publisher.h  a ring of events that every subscriber reads
 *     sync.h       beside them: mutex, semaphore, notify
 *
 * A channel has two kinds of end, each a pointer. An end belongs to one task
 * at a time, on any thread; the ends of a channel may be on different threads.
 * All values of a channel have the same size. They are copied in and copied
 * out. A value may be a pointer, and so it may be the end of another channel.
 *
 * Each operation that can wait has three forms:
 *
 *     rv_spsc_try_recv(receiver, &value)             at once, or -EAGAIN
 *     rv_spsc_recv_init(&recv, receiver, &value, 1)  a future
 *     rv_spsc_recv(receiver, &value, RV_NEVER)       in a coroutine: it waits
 *
 * A call that waits has its deadline last (CLOCK_MONOTONIC, absolute;
 * RV_NEVER). After -ETIMEDOUT and -ECANCELED nothing was received or sent, and
 * a deadline in the past tries once.
 *
 * The futures are cancellation-safe: one that is dropped before it is READY has
 * received no value, and a send counts in the future what it has sent. The
 * caller's memory that a future uses must stay valid and must not move until
 * the future is READY or dropped. An end that is closed while a future waits
 * on it, and a second future that waits on an end, stop the program with a
 * message: the first one would use memory that is gone, or wait for ever. So
 * drop a future before its end is closed, and before another one waits there,
 * also one whose task was canceled. Only sends may wait several at a time, on
 * one sender of bounded.h.
 *
 * The results when the other end is closed (each end must be closed once, which
 * frees it; closing never blocks):
 *
 *                 sender(s) closed               receiver closed
 *     spsc        recv: what is left, then       send: -EPIPE
 *                 -EPIPE
 *     mpsc        recv: what is left once the    send: -EPIPE
 *                 last is closed, then -EPIPE
 *     bounded     as mpsc                        send: -EPIPE, also one that
 *                                                waits
 *     oneshot     recv: the value, or -EPIPE     send: -EPIPE
 *                 if there never was one
 *     publisher   try_recv: what is left, then   continues: a closed
 *                 -EPIPE                         subscriber is ignored
 *
 * On -EPIPE the caller keeps the value. A send that is concurrent with the
 * close of the receiver may return 0. Such a value, and all other values that
 * were not received, are passed to `drop_element`. A value in a channel is
 * aligned for every type of its size, up to max_align_t.
 */
#ifndef RV_CHANNEL_H
#define RV_CHANNEL_H

#include <reveil/base.h>

RV_BEGIN_DECLS

/* All zero is the default, as is NULL instead of a pointer to the options. */
struct rv_channel_options {
    /* For rv_future_describe(); 31 bytes are copied. NULL: "?". */
    const char *name;
    /*
     * Release the resources of a value that was not received. If it is an
     * end of another channel, close it. NULL: values have no resources. Called
     * once per value, on the thread that closes the last end or the receiver.
     * It must not wait.
     */
    void (*drop_element)(void *element);
};

RV_END_DECLS

#endif /* RV_CHANNEL_H */
