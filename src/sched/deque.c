/* SPDX-License-Identifier: MIT */
/*
 * deque.c - the deque of Chase and Lev on C11 atomics.
 *
 * Threads: push and pop the owner, steal any.
 *
 * Items have positions 0, 1, 2, ... for ever, in 64 bits; position p is the
 * slot p % capacity of an array. `top` is the position of the first item,
 * `bottom` the position after the last. Protocol:
 *
 *   DEQUE-1  Only `top` decides who has an item, and it only grows. A thief
 *       takes position t by moving top from t to t + 1; so does the owner, for
 *       the last item. Whoever loses that race has nothing.
 *   DEQUE-2  The owner gives up a position (bottom - 1) *before* it looks at
 *       top, and a thief looks at bottom *after* it has looked at top, with a
 *       seq_cst fence between the two in both. So one of them sees the other.
 *       Without, owner and thief both take the last but one as theirs.
 *   DEQUE-3  A thief reads the slot before it moves top: after it the owner may
 *       reuse the slot.
 *   DEQUE-4  push stores the slot, then bottom with release; and each store of
 *       bottom is a release. Otherwise a thief could see a position whose slot,
 *       or whose item, was not written yet.
 *   DEQUE-5  A grown array is stored with release. Otherwise a thief that sees
 *       it before it sees the new bottom reads slots that were not copied yet.
 *       (The article stores it relaxed: Norris and Demsky, "CDSChecker", OOPSLA
 *       2013.)
 *   DEQUE-6  Old arrays stay until fini: a slow thief may still read one. Its
 *       items are the same there, and DEQUE-1 lets it have only what is left.
 *
 * Where the article has a release fence in push, bottom is stored with
 * release here: the same on any machine, and ThreadSanitizer, which does not
 * model fences, understands it.
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

/* relaxed: the owner alone changes it. */
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
    /* relaxed: an old top only copies more than need be. */
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
    /* seq_cst: one order for all who move top (DEQUE-1). */
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
    /* seq_cst: one order for all who move top (DEQUE-1); its release half says
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
    /* relaxed: a number that publishes nothing. */
    const int64_t bottom =
        atomic_load_explicit(&deque->bottom, memory_order_relaxed);
    const int64_t top = atomic_load_explicit(&deque->top, memory_order_relaxed);

    return bottom > top ? bottom - top : 0;
}
