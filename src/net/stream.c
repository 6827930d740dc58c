/* SPDX-License-Identifier: MIT */
/*
 * stream.c - one stream socket: open, close, and the poll functions.
 *
 * Threads: the thread of the executor whose tasks use the socket.
 *
 * Edge-triggered epoll reports a change, not a state: after an event there is
 * no other one until something new happens. Correctness rests on these
 * assumptions:
 *
 *   - The reactor sets a direction READY at each edge. Only the poll
 *     functions of this part clear it, and only with proof that a call would
 *     block: EAGAIN, or a short read or write where is_short() says that this
 *     is as good.
 *   - Each clear names the tick that was read before the system call. If an
 *     edge arrived during the call, the tick has changed and the clear does
 *     nothing; so no edge is lost.
 *   - A caller that stops early, with data left in the socket (a small buffer,
 *     the I/O budget), leaves the direction READY. The next poll tries again
 *     without waiting for an edge, which might never come.
 *   - The end of the stream and a hang-up keep a direction READY for good: a
 *     call then returns 0 or the error, and there is no edge to wait for.
 *
 * Protocol of rv_stream_cancel(), by which one task ends the waits of another;
 * rv_udp_cancel() and rv_fd_watch_cancel() follow it too:
 *
 *   STREAM-1  It sets `canceled` before it reports both directions as ready
 *       (SOURCE-9). A wait looks at `canceled` after rv_source_ready() and
 *       before its system call. So a wait that was woken by the report fails,
 *       and so does each later one, even if the peer always has data. If a
 *       wait looked only after EAGAIN, such a peer could prevent its end.
 *   STREAM-2  A wait that fails has made no system call since it looked. What
 *       has arrived is in the kernel, where the calls with `try`, which do not
 *       look, find it.
 *   STREAM-3  The error of the source is set before `canceled`, release, which
 *       a wait loads with acquire: a call with `try` that follows a canceled
 *       wait and finds nothing returns that error, and not -EAGAIN.
 *   STREAM-4  Nothing is closed. Futures that are pending have the stream and
 *       its source, so only the task that owns them may close it.
 */
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <reveil/trace.h>
#include <unistd.h>

#include "base/base_internal.h"
#include "net/net_internal.h"
#include "reactor/query.h"

int rv_stream_fd(const struct rv_stream *stream)
{
    return stream->fd_plus_1 - 1;
}

void rv_stream_close(struct rv_stream *stream)
{
    if (!stream->fd_plus_1)
        return;
    rv_source_close(stream->source);
    close(rv_stream_fd(stream));
    *stream = (struct rv_stream){0};
}

/*
 * close() alone would discard the data held back by MSG_MORE if the socket has
 * unread input; shutdown() sends it. The source is removed from epoll first, or
 * the peer's reaction to the FIN would wake the reactor for nothing. In a child
 * of fork() only the descriptor is closed: the parent still uses the
 * connection.
 */
void rv_stream_finish(struct rv_stream *stream)
{
    const bool parents = stream->source && rv_source_is_parents(stream->source);

    if (!stream->fd_plus_1)
        return;
    rv_source_close(stream->source);
    stream->source = NULL;
    if (!parents)
        shutdown(rv_stream_fd(stream), SHUT_WR);
    rv_stream_close(stream);
}

void rv_tcp_reset(struct rv_stream *stream)
{
    /* With a linger time of 0, close() sends a reset: see socket(7). */
    struct linger at_once = {.l_onoff = 1, .l_linger = 0};

    if (stream->fd_plus_1 && !rv_source_is_parents(stream->source))
        setsockopt(rv_stream_fd(stream), SOL_SOCKET, SO_LINGER, &at_once,
                   sizeof at_once);
    rv_stream_close(stream);
}

int rv_stream_shutdown_write(struct rv_stream *stream)
{
    if (stream->pipe == RV_PIPE_READ)
        return -EBADF;
    if (stream->pipe) { /* shutdown() is for sockets */
        rv_stream_close(stream);
        return 0;
    }
    return shutdown(rv_stream_fd(stream), SHUT_WR) < 0 ? -errno : 0;
}

