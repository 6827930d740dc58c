/* SPDX-License-Identifier: MIT */
/*
 * deque.h - a queue with one owner and any number of thieves.
 *
 *     owner                              thieves
 *     push ──▶ bottom ... items ... top ──▶ steal
 *     pop  ◀── bottom
 *
 * The owner works at one end and never waits for another thread. Workers that
 * have nothing to do steal from the other end. It grows, and never shrinks.
 *
 * Source: Chase and Lev, "Dynamic circular work-stealing deque", SPAA 2005; in
 * C11: Lê, Pop, Cohen and Zappa Nardelli, "Correct and efficient work-stealing
 * for weak memory models", PPoPP 2013. The rules, DEQUE-1 to DEQUE-6, and
 * the differences to these papers are in deque.c.
 */
#ifndef RV_DEQUE_H
#define RV_DEQUE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Padding of this size puts two fields on different cache lines. */
enum { RV_CACHE_LINE_BYTES = 64 };

/* A seq_cst fence. gcc warns that ThreadSanitizer does not model it. That is
 * harmless: no happens-before relation here depends on a fence. */
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
    int64_t mask;                 /* capacity, a power of two, minus 1 */
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

/* Free its memory. The items that are left belong to the caller. A no-op after
 * an init that failed. Threads: the owner, after the last thief. */
void rv_deque_fini(struct rv_deque *deque);

/* Private: push when the array is full. */
int rv_deque_push_full(struct rv_deque *deque, void *item);

/* Private: compete with the thieves for the last item, at `position`. Returns:
 * the item, or NULL. */
void *rv_deque_pop_last(struct rv_deque *deque, void *item, int64_t position);

/* Private. relaxed, in both: `bottom` publishes the slots (DEQUE-4), and `top`
 * decides which thread gets an item (DEQUE-1). */
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
 * Push an item, not NULL, at the bottom. What the caller has written before is
 * visible to the thread that takes the item.
 *
 * Threads: the owner. Returns: 0, -ENOMEM (had to grow).
 */
static inline int rv_deque_push(struct rv_deque *deque, void *item)
{
    /* relaxed, for bottom and array: only the owner changes them. */
    const int64_t bottom =
        atomic_load_explicit(&deque->bottom, memory_order_relaxed);
    struct rv_deque_array *array =
        atomic_load_explicit(&deque->array, memory_order_relaxed);
    /* acquire: a thief that has advanced top has read its slot, which this push
     * may reuse (DEQUE-3); pairs with the seq_cst exchange in steal. */
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
    RV_STEAL_LOST, /* another thread took the item first: try again */
    RV_STEAL_TAKEN
};

/* Take the item that was pushed first. Threads: any. */
enum rv_steal rv_deque_steal(struct rv_deque *deque, void **item);

/* The number of items. It may be out of date when the caller reads it, except
 * that the owner sees all of its own pushes. Threads: any. */
int64_t rv_deque_len(const struct rv_deque *deque);

#endif /* RV_DEQUE_H */
