/* SPDX-License-Identifier: MIT */
/*
 * fd_io.c - a descriptor of any kind as an rv_io.
 *
 * Threads: the executor's.
 *
 * All kinds but KIND_FILE try a call that does not block, and wait in the
 * reactor after EAGAIN. The descriptor is a copy, so that the registration with
 * epoll is this io's own.
 *
 * A KIND_FILE reads and writes at an offset of its own: a read that is dropped
 * and made again reads the same bytes. Its data passes through a buffer, since
 * the kernel may use that until after a drop.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <reveil/fd_io.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/base_internal.h"
#include "file/file_internal.h"

enum kind {
    KIND_SOCKET,
    KIND_NONBLOCKING, /* O_NONBLOCK is set on the copy */
    KIND_POLLED,      /* it is not: poll(2) is asked before a call */
    KIND_FILE,
};

enum { COPY_BYTES = 64 * 1024 }; /* of one operation on a file */

static struct rv_fd_io *fd_io_of(struct rv_io *io)
{
    return RV_CONTAINER_OF(io, struct rv_fd_io, io);
}

static int fd_of(const struct rv_fd_io *self)
{
    return self->fd_plus_1 - 1;
}

/* --- what epoll can wait for ------------------------------------------- */

/* One call. */
struct transfer {
    enum rv_direction direction;
    void *buffer;
    const void *data;
    size_t len_bytes;
};

