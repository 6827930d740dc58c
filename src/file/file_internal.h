/* SPDX-License-Identifier: MIT */
/* file_internal.h - what the files about files share. */
#ifndef RV_FILE_INTERNAL_H
#define RV_FILE_INTERNAL_H

#include <reveil/file.h>

/* Take the buffer for an operation that fills it, or one that reads from it;
 * the latter may share it. Returns: false if it is taken. Threads: any. */
bool rv_buf_claim(struct rv_buf *buf, bool to_fill);
void rv_buf_unclaim(struct rv_buf *buf, bool to_fill);

struct rv_file {
    int fd;
    bool borrowed;                /* not ours to close */
    _Atomic uint32_t references;  /* the owner's, and each job's */
    _Atomic bool waits;           /* RWF_NOWAIT does not work or help here */
    _Atomic bool is_not_pollable; /* epoll will not have it */
};

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
 * One operation as the kernel or a thread of the pool sees it. On the heap: it
 * may outlive its future, with all that it refers to.
 *
 * Threads: one at a time; the hand-over is the ring's or the pool's.
 */
struct rv_file_job {
    enum rv_file_kind kind;
    uint32_t references; /* one a ring operation, one the future's */
    struct rv_file *file;
    struct rv_buf *buf;
    char *data; /* what is left to move */
    size_t len_bytes;
    size_t most_bytes; /* in one call */
    int64_t offset;
    int flags;
    mode_t mode;
    bool data_only;
    bool whole;    /* goes on until nothing is left */
    int opened_fd; /* of a call on the pool, until the future takes it */
    union {
        struct statx stat;
        char path[1]; /* as long as it is */
    } tail;
};

/* What this future asks for. Returns: 0, -ENOMEM, -EBUSY. */
int rv_file_job_new(struct rv_file_job **out, const struct rv_file_op *op);
void rv_file_job_put(struct rv_file_job *job);

/* So many bytes were moved. */
void rv_file_job_advance(struct rv_file_job *job, int32_t moved_bytes);

/* As entries of the ring. Returns: how many, 1 or 2. */
int rv_file_job_calls(const struct rv_file_job *job,
                      struct rv_ring_call calls[2]);

/* An rv_ring_op's release: for jobs whose future is gone. */
void rv_file_job_release(void *job, int32_t result);

/* An rv_blocking_call, and its free_arg. */
int32_t rv_file_job_run(void *job);
void rv_file_job_free(void *job);

/* Whether an operation with this result has closed the descriptor; false for
 * the errors of operations that were not carried out. */
bool rv_file_was_closed(int32_t result);

/* Read from the page cache. Returns: bytes, -EAGAIN if that would block, other
 * negative errno. */
int32_t rv_file_read_now(struct rv_file *file, char *data, size_t len_bytes,
                         int64_t offset);

/* Where an operation is; see file.c. */
enum rv_file_op_state {
    RV_FILE_OP_NEW,
    RV_FILE_OP_RING,
    RV_FILE_OP_WAIT,
    RV_FILE_OP_POOL,
    RV_FILE_OP_OVER,
};

/* From NEW to another state: the ring where it works, or else the pool. */
void rv_file_choose_way(struct rv_file_op *op, const struct rv_cx *cx);

/* Go on in one of the states. Returns: PENDING too when it has changed. */
enum rv_poll rv_file_poll_ring(struct rv_file_op *op, struct rv_cx *cx);
enum rv_poll rv_file_poll_wait(struct rv_file_op *op, struct rv_cx *cx);
enum rv_poll rv_file_poll_pool(struct rv_file_op *op, struct rv_cx *cx);

/* Let go of the reactor. */
void rv_file_stop_waiting(struct rv_file_op *op);

/* Hand the outputs over, and let go of the job. Returns: READY. */
enum rv_poll rv_file_finish(struct rv_file_op *op, int32_t result);

/* A file of a descriptor; closed with it unless borrowed. Returns: NULL without
 * memory. */
struct rv_file *rv_file_new(int fd, bool borrowed);

#endif /* RV_FILE_INTERNAL_H */
