/* SPDX-License-Identifier: MIT */
/*
 * unix.h - Unix sockets as futures, between programs on one machine: streams,
 * datagrams, and descriptors that are passed to another program.
 *
 *     rv_unix_listen(&listener, "/run/user/1000/chat");
 *
 *     error = rv_unix_connect("/run/user/1000/chat", &client,
 *                             rv_after_ms(1000));          in a coroutine
 *     if (!error)
 *         error = rv_stream_accept(&listener, &server, NULL, RV_NEVER);
 *
 * For streams only the address differs from TCP: the socket is a struct
 * rv_stream, and accept, recv, send, shutdown and close are those of net.h.
 *
 * A path that begins with '@' is a name in the abstract namespace of Linux. It
 * is not a file, and it disappears when its socket is closed.
 *
 * What TCP does not have is at the end: messages with descriptors in them.
 */
#ifndef RV_UNIX_H
#define RV_UNIX_H

#include <reveil/executor.h>
#include <reveil/net.h>
#include <sys/un.h>

RV_BEGIN_DECLS

/*
 * Create the socket file `path` and listen on it. Closing the socket does not
 * remove the file: the caller unlinks it, including one that an earlier run has
 * left behind.
 *
 * Threads: one with a current reactor.
 * Returns: 0; -EADDRINUSE: the file exists; -ENAMETOOLONG: more than 107 bytes;
 * -EINVAL: empty; -ENOENT, -EACCES, -EMFILE, ..., -ENODEV: no reactor.
 */
int rv_unix_listen(struct rv_stream *out, const char *path);

/* Connect, in a coroutine; with deadline and rules as in net.h. Returns: 0, and
 * *out is a socket; as struct rv_unix_connect; -ETIMEDOUT, -ECANCELED. */
int rv_unix_connect(const char *path, struct rv_stream *out,
                    int64_t deadline_ns);

/*
 * result: 0; -ENOENT; -ECONNREFUSED: the file has no listener; ... *stream is a
 * socket only after 0. While the listener's queue is full, the future tries
 * again every few milliseconds without a limit: use rv_timeout around it.
 */
struct rv_unix_connect {
    struct rv_future future;
    struct rv_stream *stream; /* private, as are the fields after it */
    struct sockaddr_un addr;
    socklen_t addr_bytes;
    int error; /* of the path, reported by the first poll */
    int fd_plus_1;
    int64_t pause_ms;
    struct rv_sleep pause;
};

/* path: copied. If it is too long or empty, the result is -ENAMETOOLONG or
 * -EINVAL. `stream` must stay valid and unmoved until the future is READY or
 * dropped. */
void rv_unix_connect_init(struct rv_unix_connect *connect, const char *path,
                          struct rv_stream *stream);

/* --- datagrams ---------------------------------------------------------- */

/*
 * Create a socket for datagrams, which are sent and received as messages, see
 * below. path: where it receives, as rv_unix_listen(); NULL: it has no address,
 * and gets no answers unless it is connected by the other side.
 *
 * Threads: one with a current reactor.
 * Returns: as rv_unix_listen().
 */
int rv_unix_datagram_open(struct rv_stream *out, const char *path);

/*
 * Set the peer: messages without an address are sent to it, and only messages
 * from it are received. A second call changes the peer.
 *
 * Returns: 0; -ENOENT; -ECONNREFUSED; -EPERM: that one has another peer;
 * -ENAMETOOLONG, -EINVAL.
 */
int rv_unix_datagram_connect(struct rv_stream *stream, const char *path);

/* --- messages: data and descriptors ------------------------------------- */

enum {
    RV_UNIX_FDS = 253,       /* the most that one message can have */
    RV_UNIX_PATH_BYTES = 109 /* with the terminating NUL */
};

