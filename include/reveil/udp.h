/* SPDX-License-Identifier: MIT */
/*
 * udp.h - datagrams as futures, over IPv4 and IPv6.
 *
 *     struct rv_addr from;                          in a coroutine
 *     char text[1500];
 *     int n = rv_udp_recv_from(&udp, text, sizeof text, &from, RV_NEVER);
 *
 *     if (n >= 0)
 *         n = rv_udp_send_to(&udp, text, (size_t)n, &from, RV_NEVER);
 *
 * A datagram arrives complete, truncated to the buffer, or not at all. There is
 * no end of stream: a result of 0 is an empty datagram. Every operation tries
 * the system call first and waits for the reactor only on EAGAIN; each counts
 * against the I/O budget of its poll (RV_IO_BUDGET).
 */
#ifndef RV_UDP_H
#define RV_UDP_H

#include <reveil/net.h>

RV_BEGIN_DECLS

/* Embed it. All zero, and after a close, it is "no socket". At most one task
 * may wait for each direction. */
struct rv_udp {
    int fd_plus_1;            /* private: 0 is "no socket" */
    RV_ATOMIC(bool) canceled; /* private: rv_udp_cancel() was called */
    struct rv_source *source; /* private */
};

/*
 * Open a socket that receives at `addr` and can send from there to any address.
 * Port 0: the kernel chooses a free one.
 *
 * Threads: one with a current reactor.
 * Returns: 0, -EADDRINUSE, -EACCES, -EMFILE, ..., -ENODEV: no reactor.
 */
int rv_udp_bind(struct rv_udp *out, const struct rv_addr *addr);

/*
 * Set the peer: the socket sends to it by default and receives only from it. A
 * second call changes the peer. "No socket" is opened on a free port first.
 * Nothing is sent, so an absent peer is not noticed here: a later send or recv
 * returns -ECONNREFUSED.
 *
 * Threads: one with a current reactor.
 * Returns: 0, -ENETUNREACH, -EAFNOSUPPORT, -EMFILE, ..., -ENODEV: no reactor.
 */
int rv_udp_connect(struct rv_udp *udp, const struct rv_addr *peer);

/* The descriptor, or -1 for "no socket". Owns: the socket keeps it. */
int rv_udp_fd(const struct rv_udp *udp);

/* The local address of the socket. Returns: 0, negative errno. */
int rv_udp_local_addr(const struct rv_udp *udp, struct rv_addr *out);

/*
 * End the wait of another task for this socket, as rv_stream_cancel() does: it
 * and each later wait return -ESHUTDOWN. No datagram is lost:
 * rv_udp_try_recv_from() still receives what has arrived.
 *
 * Threads: any; as rv_stream_cancel().
 * Returns: 0, also the second time; -EBADF on "no socket".
 */
int rv_udp_cancel(struct rv_udp *udp);

/* Deregister and close. A no-op on "no socket". Misuse: a task waits for it:
 * end its wait first, with rv_udp_cancel(). */
void rv_udp_close(struct rv_udp *udp);

/* --- at once, or -EAGAIN ----------------------------------------------- */

/*
 * Receive a datagram that has arrived, with one system call, whatever the
 * reactor has reported. from: NULL, or where to store the sender.
 *
 * Returns: its length, also if that is more than `len_bytes`; -EAGAIN: none has
 * arrived; -EBADF on "no socket"; else as struct rv_udp_recv_from.
 */
ssize_t rv_udp_try_recv_from(struct rv_udp *udp, void *buffer, size_t len_bytes,
                             struct rv_addr *from);

/* Send one datagram. to: NULL for the connected peer. Returns: 0; -EAGAIN: the
 * socket accepts none now; -EBADF on "no socket"; else as struct
 * rv_udp_send_to. */
int rv_udp_try_send_to(struct rv_udp *udp, const void *data, size_t len_bytes,
                       const struct rv_addr *to);

/* --- in a coroutine ---------------------------------------------------- */

/*
 * Wait for a datagram, or until one could be sent; with deadlines and rules as
 * in net.h. from: NULL, or where to store the sender, after 0 or more.
 *
 * Returns: the length of the datagram, or 0 for a send; -ETIMEDOUT;
 * -ECANCELED; -ESHUTDOWN: rv_udp_cancel(); or the error of the future.
 */
int rv_udp_recv_from(struct rv_udp *udp, void *buffer, size_t len_bytes,
                     struct rv_addr *from, int64_t deadline_ns);
int rv_udp_send_to(struct rv_udp *udp, const void *data, size_t len_bytes,
                   const struct rv_addr *to, int64_t deadline_ns);

/* --- futures ----------------------------------------------------------- */

/*
 * result: the length of the datagram. If it is more than `len_bytes`, the
 * datagram was truncated and only the first `len_bytes` are in the buffer.
 * -ECONNREFUSED: an earlier datagram of a connected socket reached no receiver;
 * this is reported once, and the socket stays usable.
 * Cancellation-safe: dropped before it is READY, it has received nothing.
 */
struct rv_udp_recv_from {
    struct rv_future future;
    struct rv_addr from; /* the sender, when READY with 0 or more */
    struct rv_udp *udp;  /* private, as are the fields after it */
    void *buffer;
    size_t len_bytes;
};

/* Owns: the caller keeps the buffer, which must stay valid and unmoved until
 * the future is READY or dropped. */
void rv_udp_recv_from_init(struct rv_udp_recv_from *recv, struct rv_udp *udp,
                           void *buffer, size_t len_bytes);

/*
 * result: 0: the kernel has accepted the datagram; -EMSGSIZE: it is too long;
 * -EDESTADDRREQ, -ENETUNREACH, -ENOBUFS, ...; -ECONNREFUSED: as above, about an
 * earlier datagram. This one was not sent then.
 */
struct rv_udp_send_to {
    struct rv_future future;
    struct rv_addr to; /* private, as are the fields after it */
    struct rv_udp *udp;
    const void *data;
    size_t len_bytes;
    bool connected; /* send to the connected peer, not to `to` */
};

/* to: copied. NULL: the peer of a connected socket.
 * Owns: the caller keeps the data. It must stay valid, unmoved and unmodified
 * until the future is READY or dropped. */
void rv_udp_send_to_init(struct rv_udp_send_to *send, struct rv_udp *udp,
                         const void *data, size_t len_bytes,
                         const struct rv_addr *to);

/* --- the same without a future ----------------------------------------- */

/*
 * Receive one datagram. from: receives the sender's address; may be NULL.
 *
 * Returns: its length, as above; negative errno; -EAGAIN: the waker of `cx` was
 * stored, return RV_PENDING.
 */
ssize_t rv_udp_poll_recv_from(struct rv_udp *udp, struct rv_cx *cx,
                              void *buffer, size_t len_bytes,
                              struct rv_addr *from);

/* Send one datagram. to: NULL for the connected peer. Returns: 0; errors as
 * above. */
int rv_udp_poll_send_to(struct rv_udp *udp, struct rv_cx *cx, const void *data,
                        size_t len_bytes, const struct rv_addr *to);

RV_END_DECLS

#endif /* RV_UDP_H */
