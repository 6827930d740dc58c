/* SPDX-License-Identifier: MIT */
/*
 * ring_internal.h - what the files of the uring part share.
 *
 * Threads: everything here belongs to the executor's thread alone.
 */
#ifndef RV_RING_INTERNAL_H
#define RV_RING_INTERNAL_H

#include <reveil/ring.h>
#include <string.h>

#include "base/base_internal.h"
#include "executor/executor_internal.h"
#include "ring/queues.h"

enum { RV_ENTRY_KEPT_BYTES = 4 * sizeof(void *) };

enum rv_entry_state {
    RV_ENTRY_WAITING,   /* for room, or for the head of its chain to get it */
    RV_ENTRY_IN_FLIGHT, /* has an entry whose completion has not come */
    RV_ENTRY_DONE,      /* its future has not fetched the result yet */
    RV_ENTRY_LOST,      /* in flight in a ring that has failed: see OPS-7 */
};

/* One operation in the operation table. Its id is the token that the kernel
 * gives back with the completion. */
struct rv_entry {
    struct rv_slab_item item;
    uint64_t id;
    uint64_t next_id;    /* of the one linked to it; 0: none */
    struct rv_list node; /* ring->waiting, ->canceling or ->missed */
    enum rv_entry_state state;
    int32_t result;
    bool follows;  /* is linked to another */
    bool unlinked; /* ... of which it was cut off: it does nothing */
    bool orphan;   /* no future waits: release and free it when it is done */
    bool unwanted; /* to be canceled */
    bool untaken;  /* the kernel never got it */
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
    int error;           /* closed or failed: why */
    uint32_t mark;       /* the process that it is of */
    uint32_t references; /* the owner, and futures with an entry */

    struct rv_slab entries;   /* struct rv_entry */
    struct rv_list waiting;   /* heads of chains, oldest first */
    struct rv_list canceling; /* in flight, and to be canceled */
    struct rv_list missed;    /* ... again, after a pause */
    uint32_t unfinished;      /* entries that are not done */
    uint32_t orphans;         /* ... and that no future waits for */
    uint32_t in_flight;
    uint32_t cancels;   /* cancel entries whose completions have not come */
    uint64_t completed; /* completions reaped, ever */
    bool stuck;         /* the kernel would take nothing the last time */
    bool failed;        /* ... and never will: OPS-7 */
    uint32_t failures;  /* of tries after a pause, in a row */
    int last_error;     /* of the last one that failed */
    bool deaf;          /* the reactor does not wake it any more */
    struct rv_list observers; /* struct rv_ring_observer */

    /* While it is open. */
    struct rv_queues queues;
    int event_fd;
    struct rv_source *source;
    struct rv_ring_reaper *reaper; /* NULL when its task has ended */
    uint64_t reaper_task;
};

/* The generation in the id of an entry is odd (SLAB-3). With an even one
 * it names the cancel of that entry. */
#define RV_ENTRY_BIT (UINT64_C(1) << 32)

/* --- ops.c: entries, from admission to completion ---------------------- */

/* How many operations may be in flight, and how many cancels beside them: no
 * completion ever finds the completion queue full. */
uint32_t rv_ring_op_limit(const struct rv_ring *ring);

/* A slot in the operation table, not in line yet. Returns: NULL without memory.
 */
struct rv_entry *rv_entry_new(struct rv_ring *ring,
                              const struct rv_ring_call *call);

/* Put the head of a chain in line, or hand it on at once if there is room. */
void rv_entry_submit(struct rv_ring *ring, struct rv_entry *entry);

/* No future will wait for it. Before it is done. */
void rv_entry_orphan(struct rv_ring *ring, struct rv_entry *entry);

/* Nobody waits any more: cancel it, if it is not done; release what it owns
 * when it is. The entry is gone, now or later. */
void rv_entry_abandon(struct rv_ring *ring, struct rv_entry *entry);

/* `second` begins when `first` has done all it should. Before the submission of
 * `first`, which submits both. */
static inline void rv_entry_link(struct rv_entry *first,
                                 struct rv_entry *second)
{
    first->next_id = second->id;
    second->follows = true;
}

/* If the future is dropped before the completion, call `release` with a copy of
 * `data`, which is in the entry: so this needs no memory. */
