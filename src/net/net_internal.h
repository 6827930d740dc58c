/* SPDX-License-Identifier: MIT */
/* net_internal.h - what the files of the net part share. */
#ifndef RV_NET_INTERNAL_H
#define RV_NET_INTERNAL_H

#include <reveil/net.h>
#include <stdatomic.h>
#include <sys/un.h>

#include "reactor/query.h"

/*
 * Register a descriptor with the thread's reactor. On error `fd` is closed.
 *
 * Returns: 0; -ENODEV: the thread has no reactor; else as rv_source_open().
 */
int rv_net_register(int fd, struct rv_source **out);

/*
 * Make a stream of a non-blocking socket of any kind: register it with the
 * thread's reactor. Every read goes on to EAGAIN. On error `fd` is closed.
 *
 * Returns: as rv_net_register().
 */
int rv_stream_adopt(struct rv_stream *out, int fd);

/* The same for a socket that is known to be plain TCP, on which a short read or
 * write is as good as EAGAIN: see is_short() in stream.c. */
int rv_stream_adopt_plain(struct rv_stream *out, int fd);

/* Which end of a pipe a stream is. Guarded: a write must not raise SIGPIPE,
 * which the process did not ignore when the pipe was made. */
enum {
    RV_PIPE_NONE,
    RV_PIPE_READ,
    RV_PIPE_WRITE,
    RV_PIPE_WRITE_GUARDED,
};

/* The same for the non-blocking end of a pipe. */
int rv_stream_adopt_pipe(struct rv_stream *out, int fd, bool writes);

/* End the waits for a source, now and later: the protocol is in stream.c.
 * source: may be NULL. Returns: 0; -EBADF without a source. */
int rv_net_cancel(struct rv_source *source, _Atomic bool *canceled);

/* STREAM-1: asked after rv_source_ready() and before a system call. */
static inline bool rv_net_is_canceled(const _Atomic bool *canceled)
{
    /* acquire: STREAM-3; pairs with rv_net_cancel(). */
    return atomic_load_explicit(canceled, memory_order_acquire);
}

static inline bool rv_stream_is_canceled(const struct rv_stream *stream)
{
    return rv_net_is_canceled(&stream->canceled);
}

/* Create a TCP socket of the address's family. The protocol is explicit, so
 * that the socket is not MPTCP. Returns: the descriptor, negative errno. */
int rv_tcp_socket(const struct rv_addr *addr);

/* An address of unix.h. Returns: 0, -EINVAL, -ENAMETOOLONG. */
int rv_unix_parse_path(struct sockaddr_un *out, socklen_t *out_bytes,
                       const char *path);

/* As rv_stream_poll_send(), for a message whose pieces have `len_bytes` in
 * all. */
ssize_t rv_stream_poll_sendmsg(struct rv_stream *stream, struct rv_cx *cx,
                               const struct msghdr *message, size_t len_bytes);

/* As rv_stream_try_send(), for such a message. */
ssize_t rv_stream_try_sendmsg(struct rv_stream *stream,
                              const struct msghdr *message, size_t len_bytes);

/*
 * An address from the kernel as users see it: an IPv4 address that a socket
 * for both families has mapped (::ffff:1.2.3.4) becomes an IPv4 address; one
 * of another family, such as of a Unix socket, becomes all zero.
 */
void rv_addr_settle(struct rv_addr *addr);

enum { RV_NET_BYTES_A_CALL = 4096 };

/* Charge the I/O budget of this poll (RV_IO_BUDGET) one call for each 4 KiB:
 * a large copy takes as long as many small calls. */
static inline void rv_net_charge(struct rv_cx *cx, ssize_t len_bytes)
{
    cx->io_calls += (uint32_t)len_bytes / RV_NET_BYTES_A_CALL;
}

/* The value of `at` of a future that does not use RV_AWAIT and has stored its
 * waker in a source. */
enum { RV_NET_WAITING = 1 };

/* The source has the future's waker, or the poll has used up its budget.
 * Returns: PENDING. */
static inline enum rv_poll rv_net_wait(struct rv_future *future,
                                       struct rv_source *source,
                                       enum rv_direction direction)
{
    rv_source_waits(source, direction, future);
    future->at = RV_NET_WAITING;
    return RV_PENDING;
}

/*
 * For drop functions: remove the waker that this future has stored, if any.
 * source: NULL if it was closed in the meantime.
 */
static inline void rv_net_stop_waiting(const struct rv_future *future,
                                       struct rv_source *source,
                                       enum rv_direction direction)
{
    if (future->at == RV_NET_WAITING && source)
        rv_source_forget(source, direction);
}

/* For a try form, after EAGAIN: clear the readiness, unless a newer edge has
 * arrived since `tick` was read. Returns: -EAGAIN; or the error of the
 * reactor. */
static inline int rv_net_empty(struct rv_source *source,
                               enum rv_direction direction, uint32_t tick)
{
    const int error = rv_source_clear(source, direction, tick);

    return error ? error : -EAGAIN;
}

/*
 * The poll function of a future that fetches one thing from a descriptor: call
 * `fetch` until it returns something other than -EAGAIN, which is then the
 * result. -EAGAIN clears the readiness, unless a newer edge has arrived since
 * `tick` was read.
 */
static inline enum rv_poll rv_net_poll_fetch(struct rv_future *future,
                                             struct rv_cx *cx,
                                             struct rv_source *source,
                                             int (*fetch)(struct rv_future *))
{
    uint32_t tick;

    while (rv_source_ready(source, RV_READ, &cx->waker, &tick)) {
        future->result = fetch(future);
        if (future->result != -EAGAIN)
            return RV_READY;
        future->result = rv_source_clear(source, RV_READ, tick);
        if (future->result)
            return RV_READY;
    }
    return rv_net_wait(future, source, RV_READ);
}

#endif /* RV_NET_INTERNAL_H */
