/* SPDX-License-Identifier: MIT */
/*
 * file_job.c - one file operation: as entries of the ring, and as a system call
 * on a thread of the pool.
 *
 * Threads: jobs belong to the executor's thread, and while a call runs to that
 * thread of the pool.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/io_uring.h>
#include <poll.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/base_internal.h"
#include "file/file_internal.h"

/* What one read(2) or write(2) of Linux moves at most; an entry of the ring,
 * whose length has 32 bits, is not given more. */
enum { MOST_BYTES = 0x7ffff000 };

/* --- the file ---------------------------------------------------------- */

struct rv_file *rv_file_new(int fd, bool borrowed)
{
    struct rv_file *file = rv_alloc(sizeof *file);

    if (!file)
        return NULL;
    file->fd = fd;
    file->borrowed = borrowed;
    atomic_init(&file->references, 1);
    return file;
}

static int make_file(struct rv_file **out, int fd, bool borrowed)
{
    int flags = fcntl(fd, F_GETFL);
    struct rv_file *file = rv_file_new(fd, borrowed);

    if (!file)
        return -ENOMEM;
    atomic_init(&file->waits, flags >= 0 && flags & O_DIRECT);
    *out = file;
    return 0;
}

int rv_file_of_fd(struct rv_file **out, int fd)
{
    return make_file(out, fd, true);
}

int rv_file_adopt(struct rv_file **out, int fd)
{
    int error = make_file(out, fd, false);

    if (error)
        close(fd);
    return error;
}

void rv_file_put(struct rv_file *file)
{
    if (!file)
        return;
    /* release: our use of it; acquire, for the last one: everybody else's. */
    if (atomic_fetch_sub_explicit(&file->references, 1, memory_order_acq_rel) >
        1)
        return;
    if (!file->borrowed && file->fd >= 0)
        close(file->fd);
    rv_free(file);
}

int rv_file_fd(const struct rv_file *file)
{
    return file->fd;
}

/* --- birth and death --------------------------------------------------- */

static bool fills(enum rv_file_kind kind)
{
    return kind == RV_FILE_READ;
}

/* The part of the buffer that is read into, or written. Returns: 0, -EBUSY. */
static int take_buf(struct rv_file_job *job, const struct rv_file_op *op)
{
    struct rv_buf *buf = op->buf;
    size_t from = op->from_bytes;
    size_t end = buf->len_bytes;

    if (!rv_buf_claim(buf, fills(job->kind)))
        return -EBUSY;
    if (fills(job->kind)) {
        from = buf->len_bytes;
        end = buf->cap_bytes;
    }
    job->buf = rv_buf_get(buf);
    job->data = buf->data + from;
    job->len_bytes = end > from ? end - from : 0;
    return 0;
}

int rv_file_job_new(struct rv_file_job **out, const struct rv_file_op *op)
{
    size_t path_bytes = op->path ? strlen(op->path) + 1 : 0;
    struct rv_file_job *job = rv_alloc(sizeof *job + path_bytes);
    int error = 0;

    if (!job)
        return -ENOMEM;
    job->kind = (enum rv_file_kind)op->kind;
    job->references = 1;
    job->offset = op->offset;
    job->flags = op->flags;
    job->mode = op->mode;
    job->data_only = op->data_only;
    job->whole = op->whole;
    job->most_bytes = MOST_BYTES;
    job->opened_fd = -1;
    if (op->path)
        memcpy(job->tail.path, op->path, path_bytes);
    if (op->buf)
        error = take_buf(job, op);
    if (error) {
        rv_free(job);
        return error;
    }
    if (op->file) {
        job->file = op->file;
        /* relaxed: the future's owner has one. */
        atomic_fetch_add_explicit(&job->file->references, 1,
                                  memory_order_relaxed);
    }
    *out = job;
    return 0;
}

void rv_file_job_put(struct rv_file_job *job)
{
    if (--job->references > 0)
        return;
    if (job->buf) {
        rv_buf_unclaim(job->buf, fills(job->kind));
        rv_buf_put(job->buf);
    }
    rv_file_put(job->file);
    if (job->opened_fd >= 0)
        close(job->opened_fd);
    rv_free(job);
}

bool rv_file_was_closed(int32_t result)
{
    return result != -ECANCELED && result != -ENOMEM && result != -EAGAIN &&
           result != -ENODEV;
}

void rv_file_job_free(void *job)
{
    rv_file_job_put(job);
}

void rv_file_job_release(void *arg, int32_t result)
{
    struct rv_file_job *job = arg;

    if (job->kind == RV_FILE_OPEN && result >= 0)
        job->opened_fd = result; /* nobody will use it */
    if (job->kind == RV_FILE_CLOSE && rv_file_was_closed(result))
        job->file->fd = -1;
    rv_file_job_put(job);
}

/* --- as entries of the ring -------------------------------------------- */

static struct rv_ring_call sync_call(const struct rv_file_job *job)
{
    return (struct rv_ring_call){
        .opcode = IORING_OP_FSYNC,
        .fd = job->file->fd,
        .flags = job->data_only ? IORING_FSYNC_DATASYNC : 0,
    };
}

static struct rv_ring_call open_call(const struct rv_file_job *job)
{
    return (struct rv_ring_call){
        .opcode = IORING_OP_OPENAT,
        .fd = AT_FDCWD,
        .addr = rv_ring_addr(job->tail.path),
        .len = job->mode,
        .flags = (uint32_t)job->flags,
    };
}

