/* SPDX-License-Identifier: MIT */
/*
 * ops.c - the operations of a ring, from admission to completion.
 *
 * Threads: the executor's.
 *
 *     WAITING ── admit() ──▶ IN_FLIGHT ── completion ──▶ DONE ──▶ freed
 *        │                       │                        ▲
 *        └─────── abandon ───────┴── cancellation ────────┘
 *
 * The states are described in ring_internal.h.
 *
 * Protocol.
 *
 *   OPS-1  Memory that the kernel may use is released by the completion of the
 *       operation only: not by the drop of the future, and not by the
 *       completion of the cancellation, which may precede or follow it.
 *   OPS-2  A completion finds its entry by id. An id is never used twice, so a
 *       completion for a slot that was reused would find nothing.
 *   OPS-3  There are never more operations in flight, cancellations included,
 *       than the completion queue has slots. The others wait in line. Some
 *       slots are kept for cancellations, so that a ring full of reads that
 *       never end can still cancel them.
 *   OPS-4  An entry of the submission queue stays there until the kernel takes
 *       it. A submission that failed or was short is repeated, also if only
 *       cancellations are left.
 *   OPS-5  A chain is written in one piece, when there is room for all of it.
 *       If a short submission cuts it all the same, the rest is turned into
 *       no-ops: the kernel would start it without waiting for the head.
 *   OPS-6  A cancellation may miss: the second operation of a chain does not
 *       exist before the first has ended, or the kernel is moving the operation
 *       between two of its lists (-ENOENT), or a kernel thread has only begun
 *       it (-EALREADY). It is repeated after a pause, until the operation ends.
 *   OPS-7  A submission or a flush that fails, with any error, is repeated
 *       after pauses that double. After too many failures the ring has failed.
 *       Operations that the kernel never took end with the error, marked as
 *       untaken, and later ones are refused, so that files go to the pool.
 *       Operations in flight end for their futures, with the error. The kernel
 *       still has them, so by OPS-1 their memory is released by a completion,
 *       or never.
 *   OPS-8  In a child of fork() the queues are the parent's, and not mapped.
 *       The copy of the ring ends its entries without the kernel.
 *
 * tests/models/ring.pml is the model of OPS-1, OPS-3, OPS-4 and of QUEUES-5,
 * with mutants; tests/mutants/ring-*.mutant break the C code.
 */
#include <errno.h>
#include <reveil/trace.h>
#include <string.h>
#include <time.h>

#include "base/base_internal.h"
#include "ring/ring_internal.h"

enum {
    ROUNDS = 4,       /* of one call by the executor; then tasks are polled */
    CANCEL_SHARE = 8, /* an eighth of the completion queue */
};

static uint32_t cancel_limit(const struct rv_ring *ring)
{
    return ring->queues.cq_entries / CANCEL_SHARE;
}

uint32_t rv_ring_op_limit(const struct rv_ring *ring)
{
    return ring->queues.cq_entries - cancel_limit(ring);
}

/* --- entries ----------------------------------------------------------- */

struct rv_entry *rv_entry_new(struct rv_ring *ring,
                              const struct rv_ring_call *call)
{
    uint64_t id = rv_slab_alloc(&ring->entries);
    struct rv_entry *entry;

    if (!id)
        return NULL;
    entry = rv_slab_at(&ring->entries, rv_id_index(id));
    entry->id = id;
    entry->next_id = 0;
    entry->state = RV_ENTRY_WAITING;
    entry->result = 0;
    entry->follows = entry->unlinked = false;
    entry->orphan = entry->unwanted = entry->untaken = false;
    entry->call = *call;
    entry->waker = (struct rv_waker){0};
    entry->release = NULL;
    entry->owner = NULL;
    rv_list_init(&entry->node);
    ring->unfinished++;
    return entry;
}

void rv_entry_free(struct rv_ring *ring, struct rv_entry *entry)
{
    if (entry->state != RV_ENTRY_DONE)
        ring->unfinished--;
    rv_waker_drop(&entry->waker);
    rv_slab_free(&ring->entries, entry->id);
}

void rv_entry_orphan(struct rv_ring *ring, struct rv_entry *entry)
{
    entry->orphan = true;
    ring->orphans++;
}

/* Free an abandoned entry, then release what it owned: `release` may begin an
 * operation, which is sure to find the entry's slot free. */
static void free_orphan(struct rv_ring *ring, struct rv_entry *entry)
{
    void (*release)(void *owner, int32_t result) = entry->release;
    _Alignas(void *) unsigned char kept[RV_ENTRY_KEPT_BYTES];
    void *owner = entry->owner == entry->kept ? kept : entry->owner;
    int32_t result = entry->result;

    memcpy(kept, entry->kept, sizeof kept);
    rv_entry_free(ring, entry);
    if (release)
        release(owner, result);
}

void rv_entry_ask_to_cancel(struct rv_ring *ring, struct rv_entry *entry)
{
    rv_list_remove(&entry->node);
    rv_list_push(&ring->canceling, &entry->node);
}

