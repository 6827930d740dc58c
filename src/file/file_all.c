/* SPDX-License-Identifier: MIT */
/*
 * file_all.c - futures that read or write a whole file.
 *
 * Threads: the executor's.
 */
#include <errno.h>
#include <fcntl.h>
#include <reveil/async.h>
#include <string.h>

#include "file/file_internal.h"

enum { FIRST_ROOM = 4096 };

/* --- read -------------------------------------------------------------- */

/* Move what was read so far into a larger buffer. Returns: 0, -ENOMEM. */
static int grow(struct rv_file_read_all *self, size_t cap_bytes)
{
    struct rv_buf *buf = rv_buf_new(cap_bytes);

    if (!buf)
        return -ENOMEM;
    if (self->buf) {
        memcpy(buf->data, self->buf->data, self->buf->len_bytes);
        buf->len_bytes = self->buf->len_bytes;
        rv_buf_put(self->buf);
    }
    self->buf = buf;
    return 0;
}

/* Make room for the size of the file, and for one more byte, so that the read
 * that finds the end needs no larger buffer. Files of /proc have size 0.
 * Returns: 0, -ENOMEM, -EFBIG. */
static int make_first_room(struct rv_file_read_all *self)
{
    const uint64_t size = self->stat.stx_size;

    if (size > self->max_bytes)
        return -EFBIG;
    return grow(self, size < FIRST_ROOM ? FIRST_ROOM : (size_t)size + 1);
}

/* Make room for at least one more byte. Returns: 0, -ENOMEM, -EFBIG. */
static int make_room(struct rv_file_read_all *self)
{
    struct rv_buf *buf = self->buf;

    if (buf->len_bytes > self->max_bytes)
        return -EFBIG;
    if (buf->len_bytes < buf->cap_bytes)
        return 0;
    return buf->cap_bytes > SIZE_MAX / 4 ? -EFBIG
                                         : grow(self, buf->cap_bytes * 2);
}

static enum rv_poll read_all_poll(struct rv_future *future, struct rv_cx *cx)
{
    struct rv_file_read_all *self =
        RV_CONTAINER_OF(future, struct rv_file_read_all, future);
    struct rv_file_op *op = &self->op;

    RV_BEGIN(future);
    rv_file_open_init(op, &self->file, self->path, O_RDONLY, 0);
    RV_AWAIT(future, cx, &op->future);
    if (op->future.result < 0)
        RV_RETURN(future, op->future.result);
    rv_file_stat_init(op, self->file, &self->stat);
    RV_AWAIT(future, cx, &op->future);
    future->result = op->future.result;
    if (future->result == 0)
        future->result = make_first_room(self);
    while (future->result == 0) {
        rv_file_read_init(op, self->file, self->buf, RV_FILE_POSITION);
        RV_AWAIT(future, cx, &op->future);
        if (op->future.result <= 0)
            break;
        future->result = make_room(self);
    }
    if (future->result == 0)
        future->result = op->future.result;
    rv_file_close_init(op, &self->file);
    RV_AWAIT(future, cx, &op->future);
    RV_RETURN(future, future->result);
    RV_END(future);
}

static void read_all_drop(struct rv_future *future)
{
    struct rv_file_read_all *self =
        RV_CONTAINER_OF(future, struct rv_file_read_all, future);

    rv_drop(&self->op.future);
    rv_file_put(self->file);
    self->file = NULL;
    rv_buf_put(self->buf);
    self->buf = NULL;
}

void rv_file_read_all_init(struct rv_file_read_all *all, const char *path,
                           size_t max_bytes)
{
    static const struct rv_future_ops ops = {.name = "rv_file_read_all",
                                             .poll = read_all_poll,
                                             .drop = read_all_drop};

    *all = (struct rv_file_read_all){.path = path, .max_bytes = max_bytes};
    rv_future_init(&all->future, &ops);
}

struct rv_buf *rv_file_read_all_take(struct rv_file_read_all *all)
{
    struct rv_buf *buf = all->future.result == 0 ? all->buf : NULL;

    if (buf)
        all->buf = NULL;
    return buf;
}

/* --- write ------------------------------------------------------------- */

static enum rv_poll write_all_poll(struct rv_future *future, struct rv_cx *cx)
{
    struct rv_file_write_all *self =
        RV_CONTAINER_OF(future, struct rv_file_write_all, future);
    struct rv_file_op *op = &self->op;

    RV_BEGIN(future);
    rv_file_open_init(op, &self->file, self->path, O_WRONLY | O_CREAT | O_TRUNC,
                      self->mode);
    RV_AWAIT(future, cx, &op->future);
    if (op->future.result < 0)
        RV_RETURN(future, op->future.result);
    if (self->sync)
        rv_file_write_sync_init(op, self->file, self->buf, 0, 0);
    else
        rv_file_write_whole_init(op, self->file, self->buf, 0, 0);
    RV_AWAIT(future, cx, &op->future);
    future->result = op->future.result;
    rv_file_close_init(op, &self->file);
    RV_AWAIT(future, cx, &op->future);
    if (future->result == 0)
        future->result = op->future.result;
    RV_RETURN(future, future->result);
    RV_END(future);
}

static void write_all_drop(struct rv_future *future)
{
    struct rv_file_write_all *self =
        RV_CONTAINER_OF(future, struct rv_file_write_all, future);

    rv_drop(&self->op.future);
    rv_file_put(self->file);
    self->file = NULL;
    rv_buf_put(self->buf);
    self->buf = NULL;
}

void rv_file_write_all_init(struct rv_file_write_all *all, const char *path,
                            mode_t mode, struct rv_buf *buf, bool sync)
{
    static const struct rv_future_ops ops = {.name = "rv_file_write_all",
                                             .poll = write_all_poll,
                                             .drop = write_all_drop};

    *all = (struct rv_file_write_all){
        .path = path, .mode = mode, .sync = sync, .buf = rv_buf_get(buf)};
    rv_future_init(&all->future, &ops);
}
