/* SPDX-License-Identifier: MIT */
/*
 * ready.h - the ready queue: the tasks to poll next, in order.
 *
 *     struct task { struct rv_ready_slot slot; ... };
 *     queue = rv_ready_new(sizeof(struct task));
 *     slot = rv_ready_alloc(queue);        a new task, with its id
 *     rv_ready_push(queue, slot->id);      any thread: poll it
 *     rv_ready_batch(queue);               the owner: all that is queued now
 *     slot = rv_ready_take(queue);         ... one by one
 *     rv_ready_retire(queue, slot);        the task is over
 *
 * FIFO; a task is in it at most once. The queue owns the tasks' slots, so a
 * push finds the slot by the task's id and needs no memory. The queue lives
 * until its last reference is put: a late wake still finds a slot, and sees
 * that the slot has another id now.
 *
 * There are two ways in: rv_ready_push_own() on the thread that polls for the
 * queue, without a lock, and rv_ready_push_other() everywhere else.
 * rv_ready_push() and rv_ready_wake() choose between them.
 *
 * The code that runs for each poll is inline here; the rest, and the protocol
 * with its rules READY-1 to READY-7, is in ready.c.
 */
#ifndef RV_READY_H
#define RV_READY_H

#include <pthread.h>
#include <reveil/base.h>
#include <reveil/trace.h>
#include <reveil/waker.h>

#include "base/chunk.h"

/*
 * Embed it first in the struct of a task. 24 bytes.
 *
 * state: `generation << 1 | RV_QUEUED`, or 0.
 *
 *   RV_QUEUED   The slot is linked in `pushed`, `local` or the batch, or the
 *               thread that set the bit is about to link it. Any thread that
 *               wakes the task sets it; only the owner clears it, in
 *               rv_ready_take(), before the poll. It cannot be set while the
 *               state is 0 or of another generation.
 *   generation  The upper half of the id: which use of the slot this is. The
 *               owner sets it in rv_ready_alloc(). A waker whose id has another
 *               generation is of an earlier task (READY-5).
 *   0           The task has ended. The owner stores it in rv_ready_retire(). A
 *               slot that is still linked then is recycled by rv_ready_take();
 *               until then it has no new task.
 *
 * shared: a waker of the task was cloned (READY-7). rv_ready_share() sets it,
 * first on the owner's thread; only rv_ready_alloc() clears it, for the next
 * task. While it is false, no other thread can touch `state`.
 */
struct rv_ready_slot {
    _Atomic uint32_t state;     /* private */
    _Atomic bool shared;        /* private */
    uint8_t flags;              /* for the owner's own use */
    struct rv_ready_slot *next; /* private: of the thread that set RV_QUEUED */
    uint64_t id;                /* generation and index; never reused */
};

#define RV_QUEUED UINT32_C(1)

/* A chain of slots, in order; the link of the last one is not set. */
struct rv_chain {
    struct rv_ready_slot *first; /* not set when tail is &first: empty */
    struct rv_ready_slot **tail; /* where the next slot is linked */
};

struct rv_ready {
    /* Any thread. */
    struct rv_parker parker;
    _Atomic uint32_t references;
    _Atomic bool has_pushed; /* `pushed` is not empty; written under the mutex,
                                read by the owner without it */
    uint32_t mark;           /* the process that made it */
    size_t item_bytes;       /* of a task: its slot and what is around it */
    _Atomic(char *) chunks[RV_SLAB_CHUNKS]; /* of slots, see chunk.h */

    /* `mutex` must be held. */
    pthread_mutex_t mutex;
    struct rv_chain pushed;

    /* Private to the owner. */
    struct rv_chain local;
    struct rv_ready_slot *batch;       /* the first of it; ends with NULL */
    struct rv_ready_slot **batch_tail; /* its last link, if there is one */
    struct rv_ready_slot *taken;       /* of the task being polled, or NULL */
    struct rv_ready_slot *free;        /* retired ones, by `next` */
    uint32_t used;                     /* slots ever handed out */

