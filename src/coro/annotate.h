/* SPDX-License-Identifier: MIT */
/*
 * annotate.h - tell AddressSanitizer, ThreadSanitizer and valgrind about
 * stacks. Without them, these functions compile to no code.
 *
 * Threads: as their callers.
 */
#ifndef RV_CORO_ANNOTATE_H
#define RV_CORO_ANNOTATE_H

#include <stddef.h>

#include "base/sanitizers.h"

#if RV_ASAN || RV_TSAN
#define RV_CORO_SANITIZED 1
#endif

/*
 * For a function that is entered on one stack and left on another one. What the
 * sanitizer records at its beginning, it would undo on the wrong stack.
 */
#if defined(__has_attribute)
#if __has_attribute(disable_sanitizer_instrumentation)
#define RV_CORO_UNSEEN __attribute__((disable_sanitizer_instrumentation))
#endif
#endif
#ifndef RV_CORO_UNSEEN
#define RV_CORO_UNSEEN \
    __attribute__((no_sanitize("thread"), no_sanitize("address")))
#endif

/* The same, and the function is not inlined. */
#define RV_CORO_UNINSTRUMENTED RV_CORO_UNSEEN __attribute__((noinline))

#if RV_ASAN
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif
#if RV_TSAN
#include <sanitizer/tsan_interface.h>
#endif
#ifdef RV_CORO_VALGRIND
#include <valgrind/valgrind.h>
#endif

/* The program runs under valgrind. */
static inline int rv_annotate_valgrind(void)
{
#ifdef RV_CORO_VALGRIND
    return (int)RUNNING_ON_VALGRIND;
#else
    return 0;
#endif
}

/* The memory of a stack is free, or has a new user. */
static inline void rv_annotate_clean(char *low, size_t size_bytes)
{
#if RV_ASAN
    __asan_unpoison_memory_region(low, size_bytes);
#else
    (void)low;
    (void)size_bytes;
#endif
}

/* Returns: what rv_annotate_unmapped() needs. */
static inline unsigned rv_annotate_mapped(char *low, size_t size_bytes)
{
#ifdef RV_CORO_VALGRIND
    return (unsigned)VALGRIND_STACK_REGISTER(low, low + size_bytes - 1);
#else
    (void)low;
    (void)size_bytes;
    return 0;
#endif
}

static inline void rv_annotate_unmapped(unsigned id)
{
#ifdef RV_CORO_VALGRIND
    VALGRIND_STACK_DEREGISTER(id);
#endif
    (void)id;
}

#endif /* RV_CORO_ANNOTATE_H */
