/* SPDX-License-Identifier: MIT */
/*
 * file_ways.c - a file operation on its way: through the ring, or through the
 * reactor and the pool.
 *
 * Threads: the executor's.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <unistd.h>

#include "base/base_internal.h"
#include "file/file_internal.h"

/* --- the end of an operation ------------------------------------------- */

void rv_file_stop_waiting(struct rv_file_op *self)
{
    if (!self->source)
        return;
    rv_source_close(self->source);
    close(self->source_fd);
    self->source = NULL;
}

/* A file of what was opened, by the ring too. Returns: 0, -ENOMEM, -EMFILE. */
static int32_t adopt(struct rv_file_op *self, int opened_fd)
{
    const int fd = rv_fd_above_stdio(opened_fd);
    struct rv_file *file;

    if (fd < 0)
        return fd;
    file = rv_file_new(fd, false);
    if (!file) {
        close(fd);
        return -ENOMEM;
    }
    atomic_init(&file->waits, (self->flags & O_DIRECT) != 0);
    *self->out = file;
    return 0;
}

/* Hand the outputs over, and let go of the job (FILE-1). */
enum rv_poll rv_file_finish(struct rv_file_op *self, int32_t result)
{
    struct rv_file_job *job = self->job;

    if (self->kind == RV_FILE_OPEN && result >= 0) {
        job->opened_fd = -1;
        result = adopt(self, result);
    } else if (self->kind == RV_FILE_STAT && result >= 0) {
        *self->stat = job->tail.stat;
    } else if (self->kind == RV_FILE_READ && result > 0) {
        self->buf->len_bytes += (size_t)result;
    } else if (self->kind == RV_FILE_CLOSE && rv_file_was_closed(result)) {
        job->file->fd = -1;
    }
    self->job = NULL;
    self->state = RV_FILE_OP_OVER;
    rv_file_job_put(job);
    self->future.result = result;
    return RV_READY;
}

/* --- through the ring -------------------------------------------------- */

/* The ring that works for the tasks of `cx`, or NULL. */
static struct rv_ring *usable_ring(const struct rv_cx *cx)
{
    struct rv_ring *ring = rv_ring_current();

    if (!ring || rv_ring_executor(ring) != cx->executor ||
        rv_ring_open(ring) < 0)
        return NULL;
    return ring;
}

static void start_ring(struct rv_file_op *self)
{
    struct rv_ring_call calls[2];
    int count = rv_file_job_calls(self->job, calls);

    for (int i = 0; i < count; i++)
        rv_ring_op_init(&self->by.ring[i], &calls[i], rv_file_job_release,
                        self->job);
    if (count == 2)
        rv_ring_link(&self->by.ring[0], &self->by.ring[1]);
    else
        self->by.ring[1] = (struct rv_ring_op){.call = {0}};
    self->job->references += (uint32_t)count;
    self->state = RV_FILE_OP_RING;
}

/* Poll an entry that may be READY already. Returns: true when it is. */
static bool entry_is_ready(struct rv_file_op *self, int i, struct rv_cx *cx)
{
    struct rv_future *entry = &self->by.ring[i].future;

    if (!entry->ops || entry->at == RV_AT_END)
        return true;
    if (rv_poll(entry, cx) == RV_PENDING)
        return false;
    if (!self->by.ring[i].lost)
        rv_file_job_put(self->job);
    return true;
}

/* A write and its sync are over. Returns: true if there is more to do: a short
 * write, or a sync that was cut off from it. */
static bool write_sync_goes_on(struct rv_file_op *self, int32_t *result)
{
    struct rv_file_job *job = self->job;
    const int32_t wrote = self->by.ring[0].future.result;
    const int32_t synced = self->by.ring[1].future.result;

    if (wrote < 0 || (wrote == 0 && job->len_bytes > 0)) {
        *result = wrote < 0 ? wrote : -ENOSPC;
        return false;
    }
    rv_file_job_advance(job, wrote);
    *result = synced;
    return job->len_bytes > 0 || synced == -ECANCELED;
}

/* --- through the pool -------------------------------------------------- */

static enum rv_direction direction_of(const struct rv_file_op *self)
{
    return self->kind == RV_FILE_READ ? RV_READ : RV_WRITE;
}

/* Watch a copy of the descriptor: two operations may wait for one file.
 * Returns: false if it is not for epoll, or if there is none. */
static bool start_waiting(struct rv_file_op *self)
{
    struct rv_reactor *reactor = rv_reactor_current();
    int error;

    if (!reactor)
        return false;
    self->source_fd = fcntl(self->job->file->fd, F_DUPFD_CLOEXEC, RV_FD_FIRST);
    if (self->source_fd < 0)
        return false;
    error = rv_source_open(reactor, self->source_fd, &self->source);
    if (!error)
        return true;
    self->source = NULL;
    close(self->source_fd);
    /* relaxed: a hint. */
    if (error == -EPERM)
        atomic_store_explicit(&self->job->file->is_not_pollable, true,
                              memory_order_relaxed);
    return false;
}