    /* Called when a future that has a waker of the task `earlier` is polled by
     * another task; see rv_waker_displaced(). NULL: not. */
    void (*displaced)(struct rv_ready *queue, uint64_t earlier, uint64_t now);

    struct rv_stats *stats; /* NULL: not recorded */
};

/* A new queue with one reference. Returns: NULL if allocation fails. */
struct rv_ready *rv_ready_new(size_t item_bytes);
void rv_ready_get(struct rv_ready *queue);
void rv_ready_put(struct rv_ready *queue);

/* The parker that a push unparks; the queue's owner parks on it. */
static inline struct rv_parker *rv_ready_parker(struct rv_ready *queue)
{
    return &queue->parker;
}

/*
 * rv_parker_use() for the queue's parker. Owns: backend->event_fd is the
 * queue's from now on, and closed with it. Threads: the owner, before there is
 * a waker for the queue.
 */
void rv_ready_use(struct rv_ready *queue,
                  const struct rv_park_backend *backend);

/* From now on this thread polls for `queue` (NULL: for none), and its own
 * pushes need no lock. */
void rv_ready_enter(struct rv_ready *queue);

/* Private: what rv_ready_enter() set. */
extern _Thread_local struct rv_ready *rv_ready_entered
    __attribute__((tls_model("initial-exec")));

/* The queue that this thread polls for, or NULL. */
static inline struct rv_ready *rv_ready_current(void)
{
    return rv_ready_entered;
}

/* What tells the tasks of this queue from others in the trace. */
static inline int64_t rv_ready_owner(const struct rv_ready *queue)
{
    return (int64_t)(uintptr_t)queue;
}

/* --- the life of a slot ------------------------------------------------ */

/* Private: the slot of an id that was handed out, now or before. Threads: any.
 */
static inline struct rv_ready_slot *rv_ready_slot_of(struct rv_ready *queue,
                                                     uint64_t id)
{
    const struct rv_chunk_slot slot = rv_chunk_slot(rv_id_index(id));
    /* acquire: sees the zeroed chunk; pairs with rv_ready_grow(). */
    char *chunk =
        atomic_load_explicit(&queue->chunks[slot.chunk], memory_order_acquire);

    return (void *)(chunk + slot.offset * queue->item_bytes);
}

/* Private: the state of a slot that is this id's and not in the queue. */
static inline uint32_t rv_ready_idle_state(uint64_t id)
{
    return rv_id_generation(id) << 1;
}

/* Private: the slot is this id's. */
static inline bool rv_ready_is_of(struct rv_ready_slot *slot, uint64_t id)
{
    /* relaxed: compares the generation only, which the owner writes. */
    return (atomic_load_explicit(&slot->state, memory_order_relaxed) |
            RV_QUEUED) == (rv_ready_idle_state(id) | RV_QUEUED);
}

/* Allocate the memory of so many slots, used or not. Returns: false without
 * memory. Threads: the owner. */
bool rv_ready_reserve(struct rv_ready *queue, uint32_t slots);

/* Private: a slot that was never used. Returns: NULL if allocation fails. */
struct rv_ready_slot *rv_ready_grow(struct rv_ready *queue);

/*
 * A slot with a new id, not queued. The memory around it is as its last user
 * left it, or zero. Threads: the owner. Returns: NULL if allocation fails.
 */
static inline struct rv_ready_slot *rv_ready_alloc(struct rv_ready *queue)
{
    struct rv_ready_slot *slot = queue->free;

    if (__builtin_expect(!slot, 0))
        return rv_ready_grow(queue);
    queue->free = slot->next;
    slot->id += UINT64_C(1) << 32;
    /* relaxed: other threads learn of the id only by a waker that we clone
     * later. */
    atomic_store_explicit(&slot->shared, false, memory_order_relaxed);
    atomic_store_explicit(&slot->state, rv_id_generation(slot->id) << 1,
                          memory_order_relaxed);
    return slot;
}

