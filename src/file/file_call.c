/* SPDX-License-Identifier: MIT */
/*
 * file_call.c - what a file operation asks of the kernel, through the ring or
 * by system calls on a pool thread.
 *
 * Threads: the executor's. run_calls() and what it calls: a pool thread's;
 * release_call(): either.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/io_uring.h>
#include <poll.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/base_internal.h"
#include "file/file_internal.h"
#include "ring/slot.h"

_Static_assert(sizeof(struct rv_file_loan) <= RV_ENTRY_KEPT_BYTES,
               "an entry of the ring keeps a copy of the loan");

/* --- the calls --------------------------------------------------------- */

static struct rv_ring_call sync_call(const struct rv_file_op *op)
{
    return (struct rv_ring_call){
        .opcode = IORING_OP_FSYNC,
        .fd = op->file->fd,
        .flags = op->data_only ? IORING_FSYNC_DATASYNC : 0,
    };
}

static struct rv_ring_call transfer_call(const struct rv_file_op *op)
{
    const size_t len_bytes =
        op->left_bytes < op->most_bytes ? op->left_bytes : op->most_bytes;

    return (struct rv_ring_call){
        .opcode = op->kind == RV_FILE_READ ? IORING_OP_READ : IORING_OP_WRITE,
        .fd = op->file->fd,
        .addr = rv_ring_addr(op->data),
        .len = (uint32_t)len_bytes,
        .offset = (uint64_t)op->offset, /* -1: the position, here too */
    };
}

/*
 * What to ask the kernel for next. A call has the form of an entry of the ring;
 * a pool thread makes the system call of the same meaning.
 *
 * Returns: how many calls, 1 or 2. The second (a sync) is made if the first (a
 * write) did all it should.
 */
static int next_calls(const struct rv_file_op *op, struct rv_ring_call calls[2])
{
    switch ((enum rv_file_kind)op->kind) {
    case RV_FILE_OPEN:
        calls[0] = (struct rv_ring_call){
            .opcode = IORING_OP_OPENAT,
            .fd = AT_FDCWD,
            .addr = rv_ring_addr(op->memory),
            .len = op->mode,
            .flags = (uint32_t)op->flags,
        };
        return 1;
    case RV_FILE_READ:
    case RV_FILE_WRITE:
        calls[0] = transfer_call(op);
        return 1;
    case RV_FILE_WRITE_SYNC:
        calls[0] = transfer_call(op);
        calls[1] = sync_call(op);
        return 2;
    case RV_FILE_SYNC:
        calls[0] = sync_call(op);
        return 1;
    case RV_FILE_STAT:
        calls[0] = (struct rv_ring_call){
            .opcode = IORING_OP_STATX,
            .fd = op->file->fd,
            .addr = rv_ring_addr(""),
            .len = STATX_BASIC_STATS,
            .flags = AT_EMPTY_PATH,
            .offset = rv_ring_addr(op->memory),
        };
        return 1;
    case RV_FILE_CLOSE:
        break;
    }
    calls[0] =
        (struct rv_ring_call){.opcode = IORING_OP_CLOSE, .fd = op->file->fd};
    return 1;
}

/* --- through the ring -------------------------------------------------- */

/* The second of two entries may end after the first: it has a reference to the
 * file of its own. */
static void release_file(void *arg, int32_t result)
{
    (void)result;
    rv_file_put(*(struct rv_file **)arg);
}

int rv_file_submit_to_ring(struct rv_file_op *op, struct rv_ring *ring)
{
    const struct rv_file_loan loan = rv_file_loan_of(op);
    struct rv_ring_call calls[2];
    const int count = next_calls(op, calls);
    struct rv_entry *first;

    op->slot[0] = op->slot[1] = (struct rv_ring_slot){.ring = NULL};
    first = rv_ring_slot_alloc(&op->slot[0], ring, &calls[0]);
    if (!first)
        return -ENOMEM;
    rv_entry_keep(first, rv_file_loan_release, &loan, sizeof loan);
    if (count == 2) {
        struct rv_entry *second =
            rv_ring_slot_alloc(&op->slot[1], ring, &calls[1]);

        if (!second) {
            rv_ring_slot_free(&op->slot[0]);
            return -ENOMEM;
        }
        rv_file_get(op->file);
        rv_entry_keep(second, release_file, &op->file, sizeof op->file);
        rv_entry_link(first, second);
    }
    rv_entry_submit(ring, first);
    return 0;
}