int rv_net_cancel(struct rv_source *source, _Atomic bool *canceled)
{
    if (!source)
        return -EBADF;
    rv_source_fail(source, -ESHUTDOWN);
    /* release: STREAM-3; the report publishes it (STREAM-1). */
    atomic_store_explicit(canceled, true, memory_order_release);
    rv_source_wake(source);
    return 0;
}

int rv_stream_cancel(struct rv_stream *stream)
{
    return rv_net_cancel(stream->source, &stream->canceled);
}

int rv_net_register(int fd, struct rv_source **out)
{
    struct rv_reactor *reactor = rv_reactor_current();
    int error = -ENODEV;

    if (reactor)
        error = rv_source_open(reactor, fd, out);
    if (error)
        close(fd);
    return error;
}

int rv_stream_adopt(struct rv_stream *out, int fd)
{
    const int error = rv_net_register(fd, &out->source);

    if (!error)
        out->fd_plus_1 = fd + 1;
    out->plain = false;
    out->pipe = RV_PIPE_NONE;
    /* relaxed: no other task has the stream yet. */
    atomic_store_explicit(&out->canceled, false, memory_order_relaxed);
    return error;
}

int rv_stream_adopt_pipe(struct rv_stream *out, int fd, bool writes)
{
    const int error = rv_stream_adopt(out, fd);

    if (error)
        return error;
    out->pipe = !writes                   ? RV_PIPE_READ
                : rv_sigpipe_is_ignored() ? RV_PIPE_WRITE
                                          : RV_PIPE_WRITE_GUARDED;
    return 0;
}

int rv_stream_adopt_plain(struct rv_stream *out, int fd)
{
    const int error = rv_stream_adopt(out, fd);

    out->plain = !error;
    return error;
}

void rv_tcp_read_to_eagain(struct rv_stream *stream)
{
    stream->plain = false;
}

int rv_tcp_local_addr(const struct rv_stream *stream, struct rv_addr *out)
{
    out->len_bytes = sizeof out->sa;
    return getsockname(rv_stream_fd(stream), &out->sa.base, &out->len_bytes) < 0
               ? -errno
               : 0;
}

int rv_stream_peer_addr(const struct rv_stream *stream, struct rv_addr *out)
{
    *out = (struct rv_addr){.len_bytes = sizeof out->sa};
    if (getpeername(rv_stream_fd(stream), &out->sa.base, &out->len_bytes) < 0)
        return -errno;
    rv_addr_settle(out);
    return 0;
}

/* --- try the system call first, wait on EAGAIN ------------------------- */

/* One recv(), send() or sendmsg(); on a pipe, read() or writev(). */
struct io {
    enum rv_direction direction;
    void *buffer;     /* for recv() */
    const void *data; /* for send() */
    size_t len_bytes;
    const struct msghdr *message; /* for sendmsg(); NULL: use `data` */
    int flags;                    /* for send() */
};

/*
 * The same call for a pipe. The messages that come here are those of sendv.c,
 * which are nothing but pieces.
 *
 * A pipe that all writers have left has ended for good. Without this check, a
 * program that opened its writing end again, through /proc, would make a read
 * fail with EAGAIN on a direction that stays CLOSED: the loop would not end.
 *
 * Not inlined: sockets would pay for its larger frame.
 */
__attribute__((noinline)) static ssize_t
pipe_once(const struct rv_stream *stream, const struct io *io)
{
    const struct iovec data = {.iov_base = (void *)io->data,
                               .iov_len = io->len_bytes};
    const struct iovec *pieces = io->message ? io->message->msg_iov : &data;
    const int count = io->message ? (int)io->message->msg_iovlen : 1;
    const int fd = rv_stream_fd(stream);
    bool has_ended;
    ssize_t n;

    if (io->direction == RV_WRITE)
        return stream->pipe == RV_PIPE_WRITE_GUARDED
                   ? rv_writev_without_sigpipe(fd, pieces, count)
                   : writev(fd, pieces, count);
    /* Before the read: what a writer has left behind is read first. */
    has_ended = rv_source_hung_up(stream->source, RV_READ);
    n = read(fd, io->buffer, io->len_bytes);
    return n < 0 && errno == EAGAIN && has_ended ? 0 : n;
}

