/* SPDX-License-Identifier: MIT */
/*
 * query.h - what other parts ask of a ring: its size, and what it does that no
 * future of the program waits for.
 *
 * Threads: the executor's.
 */
#ifndef RV_RING_QUERY_H
#define RV_RING_QUERY_H

#include <reveil/ring.h>

/* How many operations may be in flight at a time. There is room for cancels
 * beside them: no completion ever finds the completion queue full. */
uint32_t rv_ring_op_limit(const struct rv_ring *ring);

/* The ring has a task of its own in its executor, from its first use on. */
bool rv_ring_has_task(const struct rv_ring *ring);

/* How many operations are in flight that no task of the executor waits for.
 * Their completions may wake a task. */
uint32_t rv_ring_orphans(const struct rv_ring *ring);

#endif /* RV_RING_QUERY_H */
