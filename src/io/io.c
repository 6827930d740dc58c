/* SPDX-License-Identifier: MIT */
/*
 * io.c - the futures of an rv_io, and a stream as one.
 *
 * Threads: the executor's.
 *
 * A future owns nothing but the waker that the io has stored for it.
 */
#include <errno.h>
#include <reveil/net.h>

#include "io/io_internal.h"

ssize_t rv_io_poll_writev(struct rv_io *io, struct rv_cx *cx,
                          const struct iovec *pieces, size_t count,
                          size_t skip_bytes)
{
    if (io->ops->poll_writev)
        return io->ops->poll_writev(io, cx, pieces, count, skip_bytes);
    while (count > 0 && skip_bytes >= pieces->iov_len) {
        skip_bytes -= pieces->iov_len;
        pieces++;
        count--;
    }
    if (count == 0)
        return 0;
    return rv_io_poll_write(io, cx, (const char *)pieces->iov_base + skip_bytes,
                            pieces->iov_len - skip_bytes);
}

/* --- read -------------------------------------------------------------- */

static enum rv_poll read_poll(struct rv_future *future, struct rv_cx *cx)
{
    struct rv_io_read *self =
        RV_CONTAINER_OF(future, struct rv_io_read, future);
    const ssize_t n = rv_io_poll_read(self->io, cx, self->buffer,
                                      rv_io_at_most_int(self->len_bytes));

    if (n == -EAGAIN)
        return rv_io_wait(future, self->io, RV_READ);
    future->result = (int32_t)n;
    return RV_READY;
}

static void read_drop(struct rv_future *future)
{
    struct rv_io_read *self =
        RV_CONTAINER_OF(future, struct rv_io_read, future);

    rv_io_stop_waiting(future, self->io, RV_READ);
}

void rv_io_read_init(struct rv_io_read *read, struct rv_io *io, void *buffer,
                     size_t len_bytes)
{
    static const struct rv_future_ops ops = {
        .name = "rv_io_read", .poll = read_poll, .drop = read_drop};

    rv_future_init(&read->future, &ops);
    read->io = io;
    read->buffer = buffer;
    read->len_bytes = len_bytes;
}

/* --- write ------------------------------------------------------------- */

static enum rv_poll write_all_poll(struct rv_future *future, struct rv_cx *cx)
{
    struct rv_io_write_all *self =
        RV_CONTAINER_OF(future, struct rv_io_write_all, future);

    while (self->written_bytes < self->len_bytes) {
        const ssize_t n =
            rv_io_poll_write(self->io, cx, self->data + self->written_bytes,
                             self->len_bytes - self->written_bytes);

        if (n == -EAGAIN)
            return rv_io_wait(future, self->io, RV_WRITE);
        if (n < 0) {
            future->result = (int32_t)n;
            return RV_READY;
        }
        self->written_bytes += (size_t)n;
    }
    future->result = 0;
    return RV_READY;
}

static void write_all_drop(struct rv_future *future)
{
    struct rv_io_write_all *self =
        RV_CONTAINER_OF(future, struct rv_io_write_all, future);

    rv_io_stop_waiting(future, self->io, RV_WRITE);
}

void rv_io_write_all_init(struct rv_io_write_all *write, struct rv_io *io,
                          const void *data, size_t len_bytes)
{
    static const struct rv_future_ops ops = {.name = "rv_io_write_all",
                                             .poll = write_all_poll,
                                             .drop = write_all_drop};

    rv_future_init(&write->future, &ops);
    write->written_bytes = 0;
    write->io = io;
    write->data = data;
    write->len_bytes = len_bytes;
}

/* Pass over the pieces that are written. */
static void advance(struct rv_io_writev_all *self)
{
    while (self->count > 0 && self->skip_bytes >= self->pieces->iov_len) {
        self->skip_bytes -= self->pieces->iov_len;
        self->pieces++;
        self->count--;
    }
}

static enum rv_poll writev_all_poll(struct rv_future *future, struct rv_cx *cx)
{
    struct rv_io_writev_all *self =
        RV_CONTAINER_OF(future, struct rv_io_writev_all, future);

