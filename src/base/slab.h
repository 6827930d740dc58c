/* SPDX-License-Identifier: MIT */
/*
 * slab.h - numbered slots for structs of one size.
 *
 * A slot has an address that never changes. Each use of it has an id that is
 * never used again: the index in the low half, the generation in the high half.
 * The id of a slot that was freed finds nothing, even if the slot has been
 * allocated again.
 *
 *     struct task { struct rv_slab_item item; ... };
 *     rv_slab_init(&slab, sizeof(struct task));
 *     id = rv_slab_alloc(&slab);            0 is never an id
 *     task = rv_slab_get(&slab, id);        NULL after rv_slab_free()
 */
#ifndef RV_SLAB_H
#define RV_SLAB_H

#include <reveil/base.h>

#include "base/chunk.h"

struct rv_slab_item {
    _Atomic uint32_t generation; /* private: odd while allocated */
    uint32_t next_free;          /* private */
};

struct rv_slab {
    size_t item_bytes;                      /* private, as are the rest */
    uint32_t first_free;                    /* index + 1, 0: none */
    uint32_t used;                          /* slots allocated at least once */
    uint32_t live;                          /* slots allocated now */
    _Atomic(char *) chunks[RV_SLAB_CHUNKS]; /* chunk k has 64 << k slots */
};

/* Make an empty slab for items whose first field is a struct rv_slab_item. */
void rv_slab_init(struct rv_slab *slab, size_t item_bytes);

/* Free all memory. Every address and id of the slab becomes invalid. */
void rv_slab_fini(struct rv_slab *slab);

/*
 * Allocate a slot. It is zeroed at its first use; later it has the contents
 * that its last user left.
 *
 * Threads: one at a time, together with rv_slab_free().
 * Returns: the id; 0: out of memory.
 */
uint64_t rv_slab_alloc(struct rv_slab *slab);

/* Free a slot; its id becomes invalid. Threads: as rv_slab_alloc(). */
void rv_slab_free(struct rv_slab *slab, uint64_t id);

/*
 * The item with this id, or NULL if it was freed.
 *
 * Threads: any, also during an alloc or a free; the contents of the item then
 * need a lock of their own.
 */
void *rv_slab_get(const struct rv_slab *slab, uint64_t id);

/* The item at an index, allocated or free; NULL if there is no slot yet. */
void *rv_slab_at(const struct rv_slab *slab, uint32_t index);

#endif /* RV_SLAB_H */
