/* SPDX-License-Identifier: MIT */
/*
 * blocks.h - a pool of queue nodes, in blocks that are recycled.
 *
 * A sender takes nodes one after the other from a block of its own. The queue
 * keeps the order of each sender, so the receiver finishes the nodes of a block
 * in the same order. When it has finished the last one, the whole block is
 * free; no counter is needed. The link to the last node of a block has a mark.
 *
 * Threads: rv_blocks_take() and rv_blocks_give(): any. The block itself belongs
 * to one sender, and after its last node is used, to the receiver.
 */
#ifndef RV_CHANNEL_BLOCKS_H
#define RV_CHANNEL_BLOCKS_H

#include <pthread.h>
#include <reveil/base.h>

/* An entry of the queue. Its value follows it in memory. */
struct rv_node {
    _Atomic uintptr_t next; /* see Protocol in mpsc.c */
};

static inline void *rv_node_value(struct rv_node *node)
{
    return node + 1;
}

/*
 * A value is aligned for every type of its size: a value of n * 16 bytes to 16
 * bytes. It follows the one word of its node, so nodes begin one word before a
 * multiple of 16.
 */
struct rv_block {
    _Alignas(max_align_t) struct rv_block *next; /* in the pool */
    uint32_t used;                               /* nodes taken so far */
    uint64_t pad;
    char nodes[];
};

_Static_assert((offsetof(struct rv_block, nodes) + sizeof(struct rv_node)) %
                       _Alignof(max_align_t) ==
                   0,
               "the first value is aligned");

struct rv_blocks {
    size_t node_bytes; /* constant, like the next one */
    uint32_t nodes_a_block;

    pthread_mutex_t mutex;
    struct rv_block *free; /* unused blocks, and those of closed senders */
    uint32_t free_len;
};

void rv_blocks_init(struct rv_blocks *blocks, size_t value_bytes);

/* Free what is in the pool. */
void rv_blocks_fini(struct rv_blocks *blocks);

/* A block with an unused node. Returns: NULL if allocation fails. */
struct rv_block *rv_blocks_take(struct rv_blocks *blocks);

/* A sender is closed, and its block has unused nodes. NULL is allowed. */
void rv_blocks_give(struct rv_blocks *blocks, struct rv_block *block);

/* The receiver has finished the last node of a block. */
void rv_blocks_recycle(struct rv_blocks *blocks, struct rv_node *last);

static inline struct rv_node *rv_block_node(const struct rv_blocks *blocks,
                                            struct rv_block *block, uint32_t i)
{
    return (void *)(block->nodes + i * blocks->node_bytes);
}

#endif /* RV_CHANNEL_BLOCKS_H */