/* OPS-1: every operation ends here. */
void rv_entry_complete(struct rv_ring *ring, struct rv_entry *entry,
                       int32_t result)
{
    rv_trace(RV_EV_COMPLETE, entry->id, result);
    rv_list_remove(&entry->node);
    ring->in_flight -=
        entry->state == RV_ENTRY_IN_FLIGHT || entry->state == RV_ENTRY_LOST;
    ring->unfinished--;
    ring->orphans -= entry->orphan;
    entry->state = RV_ENTRY_DONE;
    entry->result = entry->unlinked ? -ECANCELED : result;
    if (entry->orphan)
        free_orphan(ring, entry);
    else
        rv_waker_wake(&entry->waker);
}

void rv_entry_complete_chain(struct rv_ring *ring, struct rv_entry *entry,
                             int32_t result)
{
    while (entry) {
        struct rv_entry *next = rv_slab_get(&ring->entries, entry->next_id);

        entry->untaken = true;
        rv_entry_complete(ring, entry, result);
        entry = next;
    }
}

/* --- submission -------------------------------------------------------- */

static uint32_t chain_len(struct rv_ring *ring, const struct rv_entry *entry)
{
    uint32_t len = 0;

    for (; entry; entry = rv_slab_get(&ring->entries, entry->next_id))
        len++;
    return len;
}

static void fill_in(struct io_uring_sqe *sqe, const struct rv_entry *entry)
{
    sqe->opcode = entry->call.opcode;
    sqe->flags = entry->next_id ? (uint8_t)IOSQE_IO_LINK : 0;
    sqe->fd = entry->call.fd;
    sqe->off = entry->call.offset;
    sqe->addr = entry->call.addr;
    sqe->len = entry->call.len;
    sqe->open_flags = entry->call.flags; /* or rw_flags, ...: a union */
    sqe->user_data = entry->id;
}

/* OPS-5: turn the rest of a chain that was cut into no-ops. It is the oldest in
 * the submission queue. */
static void unlink_rest(struct rv_ring *ring)
{
    struct rv_queues *queues = &ring->queues;
    uint32_t len = rv_queues_unsubmitted(queues);

    for (uint32_t i = 0; i < len; i++) {
        struct io_uring_sqe *sqe = rv_queues_unsubmitted_at(queues, i);
        struct rv_entry *entry = rv_slab_get(&ring->entries, sqe->user_data);

        if (!entry || !entry->follows)
            return;
        entry->unlinked = true;
        *sqe = (struct io_uring_sqe){.opcode = IORING_OP_NOP,
                                     .user_data = entry->id};
    }
}

int rv_ring_submit(struct rv_ring *ring, uint32_t wait_for)
{
    struct rv_queues *queues = &ring->queues;
    int n = rv_queues_enter(queues, rv_queues_unsubmitted(queues), wait_for);

    RV_CHECK(n != -EEXIST, "a ring on another thread than its own");
    if (n > 0)
        unlink_rest(ring);
    return n;
}

/* Returns: true if there is a reason for a system call. */
static bool has_pending(const struct rv_ring *ring)
{
    if (ring->failed)
        return false;
    return rv_queues_unsubmitted(&ring->queues) > 0 ||
           rv_queues_holds_back(&ring->queues);
}

/*
 * Submit everything in the submission queue (OPS-4), and flush completions.
 *
 * Returns: 0; if entries are left, or completions held back, why: -EAGAIN,
 *          -EBUSY or another error.
 */
static int submit_all(struct rv_ring *ring)
{
    uint32_t tries = 0;
    int n;

    do {
        n = rv_ring_submit(ring, 0);
    } while ((n == -EINTR && ++tries < RV_INTERRUPTS_MAX) ||
             (n > 0 && rv_queues_unsubmitted(&ring->queues) > 0));
    if (n < 0 && has_pending(ring))
        return n;
    return rv_queues_unsubmitted(&ring->queues) == 0 ? 0 : -EAGAIN;
}

/* Make room for `len` entries in the submission queue. Returns: false if the
 * kernel takes none. */
static bool make_room(struct rv_ring *ring, uint32_t len)
{
    if (rv_queues_room(&ring->queues) < len)
        submit_all(ring);
    return rv_queues_room(&ring->queues) >= len;
}

void rv_ring_send_cancels(struct rv_ring *ring)
{
    if (ring->failed)
        return;
    while (!rv_list_empty(&ring->canceling) &&
           ring->cancels < cancel_limit(ring) && make_room(ring, 1)) {
        struct rv_entry *entry = RV_CONTAINER_OF(rv_list_pop(&ring->canceling),
                                                 struct rv_entry, node);
        struct io_uring_sqe *sqe = rv_queues_next(&ring->queues);

        sqe->opcode = IORING_OP_ASYNC_CANCEL;
        sqe->addr = entry->id;
        sqe->user_data = entry->id ^ RV_ENTRY_BIT;
        ring->cancels++;
    }
}

