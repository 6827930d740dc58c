/* SPDX-License-Identifier: MIT */
/*
 * net.h - TCP sockets, and streams of any kind.
 *
 *     struct rv_stream stream;                      in a coroutine
 *     char text[64];
 *     int n = rv_dial("example.org", 7, &stream, rv_after_ms(5000));
 *
 *     if (n == 0)
 *         n = rv_stream_send(&stream, "ping", 4, rv_after_ms(1000));
 *     if (n == 0)
 *         n = rv_stream_recv(&stream, text, sizeof text, rv_after_ms(1000));
 *     rv_stream_close(&stream);
 *
 * Each operation has three forms:
 *
 *   rv_stream_try_recv()   at once, or -EAGAIN; no waker is stored
 *   rv_stream_recv()       waits, in a coroutine, until a deadline
 *   struct rv_stream_recv  a future, with rv_stream_recv_init()
 *
 * The last two try the system call first and wait for the reactor only on
 * EAGAIN. No operation raises SIGPIPE. The poll functions at the end of this
 * file do the same without a future, for code with its own state machine.
 *
 * At most one task may wait for each direction of a socket. Misuse: a second
 * future of another task waits for the same direction; the program stops with a
 * message. The poll functions only replace the waker that is stored.
 *
 * TCP urgent data is not part of the stream: a recv is not woken by it and
 * skips it, unless SO_OOBINLINE is set on the descriptor.
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

RV_BEGIN_DECLS

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
 * Parse an IPv4 or IPv6 address, or "localhost" (127.0.0.1). Other names are
 * not looked up here: see resolve.h.
 *
 * Returns: 0; -EINVAL: not an address.
 */
int rv_addr_parse(struct rv_addr *out, const char *host, uint16_t port);

/* Format as "127.0.0.1:80" or "[::1]:80": at most RV_ADDR_TEXT bytes including
 * the terminating NUL. */
void rv_addr_format(const struct rv_addr *addr, char text[RV_ADDR_TEXT]);

/*
 * Split "example.org:80", "[::1]:80", "*:80" or ":80" into host and port, as
 * rv_tcp_listen_at() and rv_dial() expect them. The host is without brackets;
 * it is copied as it is, and may be empty.
 *
 * Returns: 0; -EINVAL: not a host, a colon and a decimal port of up to 65535;
 *          -ENAMETOOLONG: the host does not fit. *port and `host` may have
 *          changed after an error.
 */
int rv_host_port_parse(const char *text, char *host, size_t host_bytes,
                       uint16_t *port);

/* The port, in host byte order. */
uint16_t rv_addr_port(const struct rv_addr *addr);

/* --- one socket, listening or connected; or one end of a pipe ---------- */

/*
 * Embed it. All zero, and after a close, it is "no socket". A call that opens
 * it does not look at what it was, which may be uninitialized memory: an open
 * stream that is opened again is lost, and the end of the reactor stops the
 * program and names its descriptor.
 *
 * The pipes of a child process are streams too (process.h), and all calls that
 * receive, send, shut down and close work on them. A pipe has one direction:
 * the other one is -EBADF.
 */
struct rv_stream {
    int fd_plus_1;            /* private: 0 is "no socket" */
    bool plain;               /* private: TCP with nothing on top of it */
    uint8_t pipe;             /* private: which end of a pipe; 0: a socket */
    RV_ATOMIC(bool) canceled; /* private: rv_stream_cancel() was called */
    struct rv_source *source; /* private */
    int64_t waits_since_ns;   /* private: when a recv found nothing; or 0 */
};

/* The descriptor, or -1 for "no socket". Owns: the stream keeps it. */
int rv_stream_fd(const struct rv_stream *stream);

/*
 * Normally a short recv on a TCP socket is taken as proof that the receive
 * queue is empty. Call this if something on top of the socket can shorten a
 * recv although more data is queued: kernel TLS, a BPF sockmap, or a program
 * that reads urgent bytes with MSG_OOB itself. From now on each read goes on to
 * EAGAIN, which costs one more system call each time the socket is drained.
 * Sockets that the library did not create are always read this way.
 *
 * Threads: the executor's.
 */
