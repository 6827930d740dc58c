/* SPDX-License-Identifier: MIT */
/*
 * ready.c - the ready queue: two chains of slots.
 *
 *     pushed   by other threads, under the mutex
 *     local    by the owner, who needs no mutex; a batch is taken from here
 *
 * Threads: push, share and lookup: any. Everything else: the owner, which is
 * the thread that polls.
 *
 * The state word of a slot is described in ready.h. Protocol:
 *
 *   READY-1  The thread that sets RV_QUEUED links the slot; no other thread
 *       does. So a task is in the queue at most once, and its link has one
 *       writer. The owner clears RV_QUEUED after it has read the link: the
 *       clear releases, the next set acquires.
 *   READY-2  A push that finds RV_QUEUED set still writes the same value. That
 *       write makes the caller's earlier writes happen-before the next poll; a
 *       plain load would publish nothing.
 *   READY-3  RV_QUEUED is cleared *before* the task is polled. If it were
 *       cleared afterwards, a wake during the poll would be lost.
 *   READY-4  Other threads link first and unpark second: an owner that consumes
 *       the token finds the link.
 *   READY-5  A push leaves a slot alone whose generation differs from the
 *       waker's: a late wake of a finished task cannot reach the task that
 *       uses the slot now.
 *   READY-6  Slots, mutex and parker live as long as any waker: a push may
 *       still be unlocking the mutex when the owner is freed.
 *   READY-7  Until its first waker is cloned, a task is visible only to the
 *       owner, which changes the state by a plain load and store, at a fifth
 *       of the cost. A clone marks the slot as shared first. The first clone
 *       is made by the owner, because a borrowed waker stays with its poll.
 *       From then on, until the end of the task, each change is one
 *       read-modify-write: a plain store could undo a concurrent push.
 *
 * tests/models/ready.pml is the model, with mutants for READY-1 to READY-4 and
 * READY-7.
 */
#include "waker/ready.h"

#include <unistd.h>

#include "base/base_internal.h"
#include "waker/stats.h"

_Thread_local struct rv_ready *rv_ready_entered;

/* --- birth and death --------------------------------------------------- */

struct rv_ready *rv_ready_new(size_t item_bytes)
{
    struct rv_ready *queue = rv_alloc(sizeof *queue);

    if (!queue)
        return NULL;
    rv_parker_init(&queue->parker);
    atomic_init(&queue->references, 1);
    queue->mark = rv_fork_mark();
    queue->item_bytes = item_bytes;
    if (rv_stats_wanted()) {
        queue->stats = rv_stats_new(queue);
        if (!queue->stats) {
            rv_free(queue);
            return NULL;
        }
    }
    pthread_mutex_init(&queue->mutex, NULL);
    rv_chain_init(&queue->pushed);
    rv_chain_init(&queue->local);
    return queue;
}

void rv_ready_get(struct rv_ready *queue)
{
    /* relaxed: the caller has a reference, so nothing can be freed yet. */
    atomic_fetch_add_explicit(&queue->references, 1, memory_order_relaxed);
}

static void ready_free(struct rv_ready *queue)
{
    rv_stats_free(queue->stats);
    if (queue->parker.backend.park)
        close(queue->parker.backend.event_fd);
    for (int i = 0; i < RV_SLAB_CHUNKS; i++)
        rv_free(queue->chunks[i]);
    pthread_mutex_destroy(&queue->mutex);
    rv_free(queue);
}

void rv_ready_put(struct rv_ready *queue)
{
    /* release: our accesses to the queue are complete; acquire: the thread
     * that frees it sees those of all others; they pair with each other. */
    if (atomic_fetch_sub_explicit(&queue->references, 1,
                                  memory_order_acq_rel) == 1)
        ready_free(queue);
}

void rv_ready_use(struct rv_ready *queue, const struct rv_park_backend *backend)
{
    rv_parker_use(&queue->parker, backend);
}

/* The chunk of the next slot. Returns: false without memory. */
static bool add_chunk(struct rv_ready *queue, uint32_t number)
{
    char *chunk = rv_alloc(rv_chunk_slots(number) * queue->item_bytes);

    /* release: publishes the zeroes; pairs with rv_ready_slot_of(). */
    atomic_store_explicit(&queue->chunks[number], chunk, memory_order_release);
    return chunk;
}

bool rv_ready_reserve(struct rv_ready *queue, uint32_t slots)
{
    const uint32_t chunks = slots ? rv_chunk_slot(slots - 1).chunk + 1 : 0;

    if (chunks > RV_SLAB_CHUNKS)
        return false; /* as in rv_ready_grow() */
    for (uint32_t chunk = 0; chunk < chunks; chunk++)
        if (!queue->chunks[chunk] && !add_chunk(queue, chunk))
            return false;
    return true;
}

struct rv_ready_slot *rv_ready_grow(struct rv_ready *queue)
{
    const uint32_t chunk = rv_chunk_slot(queue->used).chunk;
    struct rv_ready_slot *slot;

    if (chunk >= RV_SLAB_CHUNKS)
        return NULL; /* four billion tasks */
    if (!queue->chunks[chunk] && !add_chunk(queue, chunk))
        return NULL;
    slot = rv_ready_slot_of(queue, queue->used);
    slot->id = UINT64_C(1) << 32 | queue->used++;
    /* relaxed: as in rv_ready_alloc(). */
    atomic_store_explicit(&slot->state, rv_ready_idle_state(slot->id),
                          memory_order_relaxed);
    return slot;
}

struct rv_ready_slot *rv_ready_find(struct rv_ready *queue, uint64_t id)
{
    struct rv_ready_slot *slot = rv_ready_slot_of(queue, id);

