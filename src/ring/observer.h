/* SPDX-License-Identifier: MIT */
/*
 * observer.h - to be told when a ring fails for good.
 *
 * Threads: the executor's.
 */
#ifndef RV_RING_OBSERVER_H
#define RV_RING_OBSERVER_H

#include <reveil/ring.h>

struct rv_ring_observer {
    struct rv_list node;
    /* Called once, on the executor's thread: its user can fall back to the
     * reactor. */
    void (*failed)(struct rv_ring_observer *observer);
};

/* The observer is the ring's until the ring fails or is freed, or until the
 * caller unlinks it with rv_list_remove(&observer->node). */
void rv_ring_observe(struct rv_ring *ring, struct rv_ring_observer *observer);

#endif /* RV_RING_OBSERVER_H */