void rv_tcp_read_to_eagain(struct rv_stream *stream);

/*
 * Deregister and close. A no-op on "no socket". No task should wait for the
 * stream: end its wait first, with rv_stream_cancel(). A task of the same
 * executor that receives or sends gets -EBADF; any other wait stops the
 * program.
 */
void rv_stream_close(struct rv_stream *stream);

/* Deregister and close with a reset: data not yet sent is discarded. */
void rv_tcp_reset(struct rv_stream *stream);

/*
 * Close a stream after all of it was sent: as rv_stream_close(), but the data
 * that rv_stream_poll_send_last() held back is sent together with the FIN, even
 * if there is unread input.
 */
void rv_stream_finish(struct rv_stream *stream);

/*
 * Shut down the sending direction; receiving still works. A pipe has no other
 * direction, and its end is the close of the last writer: the stream is closed,
 * and "no socket" from then on.
 *
 * Returns: 0, -ENOTCONN; -EBADF on "no socket", and for a pipe that is read.
 */
int rv_stream_shutdown_write(struct rv_stream *stream);

/*
 * End the waits of another task for this stream, listening or connected. From
 * now on each wait for it returns -ESHUTDOWN, also one that has begun, and also
 * if something has arrived: a peer that sends without a pause cannot prevent
 * it. A relay, a reader and an accept loop return the error of their wait.
 *
 * Nothing is closed, the peer learns nothing, and nothing is lost: what has
 * arrived is in the kernel. The calls with `try` still work, and return
 * -ESHUTDOWN where they would return -EAGAIN. So the task that owns the stream
 * can receive the rest, send a last word, and close it.
 *
 *     task A                                  task B
 *     n = rv_stream_recv(&stream, ...);       rv_stream_cancel(&stream);
 *     ... n is -ESHUTDOWN ...                 rv_go_join(&a);
 *     rv_stream_close(&stream);
 *
 * Threads: any. The stream must not be opened, closed or moved at the same
 *          time: on one executor that is a matter of order; tasks of a
 *          scheduler need a mutex, or close the stream after a join.
 * Returns: 0, also the second time; -EBADF on "no socket".
 */
int rv_stream_cancel(struct rv_stream *stream);

/*
 * Listen on `addr` with SO_REUSEADDR. Port 0: the kernel chooses a free one.
 *
 * Threads: one with a current reactor.
 * Returns: 0, -EADDRINUSE, -EACCES, -EMFILE, ..., -ENODEV: no reactor.
 */
int rv_tcp_listen(struct rv_stream *out, const struct rv_addr *addr);

/* All zero: the same as rv_tcp_listen(). */
struct rv_listen_options {
    uint32_t backlog; /* length of the accept queue; 0: 4096. The kernel limits
                         it to net.core.somaxconn */
    /*
     * Share the port with other listeners that set this (SO_REUSEPORT). The
     * kernel distributes new connections among them. Closing one resets the
     * connections in its queue.
     */
    bool reuse_port;
    /* With reuse_port: fail if any socket has the port already, even one that
     * shares it. For the first of several listeners that belong together, so
     * that a second start of the same program is noticed. */
    bool first;
};

/* The same with options. NULL: the defaults. */
int rv_tcp_listen_with(struct rv_stream *out, const struct rv_addr *addr,
                       const struct rv_listen_options *options);

/*
 * The same by name.
 *
 * host: an IPv4 or IPv6 address, or "localhost" (127.0.0.1); "*" or "": all
 *       addresses of the machine, on one socket for IPv6 and IPv4 (without
 *       IPv6, for IPv4). In a coroutine also another name of the machine, which
 *       is looked up (resolve.h) while the coroutine waits.
 * Returns: as rv_tcp_listen(); *out is a socket only after 0. -EINVAL: not an
 * address, and not in a coroutine; for a name, also an error of rv_resolve.
 */
