/* SPDX-License-Identifier: MIT */
/*
 * ring_op.c - an operation of the ring as a future, and without one.
 *
 * Threads: the executor's. The entry is in the ring's operation table, because
 * it may outlive the future: what the kernel does cannot be stopped at once.
 */
#include <errno.h>

#include "base/base_internal.h"
#include "ring/ring_internal.h"

/* A ring that works for the tasks that `cx` is for. Returns: 0, as
 * rv_ring_open(). */
static int find_ring(const struct rv_cx *cx, struct rv_ring **out)
{
    struct rv_ring *ring = rv_ring_current();

    if (!ring || ring->executor != cx->executor)
        return -ENODEV;
    *out = ring;
    return rv_ring_open(ring);
}

static struct rv_entry *entry_of(const struct rv_ring_op *op)
{
    return rv_slab_at(&op->ring->entries, rv_id_index(op->id));
}

/* --- the start --------------------------------------------------------- */

/* Give back the entries of a chain that did not come about. */
static void undo(struct rv_ring *ring, struct rv_ring_op *op)
{
    for (; op && op->ring; op = op->linked) {
        rv_entry_free(ring, entry_of(op));
        op->ring = NULL;
        rv_ring_put(ring);
    }
}

/* An entry for this one. Returns: NULL without memory. */
static struct rv_entry *make_entry(struct rv_ring *ring, struct rv_ring_op *op)
{
    struct rv_entry *entry = rv_entry_new(ring, &op->call);

    if (!entry)
        return NULL;
    entry->release = op->release;
    entry->owner = op->owner;
    op->ring = ring;
    op->id = entry->id;
    rv_ring_get(ring);
    return entry;
}

/* Entries for all of a chain, and the first one in line. Returns: 0, negative
 * errno. */
static int start_chain(struct rv_ring *ring, struct rv_ring_op *first)
{
    struct rv_entry *last = NULL;
    uint32_t len = 0;

    for (struct rv_ring_op *op = first; op; op = op->linked) {
        struct rv_entry *entry = make_entry(ring, op);

        if (!entry)
            goto fail;
        entry->follows = last != NULL;
        if (last)
            last->next_id = entry->id;
        last = entry;
        len++;
    }
    if (len > ring->queues.sq_entries)
        goto fail;
    rv_entry_submit(ring, entry_of(first));
    return 0;

fail:
    undo(ring, first);
    return len > ring->queues.sq_entries ? -EINVAL : -ENOMEM;
}

/* Returns: 0, negative errno. */
static int start(struct rv_ring_op *self, const struct rv_cx *cx)
{
    struct rv_ring *ring;
    int error;

    if (self->follows)
        return -ECANCELED; /* the first one did not start */
    error = find_ring(cx, &ring);
    return error ? error : start_chain(ring, self);
}

/* --- the future -------------------------------------------------------- */

/* Let go of the entry. */
static void leave(struct rv_ring_op *self)
{
    struct rv_ring *ring = self->ring;

    self->ring = NULL;
    rv_ring_put(ring);
}

static enum rv_poll ring_op_poll(struct rv_future *future, struct rv_cx *cx)
{
    struct rv_ring_op *self =
        RV_CONTAINER_OF(future, struct rv_ring_op, future);
    struct rv_entry *entry;

    if (!self->ring) {
        future->result = start(self, cx);
        if (future->result < 0)
            return RV_READY;
    }
    RV_CHECK(self->ring->executor == cx->executor,
             "an operation of another executor's ring");
    entry = entry_of(self);
    if (rv_fork_is_copy(self->ring->mark))
        rv_entry_end_copy(self->ring, entry, -ESTALE);
    if (entry->state == RV_ENTRY_DONE) {
        future->result = entry->result;
        self->untaken = entry->untaken;
        rv_entry_free(self->ring, entry);
        leave(self);
        return RV_READY;
    }
    if (entry->state == RV_ENTRY_LOST) { /* OPS-7 */
        future->result = entry->result;
        self->lost = true;
        rv_entry_abandon(self->ring, entry);
        leave(self);
        return RV_READY;
    }
    rv_waker_store(&entry->waker, &cx->waker);
    return RV_PENDING;
}

static void ring_op_drop(struct rv_future *future)
{
    struct rv_ring_op *self =
        RV_CONTAINER_OF(future, struct rv_ring_op, future);

    if (!self->ring)
        return;
    rv_entry_abandon(self->ring, entry_of(self));
    leave(self);
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
