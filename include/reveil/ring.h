/* SPDX-License-Identifier: MIT */
/*
 * ring.h - operations that the kernel carries out by itself: io_uring.
 *
 *     executor's thread                         kernel
 *     poll: an entry in the submission queue
 *     before it sleeps: io_uring_enter()  --->  reads, writes, waits
 *     reap the completion queue           <---  completions, eventfd
 *     wake the task
 *
 * One ring an executor. Futures fill entries in; the executor hands all of
 * them over with one system call when it has nothing else to do, and every so
 * often when it has. The ring's eventfd is a source of the reactor, so what
 * completes later wakes the executor as a socket does.
 *
 * A submission that the kernel refuses is tried again, for a fifth of a second
 * or, when it is short of something, for two. Then the ring has failed: what it
 * never took ends with that error (files go to the pool), as does what is asked
 * for later.
 *
 * In a child of fork() the ring is the parent's. The futures may be dropped,
 * the ring may be freed, and the parent is not disturbed; operations end with
 * -ESTALE.
 *
 * file.h has files on top of it. This header is for operations of your own
 * (IORING_OP_... of linux/io_uring.h).
 */
#ifndef RV_RING_H
#define RV_RING_H

#include <reveil/executor.h>
#include <reveil/reactor.h>

RV_BEGIN_DECLS

struct rv_ring;

struct rv_ring_options {
    uint32_t entries; /* of the submission queue, up to 32,768; 0: 256 */
    bool off;         /* no ring: files are read and written by the pool */
};

/*
 * A ring for the tasks of `executor`. The kernel's part of it, which costs
 * two descriptors and some pages, is made at the first use.
 *
 * options: copied; NULL for the default ones.
 * Threads: the executor's.   Returns: 0, -ENOMEM, -EINVAL.
 */
int rv_ring_new(struct rv_ring **out, struct rv_executor *executor,
                struct rv_reactor *reactor,
                const struct rv_ring_options *options);

/*
 * Cancel all that is in flight, wait until the kernel has let go of it, and
 * give everything back. Futures that are left end with -ECANCELED.
 *
 * Threads: the executor's, before the reactor is stopped; better after the
 * executor was freed, for its tasks may begin something.
 * Blocks:  until what cannot be canceled (a read from a disk) has ended, but
 *          not for a ring that has failed.
 */
void rv_ring_free(struct rv_ring *ring);

/* The ring that rv_ring_enter() set for this thread, or NULL. */
struct rv_ring *rv_ring_current(void);

/* Make it this thread's; NULL for none. Returns: the one before. */
struct rv_ring *rv_ring_enter(struct rv_ring *ring);

/*
 * Make the kernel's part, if that was not done yet.
 *
 * Returns: 0; -ENOSYS, -EPERM, -EACCES (no io_uring here), -EOPNOTSUPP (too
 * old, or switched off), -ENODEV (no reactor), -ECANCELED (being freed),
 * -ESTALE (in a child of fork()), as io_uring_enter() or the reactor (it has
 * failed for good): it stays so. -EMFILE, -ENFILE, -ENOMEM: it may work later.
 */
int rv_ring_open(struct rv_ring *ring);

/* The executor whose tasks it serves. */
struct rv_executor *rv_ring_executor(const struct rv_ring *ring);

/* Operations that the kernel has, or that wait for room. */
uint32_t rv_ring_in_flight(const struct rv_ring *ring);

/* What is asked of the kernel: the fields of its submission entry. */
struct rv_ring_call {
    uint8_t opcode; /* IORING_OP_... */
    int32_t fd;
    uint64_t addr; /* an address, as rv_ring_addr() gives it */
    uint32_t len;
    uint32_t flags; /* rw_flags, open_flags, ... */
    uint64_t offset;
};

/* An address as the kernel wants it in rv_ring_call.addr. */
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
 * One operation as a future.
 *
 * Threads: one executor's from the first poll to the end.
 * result: the completion's: 0 or more, or a negative errno. -ECANCELED too
 *         when the ring is freed, or when the operation is linked to one that
 *         did not do all it should. As rv_ring_open() if there is no ring, or
 *         when it fails meanwhile.
 */
struct rv_ring_op {
    struct rv_future future;
    struct rv_ring_call call; /* private, as are the rest */
    void (*release)(void *owner, int32_t result);
    void *owner;
    struct rv_ring_op *linked; /* begins after this one */
    bool follows;              /* is linked to another */
    bool lost; /* READY, not private: the kernel may still have it; see Owns */
    struct rv_ring_slot slot;
};

/*
 * Owns: from the first poll on, all memory that `call` points at is the
 *       kernel's. When the future is READY it is the caller's again. When the
 *       future is dropped before, the operation is canceled, and `release` is
 *       called with its result once the kernel has let go, which may be as
 *       late as rv_ring_free(). NULL: nothing to release, and the memory stays
 *       valid long enough by itself.
 *       An operation that the kernel had when the ring failed is READY with
 *       `lost` set, and is as if it had been dropped: `release` comes when the
 *       kernel lets go, or never.
 */
void rv_ring_op_init(struct rv_ring_op *op, const struct rv_ring_call *call,
                     void (*release)(void *owner, int32_t result), void *owner);

/*
 * `second` begins when `first` has ended and did all it should (a write of as
 * many bytes as asked for), and is -ECANCELED if not. Both are submitted
 * together at the first poll of `first`, which must come before that of
 * `second`; drop both, or wait for both. A task of a scheduler waits for both
 * at once (rv_all): between two waits it may move to a worker with another
 * ring.
 */
void rv_ring_link(struct rv_ring_op *first, struct rv_ring_op *second);

/*
 * An operation without a future: `done` is called with the result, on this
 * thread, from the executor's turn or from rv_ring_free(). It may begin other
 * operations and wake tasks. It is canceled only by rv_ring_free().
 *
 * done:    NULL if nobody wants to know.
 * Returns: 0, -ENOMEM, as rv_ring_open(); `done` is not called then.
 */
int rv_ring_start(struct rv_ring *ring, const struct rv_ring_call *call,
                  void (*done)(void *owner, int32_t result), void *owner);

RV_END_DECLS

#endif /* RV_RING_H */
