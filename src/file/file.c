/* SPDX-License-Identifier: MIT */
/*
 * file.c - file operations as futures: which way an operation takes, and what
 * its result means.
 *
 * Threads: the executor's.
 *
 *     NEW ──▶ HELD ──┬──▶ RING ────────────┬──▶ OVER
 *      │       ▲     ├──▶ POOL ────────────┤
 *      │       │     └──▶ WAIT ──▶ POOL ───┤
 *      │       └───── there is more to do ─┘
 *      └──▶ OVER  (it was in the page cache)
 *
 * RING leads to WAIT too, if the descriptor is non-blocking. The states are
 * described in file_internal.h. An operation has three forms:
 *
 *     struct rv_file_op     the request, and the future
 *     struct rv_entry       in the operation table of the ring, or
 *     struct rv_file_call   in the queue of the pool
 *     an sqe, or a system call
 *
 * Requests are passed down only. A completion sets the state of the entry, or
 * of the job in the call, and wakes the waker that is stored there. The next
 * poll reads that state.
 *
 * Protocol.
 *
 *   FILE-1  What the kernel or a pool thread uses is on loan. The future ends
 *       the loan when it has seen the end of the call; if it is dropped before,
 *       the completion ends the loan. Otherwise the kernel could write to freed
 *       memory. Outputs are passed to the caller in a poll only, so nothing of
 *       the caller's changes after a drop.
 *   FILE-2  A descriptor is closed by the last reference to its file, and a
 *       loan has one, also while the operation waits for room in the ring.
 *       Otherwise the number could be another file's when the kernel reads it.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <unistd.h>

#include "base/base_internal.h"
#include "base/frames.h"
#include "blocking/query.h"
#include "file/file_internal.h"
#include "ring/slot.h"

/* What a step of an operation leads to. */
enum step {
    STEP_WAITS,   /* the waker is stored */
    STEP_GOES_ON, /* in another state */
    STEP_ENDS,    /* *result is set */
};

static bool moves_data(const struct rv_file_op *self)
{
    return self->kind == RV_FILE_READ || self->kind == RV_FILE_WRITE;
}

/* --- NEW --------------------------------------------------------------- */

/* Read what is in the page cache, which needs no loan and no memory. Returns:
 * true if that was all; *result is set then. */
static bool read_cached(struct rv_file_op *self, int32_t *result)
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

/* For a close: the descriptor is not ours to close, or an operation that was
 * dropped still uses it and closes it later. */
static bool is_not_closed_here(const struct rv_file *file)
{
    /* acquire: sees that the others are done; pairs with rv_file_put(). */
    return file->borrowed ||
           atomic_load_explicit(&file->references, memory_order_acquire) > 1;
}

static enum step poll_new(struct rv_file_op *self, int32_t *result)
{
    if (read_cached(self, result))
        return STEP_ENDS;
    *result = rv_file_lend(self);
    if (*result < 0)
        return STEP_ENDS;
    if (self->kind == RV_FILE_CLOSE && is_not_closed_here(self->file)) {
        rv_file_put(self->file);
        return STEP_ENDS;
    }
    self->state = RV_FILE_HELD;
    return STEP_GOES_ON;
}

/* --- HELD -------------------------------------------------------------- */

/* Let the reactor watch a copy of the descriptor: two operations may wait for
 * one file. Returns: false if epoll refuses it, or if there is no reactor. */
static bool start_waiting(struct rv_file_op *self)
{
    struct rv_reactor *reactor = rv_reactor_current();
    int error;

    if (!reactor)
        return false;
    self->source_fd = fcntl(self->file->fd, F_DUPFD_CLOEXEC, RV_FD_FIRST);
    if (self->source_fd < 0)
        return false;
    error = rv_source_open(reactor, self->source_fd, &self->source);
    if (!error) {
        self->state = RV_FILE_WAIT;
        return true;
    }
    self->source = NULL;
    close(self->source_fd);
    /* relaxed: a hint. */
    if (error == -EPERM)
        atomic_store_explicit(&self->file->is_not_pollable, true,
                              memory_order_relaxed);
    return false;
}

static void stop_waiting(struct rv_file_op *self)
{
    rv_source_close(self->source);
    close(self->source_fd);
    self->source = NULL;
}

/* What the ring has refused goes to the pool, if there is one. */
static bool takes_ring(const struct rv_file_op *self, const struct rv_cx *cx,
                       struct rv_ring **ring)
{
    return !(self->refusals && rv_blocking_current()) &&
           rv_ring_of(cx, ring) == 0;
}

