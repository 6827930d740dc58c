/* SPDX-License-Identifier: MIT */
/*
 * accept.c - take connections from the queue of a listener.
 *
 * Threads: the executor's.
 */
#include <errno.h>
#include <poll.h>
#include <reveil/trace.h>
#include <string.h>

#include "base/base_internal.h"
#include "net/net_internal.h"

enum {
    DEAD_IN_A_ROW = 64, /* as many errors in a row are not about single peers */
    PAUSE_MS = 20       /* between two tries while resources are short */
};

/* Errors of a connection that ended in the queue, not of the listener: see
 * accept(2), "Error handling". */
static bool is_about_the_peer(int error)
{
    switch (error) {
    case -EINTR:
    case -ECONNABORTED:
    case -EPROTO:
    case -ENETDOWN:
    case -ENETUNREACH:
    case -EHOSTDOWN:
    case -EHOSTUNREACH:
    case -ENONET:
    case -ENOPROTOOPT:
    case -EPERM: /* refused by a firewall rule */
        return true;
    default:
        return false;
    }
}

/*
 * peer: NULL, or where the address of the peer is stored.
 *
 * Returns: a descriptor; negative errno. After DEAD_IN_A_ROW failed connections
 * it returns the last error: if the error is permanent, a loop would never end.
 */
static int accept_fd(int listener, struct rv_addr *peer)
{
    int fd;

    for (int i = 0; i < DEAD_IN_A_ROW; i++) {
        if (peer)
            *peer = (struct rv_addr){.len_bytes = sizeof peer->sa};
        fd = rv_fd_above_stdio(accept4(listener, peer ? &peer->sa.base : NULL,
                                       peer ? &peer->len_bytes : NULL,
                                       SOCK_NONBLOCK | SOCK_CLOEXEC));
        if (fd >= 0 || !is_about_the_peer(fd))
            break;
    }
    if (fd >= 0 && peer)
        rv_addr_settle(peer);
    return fd;
}

/* An accepted socket is of the same kind as its listener. */
static int adopt_accepted(struct rv_stream *out,
                          const struct rv_stream *listener, int fd)
{
    return listener->plain ? rv_stream_adopt_plain(out, fd)
                           : rv_stream_adopt(out, fd);
}

/* accept4() reports a shortage of descriptors even if no connection waits. */
static bool is_queue_empty(int listener)
{
    struct pollfd pollfd = {.fd = listener, .events = POLLIN};

    return poll(&pollfd, 1, 0) == 0;
}

/* Returns: 0; negative errno; -EAGAIN: the queue is empty, which was noted. */
static int accept_once(struct rv_stream *listener, struct rv_stream *out,
                       struct rv_addr *peer, uint32_t tick)
{
    int fd = accept_fd(rv_stream_fd(listener), peer);

    if (rv_error_is_shortage(fd) && is_queue_empty(rv_stream_fd(listener)))
        fd = -EAGAIN;
    if (fd == -EAGAIN) {
        rv_trace(RV_EV_WOULD_BLOCK, 0, rv_stream_fd(listener));
        return rv_net_empty(listener->source, RV_READ, tick);
    }
    rv_trace(RV_EV_ACCEPT, 0, fd);
    return fd < 0 ? fd : adopt_accepted(out, listener, fd);
}

int rv_stream_try_accept(struct rv_stream *listener, struct rv_stream *out,
                         struct rv_addr *peer)
{
    uint32_t tick;

    *out = (struct rv_stream){0};
    if (!listener->source)
        return -EBADF;
    rv_source_peek(listener->source, RV_READ, &tick);
    return accept_once(listener, out, peer, tick);
}

/* Returns: -EAGAIN: the waker was stored; else the result of the accept. */
static int accept_next(struct rv_stream_accept *self, struct rv_cx *cx)
{
    uint32_t tick;

    while (
        rv_source_ready(self->listener->source, RV_READ, &cx->waker, &tick) &&
        rv_may_go_on(cx)) {
        int error;

        if (rv_stream_is_canceled(self->listener))
            return -ESHUTDOWN;
        error = accept_once(self->listener, self->stream, self->peer, tick);
        if (error != -EAGAIN)
            return error;
    }
    return -EAGAIN;
}

static bool is_retried(const struct rv_stream_accept *self)
{
    const int error = self->future.result;

    return self->patient &&
           (rv_error_is_shortage(error) || is_about_the_peer(error));
}

/* The listener stays READY after a connection: only EAGAIN proves that its
 * queue is empty. */
static enum rv_poll accept_poll(struct rv_future *future, struct rv_cx *cx)
{
    struct rv_stream_accept *self =
        RV_CONTAINER_OF(future, struct rv_stream_accept, future);

    for (;;) {
        if (self->pausing && rv_poll(&self->pause.future, cx) == RV_PENDING)
            return RV_PENDING;
        self->pausing = false;
        future->result = accept_next(self, cx);
        if (future->result == -EAGAIN)
            return rv_net_wait(future, self->listener->source, RV_READ);
        if (!is_retried(self))
            return RV_READY;
        /* The source stays READY, so the listener is tried again after the
         * pause: epoll would report no new edge for the same queue. */
        rv_sleep_init(&self->pause, rv_after_ms(PAUSE_MS));
        self->pausing = true;
    }
}

static void accept_drop(struct rv_future *future)
{
    struct rv_stream_accept *self =
        RV_CONTAINER_OF(future, struct rv_stream_accept, future);

    rv_drop(&self->pause.future);
    rv_net_stop_waiting(future, self->listener->source, RV_READ);
}

void rv_stream_accept_init(struct rv_stream_accept *accept,
                           struct rv_stream *listener, struct rv_stream *stream)
{
    static const struct rv_future_ops ops = {
        .name = "rv_stream_accept", .poll = accept_poll, .drop = accept_drop};

    *accept = (struct rv_stream_accept){.listener = listener, .stream = stream};
    rv_future_init(&accept->future, &ops);
    *stream = (struct rv_stream){0};
}

void rv_stream_accept_patient_init(struct rv_stream_accept *accept,
                                   struct rv_stream *listener,
                                   struct rv_stream *stream)
{
    rv_stream_accept_init(accept, listener, stream);
    accept->patient = true;
}
