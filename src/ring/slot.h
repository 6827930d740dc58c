/* SPDX-License-Identifier: MIT */
/*
 * slot.h - operations of a ring, for futures of other parts.
 *
 *     rv_ring_of(cx, &ring);
 *     entry = rv_ring_slot_alloc(&self->slot, ring, &call);
 *     rv_entry_keep(entry, release, &what_the_kernel_uses, bytes);
 *     rv_entry_submit(ring, entry);
 *     ...
 *     rv_ring_slot_poll(&self->slot, cx)      until it returns true
 *     rv_ring_slot_drop(&self->slot)          or, at any time, this
 *
 * Threads: the executor's.
 */
#ifndef RV_RING_SLOT_H
#define RV_RING_SLOT_H

#include <reveil/ring.h>

/* One operation in the operation table of the ring. */
struct rv_entry;

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

enum { RV_ENTRY_KEPT_BYTES = 4 * sizeof(void *) };

/* If the future is dropped before the completion, call `release` with a copy of
 * `data`, at most RV_ENTRY_KEPT_BYTES. The copy is in the entry, so this needs
 * no memory. */
void rv_entry_keep(struct rv_entry *entry,
                   void (*release)(void *copy, int32_t result),
                   const void *data, size_t data_bytes);

/* `second` begins when `first` has done all it should. Before the submission of
 * `first`, which submits both. */
void rv_entry_link(struct rv_entry *first, struct rv_entry *second);

/* Write the head of a chain, with the rest of it, to the submission queue; or
 * put it in line if there is no room. */
void rv_entry_submit(struct rv_ring *ring, struct rv_entry *entry);

/*
 * Take the result if the operation has ended, or else store the waker.
 *
 * Returns: true if it has ended, now or before, or was never begun.
 */
bool rv_ring_slot_poll(struct rv_ring_slot *slot, const struct rv_cx *cx);

/* Cancel the operation if it has not ended. What the entry owns is released,
 * now or at the completion. */
void rv_ring_slot_drop(struct rv_ring_slot *slot);

#endif /* RV_RING_SLOT_H */
