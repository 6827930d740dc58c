/* SPDX-License-Identifier: MIT */
/*
 * io.h - bytes in and bytes out, over anything.
 *
 *     struct rv_stream_io tcp;
 *     char text[512];
 *     int n;
 *
 *     rv_stream_io_init(&tcp, &stream);
 *     n = rv_io_read(&tcp.io, text, sizeof text, rv_after_ms(5000));
 *     if (n > 0)
 *         n = rv_io_write_all(&tcp.io, text, (size_t)n, RV_NEVER);
 *     if (n == 0)
 *         n = rv_io_shutdown(&tcp.io, RV_NEVER);
 *
 * A struct rv_io is an interface of a few calls. A TCP or Unix stream is one
 * (below), a pipe, a terminal or a file (fd_io.h), and what a program makes of
 * them: TLS, a compressor, a test. reader.h and HTTP work on any rv_io.
 *
 * At most one task may read and one may write at a time.
 */
#ifndef RV_IO_H
#define RV_IO_H

#include <reveil/future.h>
#include <reveil/reactor.h>
#include <sys/types.h>
#include <sys/uio.h>

RV_BEGIN_DECLS

struct rv_io;
struct rv_stream;

/*
 * What an implementation provides. The poll functions never block. They return
 * -EAGAIN when the call would have to wait: then a clone of the waker of `cx`
 * is stored where an event will wake it, or the task has been woken already.
 * They count their system calls with rv_may_go_on(), so that a fast peer cannot
 * starve other tasks. On other errors nothing was read or written.
 *
 * Threads: the executor's, or the scheduler's, one at a time for a direction.
 */
struct rv_io_ops {
    const char *name; /* for messages and logs */

    /* Read what is there. Returns: bytes; 0 at the end, or if len_bytes is 0;
     * -EAGAIN; another negative errno. */
    ssize_t (*poll_read)(struct rv_io *io, struct rv_cx *cx, void *buffer,
                         size_t len_bytes);

    /* Write as much as is accepted now. Returns: bytes; 0 only if len_bytes is
     * 0; -EAGAIN; -EPIPE, another negative errno. It does not raise SIGPIPE. */
    ssize_t (*poll_write)(struct rv_io *io, struct rv_cx *cx, const void *data,
                          size_t len_bytes);

    /* The same for several pieces without their first `skip_bytes`. Returns:
     * bytes; 0: nothing is left. NULL: poll_write is called for a piece. */
    ssize_t (*poll_writev)(struct rv_io *io, struct rv_cx *cx,
                           const struct iovec *pieces, size_t count,
                           size_t skip_bytes);

    /* Write what is held back, then tell the peer that no more will follow; it
     * can still be read from. Returns: 0; -EAGAIN; another negative errno. */
    int (*poll_shutdown)(struct rv_io *io, struct rv_cx *cx);

    /* Remove the waker that poll_read (RV_READ) or another poll function
     * (RV_WRITE) has stored: the task does not wait any more. NULL: a late wake
     * of the task is harmless, and its waker is released later. */
    void (*forget)(struct rv_io *io, enum rv_direction direction);
};

/* Embed it as the first field of what implements it. */
struct rv_io {
    const struct rv_io_ops *ops;
};

/* --- the calls of an io ------------------------------------------------ */

/* As in struct rv_io_ops. */
static inline ssize_t rv_io_poll_read(struct rv_io *io, struct rv_cx *cx,
                                      void *buffer, size_t len_bytes)
{
    return io->ops->poll_read(io, cx, buffer, len_bytes);
}

/* As in struct rv_io_ops. */
static inline ssize_t rv_io_poll_write(struct rv_io *io, struct rv_cx *cx,
                                       const void *data, size_t len_bytes)
{
    return io->ops->poll_write(io, cx, data, len_bytes);
}

/* As in struct rv_io_ops; also for an io without poll_writev. */
ssize_t rv_io_poll_writev(struct rv_io *io, struct rv_cx *cx,
                          const struct iovec *pieces, size_t count,
                          size_t skip_bytes);

/* As in struct rv_io_ops. */
static inline int rv_io_poll_shutdown(struct rv_io *io, struct rv_cx *cx)
{
    return io->ops->poll_shutdown(io, cx);
}

