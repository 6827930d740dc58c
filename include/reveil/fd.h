/* SPDX-License-Identifier: MIT */
/*
 * fd.h - wait for any descriptor: inotify, a timerfd, one of a library such as
 * libpq or libcurl; and make a stream of a socket that exists.
 *
 *     struct rv_fd_watch watch;                     in a coroutine
 *     int error = rv_fd_watch_open(&watch, inotify);
 *
 *     while (!error && !(error = rv_fd_readable(&watch, RV_NEVER)))
 *         read_events(inotify);
 *     rv_fd_watch_close(&watch);
 *
 * "Is readable" is a state, as in poll(2): it is true as long as a read would
 * not block, also for an error or the end. So a program may read as little as
 * it likes between two waits. Each wait costs one poll(2) more than a stream's.
 * A FIFO counts as readable for good once all of its writers have left it.
 */
#ifndef RV_FD_H
#define RV_FD_H

#include <reveil/net.h>

RV_BEGIN_DECLS

/* --- any descriptor ---------------------------------------------------- */

/* A descriptor that can be waited for. Embed it. All zero, and after a close,
 * it is "none". */
struct rv_fd_watch {
    int fd_plus_1;            /* private, as are the other fields */
    RV_ATOMIC(bool) canceled; /* rv_fd_watch_cancel() was called */
    struct rv_source *source; /* at most one task may wait for each direction */
};

/*
 * Register the descriptor with the thread's reactor. Its flags are unchanged:
 * set O_NONBLOCK if a call on it must never block.
 *
 * Owns:    the caller keeps `fd`, and must close the watch before it.
 * Threads: one with a current reactor.
 * Returns: 0; -EPERM: a regular file or a folder, which never block; -EEXIST:
 *          it is registered already; -EBADF, -ENOMEM, -ENOSPC; -ENODEV: no
 *          reactor. *out is "none" then.
 */
int rv_fd_watch_open(struct rv_fd_watch *out, int fd);

/*
 * End the wait of another task for this descriptor, as rv_stream_cancel() does:
 * it and each later wait return -ESHUTDOWN. rv_fd_try_readable() and
 * rv_fd_try_writable() still say 0 if it is ready.
 *
 * Threads: any; as rv_stream_cancel().
 * Returns: 0, also the second time; -EBADF on "none".
 */
int rv_fd_watch_cancel(struct rv_fd_watch *watch);

/* Deregister. The descriptor stays open. A no-op on "none". Misuse: a task
 * waits for it: end its wait first, with rv_fd_watch_cancel(). */
void rv_fd_watch_close(struct rv_fd_watch *watch);

/* Is it readable, or writable, now? Returns: 0: yes; -EAGAIN: no; -EBADF: the
 * watch is "none", or its descriptor was closed. */
int rv_fd_try_readable(struct rv_fd_watch *watch);
int rv_fd_try_writable(struct rv_fd_watch *watch);

/* Wait for it, in a coroutine; with deadline and rules as in net.h. Returns: 0;
 * -ETIMEDOUT, -ECANCELED, -EBADF; -ESHUTDOWN: rv_fd_watch_cancel(). */
int rv_fd_readable(struct rv_fd_watch *watch, int64_t deadline_ns);
int rv_fd_writable(struct rv_fd_watch *watch, int64_t deadline_ns);

/* result: 0: it is readable, or writable; -EBADF: the descriptor was closed;
 * -ESHUTDOWN: rv_fd_watch_cancel(); an error of the reactor. Cancellation-safe.
 */
struct rv_fd_ready {
    struct rv_future future;
    struct rv_fd_watch *watch; /* private, as is the rest */
    enum rv_direction direction;
};

/* `watch` must stay valid and unmoved until the future is READY or dropped. */
void rv_fd_readable_init(struct rv_fd_ready *ready, struct rv_fd_watch *watch);
void rv_fd_writable_init(struct rv_fd_ready *ready, struct rv_fd_watch *watch);

/* --- streams of sockets that exist ------------------------------------- */

/*
 * Make a stream of a stream socket, connected or listening: one end of a
 * socketpair(), or a descriptor that systemd or inetd has passed. It becomes
 * non-blocking and close-on-exec.
 *
 * Owns:    on 0 the stream has `fd`. If it was 0, 1 or 2, it is closed and the
 *          stream has a copy. On error the caller keeps it.
 * Threads: one with a current reactor.
 * Returns: 0; -ENOTSOCK; -EPROTOTYPE: another kind of socket; -EBADF, -EEXIST,
 *          -EMFILE, -ENOMEM, -ENOSPC; -ENODEV: no reactor.
 */
int rv_stream_of_fd(struct rv_stream *out, int fd);

/* Two connected Unix streams: what one sends the other receives. Returns: 0;
 * -EMFILE, ...; -ENODEV: no reactor. Both are "no socket" after an error. */
int rv_stream_pair(struct rv_stream out[2]);

/* Send small pieces at once (TCP_NODELAY), instead of collecting them while
 * earlier data is not acknowledged. Returns: 0; -EOPNOTSUPP: not TCP; -EBADF on
 * "no socket". */
int rv_tcp_no_delay(struct rv_stream *stream, bool on);

/*
 * Notice a peer that has vanished: when nothing has arrived for `idle_s`
 * seconds, ask it every `interval_s` seconds; after `probes` questions without
 * an answer the connection ends with -ETIMEDOUT. idle_s 0: do not ask; the
 * other two are ignored then.
 *
 * Returns: 0; -EINVAL: a number is out of range (tcp(7)); -EOPNOTSUPP: not TCP;
 * -EBADF on "no socket".
 */
int rv_tcp_keep_alive(struct rv_stream *stream, int idle_s, int interval_s,
                      int probes);

RV_END_DECLS

#endif /* RV_FD_H */
