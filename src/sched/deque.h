/* SPDX-License-Identifier: MIT */
/*
 * deque.h - a queue with one owner and any number of thieves.
 *
 *     owner                              thieves
 *     push ──▶ bottom ... items ... top ──▶ steal
 *     pop  ◀── bottom
 *
 * The owner works at one end without waiting for anybody; who has nothing to
 * do takes from the other end. It grows, and never shrinks.
 *
 * Source: Chase and Lev, "Dynamic circular work-stealing deque", SPAA 2005; in
 * C11: Lê, Pop, Cohen and Zappa Nardelli, "Correct and efficient work-stealing
 * for weak memory models", PPoPP 2013. What must hold, DEQUE-1 to DEQUE-6, and
 * where this differs, is in deque.c.
 */
#ifndef RV_DEQUE_H
#define RV_DEQUE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What keeps two fields on cache lines of their own. */
enum { RV_CACHE_LINE_BYTES = 64 };

/* A seq_cst fence. ThreadSanitizer does not model it, and gcc says so; nothing
 * here needs it to see what happens before what. */
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wtsan"
#endif
static inline void rv_full_fence(void)
{
    atomic_thread_fence(memory_order_seq_cst);
}
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic pop
#endif

struct rv_deque_array {
    struct rv_deque_array *older; /* the owner; see DEQUE-6 */
    int64_t mask;                 /* capacity, a power of two, less 1 */
    _Atomic(void *) slots[];
};

/* Do not copy or move it once it is shared. */
struct rv_deque {
    _Atomic int64_t top; /* any thread */
    char apart[RV_CACHE_LINE_BYTES];
    _Atomic int64_t bottom; /* written by the owner, as is `array` */
    _Atomic(struct rv_deque_array *) array;
    char end[RV_CACHE_LINE_BYTES];
};

/* An empty deque with room for `capacity` items, a power of two, before it
 * grows. Returns: 0, -ENOMEM. */
int rv_deque_init(struct rv_deque *deque, int64_t capacity);

/* Free its memory; what is left in it is the caller's. Harmless after an
 * init that failed. Threads: the owner, when there are no thieves any more. */
void rv_deque_fini(struct rv_deque *deque);

/* Private: push when the array is full. */
int rv_deque_push_full(struct rv_deque *deque, void *item);

/* Private: the thieves may want the last item, at `position`, too. Returns: it,
 * or NULL. */
void *rv_deque_pop_last(struct rv_deque *deque, void *item, int64_t position);

/* Private. relaxed, in both: bottom publishes slots (DEQUE-4), top says who may
 * keep an item (DEQUE-1). */
static inline void *rv_deque_load(struct rv_deque_array *array,
                                  int64_t position)
{
    return atomic_load_explicit(&array->slots[position & array->mask],
                                memory_order_relaxed);
}

static inline void rv_deque_store(struct rv_deque_array *array,
                                  int64_t position, void *item)
{
    atomic_store_explicit(&array->slots[position & array->mask], item,
                          memory_order_relaxed);
}

/*
 * Put an item, not NULL, at the bottom. What was written before is visible to
 * whoever takes the item.
 *
 * Threads: the owner. Returns: 0, -ENOMEM (had to grow).
 */
static inline int rv_deque_push(struct rv_deque *deque, void *item)
{
    /* relaxed, for bottom and array: the owner alone changes them. */
    const int64_t bottom =
        atomic_load_explicit(&deque->bottom, memory_order_relaxed);
    struct rv_deque_array *array =
        atomic_load_explicit(&deque->array, memory_order_relaxed);
    /* acquire: a thief that moved top has read its slot, which may be ours
     * now (DEQUE-3); pairs with the seq_cst exchange in steal. */
    const int64_t top = atomic_load_explicit(&deque->top, memory_order_acquire);

    if (__builtin_expect(bottom - top > array->mask, 0))
        return rv_deque_push_full(deque, item);
    rv_deque_store(array, bottom, item);
    /* release: publishes slot and item; pairs with the acquire in steal.
     * DEQUE-4 */
    atomic_store_explicit(&deque->bottom, bottom + 1, memory_order_release);
    return 0;
}

/* Take the item that was pushed last, or NULL. Threads: the owner. */
static inline void *rv_deque_pop(struct rv_deque *deque)
{
    /* relaxed: as in push. */
    const int64_t position =
        atomic_load_explicit(&deque->bottom, memory_order_relaxed) - 1;
    struct rv_deque_array *array =
        atomic_load_explicit(&deque->array, memory_order_relaxed);
    int64_t top;

    /* release, here and below: DEQUE-4. */
    atomic_store_explicit(&deque->bottom, position, memory_order_release);
    /* Pairs with the fence in steal. DEQUE-2 */
    rv_full_fence();
    /* relaxed: the fence orders it. */
    top = atomic_load_explicit(&deque->top, memory_order_relaxed);
    if (__builtin_expect(top < position, 1))
        return rv_deque_load(array, position);
    if (top == position)
        return rv_deque_pop_last(deque, rv_deque_load(array, position),
                                 position);
    atomic_store_explicit(&deque->bottom, position + 1, memory_order_release);
    return NULL;
}

enum rv_steal {
    RV_STEAL_EMPTY,
    RV_STEAL_LOST, /* another one took it at the same time: try again */
    RV_STEAL_TAKEN
};

/* Take the item that was pushed first. Threads: any. */
enum rv_steal rv_deque_steal(struct rv_deque *deque, void **item);

/* How many items there are; may be out of date when it is read, except that
 * the owner sees all of its own. Threads: any. */
int64_t rv_deque_len(const struct rv_deque *deque);

#endif /* RV_DEQUE_H */