int rv_tcp_listen_at(struct rv_stream *out, const char *host, uint16_t port);

/* The local address of the socket. Returns: 0, negative errno. */
int rv_tcp_local_addr(const struct rv_stream *stream, struct rv_addr *out);

/* The address of the peer; all zero for a Unix socket. An IPv4 address on a
 * socket for both families is given as IPv4. Returns: 0; -ENOTCONN: the
 * connection is over, or never was; -EBADF on "no socket". */
int rv_stream_peer_addr(const struct rv_stream *stream, struct rv_addr *out);

/* --- at once, or -EAGAIN ----------------------------------------------- */

enum { RV_SENDV_PIECES = 64 };

/*
 * Receive what is available. This makes one system call, whatever the reactor
 * has reported.
 *
 * Threads: as the other calls of the socket; no poll and no coroutine needed.
 * Returns: bytes; 0 at the end of the stream; -EAGAIN: nothing has arrived;
 *          -ECONNRESET, ...; -EBADF on "no socket".
 */
ssize_t rv_stream_try_recv(struct rv_stream *stream, void *buffer,
                           size_t len_bytes);

/* Send as much as the socket accepts. Returns: bytes; -EAGAIN: it accepts
 * nothing now; -EPIPE, -ECONNRESET, ...; -EBADF on "no socket". */
ssize_t rv_stream_try_send(struct rv_stream *stream, const void *data,
                           size_t len_bytes);

/* The same for several pieces without their first `skip_bytes`; 0 if nothing is
 * left to send. At most RV_SENDV_PIECES of them are sent. */
ssize_t rv_stream_try_sendv(struct rv_stream *stream,
                            const struct iovec *pieces, size_t count,
                            size_t skip_bytes);

/* Accept a connection that is in the queue. peer: where to store its address,
 * or NULL. Returns: 0; -EAGAIN: the queue is empty; -EBADF on "no socket"; or
 * an error as in struct rv_stream_accept. *out is a socket only after 0. */
int rv_stream_try_accept(struct rv_stream *listener, struct rv_stream *out,
                         struct rv_addr *peer);

/* --- in a coroutine ---------------------------------------------------- */

/*
 * These calls wait in a coroutine (coro.h), on an executor or in a task of the
 * scheduler; the thread continues with other tasks.
 *
 * deadline_ns: CLOCK_MONOTONIC, absolute; RV_NEVER: none. One in the past tries
 *              once.
 * Owns:        the caller keeps all that it passes.
 * Blocks:      the coroutine, never the thread.
 * Misuse:      outside of a coroutine that has a host; "no socket".
 * Returns:     what each one says, a negative errno of the operation, or
 *              -ETIMEDOUT: the deadline has passed. The socket is usable then.
 *              (The kernel also ends a connection with -ETIMEDOUT, if the peer
 *              acknowledges nothing for minutes; the next call then finds the
 *              end.)
 *              -ECANCELED: the coroutine was canceled.
 *              -ESHUTDOWN: the stream was canceled: rv_stream_cancel().
 *
 * rv_tcp_connect():  0, and *out is a socket.
 * rv_stream_accept(): 0, and *out is a socket; errors: see the future. peer:
 *              where to store its address, or NULL.
 * rv_stream_recv():  the bytes received; 0 at the end of the stream.
 * rv_stream_recv_whole(): 0 when `len_bytes` have arrived. *got_bytes: how many
 *              have, also after an error; a later call can receive the rest.
 *              -ENOMSG: the stream ended before that.
 * rv_stream_send(), rv_stream_sendv(): 0 when all is sent. After -ETIMEDOUT or
 *              -ECANCELED it is unknown how much was; use the futures if that
 *              matters.
 */
int rv_tcp_connect(const struct rv_addr *addr, struct rv_stream *out,
                   int64_t deadline_ns);