static ssize_t call(const struct rv_fd_io *self, const struct transfer *t)
{
    const int fd = fd_of(self);
    size_t len_bytes = t->len_bytes;

    if (self->kind == KIND_SOCKET)
        return t->direction == RV_READ
                   ? recv(fd, t->buffer, len_bytes, MSG_DONTWAIT)
                   : send(fd, t->data, len_bytes, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (self->kind == KIND_POLLED) {
        struct pollfd entry = {
            .fd = fd, .events = t->direction == RV_READ ? POLLIN : POLLOUT};

        if (poll(&entry, 1, 0) == 0) {
            errno = EAGAIN;
            return -1;
        }
        /* A pipe that is ready has room for so many. */
        if (t->direction == RV_WRITE && len_bytes > PIPE_BUF)
            len_bytes = PIPE_BUF;
    }
    if (t->direction == RV_READ)
        return read(fd, t->buffer, len_bytes);
    if (self->guards_sigpipe) {
        const struct iovec data = {.iov_base = (void *)t->data,
                                   .iov_len = len_bytes};

        return rv_writev_without_sigpipe(fd, &data, 1);
    }
    return write(fd, t->data, len_bytes);
}

static ssize_t try_call(const struct rv_fd_io *self, const struct transfer *t)
{
    uint32_t tries = 0;
    ssize_t n;

    do {
        n = call(self, t);
    } while (n < 0 && rv_interrupted(&tries));
    return n < 0 ? -errno : n;
}

static int open_source(struct rv_fd_io *self)
{
    struct rv_reactor *reactor = rv_reactor_current();

    return reactor ? rv_source_open(reactor, fd_of(self), &self->source)
                   : -ENODEV;
}

/*
 * As poll_io() in src/net/stream.c; but most inputs never wait, and are never
 * registered.
 *
 * A pipe or a terminal whose peer has gone may be opened again by another one.
 * An end that the reactor has reported stays: the direction is CLOSED for good,
 * and after EAGAIN the loop would not end. A socket cannot be opened again; at
 * the mark of urgent data it may say EAGAIN before its end.
 */
static ssize_t poll_transfer(struct rv_fd_io *self, struct rv_cx *cx,
                             const struct transfer *t)
{
    uint32_t tick;
    ssize_t n;
    int error;

    if (!self->source) {
        if (!rv_may_go_on(cx))
            return -EAGAIN;
        n = try_call(self, t);
        if (n != -EAGAIN)
            return n;
        error = open_source(self);
        if (error)
            return error;
    }
    while (rv_source_ready(self->source, t->direction, &cx->waker, &tick) &&
           rv_may_go_on(cx)) {
        /* Before the call: what a writer has left behind is read first. */
        const bool has_ended = self->kind != KIND_SOCKET &&
                               rv_source_hung_up(self->source, t->direction);

        n = try_call(self, t);
        if (n != -EAGAIN)
            return n;
        if (has_ended)
            return t->direction == RV_READ ? 0 : -EPIPE;
        error = rv_source_clear(self->source, t->direction, tick);
        if (error)
            return error;
    }
    return -EAGAIN;
}

/* --- files ------------------------------------------------------------- */

static void end_op(struct rv_fd_io_op *op)
{
    if (!op->under_way)
        return;
    rv_drop(&op->op.future);
    op->under_way = false;
}

/* Have a buffer that no operation uses. An earlier one that was dropped may
 * still use the last. Returns: 0, -ENOMEM. */
static int have_buffer(struct rv_fd_io_op *op)
{
    if (op->buf && rv_buf_busy(op->buf)) {
        rv_buf_put(op->buf);
        op->buf = NULL;
    }
    if (!op->buf)
        op->buf = rv_buf_new(COPY_BYTES);
    if (!op->buf)
        return -ENOMEM;
    op->buf->len_bytes = 0;
    return 0;
}

/* Returns: the result of the operation that is under way; -EAGAIN: the waker
 * was stored. */
static int32_t poll_op(struct rv_fd_io_op *op, struct rv_cx *cx)
{
    int32_t result;

    if (rv_poll(&op->op.future, cx) == RV_PENDING)
        return -EAGAIN;
    result = op->op.future.result;
    end_op(op);
    return result;
}

static void advance(struct rv_fd_io *self, ssize_t n)
{
    if (n > 0 && self->offset != RV_FILE_POSITION)
        self->offset += n;
}

static ssize_t poll_file_read(struct rv_fd_io *self, struct rv_cx *cx,
                              void *buffer, size_t len_bytes)
{
    struct rv_fd_io_op *op = &self->ops[RV_READ];
    ssize_t n;
    int error;

    if (!op->under_way) {
        if (!rv_may_go_on(cx))
            return -EAGAIN;
        n = rv_file_read_now(self->file, buffer, len_bytes, self->offset);
        if (n != -EAGAIN) {
            advance(self, n);
            return n;
        }
        error = have_buffer(op);
        if (error)
            return error;
        if (op->buf->cap_bytes > len_bytes)
            op->buf->len_bytes = op->buf->cap_bytes - len_bytes;
        rv_file_read_init(&op->op, self->file, op->buf, self->offset);
        op->under_way = true;
    }
    n = poll_op(op, cx);
    if (n > 0) {
        memcpy(buffer, op->buf->data + op->buf->len_bytes - n, (size_t)n);
        advance(self, n);
    }
    return n;
}

static ssize_t poll_file_write(struct rv_fd_io *self, struct rv_cx *cx,
                               const void *data, size_t len_bytes)
{
    struct rv_fd_io_op *op = &self->ops[RV_WRITE];
    ssize_t n;

    if (!op->under_way) {
        const int error = have_buffer(op);

        if (error)
            return error;
        op->buf->len_bytes = len_bytes < COPY_BYTES ? len_bytes : COPY_BYTES;
        memcpy(op->buf->data, data, op->buf->len_bytes);
        rv_file_write_init(&op->op, self->file, op->buf, 0, self->offset);
        op->under_way = true;
    }
    n = poll_op(op, cx);
    advance(self, n);
    return n;
}

/* --- the io ------------------------------------------------------------ */

static ssize_t fd_poll_read(struct rv_io *io, struct rv_cx *cx, void *buffer,
                            size_t len_bytes)
{
    struct rv_fd_io *self = fd_io_of(io);
    const struct transfer t = {
        .direction = RV_READ, .buffer = buffer, .len_bytes = len_bytes};

    if (!self->fd_plus_1)
        return -EBADF;
    if (len_bytes == 0)
        return 0;
    return self->kind == KIND_FILE ? poll_file_read(self, cx, buffer, len_bytes)
                                   : poll_transfer(self, cx, &t);
}

static ssize_t fd_poll_write(struct rv_io *io, struct rv_cx *cx,
                             const void *data, size_t len_bytes)
{
    struct rv_fd_io *self = fd_io_of(io);
    const struct transfer t = {
        .direction = RV_WRITE, .data = data, .len_bytes = len_bytes};

    if (!self->fd_plus_1)
        return -EPIPE;
    if (len_bytes == 0)
        return 0;
    return self->kind == KIND_FILE ? poll_file_write(self, cx, data, len_bytes)
                                   : poll_transfer(self, cx, &t);
}

/* A pipe ends when the last descriptor for writing is closed. */
static int fd_poll_shutdown(struct rv_io *io, struct rv_cx *cx)
{
    struct rv_fd_io *self = fd_io_of(io);

    (void)cx;
    if (self->kind == KIND_SOCKET)
        return shutdown(fd_of(self), SHUT_WR) < 0 ? -errno : 0;
    if (self->is_write_only)
        rv_fd_io_fini(self);
    return 0;
}

static void fd_forget(struct rv_io *io, enum rv_direction direction)
{
    struct rv_fd_io *self = fd_io_of(io);

    end_op(&self->ops[direction]);
    if (self->source)
        rv_source_forget(self->source, direction);
}

/* --- init and fini ----------------------------------------------------- */

/* A pipe or a terminal, opened again: the copy has its own O_NONBLOCK. */
static int reopen(int fd, int flags)
{
    char path[32];

    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    return rv_fd_above_stdio(
        open(path, (flags & O_ACCMODE) | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
}

static int copy(int fd)
{
    const int copied = fcntl(fd, F_DUPFD_CLOEXEC, RV_FD_FIRST);

    return copied < 0 ? -errno : copied;
}

/* Choose the kind, and make the copy. Returns: 0, negative errno. */
static int take_copy(struct rv_fd_io *self, int fd, const struct stat *stat,
                     int flags)
{
    int copied = -EAGAIN;

    if (S_ISSOCK(stat->st_mode)) {
        self->kind = KIND_SOCKET;
    } else if (S_ISREG(stat->st_mode) || S_ISBLK(stat->st_mode) ||
               S_ISDIR(stat->st_mode)) {
        self->kind = KIND_FILE;
    } else if (flags & O_NONBLOCK) {
        self->kind = KIND_NONBLOCKING;
    } else {
        self->kind = KIND_NONBLOCKING;
        if (S_ISFIFO(stat->st_mode) || isatty(fd))
            copied = reopen(fd, flags);
        if (copied < 0)
            self->kind = KIND_POLLED;
    }
    if (copied < 0)
        copied = copy(fd);
    if (copied < 0)
        return copied;
    self->fd_plus_1 = copied + 1;
    return 0;
}

/* For a character device other than a terminal only epoll knows. */
static int ask_epoll(struct rv_fd_io *self, const struct stat *stat)
{
    int error = 0;

    if (self->kind == KIND_POLLED && S_ISCHR(stat->st_mode))
        error = open_source(self);
    if (error == -EPERM) {
        self->kind = KIND_FILE;
        error = 0;
    }
    return error;
}

/* Its offset is where the caller's is. The file closes the copy, perhaps later:
 * FILE-2. */
static int make_file(struct rv_fd_io *self, int flags)
{
    int error;

    if (self->kind != KIND_FILE)
        return 0;
    self->offset =
        flags & O_APPEND ? -1 : (int64_t)lseek(fd_of(self), 0, SEEK_CUR);
    if (self->offset < 0)
        self->offset = RV_FILE_POSITION;
    error = rv_file_adopt(&self->file, fd_of(self));
    if (error)
        self->fd_plus_1 = 0;
    return error;
}

int rv_fd_io_init(struct rv_fd_io *io, int fd)
{
    static const struct rv_io_ops ops = {.name = "rv_fd_io",
                                         .poll_read = fd_poll_read,
                                         .poll_write = fd_poll_write,
                                         .poll_shutdown = fd_poll_shutdown,
                                         .forget = fd_forget};
    const int flags = fcntl(fd, F_GETFL);
    struct stat stat;
    int error;

    *io = (struct rv_fd_io){.io.ops = &ops};
    if (flags < 0 || fstat(fd, &stat) < 0)
        return -errno;
    io->is_write_only = (flags & O_ACCMODE) == O_WRONLY;
    io->guards_sigpipe = S_ISFIFO(stat.st_mode) && !rv_sigpipe_is_ignored();
    error = take_copy(io, fd, &stat, flags);
    if (!error)
        error = ask_epoll(io, &stat);
    if (!error)
        error = make_file(io, flags);
    if (error)
        rv_fd_io_fini(io);
    return error;
}

void rv_fd_io_fini(struct rv_fd_io *io)
{
    if (!io->fd_plus_1)
        return;
    for (int i = 0; i < 2; i++) {
        end_op(&io->ops[i]);
        rv_buf_put(io->ops[i].buf);
        io->ops[i].buf = NULL;
    }
    if (io->kind == KIND_FILE && io->offset != RV_FILE_POSITION)
        lseek(fd_of(io), io->offset, SEEK_SET);
    rv_source_close(io->source);
    io->source = NULL;
    if (io->file)
        rv_file_put(io->file);
    else
        close(fd_of(io));
    io->file = NULL;
    io->fd_plus_1 = 0;
}
