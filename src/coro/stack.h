/* SPDX-License-Identifier: MIT */
/*
 * stack.h - stacks with a guard below each, from a cache.
 *
 *     low addresses                                          high addresses
 *     +-------+---------------------------+-------+------------------+----
 *     | guard | <---- frames | rv_stack   | guard | ...   | rv_stack | ...
 *     +-------+---------------------------+-------+------------------+----
 *             ^ low                       ^ low + size_bytes
 *
 * Sizes are powers of two. Many stacks of one size are mapped together, as a
 * *slab*. With MADV_GUARD_INSTALL a slab needs one mapping of the process, and
 * the kernel merges neighbouring ones. 100,000 stacks of the default
 * size take about 1,600 calls of mmap().
 */
#ifndef RV_CORO_STACK_H
#define RV_CORO_STACK_H

#include <reveil/base.h>

struct rv_stack_slab;

/* A stack that is in use, or in a thread's cache. The struct is at the top of
 * the stack's own memory; the memory below it belongs to the user. */
struct rv_stack {
    _Alignas(16) char *low; /* the first byte above the guard */
    size_t size_bytes;
    struct rv_stack_slab *slab;
    struct rv_stack *next; /* in a thread's cache */
    uint32_t class_;       /* of its size, see stack_slab.h */
    uint32_t index;        /* in the slab */
};

/*
 * A stack of at least so many bytes, up to 1 GiB, including the struct. Its
 * memory is not cleared.
 *
 * Threads: any. Returns: NULL if there is no memory, or no mapping is left.
 */
struct rv_stack *rv_stack_new(size_t size_bytes);

/* Threads: any. The caller must not run on that stack. */
void rv_stack_free(struct rv_stack *stack);

/* As rv_coro_trim(). */
void rv_stack_trim(void);

/* The size of the guard below each stack. */
size_t rv_stack_guard_bytes(void);

#ifdef RV_TESTING /* in the archive that the tests link, not in the library */
/* Make guards with mprotect(), as on a kernel without MADV_GUARD_INSTALL. For
 * tests, before the first stack. */
void rv_stack_force_mprotect(void);

/* Stacks that are mapped, used or not. For tests. */
uint64_t rv_stack_mapped(void);
#endif

#endif /* RV_CORO_STACK_H */