/* --- on the pool ------------------------------------------------------- */

static ssize_t system_call(const struct rv_ring_call *call)
{
    void *memory = (void *)(uintptr_t)call->addr;
    const struct iovec part = {memory, call->len};

    switch (call->opcode) {
    case IORING_OP_OPENAT:
        return openat(call->fd, memory, (int)call->flags, call->len);
    case IORING_OP_READ:
        return preadv2(call->fd, &part, 1, (off_t)call->offset, 0);
    case IORING_OP_WRITE:
        return pwritev2(call->fd, &part, 1, (off_t)call->offset, 0);
    case IORING_OP_FSYNC:
        return call->flags & IORING_FSYNC_DATASYNC ? fdatasync(call->fd)
                                                   : fsync(call->fd);
    case IORING_OP_STATX:
        return statx(call->fd, memory, (int)call->flags, call->len,
                     (void *)(uintptr_t)call->offset);
    default:
        return close(call->fd);
    }
}

/* After an error: whether to call again. If another party made the descriptor
 * non-blocking, this thread waits as if it were not. */
static bool may_be_repeated(const struct rv_ring_call *call)
{
    if (errno == EAGAIN &&
        (call->opcode == IORING_OP_READ || call->opcode == IORING_OP_WRITE)) {
        struct pollfd entry = {
            .fd = call->fd,
            .events = call->opcode == IORING_OP_READ ? POLLIN : POLLOUT};

        return poll(&entry, 1, -1) > 0;
    }
    /* Linux has closed the descriptor, even if close() was interrupted. */
    return errno == EINTR && call->opcode != IORING_OP_CLOSE;
}

/* Returns: the result of the call, or a negative errno. */
static int32_t make_call(const struct rv_ring_call *call)
{
    ssize_t result;

    do {
        result = system_call(call);
    } while (result < 0 && may_be_repeated(call));
    return result < 0 ? -errno : (int32_t)result;
}

static int32_t run_calls(void *arg)
{
    const struct rv_file_call *self = arg;
    const int32_t result = make_call(&self->calls[0]);
    int32_t synced;

    if (self->count < 2 || result < 0 || (uint32_t)result < self->calls[0].len)
        return result;
    synced = make_call(&self->calls[1]);
    return synced < 0 ? synced : result;
}

static void release_call(struct rv_blocking_job *job)
{
    struct rv_file_call *self = RV_CONTAINER_OF(job, struct rv_file_call, job);

    rv_file_loan_release(&self->loan,
                         job->state == RV_JOB_DONE ? job->result : -ECANCELED);
    rv_free(self);
}

int rv_file_submit_to_pool(struct rv_file_op *op)
{
    struct rv_file_call *call = rv_alloc(sizeof *call);
    int error;

    if (!call)
        return -ENOMEM;
    call->job = (struct rv_blocking_job){
        .call = run_calls, .arg = call, .release = release_call};
    call->count = next_calls(op, call->calls);
    call->loan = rv_file_loan_of(op);
    error = rv_blocking_submit(&call->job);
    if (error)
        rv_free(call);
    else
        op->call = call;
    return error;
}

/* --- at once ----------------------------------------------------------- */

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
    /* relaxed: a hint, nothing is published. If EINVAL is about something else
     * than the flag, the call without it fails with EINVAL too. */
    atomic_store_explicit(&file->waits, true, memory_order_relaxed);
    return -EAGAIN;
}
