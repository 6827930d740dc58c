/* SPDX-License-Identifier: MIT */
/*
 * udp.h - datagrams as futures, over IPv4 and IPv6.
 *
 *     rv_udp_bind(&self->udp, &addr);
 *     rv_udp_recv_from_init(&self->recv, &self->udp, self->text,
 *                           sizeof self->text);       64 KiB: none is cut
 *     RV_AWAIT(future, cx, &self->recv.future);
 *     rv_udp_send_to_init(&self->send, &self->udp, self->text,
 *                         (size_t)self->recv.future.result,
 *                         &self->recv.from);
 *     RV_AWAIT(future, cx, &self->send.future);
 *
 * A datagram comes whole, or cut, or not at all; there is no end of a stream:
 * 0 bytes are an empty datagram. Calls try the system call first and go to the
 * reactor on EAGAIN; each counts for the I/O budget of its poll.
 */
#ifndef RV_UDP_H
#define RV_UDP_H

#include <reveil/net.h>

/* Embed it; all zero, or after close, it is "no socket". One task waits for a
 * direction at a time. */
struct rv_udp {
    int fd_plus_1;            /* private: 0 is "no socket" */
    struct rv_source *source; /* private */
};

/*
 * A socket that receives at `addr` (port 0: a free one) and may send from
 * there to anybody.
 *
 * Threads: one with a current reactor.
 * Returns: 0, -EADDRINUSE, -EACCES, -EMFILE, ..., -ENODEV: no reactor.
 */
int rv_udp_bind(struct rv_udp *out, const struct rv_addr *addr);

/*
 * Send to `peer` and receive from nobody else from now on; again with another
 * peer changes it. "No socket" becomes one on a free port. Nothing is sent:
 * whether somebody is there, a later call says (-ECONNREFUSED).
 *
 * Threads: one with a current reactor.
 * Returns: 0, -ENETUNREACH, -EAFNOSUPPORT, -EMFILE, ..., -ENODEV: no reactor.
 */
int rv_udp_connect(struct rv_udp *udp, const struct rv_addr *peer);

/* The descriptor, or -1. It stays the socket's. */
int rv_udp_fd(const struct rv_udp *udp);

/* The address this socket is bound to. Returns: 0, negative errno. */
int rv_udp_local_addr(const struct rv_udp *udp, struct rv_addr *out);

/* Deregister and close; harmless on "no socket". */
void rv_udp_close(struct rv_udp *udp);

/* --- futures ----------------------------------------------------------- */

/*
 * result: how long the datagram is. More than `len_bytes`: it was cut, and
 * only so much is in the buffer. -ECONNREFUSED: nobody received what a
 * connected socket has sent; it is told once, and the socket goes on.
 * Dropped before it is READY, no datagram was taken.
 */
struct rv_udp_recv_from {
    struct rv_future future;
    struct rv_addr from; /* who sent it, when READY with 0 or more */
    struct rv_udp *udp;  /* private, as are the rest */
    void *buffer;
    size_t len_bytes;
};

/* Owns: the buffer stays the caller's, where it is, until the future is READY
 * or dropped. */
void rv_udp_recv_from_init(struct rv_udp_recv_from *recv, struct rv_udp *udp,
                           void *buffer, size_t len_bytes);

/* result: 0, all was handed to the kernel; -EMSGSIZE: more than a datagram
 * takes; -EDESTADDRREQ, -ENETUNREACH, -ENOBUFS, ...; -ECONNREFUSED as above,
 * about an earlier datagram, and this one was not sent. */
struct rv_udp_send_to {
    struct rv_future future;
    struct rv_addr to; /* private, as are the rest */
    struct rv_udp *udp;
    const void *data;
    size_t len_bytes;
    bool connected; /* to whom it is connected */
};

/* to: copied; NULL: the peer of a connected socket. */
void rv_udp_send_to_init(struct rv_udp_send_to *send, struct rv_udp *udp,
                         const void *data, size_t len_bytes,
                         const struct rv_addr *to);

/* --- the same without a future ----------------------------------------- */

/*
 * Take one datagram. from: who sent it, or NULL.
 *
 * Returns: its length as above, negative errno; -EAGAIN: the waker of `cx` was
 * left, return RV_PENDING.
 */
ssize_t rv_udp_poll_recv_from(struct rv_udp *udp, struct rv_cx *cx,
                              void *buffer, size_t len_bytes,
                              struct rv_addr *from);

/* Send one datagram. to: NULL for the peer. Returns: 0, or as above. */
int rv_udp_poll_send_to(struct rv_udp *udp, struct rv_cx *cx, const void *data,
                        size_t len_bytes, const struct rv_addr *to);

#endif /* RV_UDP_H */
