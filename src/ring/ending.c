/* SPDX-License-Identifier: MIT */
/*
 * ending.c - the three ends of a ring: it is drained, it fails because the
 * kernel refuses every submission, or it is the copy in a child of fork().
 *
 * Threads: the executor's.
 *
 * The rules are OPS-1, OPS-6, OPS-7 and OPS-8 (ops.c).
 */
#include <errno.h>
#include <time.h>

#include "base/base_internal.h"
#include "ring/ring_internal.h"

enum {
    DRAIN_PAUSE_MS = 1, /* before a cancellation that missed is repeated */
    /* A submission that fails is tried so often (OPS-7), with pauses of 1, 2,
     * 4,
     * ... LONGEST_PAUSE_MS. That is a fifth of a second, or two seconds if the
     * kernel is short of a resource. */
    TRIES = 8,
    TRIES_OF_SHORTAGE = 36,
    LONGEST_PAUSE_MS = 64,
    LONGEST_PAUSE_LOG = 6,
};

static void complete_all_waiting(struct rv_ring *ring, int32_t result)
{
    while (!rv_list_empty(&ring->waiting))
        rv_entry_complete_chain(
            ring, RV_CONTAINER_OF(ring->waiting.next, struct rv_entry, node),
            result);
}

/* Returns: the entry in the i-th slot of the operation table; NULL if the slot
 * is free or the entry is DONE. */
static struct rv_entry *unfinished_at(const struct rv_ring *ring, uint32_t i)
{
    struct rv_entry *entry = rv_slab_at(&ring->entries, i);

    return rv_slab_get(&ring->entries, entry->id) == entry &&
                   entry->state != RV_ENTRY_DONE
               ? entry
               : NULL;
}

/* --- a ring that fails ------------------------------------------------- */

int64_t rv_ring_pause_ms(const struct rv_ring *ring)
{
    const int64_t ms =
        ring->failures < 16 ? INT64_C(1) << ring->failures : LONGEST_PAUSE_MS;

    return ms < LONGEST_PAUSE_MS ? ms : LONGEST_PAUSE_MS;
}

bool rv_ring_was_last_try(struct rv_ring *ring)
{
    const int error = ring->last_error;
    const bool shortage =
        error == -EAGAIN || error == -EBUSY || error == -ENOMEM;

    return ++ring->failures >= (shortage ? TRIES_OF_SHORTAGE : TRIES);
}

/* End what is in the submission queue and was not taken by the kernel. */
static void end_unsubmitted(struct rv_ring *ring, int error)
{
    struct rv_queues *queues = &ring->queues;
    const uint32_t len = rv_queues_unsubmitted(queues);

    for (uint32_t i = 0; i < len; i++) {
        const uint64_t id = rv_queues_unsubmitted_at(queues, i)->user_data;
        struct rv_entry *entry = rv_slab_get(&ring->entries, id);

        if (!(id & RV_ENTRY_BIT)) {
            ring->cancels--;
        } else if (entry) {
            entry->untaken = true;
            rv_entry_complete(ring, entry, error);
        }
    }
    rv_queues_take_back(queues);
}

/* End what the kernel has, for the futures only. */
static void lose_all(struct rv_ring *ring, int error)
{
    for (uint32_t i = 0; i < ring->entries.used; i++) {
        struct rv_entry *entry = unfinished_at(ring, i);

        if (!entry)
            continue;
        rv_list_remove(&entry->node);
        entry->state = RV_ENTRY_LOST;
        entry->result = error;
        if (!entry->orphan)
            rv_waker_wake(&entry->waker);
    }
}

void rv_ring_give_up(struct rv_ring *ring, int error)
{
    struct rv_list *node;

    ring->failed = true;
    ring->error = error;
    ring->stuck = false;
    end_unsubmitted(ring, error);
    complete_all_waiting(ring, error);
    rv_ring_reap(ring);
    lose_all(ring, error);
    while ((node = rv_list_pop(&ring->observers))) {
        struct rv_ring_observer *observer =
            RV_CONTAINER_OF(node, struct rv_ring_observer, node);

        observer->failed(observer);
    }
}

void rv_ring_reap_failed(struct rv_ring *ring)
{
    rv_queues_enter(&ring->queues, 0, 0);
    rv_ring_reap(ring);
}

void rv_ring_end_copy(struct rv_ring *ring)
{
    for (uint32_t i = 0; i < ring->entries.used; i++) {
        struct rv_entry *entry = unfinished_at(ring, i);

        if (entry)
            rv_entry_complete(ring, entry, -ECANCELED);
    }
}

/* --- a ring that is freed ---------------------------------------------- */

static void cancel_all(struct rv_ring *ring)
{
    for (uint32_t i = 0; i < ring->entries.used; i++) {
        struct rv_entry *entry = unfinished_at(ring, i);

        if (entry && entry->state == RV_ENTRY_IN_FLIGHT)
            rv_entry_ask_to_cancel(ring, entry);
    }
}

static void pause_ms(int64_t ms)
{
    const struct timespec pause = {.tv_nsec = (long)(ms * RV_NS_PER_MS)};

    nanosleep(&pause, NULL);
}

/* Sleep until an operation completes, or until the ring fails (OPS-7). */
static void await_completion(struct rv_ring *ring)
{
    int n;

    if (!rv_list_empty(&ring->missed)) {
        pause_ms(DRAIN_PAUSE_MS);
        rv_ring_cancel_missed(ring); /* OPS-6 */
    }
    rv_ring_send_cancels(ring);
    n = rv_ring_submit(ring, 1);
    if (rv_ring_reap(ring) || n >= 0 || n == -EINTR) {
        ring->failures = 0;
        return;
    }
    ring->last_error = n;
    pause_ms(rv_ring_pause_ms(ring));
    if (rv_ring_was_last_try(ring))
        rv_ring_give_up(ring, n);
}

void rv_ring_drain(struct rv_ring *ring)
{
    complete_all_waiting(ring, -ECANCELED);
    while (ring->in_flight > 0 && !ring->failed) {
        uint32_t before = ring->in_flight;

        /* Again after each completion: the next of a chain may have begun. */
        cancel_all(ring);
        while (ring->in_flight >= before && !ring->failed)
            await_completion(ring);
    }
    while (ring->cancels > 0 && !ring->failed)
        await_completion(ring);
    if (ring->failed)
        rv_ring_reap_failed(ring); /* the last chance to release memory */
}
