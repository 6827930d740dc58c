/* SPDX-License-Identifier: MIT */
/*
 * deque.c - the deque of Chase and Lev on C11 atomics.
 *
 * Threads: push and pop: the owner; steal: any.
 *
 * Items have increasing 64-bit positions 0, 1, 2, ...; position p is the slot
 * p % capacity of an array. `top` is the position of the first item, `bottom`
 * the position after the last one. Protocol:
 *
 *   DEQUE-1  Only `top` decides which thread gets an item, and it only grows. A
 *       thief takes position t by advancing top from t to t + 1. The owner does
 *       the same for the last item. The thread that loses the race gets no
 *       item.
 *   DEQUE-2  The owner lowers bottom *before* it loads top. A thief loads top
 *       *before* it loads bottom. Both have a seq_cst fence in between, so one
 *       of them sees the other. Without the fences, owner and thief could both
 *       take the same item.
 *   DEQUE-3  A thief reads the slot before it advances top: afterwards the
 *       owner may reuse the slot.
 *   DEQUE-4  push stores the slot, then bottom with release, and every other
 *       store of bottom is a release too. Otherwise a thief could see a
 *       position whose slot, or whose item, has not been written yet.
 *   DEQUE-5  A grown array is stored with release. Otherwise a thief that sees
 *       it before the new bottom could read slots that have not been copied
 *       yet. (Le et al. store it relaxed. The error was found by Norris and
 *       Demsky, "CDSChecker", OOPSLA 2013.)
 *   DEQUE-6  Old arrays are kept until fini, because a slow thief may still
 *       read one. It contains the same items at the same positions, and by
 *       DEQUE-1 the thief gets only an item that has not been taken.
 *
 * Le et al. have a release fence in push. Here bottom is stored with release
 * instead, which is no slower, and which ThreadSanitizer understands: it does
 * not model fences.
 */
#include "sched/deque.h"

#include <errno.h>
#include <reveil/base.h>

static struct rv_deque_array *new_array(int64_t capacity)
{
    struct rv_deque_array *array;
    size_t size_bytes = sizeof *array;

    size_bytes += (size_t)capacity * sizeof array->slots[0];
    array = rv_alloc(size_bytes);
    if (array)
        array->mask = capacity - 1;
    return array;
}

int rv_deque_init(struct rv_deque *deque, int64_t capacity)
{
    struct rv_deque_array *array = new_array(capacity);

    atomic_init(&deque->top, 0);
    atomic_init(&deque->bottom, 0);
    atomic_init(&deque->array, array);
    return array ? 0 : -ENOMEM;
}

/* relaxed: only the owner changes it. */
static inline struct rv_deque_array *own_array(struct rv_deque *deque)
{
    return atomic_load_explicit(&deque->array, memory_order_relaxed);
}

void rv_deque_fini(struct rv_deque *deque)
{
    struct rv_deque_array *array = own_array(deque);

    while (array) {
        struct rv_deque_array *older = array->older;

        rv_free(array);
        array = older;
    }
    atomic_store_explicit(&deque->array, NULL, memory_order_relaxed);
}

/* The array is full. Returns: one of twice the size, or NULL. */
static struct rv_deque_array *grow(struct rv_deque *deque, int64_t top,
                                   int64_t bottom)
{
    struct rv_deque_array *old = own_array(deque);
    struct rv_deque_array *array = new_array(2 * (old->mask + 1));

    if (!array)
        return NULL;
    for (int64_t position = top; position < bottom; position++)
        rv_deque_store(array, position, rv_deque_load(old, position));
    array->older = old;
    /* release: publishes the copied slots; pairs with the acquire in steal.
     * DEQUE-5 */
    atomic_store_explicit(&deque->array, array, memory_order_release);
    return array;
}

int rv_deque_push_full(struct rv_deque *deque, void *item)
{
    /* relaxed: with a stale top, more slots are copied than necessary. */
    const int64_t top = atomic_load_explicit(&deque->top, memory_order_relaxed);
    const int64_t bottom =
        atomic_load_explicit(&deque->bottom, memory_order_relaxed);
    struct rv_deque_array *array = grow(deque, top, bottom);

    if (!array)
        return -ENOMEM;
    rv_deque_store(array, bottom, item);
    /* release: DEQUE-4. */
    atomic_store_explicit(&deque->bottom, bottom + 1, memory_order_release);
    return 0;
}

void *rv_deque_pop_last(struct rv_deque *deque, void *item, int64_t position)
{
    int64_t top = position;
    /* seq_cst: one order of all changes of top (DEQUE-1). */
    const bool won = atomic_compare_exchange_strong_explicit(
        &deque->top, &top, position + 1, memory_order_seq_cst,
        memory_order_relaxed);

    /* release: DEQUE-4. */
    atomic_store_explicit(&deque->bottom, position + 1, memory_order_release);
    return won ? item : NULL;
}

enum rv_steal rv_deque_steal(struct rv_deque *deque, void **item)
{
    /* acquire: bottom must be read after top. DEQUE-2 */
    int64_t top = atomic_load_explicit(&deque->top, memory_order_acquire);
    int64_t bottom;
    struct rv_deque_array *array;
    void *found;

    /* Pairs with the fence in pop. DEQUE-2 */
    rv_full_fence();
    /* acquire: sees slot and item; pairs with the release in push. DEQUE-4 */
    bottom = atomic_load_explicit(&deque->bottom, memory_order_acquire);
    if (top >= bottom)
        return RV_STEAL_EMPTY;
    /* acquire: sees the copied slots; pairs with the release in grow(). DEQUE-5
     */
    array = atomic_load_explicit(&deque->array, memory_order_acquire);
    found = rv_deque_load(array, top); /* DEQUE-3 */
    /* seq_cst: one order of all changes of top (DEQUE-1). As a release it says
     * that the slot has been read (DEQUE-3). */
    if (!atomic_compare_exchange_strong_explicit(&deque->top, &top, top + 1,
                                                 memory_order_seq_cst,
                                                 memory_order_relaxed))
        return RV_STEAL_LOST;
    *item = found;
    return RV_STEAL_TAKEN;
}

int64_t rv_deque_len(const struct rv_deque *deque)
{
    /* relaxed: these numbers publish nothing. */
    const int64_t bottom =
        atomic_load_explicit(&deque->bottom, memory_order_relaxed);
    const int64_t top = atomic_load_explicit(&deque->top, memory_order_relaxed);

    return bottom > top ? bottom - top : 0;
}