static struct rv_ring_call stat_call(const struct rv_file_job *job)
{
    return (struct rv_ring_call){
        .opcode = IORING_OP_STATX,
        .fd = job->file->fd,
        .addr = rv_ring_addr(""),
        .len = STATX_BASIC_STATS,
        .flags = AT_EMPTY_PATH,
        .offset = rv_ring_addr(&job->tail.stat),
    };
}

/* Of the next call. */
static size_t part_bytes(const struct rv_file_job *job)
{
    return job->len_bytes < job->most_bytes ? job->len_bytes : job->most_bytes;
}

void rv_file_job_advance(struct rv_file_job *job, int32_t moved_bytes)
{
    job->data += moved_bytes;
    job->len_bytes -= (size_t)moved_bytes;
    if (job->offset != RV_FILE_POSITION)
        job->offset += moved_bytes;
}

static struct rv_ring_call transfer_call(const struct rv_file_job *job)
{
    return (struct rv_ring_call){
        .opcode = fills(job->kind) ? IORING_OP_READ : IORING_OP_WRITE,
        .fd = job->file->fd,
        .addr = rv_ring_addr(job->data),
        .len = (uint32_t)part_bytes(job),
        .offset = (uint64_t)job->offset, /* -1: the position, here too */
    };
}

int rv_file_job_calls(const struct rv_file_job *job,
                      struct rv_ring_call calls[2])
{
    switch (job->kind) {
    case RV_FILE_OPEN:
        calls[0] = open_call(job);
        return 1;
    case RV_FILE_SYNC:
        calls[0] = sync_call(job);
        return 1;
    case RV_FILE_STAT:
        calls[0] = stat_call(job);
        return 1;
    case RV_FILE_CLOSE:
        calls[0] = (struct rv_ring_call){.opcode = IORING_OP_CLOSE,
                                         .fd = job->file->fd};
        return 1;
    case RV_FILE_WRITE_SYNC:
        calls[1] = sync_call(job);
        calls[0] = transfer_call(job);
        return 2;
    case RV_FILE_READ:
    case RV_FILE_WRITE:
        break;
    }
    calls[0] = transfer_call(job);
    return 1;
}

/* --- as system calls --------------------------------------------------- */

static ssize_t transfer(const struct rv_file_job *job)
{
    const struct iovec part = {job->data, part_bytes(job)};

    if (fills(job->kind))
        return preadv2(job->file->fd, &part, 1, job->offset, 0);
    return pwritev2(job->file->fd, &part, 1, job->offset, 0);
}

int32_t rv_file_read_now(struct rv_file *file, char *data, size_t len_bytes,
                         int64_t offset)
{
    const struct iovec part = {data, len_bytes};
    uint32_t tries = 0;
    ssize_t n;

    do {
        n = preadv2(file->fd, &part, 1, offset, RWF_NOWAIT);
    } while (n < 0 && rv_interrupted(&tries));
    if (n >= 0)
        return (int32_t)n;
    if (errno != EOPNOTSUPP && errno != ENOSYS && errno != EINVAL)
        return -errno;
    /* relaxed: a hint, nothing is published. EINVAL will come again from a
     * call without the flag, if it is about something else. */
    atomic_store_explicit(&file->waits, true, memory_order_relaxed);
    return -EAGAIN;
}

/* All of it, then to the disk. */
static ssize_t write_sync(struct rv_file_job *job)
{
    while (job->len_bytes > 0) {
        ssize_t n = transfer(job);

        if (n < 0)
            return n;
        if (n == 0) {
            errno = ENOSPC;
            return -1;
        }
        rv_file_job_advance(job, (int32_t)n);
    }
    return job->data_only ? fdatasync(job->file->fd) : fsync(job->file->fd);
}

static ssize_t run(struct rv_file_job *job)
{
    switch (job->kind) {
    case RV_FILE_OPEN:
        return open(job->tail.path, job->flags, job->mode);
    case RV_FILE_READ:
    case RV_FILE_WRITE:
        return transfer(job);
    case RV_FILE_WRITE_SYNC:
        return write_sync(job);
    case RV_FILE_SYNC:
        return job->data_only ? fdatasync(job->file->fd) : fsync(job->file->fd);
    case RV_FILE_STAT:
        return statx(job->file->fd, "", AT_EMPTY_PATH, STATX_BASIC_STATS,
                     &job->tail.stat);
    case RV_FILE_CLOSE:
        break;
    }
    return close(job->file->fd);
}

/* After an error: whether to call again. A descriptor that is non-blocking by
 * somebody else's wish is waited for as if it were not. */
static bool comes_again(const struct rv_file_job *job)
{
    struct pollfd entry = {.events =
                               job->kind == RV_FILE_READ ? POLLIN : POLLOUT};

    if (errno == EAGAIN &&
        (job->kind == RV_FILE_READ || job->kind == RV_FILE_WRITE)) {
        entry.fd = job->file->fd;
        return poll(&entry, 1, -1) > 0;
    }
    /* Linux has closed the descriptor, whatever close() says. */
    return errno == EINTR && job->kind != RV_FILE_CLOSE;
}

int32_t rv_file_job_run(void *arg)
{
    struct rv_file_job *job = arg;
    ssize_t result;

    do {
        result = run(job);
    } while (result < 0 && comes_again(job));
    if (result < 0)
        result = -errno;
    if (job->kind == RV_FILE_CLOSE)
        job->file->fd = -1;
    if (job->kind == RV_FILE_OPEN && result >= 0)
        job->opened_fd = (int)result;
    return (int32_t)result;
}
