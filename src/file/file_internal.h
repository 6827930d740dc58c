/* SPDX-License-Identifier: MIT */
/*
 * file_internal.h - what the files of this part share.
 *
 *     file.c ──▶ file_call.c ──▶ src/ring/      ──▶ the kernel
 *        │            └────────▶ src/blocking/  ──▶ a pool thread
 *        └─────▶ file_loan.c
 *
 * file.c has the future: it chooses between the ring and the pool, and knows
 * what a result means. file_call.c says what is asked of the kernel.
 * file_loan.c keeps the file and the buffer alive meanwhile.
 */
#ifndef RV_FILE_INTERNAL_H
#define RV_FILE_INTERNAL_H

#include <reveil/file.h>

#include "blocking/job.h"

/* Claim the buffer for an operation that fills it, or for one that reads it;
 * several of the latter may have it at once. Returns: false if it is claimed
 * already. Threads: any. */
bool rv_buf_claim(struct rv_buf *buf, bool to_fill);
void rv_buf_unclaim(struct rv_buf *buf, bool to_fill);

struct rv_file {
    int fd;
    bool borrowed;                /* not ours to close */
    _Atomic uint32_t references;  /* the owner's, and each loan's */
    _Atomic bool waits;           /* RWF_NOWAIT does not work or help here */
    _Atomic bool is_not_pollable; /* epoll refuses it */
};

/* Returns: a file that closes the descriptor unless it is borrowed; NULL
 * without memory. */
struct rv_file *rv_file_new(int fd, bool borrowed);

/* One more reference, for a caller that has one. */
struct rv_file *rv_file_get(struct rv_file *file);

enum rv_file_kind {
    RV_FILE_OPEN,
    RV_FILE_READ,
    RV_FILE_WRITE,
    RV_FILE_WRITE_SYNC,
    RV_FILE_SYNC,
    RV_FILE_STAT,
    RV_FILE_CLOSE,
};

/*
 * The state of an operation (rv_file_op.state). Only the executor's thread sees
 * it.
 *
 * NEW: Nothing was done. The operation holds no reference and no memory.
 *
 * HELD: The operation has its loan (see below) and nothing is under way: it is
 * about to choose between the ring and the pool. It is in this state again
 * after a short write, after EINTR, when the ring has failed before the kernel
 * took the operation, and when the kernel has refused it. No poll ends in this
 * state.
 *
 * RING: Its entries are in the operation table of the ring, and store its
 * waker. If the future is dropped now, each entry has a copy of the loan and
 * ends it.
 *
 * WAIT: The reactor watches a copy of the descriptor, and stores the waker: a
 * pool thread must not block in a read that may never end. POOL is next.
 *
 * POOL: Its job is with the blocking pool and stores its waker. If the future
 * is dropped now, the job has a copy of the loan and ends it.
 *
 * OVER: READY or dropped. The loan has ended, or another owner will end it.
 */
enum rv_file_state {
    RV_FILE_NEW,
    RV_FILE_HELD,
    RV_FILE_RING,
    RV_FILE_WAIT,
    RV_FILE_POOL,
    RV_FILE_OVER,
};

/* --- file_loan.c ------------------------------------------------------- */

/*
 * What the kernel or a pool thread may use until the end of the call. It is
 * small, so that it fits into an entry of the ring: FILE-1.
 */
struct rv_file_loan {
    enum rv_file_kind kind;
    struct rv_file *file; /* a reference; NULL for an open */
    struct rv_buf *buf;   /* a reference and a claim, or NULL */
    void *memory;         /* the path of an open, the struct statx of a stat */
};

/* Make the loan of an operation, and set what it is to move. Returns: 0;
 * -EBUSY: the buffer is claimed; -ENOMEM. */
int rv_file_lend(struct rv_file_op *op);

/* Returns: a copy of the loan, for the entry or the job. */
struct rv_file_loan rv_file_loan_of(const struct rv_file_op *op);

/* End a loan: the last reference to the file closes it. */
void rv_file_loan_end(const struct rv_file_loan *loan);

/* End the loan of an operation whose future was dropped, with the result of its
 * call; negative if the call was not made. An rv_entry's release. */
void rv_file_loan_release(void *loan, int32_t result);

/* Whether a close with this result has closed the descriptor; false for the
 * errors of operations that were not carried out. */
bool rv_file_was_closed(int32_t result);

/* --- file_call.c ------------------------------------------------------- */

/* One operation on the pool: its calls, and the loan in case that the future is
 * dropped. */
struct rv_file_call {
    struct rv_blocking_job job;
    struct rv_ring_call calls[2]; /* each is made as a system call */
    int count;
    struct rv_file_loan loan;
};

/* Give the next calls to the ring. Returns: 0, -ENOMEM. */
int rv_file_submit_to_ring(struct rv_file_op *op, struct rv_ring *ring);

/* Give the next calls to the pool. Returns: 0, -ENOMEM, as
 * rv_blocking_submit(). */
int rv_file_submit_to_pool(struct rv_file_op *op);

/* Read from the page cache. Returns: bytes; -EAGAIN: that would block; another
 * negative errno. */
int32_t rv_file_read_now(struct rv_file *file, char *data, size_t len_bytes,
                         int64_t offset);

#endif /* RV_FILE_INTERNAL_H */
