/* SPDX-License-Identifier: MIT */
/*
 * ring_internal.h - what the files of this part share.
 *
 *     ring_op.c ──▶ ops.c ──▶ queues.c ──▶ the kernel
 *     futures       entries   sqes, cqes
 *
 * ring.c creates a ring and drives it from the executor; ending.c ends it.
 *
 * Threads: everything here belongs to the executor's thread.
 */
#ifndef RV_RING_INTERNAL_H
#define RV_RING_INTERNAL_H

#include <reveil/ring.h>

#include "base/base_internal.h"
#include "base/slab.h"
#include "executor/driver.h"
#include "ring/observer.h"
#include "ring/query.h"
#include "ring/queues.h"
#include "ring/slot.h"

/*
 * The state of an entry of the operation table.
 *
 * WAITING: It waits in line (ring->waiting) until the queues have room for it,
 * or, if it follows another, until the head of its chain has room. The kernel
 * does not know of it. rv_entry_new() sets this state.
 *
 * IN_FLIGHT: It was written to the submission queue and has no completion yet.
 * The kernel may use the memory of the operation.
 *
 * DONE: `result` is valid and the kernel does not use the memory any more. A
 * future has yet to fetch the result. An entry without a future (an orphan) is
 * released and freed instead.
 *
 * LOST: It was in flight when the ring failed: `result` is the error, for the
 * future, but the kernel may still use the memory. A completion that arrives
 * all the same makes it DONE (OPS-7).
 */
enum rv_entry_state {
    RV_ENTRY_WAITING,
    RV_ENTRY_IN_FLIGHT,
    RV_ENTRY_DONE,
    RV_ENTRY_LOST,
};

/* One operation in the operation table. Its id is the token that the kernel
 * returns with the completion. */
struct rv_entry {
    struct rv_slab_item item;
    uint64_t id;
    uint64_t next_id;    /* of the entry that follows it; 0: none */
    struct rv_list node; /* in ring->waiting, ->canceling or ->missed */
    enum rv_entry_state state;
    int32_t result;
    bool follows;  /* it begins after another entry */
    bool unlinked; /* OPS-5: cut off from that one, and a no-op now */
    bool orphan;   /* it has no future: release and free it at the completion */
    bool unwanted; /* cancel it as soon as it is in flight */
    bool untaken;  /* it ended before the kernel took it */
    struct rv_ring_call call;
    struct rv_waker waker;
    void (*release)(void *owner, int32_t result);
    void *owner; /* for `release`; may be `kept` */
    _Alignas(void *) unsigned char kept[RV_ENTRY_KEPT_BYTES];
};

enum rv_ring_state { RV_RING_UNTRIED, RV_RING_OPEN, RV_RING_CLOSED };

struct rv_ring {
    struct rv_driver driver;
    struct rv_executor *executor;
    struct rv_reactor *reactor;
    struct rv_ring_options options;
    enum rv_ring_state state;
    int error;     /* why it is closed or has failed */
    uint32_t mark; /* of the process that created it */
    uint32_t
        references; /* the owner's, and one for each future with an entry */

    struct rv_slab entries;   /* struct rv_entry */
    struct rv_list waiting;   /* heads of chains, oldest first */
    struct rv_list canceling; /* in flight; a cancel is to be submitted */
    struct rv_list missed; /* in flight; cancel again after a pause (OPS-6) */
    uint32_t unfinished;   /* entries that are not DONE */
    uint32_t orphans;      /* those of them that have no future */
    uint32_t in_flight;    /* entries that are IN_FLIGHT or LOST */
    uint32_t cancels;      /* cancellations that have no completion yet */
    uint64_t completed;    /* completions reaped, ever */
    bool stuck;            /* the kernel took nothing in the last call */
    bool failed;           /* it never will: OPS-7 */
    uint32_t failures;     /* of calls after a pause, in a row */
    int last_error;        /* of the last call; 0 if it succeeded */
    bool deaf; /* the reactor has failed: it wakes the reaper no more */
    struct rv_list observers; /* struct rv_ring_observer */

    /* While it is open. */
    struct rv_queues queues;
    int event_fd;
    struct rv_source *source;
    struct rv_ring_reaper *reaper; /* NULL after the end of its task */
    uint64_t reaper_task;
};

/* The generation in the id of an entry is odd (SLAB-3), so this bit is set. The
 * id with the bit cleared is the token of the entry's cancellation. */
#define RV_ENTRY_BIT (UINT64_C(1) << 32)

/* --- ops.c: entries, from admission to completion ---------------------- */

/* Create a WAITING entry that is not in line yet. Returns: NULL without memory.
 */
struct rv_entry *rv_entry_new(struct rv_ring *ring,
                              const struct rv_ring_call *call);

/* The entry has no future, from now on. It must not be DONE. */
void rv_entry_orphan(struct rv_ring *ring, struct rv_entry *entry);

/* The future was dropped: cancel the operation if it is not DONE, and release
 * what the entry owns at the completion. The caller must not use the entry
 * afterwards. */
void rv_entry_abandon(struct rv_ring *ring, struct rv_entry *entry);

/* Free an entry that is DONE or was never in line. */
void rv_entry_free(struct rv_ring *ring, struct rv_entry *entry);

/* Submit everything that there is room for, and reap. Returns: true if an
 * operation was completed, or if another call may complete one. */
bool rv_ring_drive(struct rv_ring *ring);

/* Let the next rv_ring_drive() repeat the cancellations that have missed. */
void rv_ring_cancel_missed(struct rv_ring *ring);

/* OPS-1: the operation has ended. Wakes its future, or releases and frees an
 * orphan. */
void rv_entry_complete(struct rv_ring *ring, struct rv_entry *entry,
                       int32_t result);

/* End all operations of a chain that the kernel never took. */
void rv_entry_complete_chain(struct rv_ring *ring, struct rv_entry *entry,
                             int32_t result);

/* Cancel an entry that is IN_FLIGHT: list it, and submit what is listed. */
void rv_entry_ask_to_cancel(struct rv_ring *ring, struct rv_entry *entry);
void rv_ring_send_cancels(struct rv_ring *ring);

/* Make one call of rv_queues_enter(). Returns: the same. */
int rv_ring_submit(struct rv_ring *ring, uint32_t wait_for);

/* Process all completions in the queue. Returns: true if there was any. */
bool rv_ring_reap(struct rv_ring *ring);

/* --- ending.c ---------------------------------------------------------- */

/* The ring has failed (OPS-7): end its operations. */
void rv_ring_give_up(struct rv_ring *ring, int error);

/* Returns: how long to wait before the next call. */
int64_t rv_ring_pause_ms(const struct rv_ring *ring);

/* Count a call that failed after a pause. Returns: true if it was the last. */
bool rv_ring_was_last_try(struct rv_ring *ring);

/* Flush and process completions of a ring that has failed. */
void rv_ring_reap_failed(struct rv_ring *ring);

/* End all entries of a copy in a child of fork(). */
void rv_ring_end_copy(struct rv_ring *ring);

/* Cancel all operations, and wait until none is in flight or the ring has
 * failed. */
void rv_ring_drain(struct rv_ring *ring);

/* --- ring.c ------------------------------------------------------------ */

/* The kernel took nothing: let the reaper try again after a pause. Returns:
 * true if that made its task ready. */
bool rv_ring_back_off(struct rv_ring *ring);

/* Wake the reaper, because something is to be tried again after a pause. */
void rv_ring_wake_reaper(struct rv_ring *ring);

void rv_ring_get(struct rv_ring *ring);
void rv_ring_put(struct rv_ring *ring);

#endif /* RV_RING_INTERNAL_H */
