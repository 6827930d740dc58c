/* SPDX-License-Identifier: MIT */
/*
 * unix.c - listen and connect by path. Connected Unix sockets are ordinary
 * streams: see stream.c. They are never `plain`, so each read goes to EAGAIN.
 *
 * Threads: the executor's.
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
    BACKLOG = 4096,       /* cut to net.core.somaxconn by the kernel */
    LONGEST_PAUSE_MS = 50 /* between two tries; doubles from 1 ms */
};

int rv_unix_parse_path(struct sockaddr_un *out, socklen_t *out_bytes,
                       const char *path)
{
    const size_t len = strlen(path);

    *out = (struct sockaddr_un){.sun_family = AF_UNIX};
    if (len == 0)
        return -EINVAL;
    if (len >= sizeof out->sun_path)
        return -ENAMETOOLONG;
    memcpy(out->sun_path, path, len);
    *out_bytes = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len);
    if (path[0] == '@')
        out->sun_path[0] = '\0'; /* abstract, see unix(7): no NUL at the end */
    else
        *out_bytes += 1; /* the terminating NUL */
    return 0;
}

static int open_socket(void)
{
    return rv_fd_above_stdio(
        socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
}

int rv_unix_listen(struct rv_stream *out, const char *path)
{
    struct sockaddr_un addr;
    socklen_t addr_bytes;
    int error = rv_unix_parse_path(&addr, &addr_bytes, path);
    int fd;

    if (error)
        return error;
    if (!rv_reactor_current())
        return -ENODEV; /* before bind() creates the file */
    fd = open_socket();
    if (fd < 0)
        return fd;
    if (bind(fd, (const struct sockaddr *)&addr, addr_bytes) < 0 ||
        listen(fd, BACKLOG) < 0) {
        error = rv_coro_note(-errno, path);
        close(fd);
        return error;
    }
    rv_coro_note(0, NULL);
    return rv_stream_adopt(out, fd);
}

/* --- connect ----------------------------------------------------------- */

/* A Unix connect succeeds or fails at once. Returns: 0; -EAGAIN: the listener's
 * queue is full, and epoll will not report when it has room; other negative
 * errno. */
static int try_connect(const struct rv_unix_connect *self)
{
    return connect(self->fd_plus_1 - 1, (const struct sockaddr *)&self->addr,
                   self->addr_bytes) < 0
               ? -errno
               : 0;
}

/* Open the socket and try once. Returns: as try_connect(). */
static int open_and_connect(struct rv_unix_connect *self)
{
    const int fd = self->error ? self->error : open_socket();

    if (fd < 0)
        return fd;
    self->fd_plus_1 = fd + 1;
    self->pause_ms = 1;
    return try_connect(self);
}

static void close_socket(struct rv_unix_connect *self)
{
    if (self->fd_plus_1)
        close(self->fd_plus_1 - 1);
    self->fd_plus_1 = 0;
}

/* Hand the connected socket to the caller, or close it after an error.
 * Returns: 0, negative errno. */
static int hand_over(struct rv_unix_connect *self, int error)
{
    const int fd = self->fd_plus_1 - 1;

    if (error) {
        close_socket(self);
        return error;
    }
    self->fd_plus_1 = 0;
    return rv_stream_adopt(self->stream, fd);
}

static enum rv_poll connect_poll(struct rv_future *future, struct rv_cx *cx)
{
    struct rv_unix_connect *self =
        RV_CONTAINER_OF(future, struct rv_unix_connect, future);

    RV_BEGIN(future);
    future->result = open_and_connect(self);
    while (future->result == -EAGAIN) {
        rv_sleep_init(&self->pause, rv_after_ms(self->pause_ms));
        RV_AWAIT(future, cx, &self->pause.future);
        if (self->pause_ms < LONGEST_PAUSE_MS)
            self->pause_ms *= 2;
        future->result = try_connect(self);
    }
    future->result = hand_over(self, future->result);
    rv_trace(RV_EV_CONNECT, 0,
             future->result ? future->result : rv_stream_fd(self->stream));
    RV_RETURN(future, future->result);
    RV_END(future);
}

static void connect_drop(struct rv_future *future)
{
    struct rv_unix_connect *self =
        RV_CONTAINER_OF(future, struct rv_unix_connect, future);

    rv_drop(&self->pause.future);
    close_socket(self);
}

void rv_unix_connect_init(struct rv_unix_connect *connect, const char *path,
                          struct rv_stream *stream)
{
    static const struct rv_future_ops ops = {
        .name = "rv_unix_connect", .poll = connect_poll, .drop = connect_drop};

    memset(connect, 0, sizeof *connect);
    rv_future_init(&connect->future, &ops);
    connect->error =
        rv_unix_parse_path(&connect->addr, &connect->addr_bytes, path);
    connect->stream = stream;
    *stream = (struct rv_stream){0};
}