    return rv_ready_is_of(slot, id) ? slot : NULL;
}

struct rv_ready_slot *rv_ready_at(struct rv_ready *queue, uint32_t index)
{
    struct rv_ready_slot *slot = rv_ready_slot_of(queue, index);

    return rv_ready_is_of(slot, slot->id) ? slot : NULL;
}

/* --- the owner --------------------------------------------------------- */

void rv_ready_enter(struct rv_ready *queue)
{
    rv_ready_entered = queue;
}

void rv_ready_collect(struct rv_ready *queue)
{
    pthread_mutex_lock(&queue->mutex);
    *queue->local.tail = queue->pushed.first;
    queue->local.tail = queue->pushed.tail;
    rv_chain_init(&queue->pushed);
    /* relaxed: as in rv_ready_batch(). */
    atomic_store_explicit(&queue->has_pushed, false, memory_order_relaxed);
    pthread_mutex_unlock(&queue->mutex);
}

uint32_t rv_ready_unmark_known(struct rv_ready_slot *slot)
{
    /* acquire: sees what each thread wrote that found it queued (READY-2);
     * pairs with rv_ready_mark(). release: we have read the link, which now
     * belongs to the next thread that sets RV_QUEUED (READY-1). */
    return atomic_fetch_and_explicit(&slot->state, ~RV_QUEUED,
                                     memory_order_acq_rel) &
           ~RV_QUEUED;
}

void rv_ready_end_batch(struct rv_ready *queue)
{
    if (!queue->batch)
        return;
    *queue->batch_tail = queue->local.first;
    if (rv_chain_empty(&queue->local))
        queue->local.tail = queue->batch_tail;
    queue->local.first = queue->batch;
    queue->batch = NULL;
}

/* --- pushing ----------------------------------------------------------- */

void rv_ready_share(struct rv_ready *queue, uint64_t id)
{
    struct rv_ready_slot *slot = rv_ready_slot_of(queue, id);

    /* READY-7: mark it before the clone exists. relaxed: the first caller is
     * the owner, which reads its own store; other threads only see it set. For
     * a finished task it has no effect. */
    if (!rv_ready_is_shared(slot))
        atomic_store_explicit(&slot->shared, true, memory_order_relaxed);
}

bool rv_ready_is_queued(struct rv_ready *queue, uint64_t id)
{
    /* relaxed: a snapshot for a report. */
    return atomic_load_explicit(&rv_ready_slot_of(queue, id)->state,
                                memory_order_relaxed) &
           RV_QUEUED;
}

static void trace_wake(struct rv_ready *queue, uint64_t id, bool again)
{
    const bool own =
        queue == rv_ready_entered && queue->taken && queue->taken->id == id;

    rv_trace(again ? RV_EV_WAKE_AGAIN : RV_EV_WAKE, id, rv_ready_owner(queue));
    rv_stats_wake(queue, id, own);
}

bool rv_ready_mark(struct rv_ready *queue, struct rv_ready_slot *slot,
                   uint64_t id)
{
    uint32_t idle = rv_ready_idle_state(id);
    /* relaxed: only a guess for the exchange below. */
    uint32_t seen = atomic_load_explicit(&slot->state, memory_order_relaxed);

    do {
        if ((seen | RV_QUEUED) != (idle | RV_QUEUED)) /* READY-5 */
            return false;
        /* release: publishes what the caller wrote before the wake, also when
         * RV_QUEUED is set already (READY-2); acquire: the owner has read the
         * link (READY-1); both pair with rv_ready_unmark(). */
    } while (!atomic_compare_exchange_weak_explicit(
        &slot->state, &seen, idle | RV_QUEUED, memory_order_acq_rel,
        memory_order_relaxed));
    if (rv_trace_is_on())
        trace_wake(queue, id, seen & RV_QUEUED);
    return !(seen & RV_QUEUED);
}

void rv_ready_push_known(struct rv_ready *queue, struct rv_ready_slot *slot)
{
    if (rv_ready_mark(queue, slot, slot->id))
        rv_chain_push(&queue->local, slot);
}

/* `mutex` must be held. */
static void link_pushed(struct rv_ready *queue, struct rv_ready_slot *slot)
{
    rv_chain_push(&queue->pushed, slot);
    /* relaxed: see rv_ready_batch(). */
    atomic_store_explicit(&queue->has_pushed, true, memory_order_relaxed);
}

void rv_ready_push_other(struct rv_ready *queue, uint64_t id)
{
    struct rv_ready_slot *slot = rv_ready_slot_of(queue, id);

    if (rv_fork_is_copy(queue->mark)) /* the owner is in another process */
        return;
    if (!rv_ready_mark(queue, slot, id))
        return;
    pthread_mutex_lock(&queue->mutex);
    link_pushed(queue, slot);
    pthread_mutex_unlock(&queue->mutex);
    rv_parker_unpark(&queue->parker); /* READY-4 */
}

bool rv_ready_push_all(struct rv_ready *queue, const struct rv_waker *wakers,
                       uint32_t len)
{
    bool any = false;

    if (rv_fork_is_copy(queue->mark))
        return false;
    pthread_mutex_lock(&queue->mutex);
    for (uint32_t i = 0; i < len; i++) {
        struct rv_ready_slot *slot = rv_ready_slot_of(queue, wakers[i].id);

        if (!rv_ready_mark(queue, slot, wakers[i].id))
            continue;
        link_pushed(queue, slot);
        any = true;
    }
    pthread_mutex_unlock(&queue->mutex);
    return any && rv_parker_unpark(&queue->parker); /* READY-4 */
}
