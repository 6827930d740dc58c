/* SPDX-License-Identifier: MIT */
/*
 * uring_internal.h - what the files of the uring part share.
 *
 * Threads: everything here belongs to the executor's thread alone.
 */
#ifndef RV_URING_INTERNAL_H
#define RV_URING_INTERNAL_H

#include <reveil/uring.h>

#include "executor/executor_internal.h"
#include "uring/queues.h"

enum rv_entry_state {
    RV_ENTRY_WAITING,   /* for room, or for the head of its chain to get it */
    RV_ENTRY_IN_FLIGHT, /* has an entry whose completion has not come */
    RV_ENTRY_DONE,      /* its future has not fetched the result yet */
};

/* One operation in the registry. Its id is the token that the kernel gives
 * back with the completion. */
struct rv_entry {
    struct rv_slab_item item;
    uint64_t id;
    uint64_t next_id;    /* of the one linked to it; 0: none */
    struct rv_list node; /* ring->waiting, ->cancelling or ->missed */
    enum rv_entry_state state;
    int32_t result;
    bool follows;  /* is linked to another */
    bool severed;  /* ... of which it was cut off: it does nothing */
    bool orphan;   /* no future waits: release and free it when it is done */
    bool unwanted; /* to be cancelled */
    struct rv_ring_call call;
    struct rv_waker waker;
    void (*release)(void *owner, int32_t result);
    void *owner;
};

enum rv_ring_state { RV_RING_UNTRIED, RV_RING_OPEN, RV_RING_CLOSED };

struct rv_ring {
    struct rv_turn turn;
    struct rv_executor *executor;
    struct rv_reactor *reactor;
    struct rv_ring_options options;
    enum rv_ring_state state;
    int error;           /* closed: why */
    uint32_t references; /* the owner, and futures with an entry */

    struct rv_slab entries;    /* struct rv_entry */
    struct rv_list waiting;    /* heads of chains, oldest first */
    struct rv_list cancelling; /* in flight, and to be cancelled */
    struct rv_list missed;     /* ... again, after a pause */
    uint32_t unfinished;       /* entries that are not done */
    uint32_t orphans;          /* ... and that no future waits for */
    uint32_t in_flight;
    uint32_t cancels;   /* cancel entries whose completions have not come */
    uint64_t completed; /* completions reaped, ever */
    bool stuck;         /* the kernel would take nothing the last time */

    /* While it is open. */
    struct rv_queues queues;
    int event_fd;
    struct rv_source *source;
    struct rv_ring_watch *watch; /* NULL when its task has ended */
    uint64_t watch_task;
};

/* --- registry.c: entries, from admission to completion ----------------- */

/* How many operations may be in flight, and how many cancels beside them: no
 * completion ever finds the completion queue full. */
uint32_t rv_ring_op_limit(const struct rv_ring *ring);

/* A place in the registry, not in line yet. Returns: NULL without memory. */
struct rv_entry *rv_entry_new(struct rv_ring *ring,
                              const struct rv_ring_call *call);

/* Put the head of a chain in line, or hand it on at once if there is room. */
void rv_entry_submit(struct rv_ring *ring, struct rv_entry *entry);

/* No future will wait for it. Before it is done. */
void rv_entry_orphan(struct rv_ring *ring, struct rv_entry *entry);

/* Nobody waits any more: cancel it, if it is not done; release what it owns
 * when it is. The entry is gone, now or later. */
void rv_entry_abandon(struct rv_ring *ring, struct rv_entry *entry);

/* Free the place of an entry that is done, or was never in line. */
void rv_entry_free(struct rv_ring *ring, struct rv_entry *entry);

/* Hand everything over that there is room for, and reap. Returns: true if
 * something was completed, or may be by another turn. */
bool rv_ring_turn(struct rv_ring *ring);

/* Send the cancels again that have missed, with the next turn. */
void rv_ring_cancel_missed(struct rv_ring *ring);

/* Cancel all, and wait until nothing is in flight. */
void rv_ring_drain(struct rv_ring *ring);

/* --- ring.c ------------------------------------------------------------ */

/* The kernel takes nothing now: try again in a while. Returns: true if a task
 * became ready for that. */
bool rv_ring_back_off(struct rv_ring *ring);

/* There is something to be tried again in a while. */
void rv_ring_wake_watch(struct rv_ring *ring);

/* It has a task of its own in its executor, from its first use on. */
static inline bool rv_ring_has_task(const struct rv_ring *ring)
{
    return ring->watch;
}

/* Operations under way that are not behind a task of the executor, and whose
 * ends may wake one. */
static inline uint32_t rv_ring_orphans(const struct rv_ring *ring)
{
    return ring->orphans;
}

void rv_ring_get(struct rv_ring *ring);
void rv_ring_put(struct rv_ring *ring);

#endif /* RV_URING_INTERNAL_H */