static enum step choose_way(struct rv_file_op *self, const struct rv_cx *cx,
                            int32_t *result)
{
    struct rv_ring *ring;

    if (takes_ring(self, cx, &ring)) {
        self->state = RV_FILE_RING;
        *result = rv_file_submit_to_ring(self, ring);
    } else {
        /* relaxed: a hint. */
        if (moves_data(self) && self->offset == RV_FILE_POSITION &&
            !atomic_load_explicit(&self->file->is_not_pollable,
                                  memory_order_relaxed) &&
            start_waiting(self))
            return STEP_GOES_ON;
        self->state = RV_FILE_POOL;
        *result = rv_file_submit_to_pool(self);
    }
    return *result < 0 ? STEP_ENDS : STEP_GOES_ON;
}

/* --- WAIT -------------------------------------------------------------- */

/*
 * If another reader takes the data first, the pool thread blocks after all. For
 * a write, a pipe that is ready has room for PIPE_BUF bytes; more might block.
 *
 * A FIFO that all writers have left and another one has opened again: its
 * source stays READY, and the loop would not end. The end that there was is the
 * result.
 */
static enum step poll_wait(struct rv_file_op *self, struct rv_cx *cx,
                           int32_t *result)
{
    const bool reads = self->kind == RV_FILE_READ;
    const enum rv_direction direction = reads ? RV_READ : RV_WRITE;
    struct pollfd entry = {.fd = self->source_fd,
                           .events = reads ? POLLIN : POLLOUT};
    bool has_ended;
    uint32_t tick;

    for (;;) {
        if (!rv_source_ready(self->source, direction, &cx->waker, &tick))
            return STEP_WAITS;
        has_ended = rv_source_hung_up(self->source, direction);
        if (poll(&entry, 1, 0) != 0)
            break;
        if (has_ended) {
            stop_waiting(self);
            *result = reads ? 0 : -EPIPE;
            return STEP_ENDS;
        }
        /* If the source cannot be waited for any more, the thread waits. */
        if (rv_source_clear(self->source, direction, tick) < 0)
            break;
    }
    stop_waiting(self);
    if (self->kind == RV_FILE_WRITE)
        self->most_bytes = PIPE_BUF;
    self->state = RV_FILE_POOL;
    *result = rv_file_submit_to_pool(self);
    return *result < 0 ? STEP_ENDS : STEP_GOES_ON;
}

/* --- RING and POOL ----------------------------------------------------- */

/*
 * A call has ended. An operation that writes everything continues until
 * nothing is left; one that also syncs, until the sync after the last byte.
 *
 * result: of the call. synced: of the sync; -ECANCELED if it was not made,
 * since the write before it was short, or since the kernel has refused it.
 */
static enum step judge(struct rv_file_op *self, int32_t *result, int32_t synced)
{
    const bool syncs = self->kind == RV_FILE_WRITE_SYNC;

    if (*result < 0 || !(self->whole || syncs))
        return STEP_ENDS;
    if (*result == 0 && self->left_bytes > 0) {
        *result = -ENOSPC;
        return STEP_ENDS;
    }
    self->data += *result;
    self->left_bytes -= (size_t)*result;
    if (self->offset != RV_FILE_POSITION)
        self->offset += *result;
    *result = 0;
    if (syncs && synced != -ECANCELED && synced != -EINTR && synced < 0) {
        *result = synced;
        return STEP_ENDS;
    }
    if (self->left_bytes == 0 && (!syncs || synced == 0))
        return STEP_ENDS;
    self->state = RV_FILE_HELD;
    return STEP_GOES_ON;
}

/* The second entry has a reference to the file, and leaves it to the future
 * unless it is lost. Returns: true if both have ended. */
static bool poll_entries(struct rv_file_op *self, const struct rv_cx *cx)
{
    const bool had_second = self->slot[1].ring;
    const bool first = rv_ring_slot_poll(&self->slot[0], cx);
    const bool second = rv_ring_slot_poll(&self->slot[1], cx);

    if (had_second && second && !self->slot[1].lost)
        rv_file_put(self->file);
    return first && second;
}

/*
 * The kernel cancels an operation, although nobody has asked for that, if it
 * cannot create the thread that would carry it out: a signal interrupts it each
 * time, or there are too many (RLIMIT_NPROC).
 *
 * Returns: true if the kernel has refused it; false if the ring is being freed.
 */
static bool was_refused(const struct rv_cx *cx, int32_t result)
{
    struct rv_ring *ring;

    return result == -ECANCELED && rv_ring_of(cx, &ring) == 0;
}

