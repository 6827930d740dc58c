/* SPDX-License-Identifier: MIT */
/*
 * ring_internal.h - what the files of the uring part share.
 *
 * Threads: everything here belongs to the executor's thread alone.
 */
#ifndef RV_RING_INTERNAL_H
#define RV_RING_INTERNAL_H

#include <reveil/ring.h>

#include "executor/driver.h"
#include "ring/observer.h"
#include "ring/query.h"
#include "ring/queues.h"

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
    void *owner;
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

/* End an entry of a copy in a child of fork(): nothing will complete it. */
void rv_entry_end_copy(struct rv_ring *ring, struct rv_entry *entry,
                       int32_t result);

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

/* There is something to be tried again in a while. */
void rv_ring_wake_reaper(struct rv_ring *ring);

void rv_ring_get(struct rv_ring *ring);
void rv_ring_put(struct rv_ring *ring);

#endif /* RV_RING_INTERNAL_H */
