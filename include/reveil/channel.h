/* SPDX-License-Identifier: MIT */
/*
 * channel.h - what the four kinds of channel have in common.
 *
 *     spsc.h       bounded, one sender, one receiver
 *     mpsc.h       unbounded, many senders, one receiver
 *     oneshot.h    one value, once
 *     publisher.h  a ring of events that every subscriber reads
 *     sync.h       beside them: mutex, semaphore, notify
 *
 * A channel has two ends, each a pointer. An end belongs to one task at a
 * time, on any thread; the ends of one channel may be on different threads. A
 * value is so many bytes, the same for all of one channel, copied in and
 * copied out. It may be a pointer, and so it may be the end of a channel.
 *
 * Each operation that can wait has three forms:
 *
 *     rv_spsc_try_recv(receiver, &value)           now, or -EAGAIN
 *     rv_spsc_recv_init(&recv, receiver, &value, 1)  a future
 *     rv_spsc_recv(receiver, &value)               in a coroutine: it waits
 *
 * The future may be dropped at any time: until it is READY nothing was taken,
 * and what was put in is counted in it. The caller's memory that it was given
 * stays valid and in place until it is READY or dropped. An end must not be
 * closed while a future of it is alive, nor used by two of them at a time.
 *
 * What an end says when the other one is closed (every end is closed once, and
 * is gone then; closing never blocks):
 *
 *                 sender(s) closed               receiver closed
 *     spsc        recv: what is left, then       send: -EPIPE
 *                 -EPIPE
 *     mpsc        recv: what is left once the    send: -EPIPE
 *                 last is closed, then -EPIPE
 *     oneshot     recv: the value, or -EPIPE     send: -EPIPE
 *                 if there never was one
 *     publisher   try_recv: what is left, then   goes on: a subscriber that
 *                 -EPIPE                         left holds nobody back
 *
 * -EPIPE leaves the value with the caller. A send that meets the close of the
 * receiver on another thread may still say 0; such a value, and all that were
 * not received, are handed to `drop_element`. A value in a channel is aligned
 * for every type of its size, up to max_align_t.
 */
#ifndef RV_CHANNEL_H
#define RV_CHANNEL_H

#include <reveil/base.h>

RV_BEGIN_DECLS

/* All zero, and NULL instead of it, is the default. */
struct rv_channel_options {
    /* For rv_future_describe(); 31 bytes are copied. NULL: "?". */
    const char *name;
    /*
     * Release what a value that nobody received holds: for an end of another
     * channel, close it. NULL: a value is just bytes. Called once a value, on
     * the thread that closes the last end or the receiver. Must not wait.
     */
    void (*drop_element)(void *element);
};

RV_END_DECLS

#endif /* RV_CHANNEL_H */