int rv_stream_accept(struct rv_stream *listener, struct rv_stream *out,
                     struct rv_addr *peer, int64_t deadline_ns);
int rv_stream_recv(struct rv_stream *stream, void *buffer, size_t len_bytes,
                   int64_t deadline_ns);
int rv_stream_recv_whole(struct rv_stream *stream, void *buffer,
                         size_t len_bytes, size_t *got_bytes,
                         int64_t deadline_ns);
int rv_stream_send(struct rv_stream *stream, const void *data, size_t len_bytes,
                   int64_t deadline_ns);
int rv_stream_sendv(struct rv_stream *stream, const struct iovec *pieces,
                    size_t count, int64_t deadline_ns);

/* --- futures ----------------------------------------------------------- */

/*
 * result: 0, -ECONNREFUSED, ...; *stream is a socket only after 0.
 *
 * A connect to a local port without a listener can, by chance, connect the
 * socket to itself. That is reported as -ECONNREFUSED; the check costs one
 * getsockname() for ports from 1024 on.
 */
struct rv_tcp_connect {
    struct rv_future future;

    /*
     * Optional; set it between init and the first poll: the first data to
     * send. It goes out together with the last ACK of the handshake
     * (TCP_QUICKACK in tcp(7)), which saves a packet, a system call and a
     * wakeup of the server compared to a connect and a send. When the result is
     * 0, `first_sent_bytes` of it were sent: at least one byte.
     *
     * Owns: the caller keeps the data. It must stay valid, unmoved and
     * unmodified until the future is READY or dropped.
     */
    const void *first;
    size_t first_len_bytes;
    size_t first_sent_bytes;

    /* Private. */
    struct rv_addr addr;
    struct rv_stream *stream;
};

/* addr: copied. `stream` must stay valid and unmoved until the future is READY
 * or dropped. */
void rv_tcp_connect_init(struct rv_tcp_connect *connect,
                         const struct rv_addr *addr, struct rv_stream *stream);

/*
 * result: 0, or a negative errno; *stream is a socket only after 0. Dropped
 * before it is READY, no connection was accepted. Errors of accept(2) are of
 * three kinds:
 *
 *   - One connection ended while it was in the queue (-ECONNABORTED, -EPROTO,
 *     ...): it is skipped, and the next one is accepted.
 *   - A shortage (-EMFILE, -ENFILE, -ENOBUFS, -ENOMEM). No connection is lost:
 *     clients wait in the kernel's queue. A server should keep running and try
 *     again later, or close something first.
 *   - A permanent error of the listener (-EBADF, -EINVAL, ...).
 */
struct rv_stream_accept {
    struct rv_future future;
    struct rv_stream *listener;
    struct rv_stream *stream;

    /* Optional; set it between init and the first poll: where to store the
     * address of the peer, as rv_stream_peer_addr() does. */
    struct rv_addr *peer;

    struct rv_sleep pause; /* private, as are the fields after it */
    bool patient;
    bool pausing;
};

/* Both streams must stay valid and unmoved until the future is READY or
 * dropped. */
void rv_stream_accept_init(struct rv_stream_accept *accept,
                           struct rv_stream *listener,
                           struct rv_stream *stream);

/*
 * The same for a server that cannot release resources itself: during a shortage
 * the future stays PENDING and tries again 50 times a second. So the result is
 * 0, or an error of the listener.
 */
void rv_stream_accept_patient_init(struct rv_stream_accept *accept,
                                   struct rv_stream *listener,
                                   struct rv_stream *stream);

/* result: bytes received; 0 at the end of the stream; -ECONNRESET, ...
 * Cancellation-safe: dropped before it is READY, it has received nothing. */
struct rv_stream_recv {
    struct rv_future future;
    struct rv_stream *stream;
    void *buffer;
    size_t len_bytes;
};

/* Owns: the caller keeps the buffer, which must stay valid and unmoved until
 * the future is READY or dropped. It is written only during a poll. */