/* Private: keep a slot for the next task. A slot whose generations are used up
 * is never used again: the ids of its first task would match a new one. */
static inline void rv_ready_recycle(struct rv_ready *queue,
                                    struct rv_ready_slot *slot)
{
    if (rv_id_generation(slot->id) == UINT32_MAX >> 1)
        return;
    slot->next = queue->free;
    queue->free = slot;
}

/* The slot of this id; NULL when it was retired. Threads: the owner. */
struct rv_ready_slot *rv_ready_find(struct rv_ready *queue, uint64_t id);

/* The slot at an index below queue->used; NULL when it has no task. */
struct rv_ready_slot *rv_ready_at(struct rv_ready *queue, uint32_t index);

/* --- pushing and taking ------------------------------------------------ */

/* Private: rv_ready_push() on a thread that does not poll for `queue`: links
 * the slot under the mutex and unparks the owner. */
void rv_ready_push_other(struct rv_ready *queue, uint64_t id);

/* The same for `len` wakers of this queue: one lock, one unpark. Returns: true
 * if the owner slept. */
bool rv_ready_push_all(struct rv_ready *queue, const struct rv_waker *wakers,
                       uint32_t len);

/* Call it before a waker of this task is cloned (READY-7). */
void rv_ready_share(struct rv_ready *queue, uint64_t id);

/* Private: set RV_QUEUED. Returns: true if it was clear: the caller must link
 * the slot (READY-1). */
bool rv_ready_mark(struct rv_ready *queue, struct rv_ready_slot *slot,
                   uint64_t id);

/* Whether this id is queued now; a snapshot for reports. Threads: any. */
bool rv_ready_is_queued(struct rv_ready *queue, uint64_t id);

static inline void rv_chain_init(struct rv_chain *chain)
{
    chain->tail = &chain->first;
}

static inline bool rv_chain_empty(const struct rv_chain *chain)
{
    return chain->tail == &chain->first;
}

static inline void rv_chain_push(struct rv_chain *chain,
                                 struct rv_ready_slot *slot)
{
    *chain->tail = slot;
    chain->tail = &slot->next;
}

/* relaxed: only the owner asks while it may still be false. */
static inline bool rv_ready_is_shared(struct rv_ready_slot *slot)
{
    return atomic_load_explicit(&slot->shared, memory_order_relaxed);
}

/*
 * The task has ended: wakes for its id do nothing from now on. The slot is
 * reused once it is no longer linked. Threads: the owner.
 */
static inline void rv_ready_retire(struct rv_ready *queue,
                                   struct rv_ready_slot *slot)
{
    uint32_t seen;

    if (queue->taken == slot)
        queue->taken = NULL;
    /* relaxed: no poll follows that would read what a waker published. */
    if (rv_ready_is_shared(slot)) {
        seen = atomic_exchange_explicit(&slot->state, 0, memory_order_relaxed);
    } else {
        seen = atomic_load_explicit(&slot->state, memory_order_relaxed);
        atomic_store_explicit(&slot->state, 0, memory_order_relaxed);
    }
    if (!(seen & RV_QUEUED)) /* else rv_ready_take() finds it */
        rv_ready_recycle(queue, slot);
}

/* Private: rv_ready_push_own() of a shared task, or with the trace on. */
void rv_ready_push_known(struct rv_ready *queue, struct rv_ready_slot *slot);

/* Push a slot that is not retired. Threads: the thread that polls for `queue`.
 */
static inline void rv_ready_push_own(struct rv_ready *queue,
                                     struct rv_ready_slot *slot)
{
    uint32_t seen;

    if (rv_ready_is_shared(slot) || rv_trace_is_on()) {
        rv_ready_push_known(queue, slot);
        return;
    }
    /* READY-7: not shared, so a plain load and store. relaxed, both: no other
     * thread reads them. */
    seen = atomic_load_explicit(&slot->state, memory_order_relaxed);
    if (seen & RV_QUEUED)
        return;
    atomic_store_explicit(&slot->state, seen | RV_QUEUED, memory_order_relaxed);
    rv_chain_push(&queue->local, slot);
}

