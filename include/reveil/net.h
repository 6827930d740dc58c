/* SPDX-License-Identifier: MIT */
/*
 * net.h - TCP sockets as futures.
 *
 *     rv_tcp_connect_init(&self->connect, &addr, &self->stream);
 *     RV_AWAIT(future, cx, &self->connect.future);
 *     rv_stream_send_init(&self->send, &self->stream, "ping", 4);
 *     RV_AWAIT(future, cx, &self->send.future);
 *
 * Every call tries the system call first and goes to the reactor only on
 * EAGAIN. No call raises SIGPIPE. The poll functions below the futures do the
 * same without a future, for code that has its own state machine.
 *
 * Urgent data of TCP is no part of the stream: it wakes no recv, which passes
 * over it, unless SO_OOBINLINE is set on the descriptor.
 */
#ifndef RV_NET_H
#define RV_NET_H

#include <netinet/in.h>
#include <reveil/executor.h>
#include <reveil/future.h>
#include <reveil/reactor.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/uio.h>

/* --- addresses --------------------------------------------------------- */

struct rv_addr {
    union {
        struct sockaddr base;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
    } sa;
    socklen_t len_bytes;
};

enum { RV_ADDR_TEXT = 64 };

/*
 * An IPv4 or IPv6 address in text, or "localhost" (127.0.0.1).
 *
 * Returns: 0; -EINVAL when it is a name or no address.
 */
int rv_addr_parse(struct rv_addr *out, const char *host, uint16_t port);

/* "127.0.0.1:80" or "[::1]:80"; at most RV_ADDR_TEXT bytes with the 0. */
void rv_addr_format(const struct rv_addr *addr, char text[RV_ADDR_TEXT]);

/* The port in host order. */
uint16_t rv_addr_port(const struct rv_addr *addr);

/* --- one socket, listening or connected -------------------------------- */

/* Embed it; all zero, or after close, it is "no socket". */
struct rv_stream {
    int fd_plus_1;            /* private: 0 is "no socket" */
    bool plain;               /* private: TCP, and nothing on top of it */
    struct rv_source *source; /* private */
};

/* The descriptor, or -1. It stays the socket's. */
int rv_stream_fd(const struct rv_stream *stream);

/*
 * Something is on top of the socket, or will be, that can cut a recv short
 * while there is more: kernel TLS, a BPF sockmap, or a program that takes
 * urgent bytes out with MSG_OOB itself. From now on each reading goes on to
 * EAGAIN, which costs a system call more for each time that the socket is
 * drained. Sockets that the library did not make itself are read so anyway.
 *
 * Threads: the executor's.
 */
void rv_tcp_read_to_eagain(struct rv_stream *stream);

/* Deregister and close; harmless on "no socket". */
void rv_stream_close(struct rv_stream *stream);

/*
 * Deregister and close so that the peer gets a reset, and data not yet sent
 * is thrown away.
 */
void rv_tcp_reset(struct rv_stream *stream);

/*
 * The end of a stream that was sent whole: as rv_stream_close(), but what
 * rv_stream_poll_send_last() kept back goes out with the end, even if the peer
 * has sent something that nobody read.
 */
void rv_stream_finish(struct rv_stream *stream);

/* Say "no more data" to the peer; reading goes on. Returns: 0, -ENOTCONN;
 * -EBADF on "no socket". */
int rv_stream_shutdown_write(struct rv_stream *stream);

/*
 * Listen on `addr` (port 0: a free one) with SO_REUSEADDR.
 *
 * Threads: one with a current reactor.
 * Returns: 0, -EADDRINUSE, -EACCES, -EMFILE, ..., -ENODEV: no reactor.
 */
int rv_tcp_listen(struct rv_stream *out, const struct rv_addr *addr);

/* All zero is what rv_tcp_listen() does. */
struct rv_listen_options {
    uint32_t backlog; /* length of the accept queue; 0: 4096. The kernel limits
                         it to net.core.somaxconn */
    /*
     * Share the port with other listeners that say so (SO_REUSEPORT): the
     * kernel deals new connections out to them. What waits in the queue of a
     * listener that is closed is reset.
     */
    bool reuse_port;
    /* ... but refuse when somebody has the port already, also one that would
     * share it: for the first of those that belong together. */
    bool first;
};

/* The same with options; NULL for none. */
int rv_tcp_listen_with(struct rv_stream *out, const struct rv_addr *addr,
                       const struct rv_listen_options *options);

/* The address this socket is bound to. Returns: 0, negative errno. */
int rv_tcp_local_addr(const struct rv_stream *stream, struct rv_addr *out);

/* --- futures ----------------------------------------------------------- */

/* result: 0, -ECONNREFUSED, ...; *stream is a socket only after 0. A socket
 * that was connected to itself, where nobody listens, is refused too; to know
 * that costs a getsockname() if the port is 1024 or higher. */
struct rv_tcp_connect {
    struct rv_future future;

    /*
     * Set between init and the first poll if wanted: what to send first. It
     * completes the handshake (TCP_QUICKACK in tcp(7)): a packet, a system
     * call and a wake of the server less than a connect and a send. When the
     * result is 0, `first_sent_bytes` of it were sent, at least one.
     *
     * Owns: the data stay the caller's, where they are, and are not changed,
     * until the future is READY or dropped.
     */
    const void *first;
    size_t first_len_bytes;
    size_t first_sent_bytes;

