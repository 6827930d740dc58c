/* SPDX-License-Identifier: MIT */
/*
 * fd.c - wait for any descriptor; streams of sockets that exist.
 *
 * The reactor reports edges, and the library does not see what the program
 * reads. So poll(2) says whether the descriptor is ready, and READY is cleared
 * only after it has said no, with the tick that was read before (SOURCE-2).
 *
 * Threads: the executor's.
 */
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <reveil/coro.h>
#include <reveil/fd.h>
#include <unistd.h>

#include "base/base_internal.h"
#include "net/net_internal.h"

/* --- any descriptor ---------------------------------------------------- */

int rv_fd_watch_open(struct rv_fd_watch *out, int fd)
{
    struct rv_reactor *reactor = rv_reactor_current();
    int error;

    *out = (struct rv_fd_watch){0};
    if (!reactor)
        return -ENODEV;
    error = rv_source_open(reactor, fd, &out->source);
    if (!error)
        out->fd_plus_1 = fd + 1;
    return error;
}

void rv_fd_watch_close(struct rv_fd_watch *watch)
{
    rv_source_close(watch->source);
    *watch = (struct rv_fd_watch){0};
}

int rv_fd_watch_cancel(struct rv_fd_watch *watch)
{
    return rv_net_cancel(watch->source, &watch->canceled);
}

/* Ask the kernel. An error or the end is ready too: the next call returns it.
 * Returns: 0, -EAGAIN, -EBADF. */
static int ask(const struct rv_fd_watch *watch, enum rv_direction direction)
{
    struct pollfd entry = {.fd = watch->fd_plus_1 - 1,
                           .events = direction == RV_READ ? POLLIN | POLLRDHUP
                                                          : POLLOUT};
    uint32_t tries = 0;
    int count;

    do {
        count = poll(&entry, 1, 0);
    } while (count < 0 && rv_interrupted(&tries));
    if (count < 0)
        return -errno;
    if (entry.revents & POLLNVAL)
        return -EBADF;
    return count > 0 ? 0 : -EAGAIN;
}

static int try_ready(struct rv_fd_watch *watch, enum rv_direction direction)
{
    uint32_t tick;
    int error;

    if (!watch->source)
        return -EBADF;
    rv_source_peek(watch->source, direction, &tick);
    error = ask(watch, direction);
    return error == -EAGAIN ? rv_net_empty(watch->source, direction, tick)
                            : error;
}

int rv_fd_try_readable(struct rv_fd_watch *watch)
{
    return try_ready(watch, RV_READ);
}

int rv_fd_try_writable(struct rv_fd_watch *watch)
{
    return try_ready(watch, RV_WRITE);
}

static enum rv_poll ready_poll(struct rv_future *future, struct rv_cx *cx)
{
    struct rv_fd_ready *self =
        RV_CONTAINER_OF(future, struct rv_fd_ready, future);
    struct rv_source *source = self->watch->source;
    uint32_t tick;

    while (rv_source_ready(source, self->direction, &cx->waker, &tick) &&
           rv_may_go_on(cx)) {
        if (rv_net_is_canceled(&self->watch->canceled)) {
            future->result = -ESHUTDOWN;
            return RV_READY;
        }
        future->result = ask(self->watch, self->direction);
        if (future->result != -EAGAIN)
            return RV_READY;
        future->result = rv_source_clear(source, self->direction, tick);
        if (future->result)
            return RV_READY;
        /* A FIFO that all writers have left and others have opened again: its
         * source stays READY, and the loop would not end. */
        if (rv_source_hung_up(source, self->direction))
            return RV_READY;
    }
    return rv_net_wait(future, source, self->direction);
}

static void ready_drop(struct rv_future *future)
{
    struct rv_fd_ready *self =
        RV_CONTAINER_OF(future, struct rv_fd_ready, future);

    rv_net_stop_waiting(future, self->watch->source, self->direction);
}

static void init(struct rv_fd_ready *ready, struct rv_fd_watch *watch,
                 enum rv_direction direction)
{
    static const struct rv_future_ops ops = {
        .name = "rv_fd_ready", .poll = ready_poll, .drop = ready_drop};

    rv_future_init(&ready->future, &ops);
    ready->watch = watch;
    ready->direction = direction;
}

