/* SPDX-License-Identifier: MIT */
/*
 * chunk.h - the layout of a growing array whose items never move.
 *
 * Chunk k has 64 << k items, so a short fixed table of chunk pointers is
 * enough for 2^32 items. Growing adds a chunk and leaves the others in place:
 *
 *     index   0..63   64..191   192..447   ...
 *     chunk     0        1          2
 */
#ifndef RV_CHUNK_H
#define RV_CHUNK_H

#include <stddef.h>
#include <stdint.h>

enum {
    RV_SLAB_CHUNKS = 26, /* enough for 2^32 items */
    RV_SLAB_FIRST_CHUNK = 64
};

struct rv_chunk_slot {
    uint32_t chunk;
    uint32_t offset;
};

/* The chunk of the item with this index, and its offset there. */
static inline struct rv_chunk_slot rv_chunk_slot(uint32_t index)
{
    uint64_t shifted = (uint64_t)index + RV_SLAB_FIRST_CHUNK;
    uint32_t top_bit = 63 - (uint32_t)__builtin_clzll(shifted);

    return (struct rv_chunk_slot){
        .chunk = top_bit - 6, /* log2(RV_SLAB_FIRST_CHUNK) */
        .offset = (uint32_t)(shifted ^ (UINT64_C(1) << top_bit)),
    };
}

/* The number of items in this chunk. */
static inline size_t rv_chunk_slots(uint32_t chunk)
{
    return (size_t)RV_SLAB_FIRST_CHUNK << chunk;
}

#endif /* RV_CHUNK_H */
