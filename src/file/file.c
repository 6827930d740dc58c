/* SPDX-License-Identifier: MIT */
/*
 * file.c - file operations as futures.
 *
 * Threads: the executor's.
 *
 *     NEW --> now? --yes------------------------------------> READY
 *              |
 *              +--> RING: one or two entries -----------------> READY
 *              |
 *              +--> WAIT: until the reactor says so --> POOL --> READY
 *
 *   FILE-1  What the kernel or a pool thread touches is in the job, which is
 *       put by whoever lets go last; the future has outputs copied out of it.
 *   FILE-2  A descriptor is closed by the last reference to its file, and a job
 *       in the ring's waiting line has one: the number cannot be another file's
 *       by the time the kernel gets it.
 */
#include <errno.h>
#include <fcntl.h>

#include "file/file_internal.h"

static struct rv_file_op *op_of(struct rv_future *future)
{
    return RV_CONTAINER_OF(future, struct rv_file_op, future);
}

/* --- the future -------------------------------------------------------- */

/* The file leaves its owner's hands. */
static void take_file_to_close(struct rv_file_op *self)
{
    self->file = *self->out;
    *self->out = NULL;
}

/* Make the job. Returns: 0, negative errno. */
static int prepare(struct rv_file_op *self)
{
    int error;

    if (self->kind == RV_FILE_CLOSE)
        take_file_to_close(self);
    error = rv_file_job_new(&self->job, self);
    if (self->kind == RV_FILE_CLOSE)
        rv_file_put(self->file); /* the job has one, or it is closed here */
    return error;
}

/* Another operation, which was dropped, still has the file. */
static bool is_closed_later(const struct rv_file_op *self)
{
    /* acquire: their use of it has ended; pairs with rv_file_put(). */
    return self->kind == RV_FILE_CLOSE &&
           (self->job->file->borrowed ||
            atomic_load_explicit(&self->job->file->references,
                                 memory_order_acquire) > 1);
}

/* Over before there was a job, or without it. */
static enum rv_poll end_at_once(struct rv_file_op *self, int32_t result)
{
    self->state = RV_FILE_OP_OVER;
    self->future.result = result;
    return RV_READY;
}

/* A read of what is in the page cache needs no job, and so no memory. Returns:
 * true if it is over; *result is set then. */
static bool try_now(struct rv_file_op *self, int32_t *result)
{
    struct rv_buf *buf = self->buf;

    /* relaxed: a hint. */
    if (self->kind != RV_FILE_READ ||
        atomic_load_explicit(&self->file->waits, memory_order_relaxed) ||
        rv_buf_busy(buf))
        return false;
    *result = rv_file_read_now(self->file, buf->data + buf->len_bytes,
                               buf->cap_bytes - buf->len_bytes, self->offset);
    if (*result > 0)
        buf->len_bytes += (size_t)*result;
    return *result != -EAGAIN;
}

/* Returns: READY, or PENDING when another state was chosen. */
static enum rv_poll begin(struct rv_file_op *self, struct rv_cx *cx)
{
    int32_t result = 0;

    if (!self->job) {
        if (try_now(self, &result))
            return end_at_once(self, result);
        result = prepare(self);
        if (result < 0)
            return end_at_once(self, result);
        if (is_closed_later(self)) {
            rv_file_job_put(self->job);
            self->job = NULL;
            return end_at_once(self, 0);
        }
    }
    rv_file_choose_way(self, cx);
    return RV_PENDING;
}

static enum rv_poll poll_state(struct rv_file_op *self, struct rv_cx *cx)
{
    switch ((enum rv_file_op_state)self->state) {
    case RV_FILE_OP_NEW:
        return begin(self, cx);
    case RV_FILE_OP_RING:
        return rv_file_poll_ring(self, cx);
    case RV_FILE_OP_WAIT:
        return rv_file_poll_wait(self, cx);
    case RV_FILE_OP_POOL:
        return rv_file_poll_pool(self, cx);
    case RV_FILE_OP_OVER:
        break;
    }
    rv_future_misuse(&self->future);
}

static enum rv_poll file_op_poll(struct rv_future *future, struct rv_cx *cx)
{
    struct rv_file_op *self = op_of(future);
    enum rv_poll result;
    uint8_t state;

    if (self->state == RV_FILE_OP_NEW && !rv_may_go_on(cx))
        return RV_PENDING;
    do {
        state = self->state;
        result = poll_state(self, cx);
    } while (result == RV_PENDING && state != self->state);
    return result;
}

static void file_op_drop(struct rv_future *future)
{
    struct rv_file_op *self = op_of(future);
    struct rv_file_job *job = self->job;

    if (!job)
        return;
    rv_file_stop_waiting(self);
    self->job = NULL;
    if (self->state == RV_FILE_OP_POOL) {
        rv_drop(&self->by.blocking.future); /* it has the job */
        return;
    }
    if (self->state == RV_FILE_OP_RING) {
        rv_drop(&self->by.ring[0].future);
        rv_drop(&self->by.ring[1].future);
    }
    rv_file_job_put(job);
}

/* --- what can be asked for --------------------------------------------- */

static void init(struct rv_file_op *op, enum rv_file_kind kind,
                 struct rv_file *file)
{
    static const struct rv_future_ops ops = {
        .name = "rv_file_op", .poll = file_op_poll, .drop = file_op_drop};

    *op = (struct rv_file_op){.kind = (uint8_t)kind, .file = file};
    rv_future_init(&op->future, &ops);
}

void rv_file_open_init(struct rv_file_op *op, struct rv_file **out,
                       const char *path, int flags, mode_t mode)
{
    init(op, RV_FILE_OPEN, NULL);
    op->out = out;
    op->path = path;
    op->flags = flags | O_CLOEXEC;
    op->mode = mode;
}

void rv_file_read_init(struct rv_file_op *op, struct rv_file *file,
                       struct rv_buf *buf, int64_t offset)
{
    init(op, RV_FILE_READ, file);
    op->buf = buf;
    op->offset = offset;
}

void rv_file_write_init(struct rv_file_op *op, struct rv_file *file,
                        struct rv_buf *buf, size_t from_bytes, int64_t offset)
{
    init(op, RV_FILE_WRITE, file);
    op->buf = buf;
    op->from_bytes = from_bytes;
    op->offset = offset;
}

void rv_file_write_whole_init(struct rv_file_op *op, struct rv_file *file,
                              struct rv_buf *buf, size_t from_bytes,
                              int64_t offset)
{
    rv_file_write_init(op, file, buf, from_bytes, offset);
    op->whole = true;
}

void rv_file_write_sync_init(struct rv_file_op *op, struct rv_file *file,
                             struct rv_buf *buf, size_t from_bytes,
                             int64_t offset)
{
    rv_file_write_init(op, file, buf, from_bytes, offset);
    op->kind = RV_FILE_WRITE_SYNC;
}

void rv_file_sync_init(struct rv_file_op *op, struct rv_file *file,
                       bool data_only)
{
    init(op, RV_FILE_SYNC, file);
    op->data_only = data_only;
}

void rv_file_stat_init(struct rv_file_op *op, struct rv_file *file,
                       struct statx *stat)
{
    init(op, RV_FILE_STAT, file);
    op->stat = stat;
}

void rv_file_close_init(struct rv_file_op *op, struct rv_file **file)
{
    init(op, RV_FILE_CLOSE, NULL);
    op->out = file;
}