void rv_fd_readable_init(struct rv_fd_ready *ready, struct rv_fd_watch *watch)
{
    init(ready, watch, RV_READ);
}

void rv_fd_writable_init(struct rv_fd_ready *ready, struct rv_fd_watch *watch)
{
    init(ready, watch, RV_WRITE);
}

static int await_ready(struct rv_fd_watch *watch, enum rv_direction direction,
                       int64_t deadline_ns)
{
    struct rv_fd_ready ready;
    int result;

    if (!watch->source)
        return -EBADF;
    init(&ready, watch, direction);
    result = rv_await_and_drop(&ready.future, deadline_ns);
    if (result == -ETIMEDOUT && try_ready(watch, direction) == 0)
        return 0; /* the reactor had not reported it yet */
    return result;
}

int rv_fd_readable(struct rv_fd_watch *watch, int64_t deadline_ns)
{
    return await_ready(watch, RV_READ, deadline_ns);
}

int rv_fd_writable(struct rv_fd_watch *watch, int64_t deadline_ns)
{
    return await_ready(watch, RV_WRITE, deadline_ns);
}

/* --- streams of sockets that exist ------------------------------------- */

/* Returns: 0: it is a stream socket; -ENOTSOCK, -EPROTOTYPE, -EBADF. */
static int check_kind(int fd)
{
    int type;
    socklen_t size = sizeof type;

    if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) < 0)
        return -errno;
    return type == SOCK_STREAM ? 0 : -EPROTOTYPE;
}

static int set_flags(int fd)
{
    const int flags = fcntl(fd, F_GETFL);

    if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0 ||
        fcntl(fd, F_SETFD, FD_CLOEXEC) < 0)
        return -errno;
    return 0;
}

/* The descriptor itself, or a copy of 0, 1 or 2. Returns: it; negative errno.
 */
static int above_stdio(int fd)
{
    int copy;

    if (fd >= RV_FD_FIRST)
        return fd;
    copy = fcntl(fd, F_DUPFD_CLOEXEC, RV_FD_FIRST);
    return copy < 0 ? -errno : copy;
}

int rv_stream_of_fd(struct rv_stream *out, int fd)
{
    struct rv_reactor *reactor = rv_reactor_current();
    int error = check_kind(fd);
    int own;

    *out = (struct rv_stream){0};
    if (!error && !reactor)
        error = -ENODEV;
    if (!error)
        error = set_flags(fd);
    if (error)
        return error;
    own = above_stdio(fd);
    if (own < 0)
        return own;
    error = rv_source_open(reactor, own, &out->source);
    if (error) {
        if (own != fd)
            close(own);
        return error;
    }
    if (own != fd)
        close(fd);
    out->fd_plus_1 = own + 1;
    return 0;
}

int rv_stream_pair(struct rv_stream out[2])
{
    int fds[2];
    int error = rv_fds_above_stdio(
        fds, socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0,
                        fds));

    out[0] = out[1] = (struct rv_stream){0};
    if (error)
        return error;
    error = rv_stream_adopt(&out[0], fds[0]); /* closes it on error */
    if (error) {
        close(fds[1]);
        return error;
    }
    error = rv_stream_adopt(&out[1], fds[1]);
    if (error)
        rv_stream_close(&out[0]);
    return error;
}

/* Returns: 0, negative errno. */
static int set_option(const struct rv_stream *stream, int level, int option,
                      int value)
{
    return setsockopt(rv_stream_fd(stream), level, option, &value,
                      sizeof value) < 0
               ? -errno
               : 0;
}

int rv_tcp_no_delay(struct rv_stream *stream, bool on)
{
    return set_option(stream, IPPROTO_TCP, TCP_NODELAY, on);
}

int rv_tcp_keep_alive(struct rv_stream *stream, int idle_s, int interval_s,
                      int probes)
{
    int error = 0;

    if (idle_s != 0) {
        error = set_option(stream, IPPROTO_TCP, TCP_KEEPIDLE, idle_s);
        if (!error)
            error = set_option(stream, IPPROTO_TCP, TCP_KEEPINTVL, interval_s);
        if (!error)
            error = set_option(stream, IPPROTO_TCP, TCP_KEEPCNT, probes);
    }
    if (!error)
        error = set_option(stream, SOL_SOCKET, SO_KEEPALIVE, idle_s != 0);
    return error;
}