static ssize_t try_once(const struct rv_stream *stream, const struct io *io)
{
    const int fd = rv_stream_fd(stream);
    uint32_t tries = 0;
    ssize_t n;

    do {
        if (__builtin_expect(stream->pipe, 0))
            n = pipe_once(stream, io);
        else if (io->direction == RV_READ)
            n = recv(fd, io->buffer, io->len_bytes, 0);
        else if (io->message)
            n = sendmsg(fd, io->message, MSG_NOSIGNAL);
        else
            n = send(fd, io->data, io->len_bytes, MSG_NOSIGNAL | io->flags);
    } while (n < 0 && rv_interrupted(&tries));
    return n < 0 ? -errno : n;
}

/* The most that Linux transfers in one call (MAX_RW_COUNT is INT_MAX rounded
 * down to a page), for page sizes up to 64 KiB. */
static const size_t most_bytes = INT_MAX & ~0xffff;

/*
 * True if the call transferred less than it was asked to, on a plain TCP
 * connection. Then recv() has emptied the receive queue, or send() has filled
 * the send buffer, and the next change of that is a new edge. Clearing READY
 * here saves the call that would return EAGAIN: one per request.
 *
 * A short recv() does not prove that the queue is empty in these cases:
 *
 *   end of stream      EPOLLRDHUP marks the direction CLOSED: it stays READY
 *   error              EPOLLERR makes the direction strict (SOURCE-7)
 *   urgent data        EPOLLPRI makes it strict as well
 *   MAX_RW_COUNT       the call was as long as the kernel allows: most_bytes
 *   not plain TCP      Unix sockets stop at a message that carries descriptors;
 *                      kernel TLS, at a record; and so on: see `plain`
 *
 * A pending signal does not shorten a recv() that has data: the kernel checks
 * for signals only before it sleeps. SO_RCVLOWAT does not matter either. Data
 * that arrives during the call causes an event, and that has a new tick.
 */
static bool is_short(const struct rv_stream *stream, const struct io *io,
                     ssize_t n)
{
    return stream->plain && n > 0 && (size_t)n < io->len_bytes &&
           (size_t)n < most_bytes;
}

/*
 * After EAGAIN: is there really nothing to read? At the mark of urgent data,
 * recv() returns EAGAIN also when a signal is pending, although there may be
 * data behind the mark; poll() tells. Only a strict direction can have a mark,
 * so ordinary sockets do not pay for this call.
 */
static bool is_drained(const struct rv_stream *stream, const struct io *io)
{
    struct pollfd entry = {.fd = rv_stream_fd(stream), .events = POLLIN};

    if (io->direction == RV_WRITE || !rv_source_strict(stream->source, RV_READ))
        return true;
    return poll(&entry, 1, 0) <= 0 || !(entry.revents & POLLIN);
}

/*
 * A call has returned `n`, which is not -EAGAIN: note what it says about the
 * direction. `waits_since_ns` is for servers, which give up the connection that
 * has waited longest for its peer.
 */
static void note_result(struct rv_stream *stream, const struct io *io,
                        ssize_t n, uint32_t tick)
{
    rv_trace(io->direction == RV_READ ? RV_EV_RECV : RV_EV_SEND,
             (uint64_t)rv_stream_fd(stream), n);
    if (io->direction == RV_READ)
        stream->waits_since_ns = 0;
    if (is_short(stream, io, n))
        rv_source_clear_short(stream->source, io->direction, tick);
}

/* A call has returned EAGAIN: clear READY, unless a new edge has arrived since
 * `tick` was read. Returns: 0, negative errno. */
