/* SPDX-License-Identifier: MIT */
/*
 * stream_futures.c - connect, recv and send as futures.
 *
 * Threads: the executor's.
 *
 * A connect that is PENDING owns the socket that it creates. The other futures
 * own only a waker, stored in the source of the caller's socket. That struct
 * rv_stream must stay valid and unmoved until the future is READY or dropped;
 * it may be closed in between.
 */
#include <errno.h>
#include <netinet/tcp.h>
#include <reveil/async.h>
#include <reveil/trace.h>
#include <string.h>
#include <unistd.h>

#include "base/base_internal.h"
#include "net/net_internal.h"

/* --- connect ----------------------------------------------------------- */

/*
 * connect(2) may be called repeatedly: it returns 0 or EISCONN once the
 * connection is made, EALREADY while the handshake is in progress, or the error
 * that ended it.
 *
 * Returns: 0, -EINPROGRESS, other negative errno.
 */
static int try_connect(const struct rv_tcp_connect *self, int fd)
{
    if (connect(fd, &self->addr.sa.base, self->addr.len_bytes) == 0 ||
        errno == EISCONN)
        return 0;
    return errno == EALREADY || errno == EINTR ? -EINPROGRESS : -errno;
}

/*
 * send(2) on a connecting socket gives the same information and sends data in
 * the same call: EAGAIN while the handshake is in progress, or its error.
 *
 * Returns: 0, and sets first_sent_bytes; -EINPROGRESS; other negative errno.
 */
static int try_send_first(struct rv_tcp_connect *self, int fd, struct rv_cx *cx)
{
    uint32_t tries = 0;
    ssize_t n;

    do {
        n = send(fd, self->first, self->first_len_bytes, MSG_NOSIGNAL);
    } while (n < 0 && rv_interrupted(&tries));
    if (n < 0)
        return errno == EAGAIN ? -EINPROGRESS : -errno;
    rv_net_charge(cx, n);
    self->first_sent_bytes = (size_t)n;
    return 0;
}

/* Make the kernel delay the last ACK of the handshake, so that the first data
 * carries it: one packet less. */
static void hold_ack_back(int fd)
{
    const int no = 0;

    setsockopt(fd, IPPROTO_TCP, TCP_QUICKACK, &no, sizeof no);
}

/* The socket is registered only after connect(): epoll reports a hang-up for a
 * socket that is neither connected nor connecting. */
static int start_connect(struct rv_tcp_connect *self)
{
    const int fd = rv_tcp_socket(&self->addr);
    int error;

    if (fd < 0)
        return fd;
    if (self->first_len_bytes > 0)
        hold_ack_back(fd);
    error = try_connect(self, fd);
    if (error && error != -EINPROGRESS) {
        close(fd);
        return error;
    }
    return rv_stream_adopt_plain(self->stream, fd);
}

/*
 * Try first here too: on loopback the connection is made before the reactor
 * could report it.
 *
 * Returns: 0; negative errno; -EINPROGRESS: the waker was stored.
 */
static int poll_connected(struct rv_tcp_connect *self, struct rv_cx *cx)
{
    struct rv_source *source = self->stream->source;
    int error = -EINPROGRESS;
    uint32_t tick;

    while (error == -EINPROGRESS &&
           rv_source_ready(source, RV_WRITE, &cx->waker, &tick)) {
        error = self->first_len_bytes > 0
                    ? try_send_first(self, rv_stream_fd(self->stream), cx)
                    : try_connect(self, rv_stream_fd(self->stream));
        if (error == -EINPROGRESS) {
            const int failure = rv_source_clear(source, RV_WRITE, tick);

            if (failure)
                return failure;
        }
    }
    return error;
}

/*
 * A connect to a local port without a listener may be assigned that same port
 * as its source port. The socket then connects to itself: a simultaneous open
 * (RFC 9293, section 3.5). The kernel assigns no source port below FIRST_PORT,
 * because ip_local_port_range must not include privileged ports. So the check
 * costs one getsockname() per connect to a higher port, and nothing for 80 or
 * 443.
 */
static bool is_self_connected(const struct rv_tcp_connect *self)
{
    enum { FIRST_PORT = 1024 };
    const uint16_t port = rv_addr_port(&self->addr);
    struct rv_addr peer = {.len_bytes = sizeof peer.sa};
    struct rv_addr own;

    if (port < FIRST_PORT || rv_tcp_local_addr(self->stream, &own) < 0 ||
        rv_addr_port(&own) != port)
        return false;
    if (getpeername(rv_stream_fd(self->stream), &peer.sa.base,
                    &peer.len_bytes) < 0)
        return false;
    return own.sa.base.sa_family == AF_INET6
               ? memcmp(&own.sa.v6.sin6_addr, &peer.sa.v6.sin6_addr,
                        sizeof own.sa.v6.sin6_addr) == 0
               : own.sa.v4.sin_addr.s_addr == peer.sa.v4.sin_addr.s_addr;
}

/* A reset rather than a close, so that the port is free again at once.
 * Returns: 0; -ECONNREFUSED: the socket is connected to itself. */
static int refuse_self_connect(struct rv_tcp_connect *self)
{
    if (!is_self_connected(self))
        return 0;
    rv_tcp_reset(self->stream);
    self->first_sent_bytes = 0;
    return -ECONNREFUSED;
}

static enum rv_poll connect_poll(struct rv_future *future, struct rv_cx *cx)
{
    struct rv_tcp_connect *self =
        RV_CONTAINER_OF(future, struct rv_tcp_connect, future);