/* Write the oldest chain in line to the submission queue. Returns: false if
 * there is no room for it (OPS-3, OPS-5), or if the line is empty. */
static bool admit(struct rv_ring *ring)
{
    struct rv_entry *entry =
        RV_CONTAINER_OF(ring->waiting.next, struct rv_entry, node);
    uint32_t len;

    if (rv_list_empty(&ring->waiting))
        return false;
    len = chain_len(ring, entry);
    if (ring->in_flight + len > rv_ring_op_limit(ring) || !make_room(ring, len))
        return false;
    rv_list_remove(&entry->node);
    for (; entry; entry = rv_slab_get(&ring->entries, entry->next_id)) {
        fill_in(rv_queues_next(&ring->queues), entry);
        entry->state = RV_ENTRY_IN_FLIGHT;
        ring->in_flight++;
        if (entry->unwanted)
            rv_entry_ask_to_cancel(ring, entry);
    }
    return true;
}

void rv_entry_link(struct rv_entry *first, struct rv_entry *second)
{
    first->next_id = second->id;
    second->follows = true;
}

void rv_entry_keep(struct rv_entry *entry,
                   void (*release)(void *copy, int32_t result),
                   const void *data, size_t data_bytes)
{
    RV_CHECK(data_bytes <= RV_ENTRY_KEPT_BYTES, "too much for an entry");
    memcpy(entry->kept, data, data_bytes);
    entry->owner = entry->kept;
    entry->release = release;
}

static void trace_submit(struct rv_ring *ring, const struct rv_entry *entry)
{
    if (!rv_trace_is_on())
        return;
    for (; entry; entry = rv_slab_get(&ring->entries, entry->next_id))
        rv_trace(RV_EV_SUBMIT, entry->id, entry->call.opcode);
}

void rv_entry_submit(struct rv_ring *ring, struct rv_entry *entry)
{
    trace_submit(ring, entry);
    rv_list_push(&ring->waiting, &entry->node);
    if (ring->waiting.next == &entry->node)
        admit(ring);
}

void rv_entry_abandon(struct rv_ring *ring, struct rv_entry *entry)
{
    rv_waker_drop(&entry->waker);
    if (entry->state != RV_ENTRY_DONE && rv_fork_is_copy(ring->mark))
        rv_entry_complete(ring, entry, -ESTALE);
    if (entry->state == RV_ENTRY_DONE) {
        free_orphan(ring, entry);
        return;
    }
    rv_entry_orphan(ring, entry);
    entry->unwanted = true;
    if (entry->state == RV_ENTRY_IN_FLIGHT) {
        rv_entry_ask_to_cancel(ring, entry);
        rv_ring_send_cancels(ring);
    } else if (entry->state == RV_ENTRY_WAITING && !entry->follows) {
        rv_entry_complete_chain(ring, entry, -ECANCELED);
    }
}

/* --- completion -------------------------------------------------------- */

/* A cancellation has ended; if it has missed, repeat it later (OPS-6). */
static void end_cancel(struct rv_ring *ring, const struct io_uring_cqe *cqe)
{
    struct rv_entry *entry =
        rv_slab_get(&ring->entries, cqe->user_data ^ RV_ENTRY_BIT);

    ring->cancels--;
    if ((cqe->res != -ENOENT && cqe->res != -EALREADY) || !entry ||
        entry->state != RV_ENTRY_IN_FLIGHT)
        return;
    rv_list_remove(&entry->node);
    rv_list_push(&ring->missed, &entry->node);
    rv_ring_wake_reaper(ring);
}

void rv_ring_cancel_missed(struct rv_ring *ring)
{
    rv_list_splice(&ring->canceling, &ring->missed);
}

bool rv_ring_reap(struct rv_ring *ring)
{
    struct io_uring_cqe cqe;
    bool any = false;

    while (rv_queues_take(&ring->queues, &cqe)) {
        struct rv_entry *entry = rv_slab_get(&ring->entries, cqe.user_data);

        any = true;
        ring->completed++;
        if (!(cqe.user_data & RV_ENTRY_BIT))
            end_cancel(ring, &cqe);
        else if (entry) /* OPS-2 */
            rv_entry_complete(ring, entry, cqe.res);
    }
    return any;
}

bool rv_ring_drive(struct rv_ring *ring)
{
    const uint64_t before = ring->completed;

    for (int i = 0; i < ROUNDS; i++) {
        int error = 0;

        rv_ring_send_cancels(ring);
        while (admit(ring))
            ;
        if (has_pending(ring)) {
            error = submit_all(ring);
            ring->failures = error ? ring->failures : 0;
        } else if (!rv_queues_ready(&ring->queues)) {
            return ring->completed != before;
        }
        ring->stuck &= error != 0;
        ring->last_error = error;
        if (!rv_ring_reap(ring) && error)
            return rv_ring_back_off(ring) || ring->completed != before;
    }
    return true;
}