    for (advance(self); self->count > 0; advance(self)) {
        const ssize_t n = rv_io_poll_writev(self->io, cx, self->pieces,
                                            self->count, self->skip_bytes);

        if (n == -EAGAIN)
            return rv_io_wait(future, self->io, RV_WRITE);
        if (n < 0) {
            future->result = (int32_t)n;
            return RV_READY;
        }
        self->written_bytes += (size_t)n;
        self->skip_bytes += (size_t)n;
    }
    future->result = 0;
    return RV_READY;
}

static void writev_all_drop(struct rv_future *future)
{
    struct rv_io_writev_all *self =
        RV_CONTAINER_OF(future, struct rv_io_writev_all, future);

    rv_io_stop_waiting(future, self->io, RV_WRITE);
}

void rv_io_writev_all_init(struct rv_io_writev_all *write, struct rv_io *io,
                           const struct iovec *pieces, size_t count)
{
    static const struct rv_future_ops ops = {.name = "rv_io_writev_all",
                                             .poll = writev_all_poll,
                                             .drop = writev_all_drop};

    rv_future_init(&write->future, &ops);
    write->written_bytes = 0;
    write->io = io;
    write->pieces = pieces;
    write->count = count;
    write->skip_bytes = 0;
}

/* --- shutdown ---------------------------------------------------------- */

static enum rv_poll shutdown_poll(struct rv_future *future, struct rv_cx *cx)
{
    struct rv_io_shutdown *self =
        RV_CONTAINER_OF(future, struct rv_io_shutdown, future);

    future->result = rv_io_poll_shutdown(self->io, cx);
    return future->result == -EAGAIN ? rv_io_wait(future, self->io, RV_WRITE)
                                     : RV_READY;
}

static void shutdown_drop(struct rv_future *future)
{
    struct rv_io_shutdown *self =
        RV_CONTAINER_OF(future, struct rv_io_shutdown, future);

    rv_io_stop_waiting(future, self->io, RV_WRITE);
}

void rv_io_shutdown_init(struct rv_io_shutdown *shutdown, struct rv_io *io)
{
    static const struct rv_future_ops ops = {
        .name = "rv_io_shutdown", .poll = shutdown_poll, .drop = shutdown_drop};

    rv_future_init(&shutdown->future, &ops);
    shutdown->io = io;
}

/* --- a stream ---------------------------------------------------------- */

static struct rv_stream *stream_of(struct rv_io *io)
{
    return RV_CONTAINER_OF(io, struct rv_stream_io, io)->stream;
}

static ssize_t stream_poll_read(struct rv_io *io, struct rv_cx *cx,
                                void *buffer, size_t len_bytes)
{
    return rv_stream_poll_recv(stream_of(io), cx, buffer, len_bytes);
}

static ssize_t stream_poll_write(struct rv_io *io, struct rv_cx *cx,
                                 const void *data, size_t len_bytes)
{
    return rv_stream_poll_send(stream_of(io), cx, data, len_bytes);
}

static ssize_t stream_poll_writev(struct rv_io *io, struct rv_cx *cx,
                                  const struct iovec *pieces, size_t count,
                                  size_t skip_bytes)
{
    return rv_stream_poll_sendv(stream_of(io), cx, pieces, count, skip_bytes);
}

static int stream_poll_shutdown(struct rv_io *io, struct rv_cx *cx)
{
    (void)cx;
    return rv_stream_shutdown_write(stream_of(io));
}

/* A stream that was closed in between has no source and no waker. */
static void stream_forget(struct rv_io *io, enum rv_direction direction)
{
    struct rv_source *source = stream_of(io)->source;

    if (source)
        rv_source_forget(source, direction);
}

static const struct rv_io_ops stream_ops = {
    .name = "rv_stream_io",
    .poll_read = stream_poll_read,
    .poll_write = stream_poll_write,
    .poll_writev = stream_poll_writev,
    .poll_shutdown = stream_poll_shutdown,
    .forget = stream_forget,
};

void rv_stream_io_init(struct rv_stream_io *io, struct rv_stream *stream)
{
    io->io.ops = &stream_ops;
    io->stream = stream;
}

struct rv_stream *rv_io_stream(struct rv_io *io)
{
    return io->ops == &stream_ops ? stream_of(io) : NULL;
}
