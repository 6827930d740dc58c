/* SPDX-License-Identifier: MIT */
/*
 * ready.c - the ready queue: which tasks may go on, in which order.
 *
 * Each task id has a slot with a state word and a link; the queue is two
 * chains of slots, so that pushing needs no memory.
 *
 *     pushed   by other threads, under the mutex
 *     local    by the owner, who needs no mutex; a batch is taken from here
 *
 * Threads: push any; everything else the owner, the thread that polls.
 *
 * The state word of a slot is `generation << 1 | QUEUED`. Protocol:
 *
 *   Q1  Whoever turns QUEUED on links the slot, nobody else does. So an id is
 *       in the queue at most once, and its link has one writer. The owner
 *       that turns it off has done with the link: off releases, on acquires.
 *   Q2  A push that finds QUEUED on writes the same value all the same. That
 *       write publishes what the caller did before to the poll that follows;
 *       a plain look would publish nothing.
 *   Q3  QUEUED is turned off *before* the task is polled. Turned off after
 *       it, a wake that comes during the poll would be forgotten.
 *   Q4  Other threads link first, unpark second: the owner that takes the
 *       token finds the link.
 *   Q5  A slot whose generation is not the waker's is left alone: a late wake
 *       of a finished task cannot reach the task that has its place now.
 *   Q6  Slots, mutex and parker live as long as any waker: a push may still
 *       be unlocking when the owner has finished and gone.
 *
 * tests/models/ready.pml is the model, with mutants for Q1 to Q4.
 */
#include <errno.h>
#include <pthread.h>
#include <reveil/base.h>
#include <reveil/trace.h>
#include <reveil/waker.h>
#include <unistd.h>

#include "base/chunk.h"
#include "waker/waker_internal.h"

#define QUEUED UINT32_C(1)

struct ready_slot {
    _Atomic uint32_t state; /* any thread */
    uint32_t next;          /* who turned QUEUED on; index + 1, 0: the end */
};

/* A chain of slots, in order. */
struct chain {
    struct ready_slot *last; /* if len is not 0 */
    uint32_t first;          /* index + 1, 0 when empty */
    uint32_t len;
};

struct rv_ready {
    /* Any thread. */
    struct rv_parker parker;
    _Atomic uint32_t references;
    _Atomic uint32_t pushed_len; /* written under the mutex */
    _Atomic(struct ready_slot *) chunks[RV_SLAB_CHUNKS];

    /* `mutex` must be held. */
    pthread_mutex_t mutex;
    struct chain pushed;

    /* Private to the owner. */
    struct chain local;
    uint32_t batch_left;
};

static _Thread_local struct rv_ready *current;

static struct ready_slot *slot_at(struct rv_ready *queue, uint32_t index)
{
    struct rv_chunk_place place = rv_chunk_place(index);

    /* acquire: sees the zeroed chunk; pairs with rv_ready_reserve(). */
    return atomic_load_explicit(&queue->chunks[place.chunk],
                                memory_order_acquire) +
           place.offset;
}

/* --- chains ------------------------------------------------------------ */

static void chain_push(struct chain *chain, struct ready_slot *slot,
                       uint32_t index)
{
    slot->next = 0;
    if (chain->len++)
        chain->last->next = index + 1;
    else
        chain->first = index + 1;
    chain->last = slot;
}

/* Move all of `from` to the end of `to`. */
static void chain_append(struct chain *to, struct chain *from)
{
    if (!from->len)
        return;
    if (to->len)
        to->last->next = from->first;
    else
        to->first = from->first;
    to->last = from->last;
    to->len += from->len;
    *from = (struct chain){0};
}

/* --- birth and death --------------------------------------------------- */

struct rv_ready *rv_ready_new(void)
{
    struct rv_ready *queue = rv_alloc(sizeof *queue);

    if (!queue)
        return NULL;
    rv_parker_init(&queue->parker);
    atomic_init(&queue->references, 1);
    pthread_mutex_init(&queue->mutex, NULL);
    return queue;
}

void rv_ready_get(struct rv_ready *queue)
{
    /* relaxed: the caller has a reference, so nothing can be freed yet. */
    atomic_fetch_add_explicit(&queue->references, 1, memory_order_relaxed);
}

static void ready_free(struct rv_ready *queue)
{
    if (queue->parker.sleeper.turn)
        close(queue->parker.sleeper.event_fd);
    for (int i = 0; i < RV_SLAB_CHUNKS; i++)
        rv_free(queue->chunks[i]);
    pthread_mutex_destroy(&queue->mutex);
    rv_free(queue);
}

void rv_ready_put(struct rv_ready *queue)
{
    /* release: all we did with the queue is done; acquire: the last one sees
     * that of the others; they pair with each other. */
    if (atomic_fetch_sub_explicit(&queue->references, 1,
                                  memory_order_acq_rel) == 1)
        ready_free(queue);
}

struct rv_parker *rv_ready_parker(struct rv_ready *queue)
{
    return &queue->parker;
}

void rv_ready_use(struct rv_ready *queue, const struct rv_sleeper *sleeper)
{
    rv_parker_use(&queue->parker, sleeper);
}