    /* Private. */
    struct rv_addr addr;
    struct rv_stream *stream;
};

/* addr: copied. `stream` stays where it is until the future is READY or
 * dropped. */
void rv_tcp_connect_init(struct rv_tcp_connect *connect,
                         const struct rv_addr *addr, struct rv_stream *stream);

/*
 * result: 0, or a negative errno; *stream is a socket only after 0. Errors of
 * accept(2) are of three kinds:
 *
 *   - of one connection that died in the queue (-ECONNABORTED, -EPROTO, ...):
 *     it is passed over, the next one is taken;
 *   - a shortage (-EMFILE, -ENFILE, -ENOBUFS, -ENOMEM): nothing is lost. The
 *     clients wait in the kernel's queue, and so a server tries again later,
 *     or closes something first. It does not end: its clients would;
 *   - of the listener (-EBADF, -EINVAL, ...), which will not go away.
 */
struct rv_stream_accept {
    struct rv_future future;
    struct rv_stream *listener;
    struct rv_stream *stream;
    struct rv_sleep pause; /* private, as are the rest */
    bool patient;
    bool pausing;
};

/* Both sockets stay where they are until the future is READY or dropped. */
void rv_stream_accept_init(struct rv_stream_accept *accept,
                           struct rv_stream *listener,
                           struct rv_stream *stream);

/*
 * The same for a server that has nothing to close for it: a shortage is waited
 * for in here, with a try 50 times a second. So the result is 0, or an error
 * of the listener, which ends the server.
 */
void rv_stream_accept_patient_init(struct rv_stream_accept *accept,
                                   struct rv_stream *listener,
                                   struct rv_stream *stream);

/* result: bytes received, 0 at the end of the stream, or -ECONNRESET, ...
 * Dropped before it is READY, nothing was taken from the stream. */
struct rv_stream_recv {
    struct rv_future future;
    struct rv_stream *stream;
    void *buffer;
    size_t len_bytes;
};

/* Owns: the buffer stays the caller's, where it is, until the future is READY
 * or dropped; only a poll writes to it. */
void rv_stream_recv_init(struct rv_stream_recv *recv, struct rv_stream *stream,
                         void *buffer, size_t len_bytes);

/* Sends all. result: 0, or -EPIPE, -ECONNRESET, ...; `sent_bytes` says how
 * far it got, also when it is dropped. */
struct rv_stream_send {
    struct rv_future future;
    struct rv_stream *stream;
    const char *data;
    size_t len_bytes;
    size_t sent_bytes;
};

/* Owns: the data stay the caller's, where they are, and are not changed, until
 * the future is READY or dropped. */
void rv_stream_send_init(struct rv_stream_send *send, struct rv_stream *stream,
                         const void *data, size_t len_bytes);

/*
 * Sends all of several pieces, in order, with few system calls: a head and its
 * body, say. result and `sent_bytes` as of rv_stream_send.
 *
 * Owns: the array and the pieces stay the caller's, where they are, and are
 * not changed, until it is READY or dropped.
 */
struct rv_stream_sendv {
    struct rv_future future;
    struct rv_stream *stream;
    const struct iovec *pieces; /* those that are left */
    size_t count;
    size_t skip_bytes; /* of the first, sent already */
    size_t sent_bytes;
};

/* count: 0 is READY at once, with 0. */
void rv_stream_sendv_init(struct rv_stream_sendv *send,
                          struct rv_stream *stream, const struct iovec *pieces,
                          size_t count);

/* --- the same without a future ----------------------------------------- */

/* Receive what is there. Returns: bytes, 0 at the end, negative errno;
 * -EAGAIN: the waker of `cx` was left, return RV_PENDING. */
ssize_t rv_stream_poll_recv(struct rv_stream *stream, struct rv_cx *cx,
                            void *buffer, size_t len_bytes);

/*
 * The peer is gone in both directions (it has reset, or both sides have said
 * their last). If not, the waker is left, to be woken when the peer sends or
 * ends something more; ask again then.
 */
bool rv_stream_poll_gone(struct rv_stream *stream, struct rv_cx *cx);

/* Send what fits. Returns: bytes, or as rv_stream_poll_recv(). */
ssize_t rv_stream_poll_send(struct rv_stream *stream, struct rv_cx *cx,
                            const void *data, size_t len_bytes);

/*
 * The same for data after which the caller ends the stream: when all of it is
 * sent, rv_stream_finish() or rv_stream_shutdown_write() has to follow at once.
 * The kernel keeps the tail back until then, so that data and end go out in one
 * packet.
 */
ssize_t rv_stream_poll_send_last(struct rv_stream *stream, struct rv_cx *cx,
                                 const void *data, size_t len_bytes);

/*
 * Send what fits of the pieces behind the first `skip_bytes`, which were sent
 * before; more of them than RV_SENDV_PIECES need another call. 0 if there is
 * nothing to be sent. Returns: bytes, or as rv_stream_poll_recv().
 */
ssize_t rv_stream_poll_sendv(struct rv_stream *stream, struct rv_cx *cx,
                             const struct iovec *pieces, size_t count,
                             size_t skip_bytes);

enum { RV_SENDV_PIECES = 64 };

#endif /* RV_NET_H */