static int note_eagain(struct rv_stream *stream, const struct io *io,
                       uint32_t tick)
{
    rv_trace(RV_EV_WOULD_BLOCK, 0, rv_stream_fd(stream));
    return is_drained(stream, io)
               ? rv_source_clear(stream->source, io->direction, tick)
               : 0;
}

/*
 * Make the call while the direction is READY. EAGAIN clears READY, unless a new
 * edge has arrived since `tick` was read: then the loop tries again.
 *
 * Returns: as rv_stream_poll_recv().
 */
static ssize_t poll_io(struct rv_stream *stream, struct rv_cx *cx,
                       const struct io *io)
{
    uint32_t tick;

    if (!stream->source)
        return -EBADF;
    while (rv_source_ready(stream->source, io->direction, &cx->waker, &tick) &&
           rv_may_go_on(cx)) {
        ssize_t n;
        int error;

        if (rv_stream_is_canceled(stream))
            return -ESHUTDOWN;
        n = try_once(stream, io);
        if (n != -EAGAIN) {
            note_result(stream, io, n, tick);
            if (n > 0)
                rv_net_charge(cx, n);
            return n;
        }
        error = note_eagain(stream, io, tick);
        if (error)
            return error;
    }
    if (io->direction == RV_READ && stream->waits_since_ns == 0)
        stream->waits_since_ns = rv_coarse_now_ns();
    return -EAGAIN;
}

/* Make the call once, whatever the reactor has reported. */
static ssize_t try_io(struct rv_stream *stream, const struct io *io)
{
    uint32_t tick;
    ssize_t n;
    int error;

    if (!stream->source)
        return -EBADF;
    rv_source_peek(stream->source, io->direction, &tick);
    n = try_once(stream, io);
    if (n != -EAGAIN) {
        note_result(stream, io, n, tick);
        return n;
    }
    error = note_eagain(stream, io, tick);
    return error ? error : -EAGAIN;
}

ssize_t rv_stream_poll_recv(struct rv_stream *stream, struct rv_cx *cx,
                            void *buffer, size_t len_bytes)
{
    const struct io io = {
        .direction = RV_READ, .buffer = buffer, .len_bytes = len_bytes};

    return poll_io(stream, cx, &io);
}

bool rv_stream_poll_gone(struct rv_stream *stream, struct rv_cx *cx)
{
    return rv_source_gone(stream->source, &cx->waker);
}

ssize_t rv_stream_poll_send(struct rv_stream *stream, struct rv_cx *cx,
                            const void *data, size_t len_bytes)
{
    const struct io io = {
        .direction = RV_WRITE, .data = data, .len_bytes = len_bytes};

    return poll_io(stream, cx, &io);
}

ssize_t rv_stream_poll_send_last(struct rv_stream *stream, struct rv_cx *cx,
                                 const void *data, size_t len_bytes)
{
    const struct io io = {.direction = RV_WRITE,
                          .data = data,
                          .len_bytes = len_bytes,
                          .flags = MSG_MORE};

    return poll_io(stream, cx, &io);
}

ssize_t rv_stream_poll_sendmsg(struct rv_stream *stream, struct rv_cx *cx,
                               const struct msghdr *message, size_t len_bytes)
{
    const struct io io = {
        .direction = RV_WRITE, .message = message, .len_bytes = len_bytes};

    return poll_io(stream, cx, &io);
}

ssize_t rv_stream_try_recv(struct rv_stream *stream, void *buffer,
                           size_t len_bytes)
{
    const struct io io = {
        .direction = RV_READ, .buffer = buffer, .len_bytes = len_bytes};

    return try_io(stream, &io);
}

ssize_t rv_stream_try_send(struct rv_stream *stream, const void *data,
                           size_t len_bytes)
{
    const struct io io = {
        .direction = RV_WRITE, .data = data, .len_bytes = len_bytes};

    return try_io(stream, &io);
}

ssize_t rv_stream_try_sendmsg(struct rv_stream *stream,
                              const struct msghdr *message, size_t len_bytes)
{
    const struct io io = {
        .direction = RV_WRITE, .message = message, .len_bytes = len_bytes};

    return try_io(stream, &io);
}
