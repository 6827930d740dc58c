/* SPDX-License-Identifier: MIT */
/*
 * await.c - reads and writes for coroutines.
 *
 * Threads: those of the same future; in a coroutine.
 */
#include <reveil/coro.h>
#include <reveil/io.h>

int rv_io_read(struct rv_io *io, void *buffer, size_t len_bytes,
               int64_t deadline_ns)
{
    struct rv_io_read op;

    rv_io_read_init(&op, io, buffer, len_bytes);
    return rv_await_and_drop(&op.future, deadline_ns);
}

int rv_io_write_all(struct rv_io *io, const void *data, size_t len_bytes,
                    int64_t deadline_ns)
{
    struct rv_io_write_all op;

    rv_io_write_all_init(&op, io, data, len_bytes);
    return rv_await_and_drop(&op.future, deadline_ns);
}

int rv_io_writev_all(struct rv_io *io, const struct iovec *pieces, size_t count,
                     int64_t deadline_ns)
{
    struct rv_io_writev_all op;

    rv_io_writev_all_init(&op, io, pieces, count);
    return rv_await_and_drop(&op.future, deadline_ns);
}

int rv_io_shutdown(struct rv_io *io, int64_t deadline_ns)
{
    struct rv_io_shutdown op;

    rv_io_shutdown_init(&op, io);
    return rv_await_and_drop(&op.future, deadline_ns);
}
