/* SPDX-License-Identifier: MIT */
/*
 * udp.c - datagrams: one system call for each.
 *
 * Threads: the thread of the executor whose tasks use the socket.
 */
#include <errno.h>
#include <reveil/trace.h>
#include <reveil/udp.h>
#include <unistd.h>

#include "base/base_internal.h"
#include "coro/host.h"
#include "net/net_internal.h"

int rv_udp_fd(const struct rv_udp *udp)
{
    return udp->fd_plus_1 - 1;
}

void rv_udp_close(struct rv_udp *udp)
{
    if (!udp->fd_plus_1)
        return;
    rv_source_close(udp->source);
    close(rv_udp_fd(udp));
    *udp = (struct rv_udp){0};
}

/* --- bind and connect -------------------------------------------------- */

typedef int (*name_call)(int fd, const struct sockaddr *addr, socklen_t len);

/* Open a socket and give it an address with `call`: bind() or connect().
 * Returns: 0, negative errno. */
static int open_socket(struct rv_udp *out, const struct rv_addr *addr,
                       name_call call)
{
    const int fd = rv_fd_above_stdio(socket(
        addr->sa.base.sa_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    int error;

    if (fd < 0)
        return fd;
    if (call(fd, &addr->sa.base, addr->len_bytes) < 0) {
        error = -errno;
        close(fd);
        return error;
    }
    error = rv_net_register(fd, &out->source);
    if (!error)
        out->fd_plus_1 = fd + 1;
    /* relaxed: no other task has the socket yet. */
    atomic_store_explicit(&out->canceled, false, memory_order_relaxed);
    return error;
}

int rv_udp_cancel(struct rv_udp *udp)
{
    return rv_net_cancel(udp->source, &udp->canceled);
}

int rv_udp_bind(struct rv_udp *out, const struct rv_addr *addr)
{
    const int error = open_socket(out, addr, bind);
    char text[RV_ADDR_TEXT];

    rv_addr_format(addr, text);
    return rv_coro_note(error, text);
}

int rv_udp_connect(struct rv_udp *udp, const struct rv_addr *peer)
{
    if (!udp->fd_plus_1)
        return open_socket(udp, peer, connect);
    return connect(rv_udp_fd(udp), &peer->sa.base, peer->len_bytes) < 0 ? -errno
                                                                        : 0;
}

int rv_udp_local_addr(const struct rv_udp *udp, struct rv_addr *out)
{
    out->len_bytes = sizeof out->sa;
    return getsockname(rv_udp_fd(udp), &out->sa.base, &out->len_bytes) < 0
               ? -errno
               : 0;
}

/* --- try the system call first, wait on EAGAIN ------------------------- */

/* With MSG_TRUNC, recvmsg() returns the full length of the datagram even if it
 * was truncated. */
static ssize_t try_once(int fd, enum rv_direction direction,
                        struct msghdr *message)
{
    uint32_t tries = 0;
    ssize_t n;

    do {
        n = direction == RV_READ ? recvmsg(fd, message, MSG_TRUNC)
                                 : sendmsg(fd, message, MSG_NOSIGNAL);
    } while (n < 0 && rv_interrupted(&tries));
    return n < 0 ? -errno : n;
}

/* Only EAGAIN clears READY. Unlike on a TCP stream, a short read proves
 * nothing: the next datagram may already be in the queue. */
static ssize_t poll_io(struct rv_udp *udp, struct rv_cx *cx,
                       enum rv_direction direction, struct msghdr *message)
{
    uint32_t tick;

    while (rv_source_ready(udp->source, direction, &cx->waker, &tick) &&
           rv_may_go_on(cx)) {
        ssize_t n;
        int error;

        if (rv_net_is_canceled(&udp->canceled))
            return -ESHUTDOWN;
        n = try_once(rv_udp_fd(udp), direction, message);
        if (n != -EAGAIN) {
            rv_trace(direction == RV_READ ? RV_EV_RECV : RV_EV_SEND,
                     (uint64_t)rv_udp_fd(udp), n);
            return n;
        }
        rv_trace(RV_EV_WOULD_BLOCK, 0, rv_udp_fd(udp));
        error = rv_source_clear(udp->source, direction, tick);
        if (error)
            return error;
    }
    return -EAGAIN;
}

/* Make the call once, whatever the reactor has reported. */
static ssize_t try_io(struct rv_udp *udp, enum rv_direction direction,
                      struct msghdr *message)
{
    uint32_t tick;
    ssize_t n;

    if (!udp->source)
        return -EBADF;
    rv_source_peek(udp->source, direction, &tick);
    n = try_once(rv_udp_fd(udp), direction, message);
    if (n == -EAGAIN)
        return rv_net_empty(udp->source, direction, tick);
    rv_trace(direction == RV_READ ? RV_EV_RECV : RV_EV_SEND,
             (uint64_t)rv_udp_fd(udp), n);
    return n;
}

/* One datagram: the arguments of recvmsg() or sendmsg(). */
struct datagram {
    struct iovec part;
    struct msghdr message;
};

static void prepare_recv(struct datagram *self, void *buffer, size_t len_bytes,
                         struct rv_addr *from)
{
    self->part = (struct iovec){.iov_base = buffer, .iov_len = len_bytes};
    self->message = (struct msghdr){.msg_iov = &self->part, .msg_iovlen = 1};
    if (!from)
        return;
    self->message.msg_name = &from->sa;
    self->message.msg_namelen = sizeof from->sa;
}

/* The types of sendmsg() lack const, but it writes to neither. */
static void prepare_send(struct datagram *self, const void *data,
                         size_t len_bytes, const struct rv_addr *to)
{
    self->part = (struct iovec){.iov_base = (void *)data, .iov_len = len_bytes};
    self->message = (struct msghdr){.msg_iov = &self->part, .msg_iovlen = 1};
    if (!to)
        return;
    self->message.msg_name = (void *)&to->sa;
    self->message.msg_namelen = to->len_bytes;
}

ssize_t rv_udp_poll_recv_from(struct rv_udp *udp, struct rv_cx *cx,
                              void *buffer, size_t len_bytes,
                              struct rv_addr *from)
{
    struct datagram one;
    ssize_t n;

    prepare_recv(&one, buffer, len_bytes, from);
    n = poll_io(udp, cx, RV_READ, &one.message);
    if (n >= 0 && from)
        from->len_bytes = one.message.msg_namelen;
    return n;
}

ssize_t rv_udp_try_recv_from(struct rv_udp *udp, void *buffer, size_t len_bytes,
                             struct rv_addr *from)
{
    struct datagram one;
    ssize_t n;

    prepare_recv(&one, buffer, len_bytes, from);
    n = try_io(udp, RV_READ, &one.message);
    if (n >= 0 && from)
        from->len_bytes = one.message.msg_namelen;
    return n;
}

int rv_udp_poll_send_to(struct rv_udp *udp, struct rv_cx *cx, const void *data,
                        size_t len_bytes, const struct rv_addr *to)
{
    struct datagram one;
    ssize_t n;

    prepare_send(&one, data, len_bytes, to);
    n = poll_io(udp, cx, RV_WRITE, &one.message);
    return n < 0 ? (int)n : 0;
}

int rv_udp_try_send_to(struct rv_udp *udp, const void *data, size_t len_bytes,
                       const struct rv_addr *to)
{
    struct datagram one;
    ssize_t n;

    prepare_send(&one, data, len_bytes, to);
    n = try_io(udp, RV_WRITE, &one.message);
    return n < 0 ? (int)n : 0;
}

/* --- futures ----------------------------------------------------------- */

static enum rv_poll recv_from_poll(struct rv_future *future, struct rv_cx *cx)
{
    struct rv_udp_recv_from *self =
        RV_CONTAINER_OF(future, struct rv_udp_recv_from, future);
    const ssize_t n = rv_udp_poll_recv_from(self->udp, cx, self->buffer,
                                            self->len_bytes, &self->from);

    if (n == -EAGAIN)
        return rv_net_wait(future, self->udp->source, RV_READ);
    future->result = (int32_t)n; /* fits: a datagram has at most 64 KiB */
    return RV_READY;
}

static void recv_from_drop(struct rv_future *future)
{
    struct rv_udp_recv_from *self =
        RV_CONTAINER_OF(future, struct rv_udp_recv_from, future);

    rv_net_stop_waiting(future, self->udp->source, RV_READ);
}

void rv_udp_recv_from_init(struct rv_udp_recv_from *recv, struct rv_udp *udp,
                           void *buffer, size_t len_bytes)
{
    static const struct rv_future_ops ops = {.name = "rv_udp_recv_from",
                                             .poll = recv_from_poll,
                                             .drop = recv_from_drop};

    *recv = (struct rv_udp_recv_from){
        .udp = udp, .buffer = buffer, .len_bytes = len_bytes};
    rv_future_init(&recv->future, &ops);
}

static enum rv_poll send_to_poll(struct rv_future *future, struct rv_cx *cx)
{
    struct rv_udp_send_to *self =
        RV_CONTAINER_OF(future, struct rv_udp_send_to, future);

    future->result =
        rv_udp_poll_send_to(self->udp, cx, self->data, self->len_bytes,
                            self->connected ? NULL : &self->to);
    return future->result == -EAGAIN
               ? rv_net_wait(future, self->udp->source, RV_WRITE)
               : RV_READY;
}

static void send_to_drop(struct rv_future *future)
{
    struct rv_udp_send_to *self =
        RV_CONTAINER_OF(future, struct rv_udp_send_to, future);

    rv_net_stop_waiting(future, self->udp->source, RV_WRITE);
}

void rv_udp_send_to_init(struct rv_udp_send_to *send, struct rv_udp *udp,
                         const void *data, size_t len_bytes,
                         const struct rv_addr *to)
{
    static const struct rv_future_ops ops = {
        .name = "rv_udp_send_to", .poll = send_to_poll, .drop = send_to_drop};

    *send = (struct rv_udp_send_to){
        .udp = udp, .data = data, .len_bytes = len_bytes, .connected = !to};
    if (to)
        send->to = *to;
    rv_future_init(&send->future, &ops);
}
