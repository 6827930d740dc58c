/* SPDX-License-Identifier: MIT */
/*
 * unix_message.c - messages over Unix sockets, with descriptors in them.
 *
 * A message is received into room for as many descriptors as one can have. So
 * the kernel never cuts them off because of our room: if it does (MSG_CTRUNC),
 * the process has no more numbers for descriptors. What the caller has no room
 * for is closed here.
 *
 * Threads: the thread of the executor whose tasks use the socket.
 */
#include <errno.h>
#include <reveil/async.h>
#include <reveil/trace.h>
#include <reveil/unix.h>
#include <string.h>
#include <unistd.h>

#include "base/base_internal.h"
#include "coro/host.h"
#include "net/net_internal.h"

enum {
    LONGEST_PAUSE_MS = 50,    /* between two tries; doubles from 1 ms */
    OTHER_CONTROL_BYTES = 128 /* what options of the socket may add */
};

/* The sender's process as a descriptor, see SO_PASSPIDFD in unix(7). Of the
 * options that a user may set, only this one makes a descriptor. */
#ifndef SCM_PIDFD
#define SCM_PIDFD 0x04
#endif

/* --- sockets ----------------------------------------------------------- */

int rv_unix_datagram_open(struct rv_stream *out, const char *path)
{
    struct sockaddr_un addr;
    socklen_t addr_bytes = 0;
    int error = path ? rv_unix_parse_path(&addr, &addr_bytes, path) : 0;
    int fd;

    if (error)
        return error;
    if (!rv_reactor_current())
        return -ENODEV; /* before bind() creates the file */
    fd = rv_fd_above_stdio(
        socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (fd < 0)
        return fd;
    if (path && bind(fd, (const struct sockaddr *)&addr, addr_bytes) < 0) {
        error = rv_coro_note(-errno, path);
        close(fd);
        return error;
    }
    return rv_stream_adopt(out, fd);
}

int rv_unix_datagram_connect(struct rv_stream *stream, const char *path)
{
    struct sockaddr_un addr;
    socklen_t addr_bytes;
    const int error = rv_unix_parse_path(&addr, &addr_bytes, path);

    if (error)
        return error;
    return connect(rv_stream_fd(stream), (const struct sockaddr *)&addr,
                   addr_bytes) < 0
               ? -errno
               : 0;
}

void rv_unix_message_init(struct rv_unix_message *message, void *data,
                          size_t len_bytes)
{
    memset(message, 0, sizeof *message);
    message->data = data;
    message->len_bytes = len_bytes;
}

/* --- one system call --------------------------------------------------- */

/* The arguments of sendmsg() or recvmsg(). */
struct call {
    struct iovec part;
    struct msghdr header;
    struct sockaddr_un addr;
    _Alignas(8) char control[CMSG_SPACE(RV_UNIX_FDS * sizeof(int)) +
                             OTHER_CONTROL_BYTES];
};

static void prepare(struct call *call, const struct rv_unix_message *message,
                    size_t done_bytes)
{
    call->part = (struct iovec){.iov_base = (char *)message->data + done_bytes,
                                .iov_len = message->len_bytes - done_bytes};
    call->header = (struct msghdr){.msg_iov = &call->part, .msg_iovlen = 1};
}

static void add_fds(struct call *call, const struct rv_unix_message *message)
{
    const size_t fds_bytes = message->fds_len * sizeof(int);
    struct cmsghdr *head = (struct cmsghdr *)(void *)call->control;

    memset(call->control, 0, CMSG_SPACE(fds_bytes));
    head->cmsg_level = SOL_SOCKET;
    head->cmsg_type = SCM_RIGHTS;
    head->cmsg_len = CMSG_LEN(fds_bytes);
    memcpy(CMSG_DATA(head), message->fds, fds_bytes);
    call->header.msg_control = call->control;
    call->header.msg_controllen = CMSG_SPACE(fds_bytes);
}

static ssize_t note(int fd, enum rv_direction direction, ssize_t n)
{
    if (n == -EAGAIN)
        rv_trace(RV_EV_WOULD_BLOCK, 0, fd);
    else
        rv_trace(direction == RV_READ ? RV_EV_RECV : RV_EV_SEND, (uint64_t)fd,
                 n);
    return n;
}

/* done_bytes: sent already, with the descriptors. */
static ssize_t send_once(int fd, const struct rv_unix_message *message,
                         size_t done_bytes)
{
    struct call call;
    uint32_t tries = 0;
    ssize_t n;
    int error;

    if (message->fds_len > RV_UNIX_FDS ||
        (message->fds_len > 0 && message->len_bytes == 0))
        return -EINVAL;
    prepare(&call, message, done_bytes);
    if (message->fds_len > 0 && done_bytes == 0)
        add_fds(&call, message);
    if (message->to) {
        error = rv_unix_parse_path(&call.addr, &call.header.msg_namelen,
                                   message->to);
        if (error)
            return error;
        call.header.msg_name = &call.addr;
    }
    do {
        n = sendmsg(fd, &call.header, MSG_NOSIGNAL);
    } while (n < 0 && rv_interrupted(&tries));
    return note(fd, RV_WRITE, n < 0 ? -errno : n);
}

/* --- what has arrived -------------------------------------------------- */

static void close_all(const int *fds, uint32_t len)
{
    for (uint32_t i = 0; i < len; i++)
        close(fds[i]);
}

/* Returns: false: it was one of 0, 1 and 2, and there is no other number. */
static bool keep(int fd, int *fds, uint32_t *len)
{
    fd = rv_fd_above_stdio(fd);
    if (fd >= 0)
        fds[(*len)++] = fd;
    return fd >= 0;
}

/* All descriptors of the message, none of them 0, 1 or 2. fds: room for
 * RV_UNIX_FDS. Returns: 0; -EMFILE: there are fewer than were sent. */
static int collect_fds(struct call *call, int *fds, uint32_t *len)
{
    int error = call->header.msg_flags & MSG_CTRUNC ? -EMFILE : 0;
    struct cmsghdr *head;

    *len = 0;
    for (head = CMSG_FIRSTHDR(&call->header); head;
         head = CMSG_NXTHDR(&call->header, head)) {
        const size_t count = (head->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        const bool wanted = head->cmsg_type == SCM_RIGHTS;

        if (head->cmsg_level != SOL_SOCKET ||
            (!wanted && head->cmsg_type != SCM_PIDFD))
            continue;
        for (size_t i = 0; i < count; i++) {
            int fd;

            memcpy(&fd, CMSG_DATA(head) + i * sizeof fd, sizeof fd);
            if (wanted && *len < RV_UNIX_FDS)
                error = keep(fd, fds, len) ? error : -EMFILE;
            else
                close(fd);
        }
    }
    return error;
}

static void copy_sender(struct rv_unix_message *message,
                        const struct call *call)
{
    const size_t head_bytes = offsetof(struct sockaddr_un, sun_path);
    const size_t len = call->header.msg_namelen > head_bytes
                           ? call->header.msg_namelen - head_bytes
                           : 0;

    memset(message->from, 0, sizeof message->from);
    memcpy(message->from, call->addr.sun_path, len);
    if (len > 0 && !message->from[0])
        message->from[0] = '@'; /* abstract */
}

static ssize_t recv_once(int fd, struct rv_unix_message *message)
{
    int fds[RV_UNIX_FDS];
    struct call call;
    uint32_t tries = 0;
    uint32_t len;
    int error;
    ssize_t n;

    message->fds_len = 0;
    prepare(&call, message, 0);
    call.header.msg_name = &call.addr;
    call.header.msg_namelen = sizeof call.addr;
    call.header.msg_control = call.control;
    call.header.msg_controllen = sizeof call.control;
    do {
        n = recvmsg(fd, &call.header, MSG_CMSG_CLOEXEC);
    } while (n < 0 && rv_interrupted(&tries));
    if (n < 0)
        return note(fd, RV_READ, -errno);
    error = collect_fds(&call, fds, &len);
    if (!error &&
        (len > message->fds_room || call.header.msg_flags & MSG_TRUNC))
        error = -EMSGSIZE;
    if (error) {
        close_all(fds, len);
        return note(fd, RV_READ, error);
    }
    if (len > 0)
        memcpy(message->fds, fds, len * sizeof *fds);
    message->fds_len = len;
    copy_sender(message, &call);
    return note(fd, RV_READ, n);
}

/* --- at once, or -EAGAIN ----------------------------------------------- */

static ssize_t try_send(struct rv_stream *stream,
                        const struct rv_unix_message *message,
                        size_t done_bytes)
{
    uint32_t tick;
    ssize_t n;

    if (!stream->source)
        return -EBADF;
    rv_source_peek(stream->source, RV_WRITE, &tick);
    n = send_once(rv_stream_fd(stream), message, done_bytes);
    return n == -EAGAIN ? rv_net_empty(stream->source, RV_WRITE, tick) : n;
}

ssize_t rv_unix_try_send(struct rv_stream *stream,
                         const struct rv_unix_message *message)
{
    return try_send(stream, message, 0);
}

ssize_t rv_unix_try_recv(struct rv_stream *stream,
                         struct rv_unix_message *message)
{
    uint32_t tick;
    ssize_t n;

    if (!stream->source)
        return -EBADF;
    rv_source_peek(stream->source, RV_READ, &tick);
    n = recv_once(rv_stream_fd(stream), message);
    if (n == -EAGAIN)
        return rv_net_empty(stream->source, RV_READ, tick);
    stream->waits_since_ns = 0;
    return n;
}

/* --- futures ----------------------------------------------------------- */

/* Send more of it. Returns: true when the result is known. */
static bool send_some(struct rv_unix_send *self)
{
    const size_t len_bytes = self->message->len_bytes;
    const ssize_t n =
        send_once(rv_stream_fd(self->stream), self->message, self->sent_bytes);

    if (n > 0)
        self->sent_bytes += (size_t)n;
    if (n >= 0 && self->sent_bytes < len_bytes)
        return false;
    self->future.result = n < 0 ? (int)n : 0;
    return true;
}

/*
 * A datagram for a receiver that is not the peer: epoll does not report when
 * that one has room. Returns: true when the pause is over.
 */
static bool has_paused(struct rv_unix_send *self, struct rv_cx *cx)
{
    if (!self->pausing) {
        self->pausing = true;
        rv_sleep_init(&self->pause, rv_after_ms(self->pause_ms));
        if (self->pause_ms < LONGEST_PAUSE_MS)
            self->pause_ms *= 2;
    }
    if (rv_poll(&self->pause.future, cx) == RV_PENDING)
        return false;
    self->pausing = false;
    return true;
}

static enum rv_poll send_poll(struct rv_future *future, struct rv_cx *cx)
{
    struct rv_unix_send *self =
        RV_CONTAINER_OF(future, struct rv_unix_send, future);
    struct rv_source *source = self->stream->source;
    uint32_t tick;

    if (self->pausing && !has_paused(self, cx))
        return RV_PENDING;
    while (rv_source_ready(source, RV_WRITE, &cx->waker, &tick) &&
           rv_may_go_on(cx)) {
        if (rv_stream_is_canceled(self->stream)) {
            future->result = -ESHUTDOWN;
            return RV_READY;
        }
        if (!send_some(self))
            continue;
        if (future->result != -EAGAIN)
            return RV_READY;
        if (self->message->to) {
            if (has_paused(self, cx))
                continue;
            break;
        }
        future->result = rv_source_clear(source, RV_WRITE, tick);
        if (future->result)
            return RV_READY;
    }
    return rv_net_wait(future, source, RV_WRITE);
}

static void send_drop(struct rv_future *future)
{
    struct rv_unix_send *self =
        RV_CONTAINER_OF(future, struct rv_unix_send, future);

    rv_net_stop_waiting(future, self->stream->source, RV_WRITE);
    if (self->pausing)
        rv_drop(&self->pause.future);
}

void rv_unix_send_init(struct rv_unix_send *send, struct rv_stream *stream,
                       const struct rv_unix_message *message)
{
    static const struct rv_future_ops ops = {
        .name = "rv_unix_send", .poll = send_poll, .drop = send_drop};

    memset(send, 0, sizeof *send);
    rv_future_init(&send->future, &ops);
    send->stream = stream;
    send->message = message;
    send->pause_ms = 1;
}

static enum rv_poll recv_poll(struct rv_future *future, struct rv_cx *cx)
{
    struct rv_unix_recv *self =
        RV_CONTAINER_OF(future, struct rv_unix_recv, future);
    struct rv_stream *stream = self->stream;
    uint32_t tick;

    while (rv_source_ready(stream->source, RV_READ, &cx->waker, &tick) &&
           rv_may_go_on(cx)) {
        ssize_t n;

        if (rv_stream_is_canceled(stream)) {
            future->result = -ESHUTDOWN;
            return RV_READY;
        }
        n = recv_once(rv_stream_fd(stream), self->message);
        if (n != -EAGAIN) {
            stream->waits_since_ns = 0;
            if (n > 0)
                rv_net_charge(cx, n);
            future->result = (int32_t)n;
            return RV_READY;
        }
        future->result = rv_source_clear(stream->source, RV_READ, tick);
        if (future->result)
            return RV_READY;
    }
    if (stream->waits_since_ns == 0)
        stream->waits_since_ns = rv_coarse_now_ns();
    return rv_net_wait(future, stream->source, RV_READ);
}

static void recv_drop(struct rv_future *future)
{
    struct rv_unix_recv *self =
        RV_CONTAINER_OF(future, struct rv_unix_recv, future);

    rv_net_stop_waiting(future, self->stream->source, RV_READ);
}

void rv_unix_recv_init(struct rv_unix_recv *recv, struct rv_stream *stream,
                       struct rv_unix_message *message)
{
    static const struct rv_future_ops ops = {
        .name = "rv_unix_recv", .poll = recv_poll, .drop = recv_drop};

    rv_future_init(&recv->future, &ops);
    recv->stream = stream;
    recv->message = message;
    message->fds_len = 0;
}
