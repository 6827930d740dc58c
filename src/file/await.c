/* SPDX-License-Identifier: MIT */
/*
 * await.c - files for coroutines, with the caller's memory.
 *
 * Threads: those of the same future; in a coroutine.
 *
 * The kernel or a pool thread may use the memory of an operation until after
 * its drop (FILE-1). So what is not in the page cache passes through an rv_buf.
 */
#include <errno.h>
#include <reveil/coro.h>
#include <reveil/dir.h>
#include <reveil/path.h>
#include <string.h>

#include "file/file_internal.h"

enum { MOST_BYTES = 1 << 20 }; /* in one buffer */

static size_t at_most(size_t len_bytes)
{
    return len_bytes < MOST_BYTES ? len_bytes : MOST_BYTES;
}

/* Returns: a buffer with a copy of the data; NULL without memory. */
static struct rv_buf *copy_of(const void *data, size_t len_bytes)
{
    struct rv_buf *buf = rv_buf_new(len_bytes > 0 ? len_bytes : 1);

    if (!buf)
        return NULL;
    if (len_bytes > 0)
        memcpy(buf->data, data, len_bytes);
    buf->len_bytes = len_bytes;
    return buf;
}

int rv_file_open(struct rv_file **out, const char *path, int flags, mode_t mode,
                 int64_t deadline_ns)
{
    struct rv_file_op op;

    rv_file_open_init(&op, out, path, flags, mode);
    return rv_await_and_drop(&op.future, deadline_ns);
}

int rv_file_try_read(struct rv_file *file, void *buffer, size_t len_bytes,
                     int64_t offset)
{
    /* relaxed: a hint. */
    if (atomic_load_explicit(&file->waits, memory_order_relaxed))
        return -EAGAIN;
    return rv_file_read_now(file, buffer, at_most(len_bytes), offset);
}

int rv_file_read(struct rv_file *file, void *buffer, size_t len_bytes,
                 int64_t offset, int64_t deadline_ns)
{
    struct rv_file_op op;
    struct rv_buf *buf;
    int result = rv_file_try_read(file, buffer, len_bytes, offset);

    if (result != -EAGAIN)
        return result;
    buf = rv_buf_new(len_bytes > 0 ? at_most(len_bytes) : 1);
    if (!buf)
        return -ENOMEM;
    if (len_bytes == 0)
        buf->cap_bytes = 0;
    rv_file_read_init(&op, file, buf, offset);
    result = rv_await_and_drop(&op.future, deadline_ns);
    if (result > 0)
        memcpy(buffer, buf->data, (size_t)result);
    rv_buf_put(buf);
    return result;
}

int rv_file_write(struct rv_file *file, const void *data, size_t len_bytes,
                  int64_t offset, int64_t deadline_ns)
{
    struct rv_buf *buf = copy_of(data, at_most(len_bytes));
    struct rv_file_op op;
    int result;

    if (!buf)
        return -ENOMEM;
    rv_file_write_init(&op, file, buf, 0, offset);
    result = rv_await_and_drop(&op.future, deadline_ns);
    rv_buf_put(buf);
    return result;
}

/* Write one buffer. Returns: 0, negative errno. */
static int write_piece(struct rv_file *file, const void *data, size_t len_bytes,
                       int64_t offset, int64_t deadline_ns)
{
    struct rv_buf *buf = copy_of(data, len_bytes);
    struct rv_file_op op;
    int result;

    if (!buf)
        return -ENOMEM;
    rv_file_write_whole_init(&op, file, buf, 0, offset);
    result = rv_await_and_drop(&op.future, deadline_ns);
    rv_buf_put(buf);
    return result;
}

int rv_file_write_whole(struct rv_file *file, const void *data,
                        size_t len_bytes, int64_t offset, int64_t deadline_ns)
{
    const char *next = data;
    int error = 0;

    while (!error && len_bytes > 0) {
        const size_t n = at_most(len_bytes);

        error = write_piece(file, next, n, offset, deadline_ns);
        next += n;
        len_bytes -= n;
        if (offset != RV_FILE_POSITION)
            offset += (int64_t)n;
    }
    return error;
}

int rv_file_sync(struct rv_file *file, bool data_only, int64_t deadline_ns)
{
    struct rv_file_op op;

    rv_file_sync_init(&op, file, data_only);
    return rv_await_and_drop(&op.future, deadline_ns);
}

int rv_file_stat(struct rv_file *file, struct statx *stat, int64_t deadline_ns)
{
    struct rv_file_op op;

    rv_file_stat_init(&op, file, stat);
    return rv_await_and_drop(&op.future, deadline_ns);
}

int rv_file_close(struct rv_file **file, int64_t deadline_ns)
{
    struct rv_file_op op;
    int result;

    rv_file_close_init(&op, file);
    result = rv_await_and_drop(&op.future, deadline_ns);
    /* A canceled coroutine has not polled it. */
    rv_file_put(*file);
    *file = NULL;
    return result;
}

int rv_file_read_all(const char *path, struct rv_bytes *out,
                     int64_t deadline_ns)
{
    struct rv_file_read_all all;
    struct rv_buf *buf = NULL;
    int result;

    rv_file_read_all_init(&all, path,
                          out->max_bytes ? out->max_bytes - out->len_bytes
                                         : SIZE_MAX / 4);
    result = rv_await_until(&all.future, deadline_ns);
    if (result == 0)
        buf = rv_file_read_all_take(&all);
    rv_drop(&all.future);
    if (buf)
        result = rv_bytes_append(out, buf->data, buf->len_bytes);
    rv_buf_put(buf);
    return result;
}

int rv_file_write_all(const char *path, mode_t mode, const void *data,
                      size_t len_bytes, bool sync, int64_t deadline_ns)
{
    struct rv_buf *buf = copy_of(data, len_bytes);
    struct rv_file_write_all all;

    if (!buf)
        return -ENOMEM;
    rv_file_write_all_init(&all, path, mode, buf, sync);
    rv_buf_put(buf); /* the future has its own reference */
    return rv_await_and_drop(&all.future, deadline_ns);
}

/* --- paths and directories --------------------------------------------- */

int rv_path_stat(const char *path, struct statx *stat, int64_t deadline_ns)
{
    struct rv_path_op op;

    rv_path_stat_init(&op, path, stat);
    return rv_await_and_drop(&op.future, deadline_ns);
}

int rv_path_rename(const char *from, const char *to, int64_t deadline_ns)
{
    struct rv_path_op op;

    rv_path_rename_init(&op, from, to);
    return rv_await_and_drop(&op.future, deadline_ns);
}

int rv_path_unlink(const char *path, int64_t deadline_ns)
{
    struct rv_path_op op;

    rv_path_unlink_init(&op, path);
    return rv_await_and_drop(&op.future, deadline_ns);
}

int rv_path_mkdir(const char *path, mode_t mode, int64_t deadline_ns)
{
    struct rv_path_op op;

    rv_path_mkdir_init(&op, path, mode);
    return rv_await_and_drop(&op.future, deadline_ns);
}

int rv_path_rmdir(const char *path, int64_t deadline_ns)
{
    struct rv_path_op op;

    rv_path_rmdir_init(&op, path);
    return rv_await_and_drop(&op.future, deadline_ns);
}

int rv_dir_next(struct rv_dir *dir, struct rv_dir_entry *entry,
                int64_t deadline_ns)
{
    struct rv_dir_next op;
    int result = rv_dir_try_next(dir, entry);

    if (result != -EAGAIN)
        return result;
    rv_dir_next_init(&op, dir, entry);
    return rv_await_and_drop(&op.future, deadline_ns);
}