int rv_ready_reserve(struct rv_ready *queue, uint64_t id)
{
    struct rv_chunk_place place = rv_chunk_place(rv_id_index(id));

    if (!queue->chunks[place.chunk]) {
        struct ready_slot *chunk =
            rv_alloc(rv_chunk_places(place.chunk) * sizeof(struct ready_slot));

        if (!chunk)
            return -ENOMEM;
        /* release: publishes the zeroed slots; pairs with slot_at(). */
        atomic_store_explicit(&queue->chunks[place.chunk], chunk,
                              memory_order_release);
    }
    /* relaxed: whoever gets a waker for the id gets it from us, later. */
    atomic_store_explicit(&slot_at(queue, rv_id_index(id))->state,
                          rv_id_generation(id) << 1, memory_order_relaxed);
    return 0;
}

bool rv_ready_retire(struct rv_ready *queue, uint64_t id)
{
    struct ready_slot *slot = slot_at(queue, rv_id_index(id));

    /* relaxed: nobody is polled for it any more. Generation 0 is nobody's. */
    return atomic_exchange_explicit(&slot->state, 0, memory_order_relaxed) &
           QUEUED;
}

/* --- the owner --------------------------------------------------------- */

struct rv_ready *rv_ready_enter(struct rv_ready *queue)
{
    struct rv_ready *previous = current;

    current = queue;
    return previous;
}

uint32_t rv_ready_batch(struct rv_ready *queue)
{
    /* relaxed: a push that is not seen here is followed by an unpark(), and
     * its token brings us back before we sleep (Q4). */
    if (atomic_load_explicit(&queue->pushed_len, memory_order_relaxed)) {
        pthread_mutex_lock(&queue->mutex);
        chain_append(&queue->local, &queue->pushed);
        atomic_store_explicit(&queue->pushed_len, 0, memory_order_relaxed);
        pthread_mutex_unlock(&queue->mutex);
    }
    queue->batch_left = queue->local.len;
    return queue->batch_left;
}

bool rv_ready_take(struct rv_ready *queue, uint32_t *index)
{
    struct ready_slot *slot;

    if (!queue->batch_left)
        return false;
    queue->batch_left--;
    queue->local.len--;
    *index = queue->local.first - 1;
    slot = slot_at(queue, *index);
    queue->local.first = slot->next;
    /* acquire: sees what every waker wrote that found it QUEUED (Q2); pairs
     * with mark_queued(). release: we have read the link, which belongs to
     * the next who turns QUEUED on (Q1). Q3 */
    atomic_fetch_and_explicit(&slot->state, ~QUEUED, memory_order_acq_rel);
    return true;
}

/* --- pushing ----------------------------------------------------------- */

/* Returns: the slot if the caller turned QUEUED on and must link it (Q1). */
static struct ready_slot *mark_queued(struct rv_ready *queue, uint64_t id)
{
    struct ready_slot *slot = slot_at(queue, rv_id_index(id));
    uint32_t idle = rv_id_generation(id) << 1;
    /* relaxed: only a guess for the exchange below. */
    uint32_t seen = atomic_load_explicit(&slot->state, memory_order_relaxed);

    do {
        if ((seen | QUEUED) != (idle | QUEUED)) /* Q5 */
            return NULL;
        /* release: publishes what the caller did before it woke the task,
         * also when QUEUED is on already (Q2); acquire: the owner has done
         * with the link (Q1); both pair with rv_ready_take(). */
    } while (!atomic_compare_exchange_weak_explicit(
        &slot->state, &seen, idle | QUEUED, memory_order_acq_rel,
        memory_order_relaxed));
    rv_trace(seen & QUEUED ? RV_EV_WAKE_AGAIN : RV_EV_WAKE, id, 0);
    return seen & QUEUED ? NULL : slot;
}

/* `mutex` must be held. */
static void push_from_outside(struct rv_ready *queue, struct ready_slot *slot,
                              uint64_t id)
{
    chain_push(&queue->pushed, slot, rv_id_index(id));
    /* relaxed: see rv_ready_batch(). */
    atomic_store_explicit(&queue->pushed_len, queue->pushed.len,
                          memory_order_relaxed);
}

void rv_ready_push(struct rv_ready *queue, uint64_t id)
{
    struct ready_slot *slot = mark_queued(queue, id);

    if (!slot)
        return;
    if (queue == current) {
        chain_push(&queue->local, slot, rv_id_index(id));
        return;
    }
    pthread_mutex_lock(&queue->mutex);
    push_from_outside(queue, slot, id);
    pthread_mutex_unlock(&queue->mutex);
    rv_parker_unpark(&queue->parker); /* Q4 */
}

void rv_ready_push_all(struct rv_ready *queue, const struct rv_waker *wakers,
                       uint32_t len)
{
    bool any = false;

    pthread_mutex_lock(&queue->mutex);
    for (uint32_t i = 0; i < len; i++) {
        struct ready_slot *slot = mark_queued(queue, wakers[i].id);

        if (!slot)
            continue;
        push_from_outside(queue, slot, wakers[i].id);
        any = true;
    }
    pthread_mutex_unlock(&queue->mutex);
    if (any)
        rv_parker_unpark(&queue->parker); /* Q4 */
}

struct rv_ready *rv_ready_current(void)
{
    return current;
}
