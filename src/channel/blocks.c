/* SPDX-License-Identifier: MIT */
/*
 * blocks.c - the pool of free blocks, and the layout of nodes in a block.
 *
 * Threads: any; the mutex protects the pool.
 */
#include "channel/blocks.h"

enum {
    BLOCK_BYTES = 4096, /* approximate size of a block */
    LEAST_NODES = 8,    /* in a block, even if the values are large */
    MOST_FREE = 16,     /* blocks in the pool; more are freed */
};

void rv_blocks_init(struct rv_blocks *blocks, size_t value_bytes)
{
    const size_t most = _Alignof(max_align_t);
    /* A type's size is a multiple of its alignment. */
    const size_t align = value_bytes % most ? sizeof(struct rv_node) : most;
    size_t room = BLOCK_BYTES - sizeof(struct rv_block);

    blocks->node_bytes =
        (sizeof(struct rv_node) + value_bytes + align - 1) / align * align;
    blocks->nodes_a_block = (uint32_t)(room / blocks->node_bytes);
    if (blocks->nodes_a_block < LEAST_NODES)
        blocks->nodes_a_block = LEAST_NODES;
    pthread_mutex_init(&blocks->mutex, NULL);
}

void rv_blocks_fini(struct rv_blocks *blocks)
{
    struct rv_block *block;

    while ((block = blocks->free)) {
        blocks->free = block->next;
        rv_free(block);
    }
    pthread_mutex_destroy(&blocks->mutex);
}

struct rv_block *rv_blocks_take(struct rv_blocks *blocks)
{
    struct rv_block *block;

    pthread_mutex_lock(&blocks->mutex);
    block = blocks->free;
    if (block) {
        blocks->free = block->next;
        blocks->free_len--;
    }
    pthread_mutex_unlock(&blocks->mutex);
    if (!block)
        block = rv_alloc(sizeof *block +
                         blocks->nodes_a_block * blocks->node_bytes);
    return block;
}

/* `mutex` must be held. */
static void push_free(struct rv_blocks *blocks, struct rv_block *block)
{
    block->next = blocks->free;
    blocks->free = block;
    blocks->free_len++;
}

void rv_blocks_give(struct rv_blocks *blocks, struct rv_block *block)
{
    if (!block)
        return;
    pthread_mutex_lock(&blocks->mutex);
    push_free(blocks, block);
    pthread_mutex_unlock(&blocks->mutex);
}

void rv_blocks_recycle(struct rv_blocks *blocks, struct rv_node *last)
{
    char *first =
        (char *)last - (blocks->nodes_a_block - 1) * blocks->node_bytes;
    struct rv_block *block = RV_CONTAINER_OF(first, struct rv_block, nodes);
    bool keep;

    block->used = 0;
    pthread_mutex_lock(&blocks->mutex);
    keep = blocks->free_len < MOST_FREE;
    if (keep)
        push_free(blocks, block);
    pthread_mutex_unlock(&blocks->mutex);
    if (!keep)
        rv_free(block);
}