    RV_BEGIN(future);
    future->result = start_connect(self);
    if (future->result < 0) {
        rv_trace(RV_EV_CONNECT, 0, future->result);
        RV_RETURN(future, future->result);
    }
    RV_AWAIT_UNTIL(future,
                   (future->result = poll_connected(self, cx)) != -EINPROGRESS);
    if (future->result == 0)
        future->result = refuse_self_connect(self);
    rv_trace(RV_EV_CONNECT, 0,
             future->result ? future->result : rv_stream_fd(self->stream));
    if (self->first_sent_bytes > 0)
        rv_trace(RV_EV_SEND, (uint64_t)rv_stream_fd(self->stream),
                 (int64_t)self->first_sent_bytes);
    if (future->result < 0)
        rv_stream_close(self->stream);
    RV_RETURN(future, future->result);
    RV_END(future);
}

/* Until the result is known, the socket belongs to this future: close it. */
static void connect_drop(struct rv_future *future)
{
    struct rv_tcp_connect *self =
        RV_CONTAINER_OF(future, struct rv_tcp_connect, future);

    if (future->at > 0)
        rv_stream_close(self->stream);
}

void rv_tcp_connect_init(struct rv_tcp_connect *connect,
                         const struct rv_addr *addr, struct rv_stream *stream)
{
    static const struct rv_future_ops ops = {
        .name = "rv_tcp_connect", .poll = connect_poll, .drop = connect_drop};

    rv_future_init(&connect->future, &ops);
    connect->addr = *addr;
    connect->stream = stream;
    connect->first_len_bytes = 0;
    connect->first_sent_bytes = 0;
    *stream = (struct rv_stream){0};
}

/* --- recv and send ----------------------------------------------------- */

static enum rv_poll recv_poll(struct rv_future *future, struct rv_cx *cx)
{
    struct rv_stream_recv *self =
        RV_CONTAINER_OF(future, struct rv_stream_recv, future);
    ssize_t n =
        rv_stream_poll_recv(self->stream, cx, self->buffer, self->len_bytes);

    if (n == -EAGAIN)
        return rv_net_wait(future, self->stream->source, RV_READ);
    future->result = (int32_t)n; /* fits: at most MAX_RW_COUNT bytes */
    return RV_READY;
}

static void recv_drop(struct rv_future *future)
{
    struct rv_stream_recv *self =
        RV_CONTAINER_OF(future, struct rv_stream_recv, future);

    rv_net_stop_waiting(future, self->stream->source, RV_READ);
}

void rv_stream_recv_init(struct rv_stream_recv *recv, struct rv_stream *stream,
                         void *buffer, size_t len_bytes)
{
    static const struct rv_future_ops ops = {
        .name = "rv_stream_recv", .poll = recv_poll, .drop = recv_drop};

    rv_future_init(&recv->future, &ops);
    recv->stream = stream;
    recv->buffer = buffer;
    recv->len_bytes = len_bytes;
}

static enum rv_poll recv_whole_poll(struct rv_future *future, struct rv_cx *cx)
{
    struct rv_stream_recv_whole *self =
        RV_CONTAINER_OF(future, struct rv_stream_recv_whole, future);

    future->result = 0;
    while (self->got_bytes < self->len_bytes) {
        const ssize_t n = rv_stream_poll_recv(
            self->stream, cx, self->buffer + self->got_bytes,
            self->len_bytes - self->got_bytes);

        if (n == -EAGAIN)
            return rv_net_wait(future, self->stream->source, RV_READ);
        if (n <= 0) {
            future->result = n < 0 ? (int32_t)n : -ENOMSG;
            return RV_READY;
        }
        self->got_bytes += (size_t)n;
    }
    return RV_READY;
}

static void recv_whole_drop(struct rv_future *future)
{
    struct rv_stream_recv_whole *self =
        RV_CONTAINER_OF(future, struct rv_stream_recv_whole, future);

    rv_net_stop_waiting(future, self->stream->source, RV_READ);
}

void rv_stream_recv_whole_init(struct rv_stream_recv_whole *recv,
                               struct rv_stream *stream, void *buffer,
                               size_t len_bytes)
{
    static const struct rv_future_ops ops = {.name = "rv_stream_recv_whole",
                                             .poll = recv_whole_poll,
                                             .drop = recv_whole_drop};

    *recv = (struct rv_stream_recv_whole){
        .stream = stream, .buffer = buffer, .len_bytes = len_bytes};
    rv_future_init(&recv->future, &ops);
}

static enum rv_poll send_poll(struct rv_future *future, struct rv_cx *cx)
{
    struct rv_stream_send *self =
        RV_CONTAINER_OF(future, struct rv_stream_send, future);

    while (self->sent_bytes < self->len_bytes) {
        ssize_t n =
            rv_stream_poll_send(self->stream, cx, self->data + self->sent_bytes,
                                self->len_bytes - self->sent_bytes);

        if (n == -EAGAIN)
            return rv_net_wait(future, self->stream->source, RV_WRITE);
        if (n < 0) {
            future->result = (int32_t)n;
            return RV_READY;
        }
        self->sent_bytes += (size_t)n;
    }
    future->result = 0;
    return RV_READY;
}

static void send_drop(struct rv_future *future)
{
    struct rv_stream_send *self =
        RV_CONTAINER_OF(future, struct rv_stream_send, future);

    rv_net_stop_waiting(future, self->stream->source, RV_WRITE);
}

void rv_stream_send_init(struct rv_stream_send *send, struct rv_stream *stream,
                         const void *data, size_t len_bytes)
{
    static const struct rv_future_ops ops = {
        .name = "rv_stream_send", .poll = send_poll, .drop = send_drop};

    rv_future_init(&send->future, &ops);
    send->stream = stream;
    send->data = data;
    send->len_bytes = len_bytes;
    send->sent_bytes = 0;
}
