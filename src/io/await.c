/* SPDX-License-Identifier: MIT */
/*
 * await.c - reads and writes for coroutines.
 *
 * Threads: those of the same future; in a coroutine.
 */
#include <reveil/coro.h>
#include <reveil/io.h>
#include <reveil/reader.h>

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

/* --- reader ------------------------------------------------------------ */

/* Await the future of a text. *text is set in any case. */
static int await_text(struct rv_reader_text *op, struct rv_text *text,
                      int64_t deadline_ns)
{
    const int result = rv_await_and_drop(&op->future, deadline_ns);

    *text = op->text;
    return result;
}

int rv_reader_line(struct rv_reader *reader, struct rv_text *line,
                   int64_t deadline_ns)
{
    struct rv_reader_text op;

    rv_reader_line_init(&op, reader);
    return await_text(&op, line, deadline_ns);
}

int rv_reader_until(struct rv_reader *reader, const char *delimiter,
                    size_t delimiter_bytes, struct rv_text *text,
                    int64_t deadline_ns)
{
    struct rv_reader_text op;

    rv_reader_until_init(&op, reader, delimiter, delimiter_bytes);
    return await_text(&op, text, deadline_ns);
}

int rv_reader_peek(struct rv_reader *reader, size_t min_bytes,
                   struct rv_text *text, int64_t deadline_ns)
{
    struct rv_reader_text op;

    rv_reader_peek_init(&op, reader, min_bytes);
    return await_text(&op, text, deadline_ns);
}

int rv_reader_read(struct rv_reader *reader, void *buffer, size_t len_bytes,
                   int64_t deadline_ns)
{
    struct rv_reader_read op;

    rv_reader_read_init(&op, reader, buffer, len_bytes);
    return rv_await_and_drop(&op.future, deadline_ns);
}

int rv_reader_exact(struct rv_reader *reader, void *buffer, size_t len_bytes,
                    size_t *got_bytes, int64_t deadline_ns)
{
    struct rv_reader_exact op;
    int result;

    rv_reader_exact_init(&op, reader, buffer, len_bytes);
    result = rv_await_and_drop(&op.future, deadline_ns);
    if (got_bytes)
        *got_bytes = op.got_bytes;
    return result;
}

int rv_reader_all(struct rv_reader *reader, struct rv_bytes *out,
                  int64_t deadline_ns)
{
    struct rv_reader_all op;

    rv_reader_all_init(&op, reader, out);
    return rv_await_and_drop(&op.future, deadline_ns);
}
