/* SPDX-License-Identifier: MIT */
/*
 * stack_slab.h - map and unmap stacks, many of one size at a time.
 *
 * Threads: any. The caller must hold a lock to take a slot or to return it.
 */
#ifndef RV_CORO_STACK_SLAB_H
#define RV_CORO_STACK_SLAB_H

#include "coro/stack.h"

enum {
    RV_STACK_MIN_SHIFT = 14, /* RV_CORO_MIN_STACK_BYTES */
    RV_STACK_MAX_SHIFT = 30,
    RV_STACK_CLASSES = RV_STACK_MAX_SHIFT - RV_STACK_MIN_SHIFT + 1,

    RV_SLAB_STACKS = 64, /* at most */
};

/* At the beginning of its mapping, before the first guard. */
struct rv_stack_slab {
    struct rv_list node; /* of the depot, while the slab has free slots */
    size_t mapped_bytes;
    uint32_t class_;
    uint32_t stacks;
    uint32_t free_len;
    uint8_t free[RV_SLAB_STACKS];      /* indices of free slots */
    unsigned valgrind[RV_SLAB_STACKS]; /* valgrind's ids of the stacks */
};

/* The size of a class's stacks: class 0 has the smallest. */
static inline size_t rv_stack_class_bytes(uint32_t class_)
{
    return (size_t)1 << (RV_STACK_MIN_SHIFT + class_);
}

/* How many stacks of a class fit into `bytes`; at least `least`, at most
 * `most`.
 */
static inline uint32_t rv_stack_clamp(uint32_t class_, size_t bytes,
                                      uint32_t least, uint32_t most)
{
    const size_t stacks = bytes >> (RV_STACK_MIN_SHIFT + class_);

    return stacks < least ? least : stacks > most ? most : (uint32_t)stacks;
}

/*
 * A slab with all slots free. It has fewer slots if no more guards can be
 * installed.
 *
 * Returns: NULL if there is no memory, or no mapping is left.
 */
struct rv_stack_slab *rv_stack_slab_map(uint32_t class_);

/* Misuse: a slot is in use. */
void rv_stack_slab_unmap(struct rv_stack_slab *slab);

/* Take a free slot. The slab must have one. */
struct rv_stack *rv_stack_slab_take(struct rv_stack_slab *slab);

#endif /* RV_CORO_STACK_SLAB_H */
