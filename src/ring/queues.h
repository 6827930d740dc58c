/* SPDX-License-Identifier: MIT */
/*
 * queues.h - an io_uring as the kernel gives it: two queues in shared memory.
 *
 *     sqe = rv_queues_next(&queues);       NULL: full, enter first
 *     ... fill it in ...
 *     rv_queues_enter(&queues, rv_queues_unsubmitted(&queues), 0);
 *     while (rv_queues_take(&queues, &cqe))
 *         ...
 *
 * By raw system calls: the ring is a lesson. What an entry means, which ones
 * are in flight and who waits for them is ring.c's.
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
    uint32_t setup_flags; /* those of the set-up that worked */
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
    uint32_t tail; /* what *sq_tail is; never masked, only where it is used */
    void *rings;
    size_t rings_bytes;
};

/*
 * Set up a ring with the best flags that this kernel takes. Every operation
 * that the library uses is there then.
 *
 * entries: of the submission queue, 1 to RV_QUEUES_MAX; rounded up to a power
 *          of 2. The completion queue has twice as many.
 * Returns: 0; -ENOSYS, -EPERM (no io_uring here), -EOPNOTSUPP (too old);
 *          -ENOMEM, -EMFILE, -ENFILE.
 */
int rv_queues_open(struct rv_queues *queues, uint32_t entries);

/* Give all back. Nothing may be in flight, or what it uses is never freed. */
void rv_queues_close(struct rv_queues *queues);

/* The same of a copy in a child of fork(), where nothing is mapped. */
void rv_queues_close_copy(struct rv_queues *queues);

/* The kernel has this operation. Returns: false too when it cannot be asked. */
bool rv_queues_has(const struct rv_queues *queues, uint8_t opcode);

/* Let the kernel write to an eventfd at each completion. Returns: 0, negative
 * errno. */
int rv_queues_notify(struct rv_queues *queues, int event_fd);

/*
 * Whether the kernel may leave out the writes to the eventfd, while we look at
 * the completion queue ourselves. After the end of that look again, at
 * rv_queues_ready() and rv_queues_holds_back(): what came before it has written
 * nothing.
 */
void rv_queues_be_quiet(struct rv_queues *queues, bool quiet);

/* The next free entry, zeroed; it is the kernel's to read from the next
 * rv_queues_enter() on. NULL when the submission queue is full. */
struct io_uring_sqe *rv_queues_next(struct rv_queues *queues);

/* Free slots in the submission queue. */
uint32_t rv_queues_room(const struct rv_queues *queues);

/* Entries that the kernel has not taken over yet. */
uint32_t rv_queues_unsubmitted(const struct rv_queues *queues);

/* The i-th of them, from 0. */
struct io_uring_sqe *rv_queues_unsubmitted_at(struct rv_queues *queues,
                                              uint32_t i);

/* Forget these; they are never submitted. */
void rv_queues_take_back(struct rv_queues *queues);

/* The kernel has completions that only a call of enter brings out. */
bool rv_queues_holds_back(const struct rv_queues *queues);

/*
 * io_uring_enter(): submit up to `count`, let held back completions come out,
 * and wait for `wait_for` of them.
 *
 * Returns: how many were submitted; -EAGAIN, -EBUSY, -EINTR and others, as the
 * system call: nothing was submitted then.
 */
int rv_queues_enter(struct rv_queues *queues, uint32_t count,
                    uint32_t wait_for);

/* Copy the oldest completion and free its slot. Returns: false when there is
 * none. */
bool rv_queues_take(struct rv_queues *queues, struct io_uring_cqe *out);

/* There is one to take. */
bool rv_queues_ready(const struct rv_queues *queues);

#ifdef RV_TESTING /* in the archive that the tests link, not in the library */
/* For tests: what rv_queues_enter() calls instead of the kernel; NULL for the
 * kernel. It returns as the system call, but -errno. */
typedef int (*rv_queues_enter_hook)(int fd, uint32_t count, uint32_t wait_for,
                                    uint32_t flags);
void rv_queues_hook_enter(rv_queues_enter_hook hook);

/* The system call itself, for such a hook. */
int rv_queues_enter_kernel(int fd, uint32_t count, uint32_t wait_for,
                           uint32_t flags);

/* For tests: leave out the set-ups before this one from now on. */
void rv_queues_start_at_setup(uint32_t i);
#endif

/* The flags of set-up `i`, best first, and what a ring with them
 * costs or lacks. Returns: false when there is no such set-up. */
bool rv_queues_setup(uint32_t i, uint32_t *flags, const char **text);

#endif /* RV_QUEUES_H */
