/* SPDX-License-Identifier: MIT */
/*
 * fork.c - detect that this process is a child of the one that made an object.
 *
 * Threads: any.
 *
 * A child of fork() has copies of all memory and shares the open files, but has
 * none of the other threads. The word that identifies the process is in a page
 * that the kernel clears in a child (MADV_WIPEONFORK, Linux 4.14). So reading
 * it costs no system call, and it works for children of _Fork() and clone()
 * too. If the kernel does not support that, a handler of pthread_atfork()
 * clears an ordinary word.
 */
#include <pthread.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/base_internal.h"

static _Atomic uint32_t plain_word;
_Atomic uint32_t *rv_fork_word = &plain_word;

static void clear_word(void)
{
    /* relaxed: the child has no other thread yet. */
    atomic_store_explicit(rv_fork_word, 0, memory_order_relaxed);
}

static void make_word(void)
{
    const size_t page_bytes = (size_t)sysconf(_SC_PAGESIZE);
    void *page = mmap(NULL, page_bytes, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (page != MAP_FAILED) {
        if (madvise(page, page_bytes, MADV_WIPEONFORK) == 0)
            rv_fork_word = page;
        else
            munmap(page, page_bytes);
    }
    pthread_atfork(NULL, NULL, clear_word);
}

uint32_t rv_fork_mark(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    static _Atomic uint32_t last;
    uint32_t seen = 0;
    uint32_t mark;

    pthread_once(&once, make_word);
    /* relaxed, here and below: the number is only compared; it publishes
     * nothing. */
    mark = atomic_load_explicit(rv_fork_word, memory_order_relaxed);
    if (mark)
        return mark;
    /* A child inherits `last`, so its next number differs from all of its
     * parent's so far. */
    mark = atomic_fetch_add_explicit(&last, 1, memory_order_relaxed) + 1;
    if (atomic_compare_exchange_strong_explicit(rv_fork_word, &seen, mark,
                                                memory_order_relaxed,
                                                memory_order_relaxed))
        return mark;
    return seen;
}