/*
 * Push a task, from whichever side the calling thread is on; see
 * rv_waker_wake(). A task that wakes itself needs no lookup of its slot.
 *
 * Threads: any.
 */
static inline void rv_ready_push(struct rv_ready *queue, uint64_t id)
{
    struct rv_ready_slot *slot;

    if (queue != rv_ready_current()) {
        rv_ready_push_other(queue, id);
        return;
    }
    slot = queue->taken;
    if (!slot || slot->id != id) {
        slot = rv_ready_slot_of(queue, id);
        if (!rv_ready_is_of(slot, id)) /* READY-5 */
            return;
    }
    rv_ready_push_own(queue, slot);
}

/* rv_waker_wake(), inline. */
static inline void rv_ready_wake(const struct rv_waker *waker)
{
    if (waker->queue)
        rv_ready_push(waker->queue, waker->id);
}

/* Private: move what other threads have pushed to the end of `local`. */
void rv_ready_collect(struct rv_ready *queue);

/* Private: make a batch of `local`. */
static inline void rv_ready_cut(struct rv_ready *queue)
{
    *queue->local.tail = NULL;
    queue->batch = queue->local.first;
    queue->batch_tail = queue->local.tail;
    rv_chain_init(&queue->local);
}

/*
 * Start a batch: all that is queued now, in order. Later pushes are for the
 * next batch.
 *
 * Threads: the owner, when the previous batch is empty. Returns: false when
 * nothing is queued. If all tasks of a batch have ended, rv_ready_take()
 * returns NULL at once.
 */
static inline bool rv_ready_batch(struct rv_ready *queue)
{
    /* relaxed: a push that is not seen here is followed by an unpark(), whose
     * token keeps us from sleeping (READY-4). */
    if (atomic_load_explicit(&queue->has_pushed, memory_order_relaxed))
        rv_ready_collect(queue);
    if (rv_chain_empty(&queue->local))
        return false;
    rv_ready_cut(queue);
    return true;
}

/* Returns: false if rv_ready_batch() would find a task. Threads: the owner. */
static inline bool rv_ready_is_empty(const struct rv_ready *queue)
{
    /* relaxed: as in rv_ready_batch(). */
    return rv_chain_empty(&queue->local) &&
           !atomic_load_explicit(&queue->has_pushed, memory_order_relaxed);
}

/* Private: rv_ready_unmark() of a shared task. */
uint32_t rv_ready_unmark_known(struct rv_ready_slot *slot);

/* Private: clear RV_QUEUED. Returns: the state without it; 0 if the task has
 * ended. */
static inline uint32_t rv_ready_unmark(struct rv_ready_slot *slot)
{
    uint32_t idle;

    if (rv_ready_is_shared(slot))
        return rv_ready_unmark_known(slot);
    /* READY-7: not shared, so a plain load and store; relaxed as above. */
    idle =
        atomic_load_explicit(&slot->state, memory_order_relaxed) & ~RV_QUEUED;
    atomic_store_explicit(&slot->state, idle, memory_order_relaxed);
    return idle;
}

/*
 * Take the next task of the batch and clear RV_QUEUED, *before* the task is
 * polled: a wake during the poll queues it again (READY-3).
 *
 * Threads: the owner. Returns: NULL at the end of the batch.
 */
static inline struct rv_ready_slot *rv_ready_take(struct rv_ready *queue)
{
    struct rv_ready_slot *slot;

    while ((slot = queue->batch)) {
        queue->batch = slot->next;
        if (__builtin_expect(rv_ready_unmark(slot) != 0, 1))
            break;
        rv_ready_recycle(queue, slot);
    }
    queue->taken = slot;
    return slot;
}

/* End the batch early: the rest of it goes back to the front of the queue.
 * Threads: the owner. */
void rv_ready_end_batch(struct rv_ready *queue);

#endif /* RV_READY_H */
