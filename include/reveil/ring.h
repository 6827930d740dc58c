/* SPDX-License-Identifier: MIT */
/*
 * ring.h - operations that the kernel carries out by itself: io_uring.
 *
 *     static void release_buffer(void *buffer, int32_t result)
 *     {
 *         rv_free(buffer);
 *     }
 *
 *     const struct rv_ring_call call = {.opcode = IORING_OP_READ, .fd = fd,
 *                                       .addr = rv_ring_addr(buffer),
 *                                       .len = 4096};
 *     rv_ring_op_init(&op, &call, release_buffer, buffer);
 *     n = rv_await(&op.future);                 in a coroutine
 *     if (n > 0)
 *         fwrite(buffer, 1, (size_t)n, stdout);
 *     if (!rv_ring_op_is_lent(&op))
 *         rv_free(buffer);
 *     rv_drop(&op.future);       canceled: release_buffer() is called later
 *
 * `buffer` is memory from rv_alloc(), and not on the stack: after a drop the
 * kernel still writes to it. The way of an operation:
 *
 *     executor's thread                         kernel
 *     poll: an entry in the submission queue
 *     before it sleeps: io_uring_enter()  --->  reads, writes, waits
 *     reap the completion queue           <---  completions, eventfd
 *     wake the task
 *
 * Each executor has its own ring. Futures fill in entries. The executor submits
 * all of them with one system call before it sleeps, and at intervals while it
 * is busy. The ring's eventfd is a source of the reactor, so a completion wakes
 * the executor in the same way as a socket does.
 *
 * If the kernel refuses a submission, the ring tries again for a fifth of a
 * second, or for two seconds if the kernel is short of a resource. After that
 * the ring has failed. Operations that the kernel never took end with the
 * error, and so do all later ones; files go to the pool instead.
 *
 * In a child of fork() the ring belongs to the parent. The child may drop the
 * futures and free the ring, which does not disturb the parent. Operations end
 * with -ESTALE.
 *
 * file.h has files on top of the ring. This header is for operations of your
 * own (IORING_OP_... of linux/io_uring.h).
 */
#ifndef RV_RING_H
#define RV_RING_H

#include <reveil/executor.h>
#include <reveil/reactor.h>

RV_BEGIN_DECLS

struct rv_ring;

struct rv_ring_options {
    uint32_t entries; /* in the submission queue, up to 32,768; 0: 256 */
    bool off;         /* no ring: files use the blocking pool */
};

/*
 * Create a ring for the tasks of `executor`. The kernel's part, which costs two
 * descriptors and some pages, is created at the first use.
 *
 * options: copied. NULL: the defaults.
 * Threads: the executor's.   Returns: 0, -ENOMEM, -EINVAL.
 */
int rv_ring_new(struct rv_ring **out, struct rv_executor *executor,
                struct rv_reactor *reactor,
                const struct rv_ring_options *options);

/*
 * Cancel all operations, wait until none is in flight, and free the ring.
 * Futures that still exist end with -ECANCELED.
 *
 * Threads: the executor's, before the reactor is stopped. Preferably after the
 *          executor was freed, since its tasks may begin operations.
 * Blocks:  until operations that cannot be canceled (a read from a disk) have
 *          ended. Does not wait for a ring that has failed.
 */
void rv_ring_free(struct rv_ring *ring);

/* Returns: the ring that rv_ring_enter() set for this thread, or NULL. */
struct rv_ring *rv_ring_current(void);

/* Set the ring of this thread; NULL: none. Returns: the previous one. */
struct rv_ring *rv_ring_enter(struct rv_ring *ring);

/*
 * Create the kernel's part, if it does not exist yet.
 *
 * Returns: 0. Errors that are final: -ENOSYS, -EPERM, -EACCES: no io_uring
 * here; -EOPNOTSUPP: the kernel is too old, or the ring is off; -ENODEV: there
 * is no reactor; -ECANCELED: it is being freed; -ESTALE: after fork(); an
 * error of io_uring_enter() or of the reactor: the ring has failed. Errors that
 * may pass: -EMFILE, -ENFILE, -ENOMEM.
 */
int rv_ring_open(struct rv_ring *ring);

/* Returns: the executor whose tasks the ring serves. */
struct rv_executor *rv_ring_executor(const struct rv_ring *ring);

