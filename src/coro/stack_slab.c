/* SPDX-License-Identifier: MIT */
/*
 * stack_slab.c - the mappings of the stacks, and their guards.
 *
 * Threads: any, see stack_slab.h.
 */
#include "coro/stack_slab.h"

#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

#include "coro/annotate.h"

/* Since Linux 6.13; C libraries of 2024 do not define it. */
#ifndef MADV_GUARD_INSTALL
#define MADV_GUARD_INSTALL 102
#endif

enum { SLAB_BYTES = 8 << 20 }; /* of stacks in one slab, unless one is larger */

/*
 * On aarch64, gcc's -fstack-clash-protection assumes a guard of this size. On
 * other machines the guard also catches code that was compiled without that
 * option and skips a page or two.
 */
#ifdef __aarch64__
enum { GUARD_BYTES = 64 * 1024 };
#else
enum { GUARD_BYTES = 16 * 1024 };
#endif

/* relaxed: a thread that misses it gets EINVAL and sets it again. */
static _Atomic bool without_madvise;

#ifdef RV_TESTING
static _Atomic uint64_t mapped; /* relaxed: only a counter */
#endif

size_t rv_stack_guard_bytes(void)
{
    return GUARD_BYTES;
}

static void use_mprotect(void)
{
    atomic_store_explicit(&without_madvise, true, memory_order_relaxed);
}

/* For tests: how many stacks are mapped. */
static void count_mapped(int64_t change)
{
#ifdef RV_TESTING
    atomic_fetch_add_explicit(&mapped, (uint64_t)change, memory_order_relaxed);
#else
    (void)change;
#endif
}

#ifdef RV_TESTING
void rv_stack_force_mprotect(void)
{
    use_mprotect();
}

uint64_t rv_stack_mapped(void)
{
    return atomic_load_explicit(&mapped, memory_order_relaxed);
}
#endif

/* The header, rounded up to whole pages of this machine. */
static size_t header_bytes(void)
{
    const size_t page_bytes = (size_t)sysconf(_SC_PAGESIZE);

    return (sizeof(struct rv_stack_slab) + page_bytes - 1) & ~(page_bytes - 1);
}

/* A guard and a stack. */
static size_t slot_bytes(uint32_t class_)
{
    return GUARD_BYTES + rv_stack_class_bytes(class_);
}

/* The first byte above the guard. */
static char *slot_low(struct rv_stack_slab *slab, uint32_t index)
{
    return (char *)slab + header_bytes() + index * slot_bytes(slab->class_) +
           GUARD_BYTES;
}

/* Returns: false if there is no memory, or no mapping is left. */
static bool install_guard(char *guard)
{
    if (!atomic_load_explicit(&without_madvise, memory_order_relaxed)) {
        if (madvise(guard, GUARD_BYTES, MADV_GUARD_INSTALL) == 0)
            return true;
        if (errno != EINVAL)
            return false;
        use_mprotect(); /* an old kernel */
    }
    return mprotect(guard, GUARD_BYTES, PROT_NONE) == 0;
}

void rv_stack_slab_unmap(struct rv_stack_slab *slab)
{
    for (uint32_t i = 0; i < slab->stacks; i++)
        rv_annotate_unmapped(slab->valgrind[i]);
    count_mapped(-(int64_t)slab->stacks);
    munmap(slab, slab->mapped_bytes);
}

struct rv_stack_slab *rv_stack_slab_map(uint32_t class_)
{
    const uint32_t stacks =
        rv_stack_clamp(class_, SLAB_BYTES, 1, RV_SLAB_STACKS);
    const size_t bytes = header_bytes() + stacks * slot_bytes(class_);
    struct rv_stack_slab *slab =
        mmap(NULL, bytes, PROT_READ | PROT_WRITE,
             MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);

    if (slab == MAP_FAILED)
        return NULL;
    /* Otherwise the first access to a stack could allocate two megabytes. */
    madvise(slab, bytes, MADV_NOHUGEPAGE);
    *slab = (struct rv_stack_slab){.mapped_bytes = bytes, .class_ = class_};
    rv_list_init(&slab->node);
    for (uint32_t i = 0; i < stacks; i++) {
        char *low = slot_low(slab, i);

        if (!install_guard(low - GUARD_BYTES))
            break;
        slab->valgrind[i] =
            rv_annotate_mapped(low, rv_stack_class_bytes(class_));
        slab->stacks++;
    }
    /* The lowest stack is used first. */
    for (uint32_t i = slab->stacks; i > 0; i--)
        slab->free[slab->free_len++] = (uint8_t)(i - 1);
    count_mapped(slab->stacks);
    if (slab->stacks)
        return slab;
    rv_stack_slab_unmap(slab);
    return NULL;
}

struct rv_stack *rv_stack_slab_take(struct rv_stack_slab *slab)
{
    const uint32_t index = slab->free[--slab->free_len];
    const size_t size_bytes = rv_stack_class_bytes(slab->class_);
    char *low = slot_low(slab, index);
    struct rv_stack *stack =
        (struct rv_stack *)(void *)(low + size_bytes - sizeof *stack);

    *stack = (struct rv_stack){.low = low,
                               .size_bytes = size_bytes,
                               .slab = slab,
                               .class_ = slab->class_,
                               .index = index};
    return stack;
}
