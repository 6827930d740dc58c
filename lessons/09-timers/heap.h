/* SPDX-License-Identifier: MIT */
/*
 * heap.h - a binary heap: the node with the smallest key is always first. And
 * memory that is there.
 *
 *     heap_insert(&heap, &self->node, deadline_ns);
 *     first = heap_first(&heap);                   NULL: it is empty
 *     heap_remove(&heap, &self->node);             not only the first one
 *
 * The parent of slot i is (i - 1) / 2, and no key is smaller than that of its
 * parent. Insert and remove take log n steps. Nodes are embedded; all zero is
 * "in no heap".
 *
 * Threads: one at a time.
 */
#ifndef HEAP_H
#define HEAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { HEAP_MOST = 4096 };

struct heap_node {
    int64_t key;
    size_t place; /* in `nodes`, from 1; 0: in no heap */
};

struct heap {
    struct heap_node *nodes[HEAP_MOST];
    size_t count;
};

static inline struct heap_node *heap_first(const struct heap *self)
{
    return self->count > 0 ? self->nodes[0] : NULL;
}

static inline bool heap_has(const struct heap_node *node)
{
    return node->place > 0;
}

static inline void heap_put(struct heap *self, struct heap_node *node, size_t i)
{
    self->nodes[i] = node;
    node->place = i + 1;
}

/* Put `node` where it belongs, from slot i upwards or downwards. */
static inline void heap_settle(struct heap *self, struct heap_node *node,
                               size_t i)
{
    for (; i > 0 && node->key < self->nodes[(i - 1) / 2]->key; i = (i - 1) / 2)
        heap_put(self, self->nodes[(i - 1) / 2], i);
    for (;;) {
        size_t child = 2 * i + 1;

        if (child + 1 < self->count &&
            self->nodes[child + 1]->key < self->nodes[child]->key)
            child++;
        if (child >= self->count || self->nodes[child]->key >= node->key)
            break;
        heap_put(self, self->nodes[child], i);
        i = child;
    }
    heap_put(self, node, i);
}

static inline void heap_insert(struct heap *self, struct heap_node *node,
                               int64_t key)
{
    lesson_expect(self->count < HEAP_MOST, "too many timers");
    node->key = key;
    heap_settle(self, node, self->count++);
}

/* A no-op for a node that is in no heap. */
static inline void heap_remove(struct heap *self, struct heap_node *node)
{
    const size_t i = node->place - 1;
    struct heap_node *last;

    if (!heap_has(node))
        return;
    node->place = 0;
    last = self->nodes[--self->count];
    if (last != node)
        heap_settle(self, last, i);
}

/* Memory for a future that its task frees. */
static inline void *checked_alloc(size_t size)
{
    void *memory = rv_alloc(size);

    lesson_expect(memory != NULL, "out of memory");
    return memory;
}

#endif /* HEAP_H */
