/* SPDX-License-Identifier: MIT */
/*
 * slab.c - numbered slots that never move, with ids that are never reused.
 *
 * Slots are kept in chunks that double in size (see chunk.h). Growing adds a
 * chunk and moves nothing, so a slot can be looked up while another thread
 * grows the slab.
 *
 * Threads: rv_slab_alloc() and rv_slab_free(): one at a time; rv_slab_get() and
 * rv_slab_at(): any, also at the same time.
 *
 * Protocol.
 *
 *   SLAB-1  A chunk is zeroed before its pointer is stored with release, and
 *       the pointer is read with acquire. Otherwise a reader could read an
 *       item's generation from memory that is not zeroed yet.
 *   SLAB-2  A chunk is neither moved nor freed before rv_slab_fini(). Otherwise
 *       a reader could access freed memory.
 *   SLAB-3  The generation is odd while the slot is allocated, and each alloc
 *       and free adds one. So an id with an even generation, such as 0, is
 *       never in use, and an id that was freed matches nothing.
 *   SLAB-4  A slot whose generation has wrapped around to 0 is not used again.
 *       Otherwise old ids of the slot would match its new users.
 */
#include "base/slab.h"

#include "base/base_internal.h"

/* The slot of an index, or NULL when its chunk does not exist. */
static inline struct rv_slab_item *find_slot(const struct rv_slab *slab,
                                             uint32_t index)
{
    const struct rv_chunk_slot slot = rv_chunk_slot(index);
    char *chunk;

    if (slot.chunk >= RV_SLAB_CHUNKS)
        return NULL;
    /* acquire: sees the chunk's zeroes; pairs with add_chunk(). */
    chunk =
        atomic_load_explicit(&slab->chunks[slot.chunk], memory_order_acquire);
    if (chunk == NULL)
        return NULL;
    return (void *)(chunk + slot.offset * slab->item_bytes);
}

/* relaxed, here and below: threads that share an item protect its contents with
 * a lock of their own; the generation alone publishes nothing. */
static inline uint32_t generation_of(const struct rv_slab_item *item)
{
    return atomic_load_explicit(&item->generation, memory_order_relaxed);
}

static inline uint32_t next_generation(struct rv_slab_item *item)
{
    /* Not a fetch_add: alloc and free are never in two threads at once. */
    const uint32_t generation = generation_of(item) + 1;

    atomic_store_explicit(&item->generation, generation, memory_order_relaxed);
    return generation;
}

/* relaxed: the caller makes sure that no other thread uses the slab before its
 * init has returned or after its fini has begun. */
static void make_empty(struct rv_slab *slab)
{
    slab->first_free = 0;
    slab->used = 0;
    slab->live = 0;
    for (int k = 0; k < RV_SLAB_CHUNKS; k++)
        atomic_store_explicit(&slab->chunks[k], NULL, memory_order_relaxed);
}

void rv_slab_init(struct rv_slab *slab, size_t item_bytes)
{
    RV_CHECK(item_bytes >= sizeof(struct rv_slab_item), "item too small");
    slab->item_bytes = item_bytes;
    make_empty(slab);
}

void rv_slab_fini(struct rv_slab *slab)
{
    for (int k = 0; k < RV_SLAB_CHUNKS; k++)
        rv_free(atomic_load_explicit(&slab->chunks[k], memory_order_relaxed));
    make_empty(slab);
}

/* All chunks are full: add the chunk of the next index. Returns: its first
 * item; NULL if there is no memory. */
static struct rv_slab_item *add_chunk(struct rv_slab *slab)
{
    const uint32_t number = rv_chunk_slot(slab->used).chunk;
    size_t size_bytes;
    char *chunk;

    if (number >= RV_SLAB_CHUNKS ||
        __builtin_mul_overflow(rv_chunk_slots(number), slab->item_bytes,
                               &size_bytes))
        return NULL;
    chunk = rv_alloc(size_bytes);
    /* release: publishes the zeroes; pairs with find_slot(). */
    atomic_store_explicit(&slab->chunks[number], chunk, memory_order_release);
    return (void *)chunk;
}

/* The free list is empty: allocate a slot that was never used. Not inlined, so
 * that the usual path of rv_slab_alloc() stays short. */
static __attribute__((noinline)) uint64_t alloc_fresh(struct rv_slab *slab)
{
    const uint32_t index = slab->used;
    struct rv_slab_item *item = find_slot(slab, index);

    if (item == NULL)
        item = add_chunk(slab);
    if (item == NULL)
        return 0;
    slab->used++;
    slab->live++;
    return (uint64_t)next_generation(item) << 32 | index;
}

uint64_t rv_slab_alloc(struct rv_slab *slab)
{
    const uint32_t index = slab->first_free - 1;
    struct rv_slab_item *item;

    if (slab->first_free == 0)
        return alloc_fresh(slab);
    item = find_slot(slab, index);
    slab->first_free = item->next_free;
    slab->live++;
    return (uint64_t)next_generation(item) << 32 | index;
}

void rv_slab_free(struct rv_slab *slab, uint64_t id)
{
    struct rv_slab_item *item = rv_slab_get(slab, id);

    RV_CHECK(item != NULL, "freed twice, or never allocated");
    slab->live--;
    if (next_generation(item) == 0)
        return; /* SLAB-4: a slot is lost after two billion uses */
    item->next_free = slab->first_free;
    slab->first_free = rv_id_index(id) + 1;
}

void *rv_slab_get(const struct rv_slab *slab, uint64_t id)
{
    const uint32_t generation = rv_id_generation(id);
    struct rv_slab_item *item = find_slot(slab, rv_id_index(id));

    if (item == NULL || generation % 2 == 0 ||
        generation_of(item) != generation)
        return NULL;
    return item;
}

void *rv_slab_at(const struct rv_slab *slab, uint32_t index)
{
    return find_slot(slab, index);
}
