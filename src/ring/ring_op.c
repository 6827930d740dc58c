/* SPDX-License-Identifier: MIT */
/*
 * ring_op.c - an operation of the ring as a future, and without one.
 *
 * Threads: the executor's.
 *
 * The entry is in the ring's operation table and not in the future, because it
 * may outlive the future: an operation that the kernel has cannot be stopped at
 * once. A future has the slot of its entry (struct rv_ring_slot). So have the
 * futures of files, which use the functions of the first part directly.
 */
#include <errno.h>

#include "base/base_internal.h"
#include "base/frames.h"
#include "ring/ring_internal.h"

int rv_ring_of(const struct rv_cx *cx, struct rv_ring **out)
{
    struct rv_ring *ring = rv_ring_current();

    if (!ring || ring->executor != cx->executor)
        return -ENODEV;
    *out = ring;
    return rv_ring_open(ring);
}

/* --- an entry from the side of its future ------------------------------ */

static struct rv_entry *entry_of(const struct rv_ring_slot *slot)
{
    return rv_slab_at(&slot->ring->entries, rv_id_index(slot->id));
}

/* The future has nothing to do with the entry any more. */
static void leave(struct rv_ring_slot *slot)
{
    struct rv_ring *ring = slot->ring;

    slot->ring = NULL;
    rv_ring_put(ring);
}

struct rv_entry *rv_ring_slot_alloc(struct rv_ring_slot *slot,
                                    struct rv_ring *ring,
                                    const struct rv_ring_call *call)
{
    struct rv_entry *entry = rv_entry_new(ring, call);

    if (!entry)
        return NULL;
    rv_ring_get(ring);
    *slot = (struct rv_ring_slot){.ring = ring, .id = entry->id};
    return entry;
}

void rv_ring_slot_free(struct rv_ring_slot *slot)
{
    rv_entry_free(slot->ring, entry_of(slot));
    leave(slot);
}

bool rv_ring_slot_poll(struct rv_ring_slot *slot, const struct rv_cx *cx)
{
    struct rv_ring *ring = slot->ring;
    struct rv_entry *entry;

    if (!ring)
        return true;
    RV_CHECK(ring->executor == cx->executor,
             "an operation of another executor's ring");
    entry = entry_of(slot);
    /* OPS-8: in a child of fork() nothing will complete it. */
    if (rv_fork_is_copy(ring->mark) && entry->state != RV_ENTRY_DONE)
        rv_entry_complete(ring, entry, -ESTALE);
    if (entry->state == RV_ENTRY_WAITING ||
        entry->state == RV_ENTRY_IN_FLIGHT) {
        rv_waker_store(&entry->waker, &cx->waker);
        return false;
    }
    slot->result = entry->result;
    slot->untaken = entry->untaken;
    slot->lost = entry->state == RV_ENTRY_LOST;
    if (slot->lost)
        rv_entry_abandon(ring, entry); /* OPS-7: released by the kernel only */
    else
        rv_entry_free(ring, entry);
    leave(slot);
    return true;
}

void rv_ring_slot_drop(struct rv_ring_slot *slot)
{
    if (!slot->ring)
        return;
    rv_entry_abandon(slot->ring, entry_of(slot));
    leave(slot);
}

/* --- the future -------------------------------------------------------- */

/*
 * Make entries for all operations of a chain, and submit them.
 *
 * Returns: 0; -ENOMEM; -EINVAL: the chain is longer than the submission queue.
 */
static int start_chain(struct rv_ring *ring, struct rv_ring_op *first)
{
    struct rv_entry *head = NULL;
    struct rv_entry *last = NULL;
    uint32_t len = 0;

    for (struct rv_ring_op *op = first; op; op = op->linked) {
        struct rv_entry *entry = NULL;

        if (len++ < ring->queues.sq_entries)
            entry = rv_ring_slot_alloc(&op->slot, ring, &op->call);
        if (!entry)
            goto fail;
        entry->release = op->release;
        entry->owner = op->owner;
        if (last)
            rv_entry_link(last, entry);
        else
            head = entry;
        last = entry;
    }
    rv_entry_submit(ring, head);
    return 0;

fail:
    for (struct rv_ring_op *op = first; op->slot.ring; op = op->linked)
        rv_ring_slot_free(&op->slot);
    return len > ring->queues.sq_entries ? -EINVAL : -ENOMEM;
}

static enum rv_poll ring_op_poll(struct rv_future *future, struct rv_cx *cx)
{
    struct rv_ring_op *self =
        RV_CONTAINER_OF(future, struct rv_ring_op, future);

    if (!self->slot.ring) {
        struct rv_ring *ring;

        /* The second of a chain has an entry if the first has begun. */
        future->result = self->follows ? -ECANCELED : rv_ring_of(cx, &ring);
        if (future->result == 0)
            future->result = start_chain(ring, self);
        if (future->result < 0)
            return RV_READY;
    }
    if (!rv_ring_slot_poll(&self->slot, cx)) {
        rv_frames_count_once(&self->counted, cx->frames, self,
                             RV_FRAMES_OPERATIONS);
        return RV_PENDING;
    }
    rv_frames_uncount(&self->counted);
    future->result = self->slot.result;
    self->lost = self->slot.lost;
    return RV_READY;
}

static void ring_op_drop(struct rv_future *future)
{
    struct rv_ring_op *self =
        RV_CONTAINER_OF(future, struct rv_ring_op, future);

    rv_frames_uncount(&self->counted);
    rv_ring_slot_drop(&self->slot);
}

void rv_ring_op_init(struct rv_ring_op *op, const struct rv_ring_call *call,
                     void (*release)(void *owner, int32_t result), void *owner)
{
    static const struct rv_future_ops ops = {
        .name = "rv_ring_op", .poll = ring_op_poll, .drop = ring_op_drop};

    *op =
        (struct rv_ring_op){.call = *call, .release = release, .owner = owner};
    rv_future_init(&op->future, &ops);
}

void rv_ring_link(struct rv_ring_op *first, struct rv_ring_op *second)
{
    first->linked = second;
    second->follows = true;
}

int rv_ring_start(struct rv_ring *ring, const struct rv_ring_call *call,
                  void (*done)(void *owner, int32_t result), void *owner)
{
    int error = rv_ring_open(ring);
    struct rv_entry *entry;

    if (error)
        return error;
    entry = rv_entry_new(ring, call);
    if (!entry)
        return -ENOMEM;
    entry->release = done;
    entry->owner = owner;
    rv_entry_orphan(ring, entry);
    rv_entry_submit(ring, entry);
    return 0;
}