void rv_stream_recv_init(struct rv_stream_recv *recv, struct rv_stream *stream,
                         void *buffer, size_t len_bytes);

/*
 * Receives until the buffer is full. result: 0; -ENOMSG: the stream ended
 * before; -ECONNRESET, ... `got_bytes` is valid at any time, also after an
 * error or a drop, so that nothing is lost.
 */
struct rv_stream_recv_whole {
    struct rv_future future;
    struct rv_stream *stream;
    char *buffer;
    size_t len_bytes;
    size_t got_bytes;
};

/* Owns: as rv_stream_recv_init(). len_bytes: may be 0; then it is READY at the
 * first poll, with result 0. */
void rv_stream_recv_whole_init(struct rv_stream_recv_whole *recv,
                               struct rv_stream *stream, void *buffer,
                               size_t len_bytes);

/* Sends all of the data. result: 0; -EPIPE, -ECONNRESET, ... `sent_bytes` is
 * valid at any time, also after an error or a drop. */
struct rv_stream_send {
    struct rv_future future;
    struct rv_stream *stream;
    const char *data;
    size_t len_bytes;
    size_t sent_bytes;
};

/* Owns: the caller keeps the data. It must stay valid, unmoved and unmodified
 * until the future is READY or dropped. */
void rv_stream_send_init(struct rv_stream_send *send, struct rv_stream *stream,
                         const void *data, size_t len_bytes);

/*
 * Sends several pieces in order with few system calls: a head and a body, for
 * example. result and `sent_bytes`: as in rv_stream_send.
 *
 * Owns: the caller keeps the array and the pieces. They must stay valid,
 * unmoved and unmodified until the future is READY or dropped.
 */
struct rv_stream_sendv {
    struct rv_future future;
    struct rv_stream *stream;
    const struct iovec *pieces; /* the pieces not sent yet */
    size_t count;
    size_t skip_bytes; /* of the first one, already sent */
    size_t sent_bytes;
};

/* count: may be 0; then it is READY at the first poll, with result 0. */
void rv_stream_sendv_init(struct rv_stream_sendv *send,
                          struct rv_stream *stream, const struct iovec *pieces,
                          size_t count);

/* --- the same without a future ----------------------------------------- */

/* Receive what is available. Returns: bytes; 0 at the end of the stream;
 * negative errno; -EAGAIN: the waker of `cx` was stored, return RV_PENDING. */
ssize_t rv_stream_poll_recv(struct rv_stream *stream, struct rv_cx *cx,
                            void *buffer, size_t len_bytes);

/*
 * Is the connection over in both directions: reset by the peer, or shut down by
 * both sides? If not, the waker of `cx` is stored and woken when the peer sends
 * data or shuts down; then ask again.
 */
bool rv_stream_poll_gone(struct rv_stream *stream, struct rv_cx *cx);

/* Send as much as the socket accepts. Returns: bytes; or as
 * rv_stream_poll_recv(). */
ssize_t rv_stream_poll_send(struct rv_stream *stream, struct rv_cx *cx,
                            const void *data, size_t len_bytes);

/*
 * The same for the last data of a stream. As soon as all of it is accepted, the
 * caller must call rv_stream_finish() or rv_stream_shutdown_write(): the kernel
 * holds the last bytes back until then, so that the data and the FIN are in one
 * packet.
 */
ssize_t rv_stream_poll_send_last(struct rv_stream *stream, struct rv_cx *cx,
                                 const void *data, size_t len_bytes);

/*
 * Send as much of the pieces as the socket accepts, without their first
 * `skip_bytes`, which were sent before. One call sends at most RV_SENDV_PIECES
 * pieces.
 *
 * Returns: bytes; 0 if nothing is left to send; or as rv_stream_poll_recv().
 */
ssize_t rv_stream_poll_sendv(struct rv_stream *stream, struct rv_cx *cx,
                             const struct iovec *pieces, size_t count,
                             size_t skip_bytes);

RV_END_DECLS

#endif /* RV_NET_H */
