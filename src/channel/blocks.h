/* SPDX-License-Identifier: MIT */
/*
 * blocks.h - nodes for a queue, in blocks that go round.
 *
 * A sender takes nodes one after the other from a block of its own. The
 * receiver is done with them in the same order, because the queue keeps the
 * order of each sender; so when it is done with the last node of a block, it
 * is done with all of it, and nobody has to count. The link to a block's last
 * node says that it is the last.
 *
 * Threads: rv_blocks_take() and rv_blocks_give() any; the block itself belongs
 * to one sender, and when it is used up to the receiver.
 */
#ifndef RV_CHANNEL_BLOCKS_H
#define RV_CHANNEL_BLOCKS_H

#include <pthread.h>
#include <reveil/base.h>

/* In the queue; its value follows it. */
struct rv_node {
    _Atomic uintptr_t next; /* see Protocol in mpsc.c */
};

static inline void *rv_node_value(struct rv_node *node)
{
    return node + 1;
}

/*
 * A value is aligned for every type of its size: one of n * 16 bytes to 16.
 * It comes one word behind its node's address, so nodes begin one word before
 * a multiple of that.
 */
struct rv_block {
    _Alignas(max_align_t) struct rv_block *next; /* in the pool */
    uint32_t used; /* nodes that were taken from it */
    uint64_t pad;
    char nodes[];
};

_Static_assert((offsetof(struct rv_block, nodes) + sizeof(struct rv_node)) %
                       _Alignof(max_align_t) ==
                   0,
               "the first value is aligned");

struct rv_blocks {
    size_t node_bytes; /* of one; these two do not change */
    uint32_t nodes_a_block;

    pthread_mutex_t mutex;
    struct rv_block *free; /* whole ones, and those of closed senders */
    uint32_t free_len;
};

void rv_blocks_init(struct rv_blocks *blocks, size_t value_bytes);

/* Free what is in the pool. */
void rv_blocks_fini(struct rv_blocks *blocks);

/* A block that has a node left. Returns: NULL without memory. */
struct rv_block *rv_blocks_take(struct rv_blocks *blocks);

/* A sender goes, and its block has nodes left; NULL is allowed. */
void rv_blocks_give(struct rv_blocks *blocks, struct rv_block *block);

/* The receiver is done with the last node of a block. */
void rv_blocks_recycle(struct rv_blocks *blocks, struct rv_node *last);

static inline struct rv_node *rv_block_node(const struct rv_blocks *blocks,
                                            struct rv_block *block, uint32_t i)
{
    return (void *)(block->nodes + i * blocks->node_bytes);
}

#endif /* RV_CHANNEL_BLOCKS_H */