static void start_pool(struct rv_file_op *self)
{
    rv_blocking_init(&self->by.blocking, rv_file_job_run, self->job,
                     rv_file_job_free);
    self->state = RV_FILE_OP_POOL;
}

static bool moves_data(const struct rv_file_op *self)
{
    return self->kind == RV_FILE_READ || self->kind == RV_FILE_WRITE;
}

static void start_pool_or_wait(struct rv_file_op *self)
{
    /* relaxed: a hint. */
    if (moves_data(self) && self->offset == RV_FILE_POSITION &&
        !atomic_load_explicit(&self->job->file->is_not_pollable,
                              memory_order_relaxed) &&
        start_waiting(self))
        self->state = RV_FILE_OP_WAIT;
    else
        start_pool(self);
}

static bool is_ready_now(const struct rv_file_op *self)
{
    struct pollfd entry = {.fd = self->source_fd,
                           .events = direction_of(self) == RV_READ ? POLLIN
                                                                   : POLLOUT};

    return poll(&entry, 1, 0) != 0;
}

/* The call blocks on its thread all the same if somebody else is quicker. A
 * pipe that is ready has room for PIPE_BUF bytes at least. */
enum rv_poll rv_file_poll_wait(struct rv_file_op *self, struct rv_cx *cx)
{
    uint32_t tick;

    do {
        if (!rv_source_ready(self->source, direction_of(self), &cx->waker,
                             &tick))
            return RV_PENDING;
        /* If it is no use to wait, the thread does. */
    } while (!is_ready_now(self) &&
             rv_source_clear(self->source, direction_of(self), tick) == 0);
    rv_file_stop_waiting(self);
    if (self->kind == RV_FILE_WRITE)
        self->job->most_bytes = PIPE_BUF;
    start_pool(self);
    return RV_PENDING;
}

/* A part of it is written, or all. Returns: true if there is more to do. */
static bool write_goes_on(struct rv_file_op *self, int32_t *result)
{
    struct rv_file_job *job = self->job;

    if (!job->whole || *result < 0)
        return false;
    if (*result == 0 && job->len_bytes > 0)
        *result = -ENOSPC;
    else
        rv_file_job_advance(job, *result);
    if (*result > 0)
        *result = 0;
    return *result == 0 && job->len_bytes > 0;
}

enum rv_poll rv_file_poll_pool(struct rv_file_op *self, struct rv_cx *cx)
{
    int32_t result;

    if (rv_poll(&self->by.blocking.future, cx) == RV_PENDING)
        return RV_PENDING;
    result = self->by.blocking.future.result;
    if (!write_goes_on(self, &result))
        return rv_file_finish(self, result);
    self->state = RV_FILE_OP_NEW;
    return RV_PENDING;
}

/* After EINTR, a short write or EAGAIN: what next. Returns: READY when it is
 * over. */
static enum rv_poll judge(struct rv_file_op *self, int32_t result)
{
    if (result == -EAGAIN && moves_data(self) && start_waiting(self)) {
        self->state = RV_FILE_OP_WAIT; /* a non-blocking descriptor */
        return RV_PENDING;
    }
    if (result != -EINTR || self->kind == RV_FILE_CLOSE)
        return rv_file_finish(self, result);
    self->state = RV_FILE_OP_NEW; /* again, or the rest of it */
    return RV_PENDING;
}

enum rv_poll rv_file_poll_ring(struct rv_file_op *self, struct rv_cx *cx)
{
    const bool first = entry_is_ready(self, 0, cx);
    const bool second = entry_is_ready(self, 1, cx);
    int32_t result;

    if (!first || !second)
        return RV_PENDING;
    if (self->by.ring[0].untaken) {
        self->state = RV_FILE_OP_NEW; /* another way */
        return RV_PENDING;
    }
    if (self->by.ring[1].untaken)
        self->by.ring[1].future.result = -ECANCELED;
    result = self->by.ring[0].future.result;
    if (result != -EINTR && self->kind == RV_FILE_WRITE_SYNC &&
        write_sync_goes_on(self, &result))
        result = -EINTR;
    if (write_goes_on(self, &result))
        result = -EINTR;
    return judge(self, result);
}

/* --- which way --------------------------------------------------------- */

void rv_file_choose_way(struct rv_file_op *self, const struct rv_cx *cx)
{
    if (usable_ring(cx))
        start_ring(self);
    else
        start_pool_or_wait(self);
}