/* Returns: how many operations the kernel has or wait for room. */
uint32_t rv_ring_in_flight(const struct rv_ring *ring);

/* What to ask of the kernel: the fields of a submission queue entry. */
struct rv_ring_call {
    uint8_t opcode; /* IORING_OP_... */
    int32_t fd;
    uint64_t addr; /* a result of rv_ring_addr() */
    uint32_t len;
    uint32_t flags; /* rw_flags, open_flags, ... */
    uint64_t offset;
};

/* Convert an address to the form of rv_ring_call.addr. */
static inline uint64_t rv_ring_addr(const void *memory)
{
    return (uint64_t)(uintptr_t)memory;
}

/*
 * One operation as its owner sees it, in the ring or after its end. Private.
 */
struct rv_ring_slot {
    struct rv_ring *ring; /* NULL before the start and after the end */
    uint64_t id;          /* of its entry in the operation table */
    int32_t result;       /* after the end, as the next two */
    bool untaken;         /* the kernel never took it */
    bool lost; /* the ring has failed; the kernel may still have it */
};

/*
 * One operation as a future. Cancellation-safe only as far as the operation
 * is: a read that is dropped may have consumed data.
 *
 * Threads: the same executor's from the first poll to the end.
 * result: of the completion: 0 or more, or a negative errno. -ECANCELED also if
 *         the ring is freed, if an earlier operation of the chain failed or was
 *         short, or if the kernel could not create a thread for it, because
 *         there are too many (RLIMIT_NPROC) or because signals interrupted it:
 *         then it was not carried out. An error of rv_ring_open() if there is
 *         no ring, or if it fails meanwhile.
 */
struct rv_ring_op {
    struct rv_future future;
    struct rv_ring_call call; /* private, as are the rest */
    void (*release)(void *owner, int32_t result);
    void *owner;
    struct rv_ring_op *linked; /* begins after this one */
    bool follows;              /* this one begins after another */
    bool lost; /* not private. READY, but the kernel may still have it */
    struct rv_ring_slot slot;
    uint32_t *counted; /* where it counts while it is under way; or NULL */
};

/*
 * Owns: the memory that `call` points at is lent to the kernel from the first
 *       poll until the future is READY; then it is the caller's again. If the
 *       future is dropped in between, the operation is canceled, and `release`
 *       is called with its result when the kernel has completed it. That may be
 *       as late as in rv_ring_free().
 *       If the ring fails while the kernel has the operation, the future is
 *       READY with `lost` set, and the memory is still lent: `release` is
 *       called at the completion, or never.
 * release: NULL if nothing is to be released and the memory outlives the
 *       operation anyway.
 */
void rv_ring_op_init(struct rv_ring_op *op, const struct rv_ring_call *call,
                     void (*release)(void *owner, int32_t result), void *owner);

/*
 * Whether the memory is lent. A coroutine that was canceled asks this before it
 * drops the future: its await may have ended before the first poll. Returns:
 * true: the memory belongs to the kernel, then to `release`; false: it is the
 * caller's. Threads: the executor's.
 */
static inline bool rv_ring_op_is_lent(const struct rv_ring_op *op)
{
    return op->slot.ring || op->lost;
}

/*
 * Link two operations: `second` begins when `first` has done all it should (a
 * write: of as many bytes as requested); otherwise it ends with -ECANCELED. The
 * first poll of `first` submits both, and must precede that of `second`. Drop
 * both, or await both. A task of a scheduler awaits both at once (rv_all),
 * since between two awaits it may move to a worker with another ring.
 */
void rv_ring_link(struct rv_ring_op *first, struct rv_ring_op *second);

/*
 * Begin an operation without a future. `done` is called with the result, on
 * this thread, by the ring's driver or by rv_ring_free(). It may begin other
 * operations and wake tasks. Only rv_ring_free() cancels the operation.
 *
 * done:    NULL if the result does not matter.
 * Returns: 0. -ENOMEM, an error of rv_ring_open(): `done` is not called.
 */
int rv_ring_start(struct rv_ring *ring, const struct rv_ring_call *call,
                  void (*done)(void *owner, int32_t result), void *owner);

RV_END_DECLS

#endif /* RV_RING_H */