static enum step poll_ring(struct rv_file_op *self, const struct rv_cx *cx,
                           int32_t *result)
{
    const struct rv_ring_slot *slot = self->slot;

    if (!poll_entries(self, cx))
        return STEP_WAITS;
    *result = slot[0].result;
    /* OPS-7: the kernel may still carry it out, so it is not repeated, not even
     * after -EAGAIN. */
    if (slot[0].lost)
        return STEP_ENDS;
    self->refusals =
        was_refused(cx, *result) ? (uint16_t)(self->refusals + 1) : 0;
    if (self->refusals == RV_INTERRUPTS_MAX) { /* and there is no pool */
        *result = -EAGAIN;
        return STEP_ENDS;
    }
    if (slot[0].untaken || self->refusals ||
        (*result == -EINTR && self->kind != RV_FILE_CLOSE)) {
        self->state = RV_FILE_HELD;
        return STEP_GOES_ON;
    }
    /* The descriptor is non-blocking: the ring does not wait for it. */
    if (*result == -EAGAIN && moves_data(self) && start_waiting(self))
        return STEP_GOES_ON;
    return judge(self, result, slot[1].untaken ? -ECANCELED : slot[1].result);
}

static enum step poll_pool(struct rv_file_op *self, const struct rv_cx *cx,
                           int32_t *result)
{
    if (!rv_blocking_poll_job(&self->call->job, &cx->waker, result))
        return STEP_WAITS;
    rv_free(self->call);
    self->call = NULL;
    return judge(self, result, 0); /* it syncs after a full write only */
}

/* --- the end ----------------------------------------------------------- */

/* Make a file of what was opened. Returns: 0, -ENOMEM, -EMFILE. */
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

/* Pass the outputs to the caller and end the loan (FILE-1). Returns: the result
 * of the future. */
static int32_t hand_over(struct rv_file_op *self, int32_t result)
{
    const struct rv_file_loan loan = rv_file_loan_of(self);

    if (self->state == RV_FILE_RING && self->slot[0].lost)
        return result; /* the kernel may still use the loan: OPS-7 */
    if (self->kind == RV_FILE_OPEN && result >= 0)
        result = adopt(self, result);
    else if (self->kind == RV_FILE_STAT && result >= 0)
        *self->stat = *(struct statx *)self->memory;
    else if (self->kind == RV_FILE_READ && result > 0)
        self->buf->len_bytes += (size_t)result;
    else if (self->kind == RV_FILE_CLOSE && rv_file_was_closed(result))
        self->file->fd = -1;
    rv_file_loan_end(&loan);
    return result;
}

/* --- the future -------------------------------------------------------- */

static struct rv_file_op *op_of(struct rv_future *future)
{
    return RV_CONTAINER_OF(future, struct rv_file_op, future);
}

static enum rv_poll file_op_poll(struct rv_future *future, struct rv_cx *cx)
{
    struct rv_file_op *self = op_of(future);
    enum step step = STEP_GOES_ON;
    int32_t result = 0;

    if (self->state == RV_FILE_NEW && !rv_may_go_on(cx))
        return RV_PENDING;
    while (step == STEP_GOES_ON) {
        switch ((enum rv_file_state)self->state) {
        case RV_FILE_NEW:
            step = poll_new(self, &result);
            break;
        case RV_FILE_HELD:
            step = choose_way(self, cx, &result);
            break;
        case RV_FILE_RING:
            step = poll_ring(self, cx, &result);
            break;
        case RV_FILE_WAIT:
            step = poll_wait(self, cx, &result);
            break;
        case RV_FILE_POOL:
            step = poll_pool(self, cx, &result);
            break;
        case RV_FILE_OVER:
            rv_future_misuse(future);
        }
    }
    if (step == STEP_WAITS) {
        rv_frames_count_once(&self->counted, cx->frames, self,
                             RV_FRAMES_OPERATIONS);
        return RV_PENDING;
    }
    rv_frames_uncount(&self->counted);
    future->result =
        self->state == RV_FILE_NEW ? result : hand_over(self, result);
    self->state = RV_FILE_OVER;
    return RV_READY;
}

/* In RING and POOL the entry or the job ends the loan, now or later. But if the
 * first of two entries has ended already, the future does. */
static void file_op_drop(struct rv_future *future)
{
    struct rv_file_op *self = op_of(future);
    const struct rv_file_loan loan = rv_file_loan_of(self);

    rv_frames_uncount(&self->counted);
    switch ((enum rv_file_state)self->state) {
    case RV_FILE_RING:
        if (!self->slot[0].ring && !self->slot[0].lost)
            rv_file_loan_end(&loan);
        rv_ring_slot_drop(&self->slot[0]);
        rv_ring_slot_drop(&self->slot[1]);
        break;
    case RV_FILE_WAIT:
        stop_waiting(self);
        rv_file_loan_end(&loan);
        break;
    case RV_FILE_POOL:
        rv_blocking_detach(&self->call->job);
        break;
    case RV_FILE_NEW:  /* there is nothing to release */
    case RV_FILE_HELD: /* no poll ends in this state */
    case RV_FILE_OVER:
        break;
    }
    self->state = RV_FILE_OVER;
}

/* --- the operations ---------------------------------------------------- */

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
