/* SPDX-License-Identifier: MIT */
/*
 * stack.h - stacks with a guard below them, from a cache.
 *
 *     low addresses                                          high addresses
 *     +-------+---------------------------+-------+------------------+----
 *     | guard | <---- frames | rv_stack   | guard | ...   | rv_stack | ...
 *     +-------+---------------------------+-------+------------------+----
 *             ^ low                       ^ low + size_bytes
 *
 * Sizes are powers of two. Stacks of one size are mapped many at a time, a
 * *slab* of them: with MADV_GUARD_INSTALL all slabs together need only a few
 * of the process' mappings, and 100,000 stacks two thousand system calls to
 * map.
 */
#ifndef RV_CORO_STACK_H
#define RV_CORO_STACK_H

#include <reveil/base.h>

struct rv_stack_slab;

/* A stack that was handed out, or is in a thread's cache. It lies at the top
 * of the stack's own memory; what is below it is the user's. */
struct rv_stack {
    _Alignas(16) char *low; /* the first byte above the guard */
    size_t size_bytes;
    struct rv_stack_slab *slab;
    struct rv_stack *next; /* in a thread's cache */
    uint32_t class_;       /* of size */
    uint32_t index;        /* in the slab */
};

/*
 * A stack of at least so many bytes, rv_stack itself included, up to 1 GiB.
 * Its memory is as the last user left it.
 *
 * Threads: any. Returns: NULL without memory or mappings.
 */
struct rv_stack *rv_stack_new(size_t size_bytes);

/* Threads: any, but on another stack. */
void rv_stack_free(struct rv_stack *stack);

/* rv_coro_trim(). */
void rv_stack_trim(void);

/* How much of the memory below a stack must not be touched. */
size_t rv_stack_guard_bytes(void);

#ifdef RV_TESTING /* in the archive that the tests link, not in the library */
/* Make guards with mprotect(), as on a kernel without MADV_GUARD_INSTALL. For
 * tests, before the first stack. */
void rv_stack_force_mprotect(void);

/* Stacks that are mapped, used or not. For tests. */
uint64_t rv_stack_mapped(void);
#endif

#endif /* RV_CORO_STACK_H */