static inline void rv_entry_keep(struct rv_entry *entry,
                                 void (*release)(void *copy, int32_t result),
                                 const void *data, size_t data_bytes)
{
    RV_CHECK(data_bytes <= RV_ENTRY_KEPT_BYTES, "too much for an entry");
    memcpy(entry->kept, data, data_bytes);
    entry->owner = entry->kept;
    entry->release = release;
}

/* Free the slot of an entry that is done, or was never in line. */
void rv_entry_free(struct rv_ring *ring, struct rv_entry *entry);

/* Hand everything over that there is room for, and reap. Returns: true if
 * something was completed, or may be by another call. */
bool rv_ring_drive(struct rv_ring *ring);

/* Send the cancels again that have missed, with the next driver call. */
void rv_ring_cancel_missed(struct rv_ring *ring);

/* OPS-1: an operation is over; who waits is woken, or what nobody waits for is
 * released. */
void rv_entry_complete(struct rv_ring *ring, struct rv_entry *entry,
                       int32_t result);

/* End a chain that the kernel never saw. */
void rv_entry_complete_chain(struct rv_ring *ring, struct rv_entry *entry,
                             int32_t result);

/* It is in flight: cancel it. */
void rv_entry_ask_to_cancel(struct rv_ring *ring, struct rv_entry *entry);
void rv_ring_send_cancels(struct rv_ring *ring);

/* One system call. Returns: as rv_queues_enter(). */
int rv_ring_submit(struct rv_ring *ring, uint32_t wait_for);

/* Take all completions. Returns: true if there was any. */
bool rv_ring_reap(struct rv_ring *ring);

/* --- ring_op.c: an operation from the side of its future ---------------- */

/* The ring of this thread, if it serves the tasks of `cx`. Returns: 0; -ENODEV:
 * there is none; as rv_ring_open(). */
int rv_ring_of(const struct rv_cx *cx, struct rv_ring **out);

/* Make an entry for `call`, for the caller to fill in and submit. Returns: NULL
 * without memory. */
struct rv_entry *rv_ring_slot_alloc(struct rv_ring_slot *slot,
                                    struct rv_ring *ring,
                                    const struct rv_ring_call *call);

/* Free an entry that was not submitted. */
void rv_ring_slot_free(struct rv_ring_slot *slot);

/*
 * Take the result if the operation has ended, or else store the waker.
 *
 * Returns: true if it has ended, now or before, or was never begun.
 */
bool rv_ring_slot_poll(struct rv_ring_slot *slot, const struct rv_cx *cx);

/* Cancel the operation if it has not ended. What the entry owns is released,
 * now or when the kernel has let go of it. */
void rv_ring_slot_drop(struct rv_ring_slot *slot);

/* --- ending.c ---------------------------------------------------------- */

/* The kernel has failed it for good: OPS-7. */
void rv_ring_give_up(struct rv_ring *ring, int error);

/* How long to wait before the next try. */
int64_t rv_ring_pause_ms(const struct rv_ring *ring);

/* A try after a pause has failed again. Returns: true if it was the last. */
bool rv_ring_was_last_try(struct rv_ring *ring);

/* Let completions come out, although the ring has failed. */
void rv_ring_look(struct rv_ring *ring);

/* End all entries of a copy in a child of fork(). */
void rv_ring_end_copy(struct rv_ring *ring);

/* Cancel all, and wait until nothing is in flight, or until the kernel has
 * failed the ring. */
void rv_ring_drain(struct rv_ring *ring);

/* --- ring.c ------------------------------------------------------------ */

/* The kernel takes nothing now: try again in a while. Returns: true if a task
 * became ready for that. */
bool rv_ring_back_off(struct rv_ring *ring);

/* Notified when a ring has failed for good, so that its user can fall back to
 * the reactor. `failed` is called once, on the executor's thread. */
struct rv_ring_observer {
    struct rv_list node;
    void (*failed)(struct rv_ring_observer *observer);
};

/* There is something to be tried again in a while. */
void rv_ring_wake_reaper(struct rv_ring *ring);

/* It has a task of its own in its executor, from its first use on. */
static inline bool rv_ring_has_task(const struct rv_ring *ring)
{
    return ring->reaper;
}

/* Operations under way that are not behind a task of the executor, and whose
 * ends may wake one. */
static inline uint32_t rv_ring_orphans(const struct rv_ring *ring)
{
    return ring->orphans;
}

void rv_ring_get(struct rv_ring *ring);
void rv_ring_put(struct rv_ring *ring);

#endif /* RV_RING_INTERNAL_H */