/*
 * What is sent or received by one call, on any Unix socket:
 *
 *     int fds[2] = {in, out};
 *     struct rv_unix_message message;
 *
 *     rv_unix_message_init(&message, "x", 1);
 *     message.fds = fds;
 *     message.fds_len = 2;
 *     error = rv_unix_send(&stream, &message, RV_NEVER);
 *
 * On a stream the data are bytes as any others: they may arrive in pieces, and
 * the descriptors come with the first of them. So at least one byte must be
 * sent with them. A recv ends where other descriptors begin.
 */
struct rv_unix_message {
    void *data; /* to send: not written to; or room */
    size_t len_bytes;
    int *fds;          /* to send: they stay the sender's; or room; or NULL */
    uint32_t fds_len;  /* to send; or how many have arrived */
    uint32_t fds_room; /* for those that arrive */
    const char *to;    /* the path that a datagram is for; NULL: the peer */
    char from[RV_UNIX_PATH_BYTES]; /* of the sender of a datagram, or "" */
};

/* The message has no descriptors and no address. */
void rv_unix_message_init(struct rv_unix_message *message, void *data,
                          size_t len_bytes);

/*
 * Send the message, without waiting.
 *
 * Returns: the number of bytes that were sent, less than all only on a stream:
 * then the descriptors were sent, and the rest of the bytes must follow.
 * -EAGAIN: there is no room now; -EMSGSIZE: longer than the socket allows;
 * -EINVAL: descriptors without a byte, or more than RV_UNIX_FDS; -EBADF: one of
 * them is not open; -ETOOMANYREFS: the user has too many that have not arrived;
 * -ENOENT, -ECONNREFUSED, -ENAMETOOLONG: of `to`; -ENOTCONN; -EPIPE.
 */
ssize_t rv_unix_try_send(struct rv_stream *stream,
                         const struct rv_unix_message *message);

/*
 * Receive a message that has arrived, without waiting. The descriptors are the
 * caller's after a result of 0 or more: close-on-exec, and none is 0, 1 or 2.
 *
 * Returns: the number of bytes; 0: the end of a stream, or an empty datagram.
 * -EAGAIN. -EMSGSIZE: a datagram longer than len_bytes, or more descriptors
 * than fds_room. -EMFILE: there are no more numbers for descriptors. After
 * these two the message is lost, and all of its descriptors are closed.
 */
ssize_t rv_unix_try_recv(struct rv_stream *stream,
                         struct rv_unix_message *message);

/* In a coroutine: send all of the message, with deadline and rules as in net.h.
 * Returns: 0; -ETIMEDOUT; -ECANCELED; else as rv_unix_try_send(). */
int rv_unix_send(struct rv_stream *stream,
                 const struct rv_unix_message *message, int64_t deadline_ns);

/* In a coroutine: receive a message. Returns: as rv_unix_try_recv(), but not
 * -EAGAIN; -ETIMEDOUT; -ECANCELED. */
int rv_unix_recv(struct rv_stream *stream, struct rv_unix_message *message,
                 int64_t deadline_ns);

/* result: 0, or as rv_unix_try_send(). If it is dropped earlier, a part of the
 * bytes, with the descriptors, may have been sent on a stream. */
struct rv_unix_send {
    struct rv_future future;
    size_t sent_bytes;
    struct rv_stream *stream; /* private, as are the fields after it */
    const struct rv_unix_message *message;
    int64_t pause_ms;
    struct rv_sleep pause; /* the receiver of a datagram has no room */
    bool pausing;
};

/* The message, and what it points to, must stay valid and unmodified until the
 * future is READY or dropped. */
void rv_unix_send_init(struct rv_unix_send *send, struct rv_stream *stream,
                       const struct rv_unix_message *message);

/* result: as rv_unix_try_recv(). Cancellation-safe: dropped before it is READY,
 * it has received nothing. */
struct rv_unix_recv {
    struct rv_future future;
    struct rv_stream *stream; /* private, as is the rest */
    struct rv_unix_message *message;
};

/* As rv_unix_send_init(). */
void rv_unix_recv_init(struct rv_unix_recv *recv, struct rv_stream *stream,
                       struct rv_unix_message *message);

RV_END_DECLS

#endif /* RV_UNIX_H */