/* As in struct rv_io_ops; a no-op for an io without `forget`. */
static inline void rv_io_forget(struct rv_io *io, enum rv_direction direction)
{
    if (io->ops->forget)
        io->ops->forget(io, direction);
}

/* --- futures ----------------------------------------------------------- */

/* result: bytes; 0 at the end; a negative errno. Dropped before it is READY, it
 * has read nothing. */
struct rv_io_read {
    struct rv_future future;
    struct rv_io *io; /* private, as are the rest */
    void *buffer;
    size_t len_bytes;
};

/* Owns: the caller keeps `io` and the buffer, which must stay valid and unmoved
 * until the future is READY or dropped. */
void rv_io_read_init(struct rv_io_read *read, struct rv_io *io, void *buffer,
                     size_t len_bytes);

/* Writes all of the data. result: 0; -EPIPE, another negative errno.
 * `written_bytes` is valid at any time, also after an error or a drop. */
struct rv_io_write_all {
    struct rv_future future;
    size_t written_bytes;
    struct rv_io *io; /* private, as are the rest */
    const char *data;
    size_t len_bytes;
};

/* Owns: the caller keeps `io` and the data, which must stay valid, unmoved and
 * unmodified until the future is READY or dropped. */
void rv_io_write_all_init(struct rv_io_write_all *write, struct rv_io *io,
                          const void *data, size_t len_bytes);

/* The same for several pieces in order, with few system calls. */
struct rv_io_writev_all {
    struct rv_future future;
    size_t written_bytes;
    struct rv_io *io;           /* private, as are the rest */
    const struct iovec *pieces; /* the pieces not written yet */
    size_t count;
    size_t skip_bytes; /* of the first one, already written */
};

/* Owns: the caller keeps `io`, the array and the pieces. They must stay valid,
 * unmoved and unmodified until the future is READY or dropped. */
void rv_io_writev_all_init(struct rv_io_writev_all *write, struct rv_io *io,
                           const struct iovec *pieces, size_t count);

/* result: 0, or a negative errno. */
struct rv_io_shutdown {
    struct rv_future future;
    struct rv_io *io; /* private */
};

/* Owns: the caller keeps `io`. */
void rv_io_shutdown_init(struct rv_io_shutdown *shutdown, struct rv_io *io);

/* --- in a coroutine ---------------------------------------------------- */

/*
 * Read what is there; wait only if there is nothing.
 *
 * deadline_ns: CLOCK_MONOTONIC, absolute; RV_NEVER. In the past: try once.
 * Blocks:  the coroutine, never the thread.
 * Returns: bytes; 0 at the end of the stream; -ETIMEDOUT, -ECANCELED (nothing
 *          was read); another negative errno.
 */
int rv_io_read(struct rv_io *io, void *buffer, size_t len_bytes,
               int64_t deadline_ns);

/* Write everything. After an error a part may have been written: the future
 * tells how much. Returns: 0; -ETIMEDOUT, -ECANCELED, -EPIPE, ... */
int rv_io_write_all(struct rv_io *io, const void *data, size_t len_bytes,
                    int64_t deadline_ns);

/* The same for several pieces, in order. Returns: as rv_io_write_all(). */
int rv_io_writev_all(struct rv_io *io, const struct iovec *pieces, size_t count,
                     int64_t deadline_ns);

/* Write what is held back and end the writing direction. Returns: 0;
 * -ETIMEDOUT, -ECANCELED, another negative errno. */
int rv_io_shutdown(struct rv_io *io, int64_t deadline_ns);

/* --- a stream as an io ------------------------------------------------- */

/* Embed it. */
struct rv_stream_io {
    struct rv_io io;
    struct rv_stream *stream; /* private */
};

/* Owns: the caller keeps the stream, which must stay valid and unmoved while
 * `io` is used, and closes it. */
void rv_stream_io_init(struct rv_stream_io *io, struct rv_stream *stream);

/* Returns: the stream, if `io` is one of rv_stream_io_init(); otherwise NULL.
 * For code that is faster on a socket. */
struct rv_stream *rv_io_stream(struct rv_io *io);

RV_END_DECLS

#endif /* RV_IO_H */
