/* SPDX-License-Identifier: MIT */
/* net_internal.h - what the files of the net part share. */
#ifndef RV_NET_INTERNAL_H
#define RV_NET_INTERNAL_H

#include <reveil/net.h>

/*
 * Register a descriptor with the thread's reactor. On error `fd` is closed.
 * Returns: 0, -ENODEV, as rv_source_open().
 */
int rv_net_register(int fd, struct rv_source **out);

/*
 * Make a socket of a non-blocking descriptor of any kind: register it with the
 * thread's reactor. On error `fd` is closed. Returns: 0, -ENODEV, as
 * rv_source_open().
 */
int rv_stream_adopt(struct rv_stream *out, int fd);

/* The same for one that is known to be plain TCP: a short call on it says that
 * there is nothing more (stream.c, did_less()). */
int rv_stream_adopt_plain(struct rv_stream *out, int fd);

/* A TCP socket of the address's family, not MPTCP or another kind of stream.
 * Returns: the descriptor, negative errno. */
int rv_tcp_socket(const struct rv_addr *addr);

/* rv_stream_poll_send() of a message, which has `len_bytes`. */
ssize_t rv_stream_poll_sendmsg(struct rv_stream *stream, struct rv_cx *cx,
                               const struct msghdr *message, size_t len_bytes);

enum { RV_NET_BYTES_A_CALL = 4096 };

/* A copy takes time, too: a call of the budget for each 4 KiB. */
static inline void rv_net_charge(struct rv_cx *cx, ssize_t len_bytes)
{
    cx->io_calls += (uint32_t)len_bytes / RV_NET_BYTES_A_CALL;
}

/* `at` of a future without await that has left its waker in a source. */
enum { RV_NET_WAITING = 1 };

static inline enum rv_poll rv_net_wait(struct rv_future *future)
{
    future->at = RV_NET_WAITING;
    return RV_PENDING;
}

/* Take the waker back that this future has left; NULL: the source is closed. */
static inline void rv_net_stop_waiting(const struct rv_future *future,
                                       struct rv_source *source,
                                       enum rv_direction direction)
{
    if (future->at == RV_NET_WAITING && source)
        rv_source_forget(source, direction);
}

#endif /* RV_NET_INTERNAL_H */
