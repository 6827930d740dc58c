/* SPDX-License-Identifier: MIT */
/*
 * alloc.c - all memory of the library is allocated here.
 *
 * Threads: any for rv_alloc() and rv_free(). The hook is a plain variable:
 * rv_set_alloc_hook() may only be called while no other thread is inside the
 * library.
 */
#include <reveil/base.h>

#include <stdlib.h>
#include <string.h>

enum { SMALL_BYTES = 1024 };

/* In glibc, malloc() has a cache of small blocks per thread, which calloc()
 * does not use. For large blocks calloc() is better: it does not clear memory
 * that is fresh from the kernel. */
static void *alloc_zeroed(size_t size_bytes)
{
    void *memory;

    if (size_bytes > SMALL_BYTES)
        return calloc(1, size_bytes);
    memory = malloc(size_bytes);
    __asm__("" : "+r"(memory)); /* or gcc merges the two into a calloc() */
    return memory ? memset(memory, 0, size_bytes) : NULL;
}

/* A copy, so that the caller's struct need not outlive the call. */
static struct rv_alloc_hook current_hook = {alloc_zeroed, free};

void rv_set_alloc_hook(const struct rv_alloc_hook *hook)
{
    const struct rv_alloc_hook standard = {alloc_zeroed, free};

    current_hook = hook != NULL ? *hook : standard;
}

void *rv_alloc(size_t size_bytes)
{
    return current_hook.alloc(size_bytes);
}

void rv_free(void *memory)
{
    if (memory != NULL)
        current_hook.free(memory);
}
