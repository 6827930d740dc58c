/* SPDX-License-Identifier: MIT */
/*
 * queues.h - the two queues of an io_uring, in memory shared with the kernel.
 *
 *     sqe = rv_queues_next(&queues);       NULL: full, enter first
 *     ... fill it in ...
 *     rv_queues_enter(&queues, rv_queues_unsubmitted(&queues), 0);
 *     while (rv_queues_take(&queues, &cqe))
 *         ...
 *
 * It uses raw system calls and no liburing, so that every step can be read.
 * What an entry means, which ones are in flight, and which tasks wait for them,
 * is the business of ops.c.
 *
 * Threads: one, which is also the one that opened the queues.
 */
#ifndef RV_QUEUES_H
#define RV_QUEUES_H

#include <linux/io_uring.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { RV_QUEUES_DEFAULT = 256, RV_QUEUES_MAX = 32768 };

struct rv_queues {
    int fd;
    uint32_t setup_flags; /* that the kernel accepted */
    uint32_t features;    /* IORING_FEAT_ */

    /* Shared with the kernel; see the orders in queues.c. */
    _Atomic uint32_t *sq_head; /* the kernel's */
    _Atomic uint32_t *sq_tail; /* ours */
    _Atomic uint32_t *sq_flags;
    _Atomic uint32_t *cq_head;  /* ours */
    _Atomic uint32_t *cq_tail;  /* the kernel's */
    _Atomic uint32_t *cq_flags; /* ours */
    bool can_be_quiet;          /* see rv_queues_be_quiet() */
    struct io_uring_sqe *sqes;
    struct io_uring_cqe *cqes;

    /* Ours alone. */
    uint32_t sq_entries;
    uint32_t cq_entries;
    uint32_t tail; /* of the submission queue, ahead of *sq_tail until enter */
    void *rings;
    size_t rings_bytes;
};

/*
 * Set up a ring with the best flags that this kernel accepts, and check that it
 * has every operation that the library uses.
 *
 * entries: of the submission queue, 1 to RV_QUEUES_MAX; rounded up to a power
 *          of 2. The completion queue has twice as many.
 * Returns: 0; -ENOSYS, -EPERM (no io_uring here), -EOPNOTSUPP (too old);
 *          -ENOMEM, -EMFILE, -ENFILE.
 */
int rv_queues_open(struct rv_queues *queues, uint32_t entries);

/* Unmap and close. Nothing may be in flight: without the queues no completion
 * can say when the memory of an operation may be freed. */
void rv_queues_close(struct rv_queues *queues);

/* The same in a child of fork(), where the queues are not mapped. */
void rv_queues_close_copy(struct rv_queues *queues);

/* Returns: true if the kernel has this operation; false also if the question
 * fails. */
bool rv_queues_has(const struct rv_queues *queues, uint8_t opcode);

/* Make the kernel write to an eventfd at each completion. Returns: 0, negative
 * errno. */
int rv_queues_notify(struct rv_queues *queues, int event_fd);

/*
 * Allow the kernel to omit the writes to the eventfd, because this thread polls
 * the completion queue; or end that. After the end, check rv_queues_ready() and
 * rv_queues_holds_back() once more: an earlier completion wrote nothing.
 */
void rv_queues_be_quiet(struct rv_queues *queues, bool quiet);

/* Returns: the next free entry, zeroed, for the caller to fill in; NULL: the
 * submission queue is full. The kernel reads it in the next rv_queues_enter().
 */
struct io_uring_sqe *rv_queues_next(struct rv_queues *queues);

/* Returns: the free slots in the submission queue. */
uint32_t rv_queues_room(const struct rv_queues *queues);

/* Returns: the number of entries that the kernel has not consumed yet. */
uint32_t rv_queues_unsubmitted(const struct rv_queues *queues);

/* Returns: the i-th of these entries, from 0. */
struct io_uring_sqe *rv_queues_unsubmitted_at(struct rv_queues *queues,
                                              uint32_t i);

/* Discard these entries: they are never submitted. */
void rv_queues_take_back(struct rv_queues *queues);

/* Returns: true if the kernel has completions that reach the queue only in
 * rv_queues_enter(). */
bool rv_queues_holds_back(const struct rv_queues *queues);

/*
 * io_uring_enter(): submit up to `count` entries, flush held-back completions
 * to the queue, and wait until it has `wait_for` of them.
 *
 * Returns: how many were submitted. -EAGAIN, -EBUSY, -EINTR and other errors of
 * the system call: nothing was submitted.
 */
int rv_queues_enter(struct rv_queues *queues, uint32_t count,
                    uint32_t wait_for);

/* Copy the oldest completion and free its slot. Returns: false if there is
 * none.
 */
bool rv_queues_take(struct rv_queues *queues, struct io_uring_cqe *out);

/* Returns: true if there is one. */
bool rv_queues_ready(const struct rv_queues *queues);

#ifdef RV_TESTING /* only in the archive that the tests link */
/* Make rv_queues_enter() call `hook` instead of the kernel; NULL: the kernel.
 * The hook returns what the system call would, or -errno. */
typedef int (*rv_queues_enter_hook)(int fd, uint32_t count, uint32_t wait_for,
                                    uint32_t flags);
void rv_queues_hook_enter(rv_queues_enter_hook hook);

/* The system call, for such a hook. */
int rv_queues_enter_kernel(int fd, uint32_t count, uint32_t wait_for,
                           uint32_t flags);

/* Begin with this entry of the list of setup flags from now on. */
void rv_queues_start_at_setup(uint32_t i);
#endif

/* Get the i-th setup flags, best first, and a text about a ring with them.
 * Returns: false if there are no more. */
bool rv_queues_setup(uint32_t i, uint32_t *flags, const char **text);

#endif /* RV_QUEUES_H */
