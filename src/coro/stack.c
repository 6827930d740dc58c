/* SPDX-License-Identifier: MIT */
/*
 * stack.c - map stacks by the slab, keep free ones at hand.
 *
 * Threads: any. A thread's cache is its own; `depot`, what no thread has, is
 * under a mutex that is held for a few list operations only, never while
 * memory is mapped or given back.
 *
 *     thread's cache          depot
 *     up to cache_limit  <--- half a cache at a time ---> slabs with free
 *     stacks, warm                                        places
 *
 * What becomes of the memory of a free stack: in a thread's cache it stays.
 * In the depot it stays until 16 MiB of free stacks of its size are there;
 * beyond that, a stack's pages are given back (MADV_DONTNEED: at once, so that
 * what a program is seen to use is what it uses) and a slab that has no used
 * stack is unmapped.
 */
#include <errno.h>
#include <pthread.h>
#include <sys/mman.h>
#include <unistd.h>

#include <reveil/coro.h>

#include "base/base_internal.h"
#include "coro/annotate.h"
#include "coro/stack.h"

/* Linux 6.13; C libraries of 2024 do not know it. */
#ifndef MADV_GUARD_INSTALL
#define MADV_GUARD_INSTALL 102
#endif

enum {
    MIN_SHIFT = 14, /* RV_CORO_MIN_STACK_BYTES */
    MAX_SHIFT = 30,
    CLASSES = MAX_SHIFT - MIN_SHIFT + 1,

    SLAB_STACKS = 64, /* of a size at which a slab is ... */
    SLAB_BYTES = 8 << 20,

    CACHE_STACKS = 64,
    CACHE_BYTES = 4 << 20,
    DEPOT_BYTES = 16 << 20,
};

_Static_assert(RV_CORO_MIN_STACK_BYTES == 1 << MIN_SHIFT, "one constant");

/*
 * The guard is as large as gcc's -fstack-clash-protection assumes that it is
 * on aarch64; elsewhere code compiled without it may skip a page or two.
 */
#ifdef __aarch64__
enum { GUARD_BYTES = 64 * 1024 };
#else
enum { GUARD_BYTES = 16 * 1024 };
#endif

/* At the beginning of its mapping, before the first guard. */
struct rv_stack_slab {
    struct rv_list node; /* in depot.classes[].slabs while it has free ones */
    size_t mapped_bytes;
    uint32_t class_;
    uint32_t stacks;
    uint32_t free_len;
    uint8_t free[SLAB_STACKS];      /* indices */
    unsigned valgrind[SLAB_STACKS]; /* its names of the stacks */
};

struct cache {
    struct rv_stack *first[CLASSES];
    uint32_t len[CLASSES];
    bool has_destructor; /* it is emptied when the thread ends */
};

static struct {
    pthread_mutex_t mutex;
    struct {
        struct rv_list slabs; /* all zero: none yet */
        uint32_t free;        /* stacks in them */
    } classes[CLASSES];
} depot = {.mutex = PTHREAD_MUTEX_INITIALIZER};

static _Atomic uint64_t mapped;      /* relaxed: only counted */
static _Atomic bool without_madvise; /* relaxed: found out once, or again */
static pthread_once_t key_once = PTHREAD_ONCE_INIT;
static pthread_key_t key;

static _Thread_local struct cache own_cache
    __attribute__((tls_model("initial-exec")));

/*
 * A caller may run as a coroutine, and go on in another thread: so the address
 * is asked for each time, and not kept across a switch.
 */
__attribute__((noinline)) static struct cache *get_cache(void)
{
    __asm__ volatile("" ::: "memory");
    return &own_cache;
}

static size_t class_bytes(uint32_t class_)
{
    return (size_t)1 << (MIN_SHIFT + class_);
}

/* `bytes` in stacks of a class: at least `least`, at most `most`. */
static uint32_t clamp_stacks(uint32_t class_, size_t bytes, uint32_t least,
                             uint32_t most)
{
    const size_t stacks = bytes >> (MIN_SHIFT + class_);

    return stacks < least ? least : stacks > most ? most : (uint32_t)stacks;
}

static uint32_t cache_limit(uint32_t class_)
{
    return clamp_stacks(class_, CACHE_BYTES, 2, CACHE_STACKS);
}

static uint32_t depot_limit(uint32_t class_)
{
    return clamp_stacks(class_, DEPOT_BYTES, 1, UINT32_MAX);
}

size_t rv_stack_guard_bytes(void)
{
    return GUARD_BYTES;
}

void rv_stack_force_mprotect(void)
{
    atomic_store_explicit(&without_madvise, true, memory_order_relaxed);
}

uint64_t rv_stack_mapped(void)
{
    return atomic_load_explicit(&mapped, memory_order_relaxed);
}

/* --- a slab ------------------------------------------------------------ */

/* A page at least, whatever a page is here. */
static size_t header_bytes(void)
{
    const size_t page_bytes = (size_t)sysconf(_SC_PAGESIZE);

    return (sizeof(struct rv_stack_slab) + page_bytes - 1) & ~(page_bytes - 1);
}

static size_t place_bytes(uint32_t class_)
{
    return GUARD_BYTES + class_bytes(class_);
}

/* The first byte above the guard. */
static char *place_low(struct rv_stack_slab *slab, uint32_t index)
{
    return (char *)slab + header_bytes() + index * place_bytes(slab->class_) +
           GUARD_BYTES;
}

/* Returns: false when there is no memory or no mapping left. */
static bool install_guard(char *guard)
{
    if (!atomic_load_explicit(&without_madvise, memory_order_relaxed)) {
        if (madvise(guard, GUARD_BYTES, MADV_GUARD_INSTALL) == 0)
            return true;
        if (errno != EINVAL)
            return false;
        rv_stack_force_mprotect(); /* an old kernel */
    }
    return mprotect(guard, GUARD_BYTES, PROT_NONE) == 0;
}

static void unmap_slab(struct rv_stack_slab *slab)
{
    for (uint32_t i = 0; i < slab->stacks; i++)
        rv_annotate_unmapped(slab->valgrind[i]);
    atomic_fetch_sub_explicit(&mapped, slab->stacks, memory_order_relaxed);
    munmap(slab, slab->mapped_bytes);
}

/* A slab with all its stacks free, or with fewer when guards run out. */
static struct rv_stack_slab *map_slab(uint32_t class_)
{
    const uint32_t stacks = clamp_stacks(class_, SLAB_BYTES, 1, SLAB_STACKS);
    const size_t bytes = header_bytes() + stacks * place_bytes(class_);
    struct rv_stack_slab *slab =
        mmap(NULL, bytes, PROT_READ | PROT_WRITE,
             MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);

    if (slab == MAP_FAILED)
        return NULL;
    /* A stack that touches a page shall not get two megabytes. */
    madvise(slab, bytes, MADV_NOHUGEPAGE);
    *slab = (struct rv_stack_slab){.mapped_bytes = bytes, .class_ = class_};
    rv_list_init(&slab->node);
    for (uint32_t i = 0; i < stacks; i++) {
        char *low = place_low(slab, i);

        if (!install_guard(low - GUARD_BYTES))
            break;
        slab->valgrind[i] = rv_annotate_mapped(low, class_bytes(class_));
        slab->stacks++;
    }
    /* The lowest comes first. */
    for (uint32_t i = slab->stacks; i > 0; i--)
        slab->free[slab->free_len++] = (uint8_t)(i - 1);
    atomic_fetch_add_explicit(&mapped, slab->stacks, memory_order_relaxed);
    if (slab->stacks)
        return slab;
    unmap_slab(slab);
    return NULL;
}

static struct rv_stack *take_place(struct rv_stack_slab *slab)
{
    const uint32_t index = slab->free[--slab->free_len];
    const size_t size_bytes = class_bytes(slab->class_);
    char *low = place_low(slab, index);
    struct rv_stack *stack =
        (struct rv_stack *)(void *)(low + size_bytes - sizeof *stack);

    *stack = (struct rv_stack){.low = low,
                               .size_bytes = size_bytes,
                               .slab = slab,
                               .class_ = slab->class_,
                               .index = index};
    return stack;
}

/* --- the depot --------------------------------------------------------- */

/* The slabs of a class, which has none at first. */
static struct rv_list *slabs_of(uint32_t class_)
{
    struct rv_list *slabs = &depot.classes[class_].slabs;

    if (!slabs->next)
        rv_list_init(slabs);
    return slabs;
}

/* Move free stacks from the depot to a chain. Returns: how many. */
static uint32_t depot_take(uint32_t class_, uint32_t wanted,
                           struct rv_stack **chain)
{
    struct rv_list *slabs;
    uint32_t taken = 0;

    pthread_mutex_lock(&depot.mutex);
    slabs = slabs_of(class_);
    while (taken < wanted && !rv_list_empty(slabs)) {
        struct rv_stack_slab *slab =
            RV_CONTAINER_OF(slabs->next, struct rv_stack_slab, node);
        struct rv_stack *stack = take_place(slab);

        stack->next = *chain;
        *chain = stack;
        taken++;
        if (slab->free_len == 0)
            rv_list_remove(&slab->node);
    }
    depot.classes[class_].free -= taken;
    pthread_mutex_unlock(&depot.mutex);
    return taken;
}

static void depot_add(struct rv_stack_slab *slab)
{
    pthread_mutex_lock(&depot.mutex);
    rv_list_push(slabs_of(slab->class_), &slab->node);
    depot.classes[slab->class_].free += slab->free_len;
    pthread_mutex_unlock(&depot.mutex);
}

/* Under the mutex. Returns: the slab, if it is to be unmapped. */
static struct rv_stack_slab *put_place(struct rv_stack_slab *slab,
                                       uint32_t index)
{
    uint32_t *free = &depot.classes[slab->class_].free;

    if (slab->free_len == 0)
        rv_list_push(slabs_of(slab->class_), &slab->node);
    slab->free[slab->free_len++] = (uint8_t)index;
    ++*free;
    if (slab->free_len < slab->stacks || *free <= depot_limit(slab->class_))
        return NULL;
    rv_list_remove(&slab->node);
    *free -= slab->free_len;
    return slab;
}

/* Nothing may touch the stack any more: rv_stack itself may be gone. */
static void depot_put(struct rv_stack *stack)
{
    struct rv_stack_slab *slab = stack->slab;
    const uint32_t index = stack->index;
    bool full;

    rv_annotate_clean(stack->low, stack->size_bytes);
    pthread_mutex_lock(&depot.mutex);
    full = depot.classes[slab->class_].free >= depot_limit(slab->class_);
    pthread_mutex_unlock(&depot.mutex);
    if (full)
        madvise(stack->low, stack->size_bytes, MADV_DONTNEED);

    pthread_mutex_lock(&depot.mutex);
    slab = put_place(slab, index);
    pthread_mutex_unlock(&depot.mutex);
    if (slab)
        unmap_slab(slab);
}

/* --- a thread's cache -------------------------------------------------- */

/* Let go of all but `keep` stacks of a class. */
static void shrink_cache(struct cache *cache, uint32_t class_, uint32_t keep)
{
    while (cache->len[class_] > keep) {
        struct rv_stack *stack = cache->first[class_];

        cache->first[class_] = stack->next;
        cache->len[class_]--;
        depot_put(stack);
    }
}

static void empty_cache(struct cache *cache)
{
    for (uint32_t class_ = 0; class_ < CLASSES; class_++)
        shrink_cache(cache, class_, 0);
}

/* The thread ends. If another destructor frees a stack after this, it is
 * called again. */
static void end_cache(void *cache)
{
    ((struct cache *)cache)->has_destructor = false;
    empty_cache(cache);
}

static void make_key(void)
{
    RV_CHECK(pthread_key_create(&key, end_cache) == 0, "no thread key left");
}

static void need_destructor(struct cache *cache)
{
    pthread_once(&key_once, make_key);
    cache->has_destructor = pthread_setspecific(key, cache) == 0;
}

/* Returns: false without memory. */
static bool fill_cache(struct cache *cache, uint32_t class_)
{
    struct rv_stack_slab *slab;

    if (!cache->has_destructor)
        need_destructor(cache);
    cache->len[class_] =
        depot_take(class_, cache_limit(class_) / 2, &cache->first[class_]);
    if (cache->len[class_])
        return true;
    slab = map_slab(class_);
    if (!slab)
        return false;
    cache->first[class_] = take_place(slab);
    cache->first[class_]->next = NULL;
    cache->len[class_] = 1;
    if (slab->free_len)
        depot_add(slab);
    return true;
}

static uint32_t class_of(size_t size_bytes)
{
    if (size_bytes <= class_bytes(0))
        return 0;
    return 64 - MIN_SHIFT - (uint32_t)__builtin_clzll(size_bytes - 1);
}

struct rv_stack *rv_stack_new(size_t size_bytes)
{
    const uint32_t class_ = class_of(size_bytes);
    struct cache *cache = get_cache();
    struct rv_stack *stack;

    if (!cache->first[class_] && !fill_cache(cache, class_))
        return NULL;
    stack = cache->first[class_];
    cache->first[class_] = stack->next;
    cache->len[class_]--;
    return stack;
}

void rv_stack_free(struct rv_stack *stack)
{
    const uint32_t class_ = stack->class_;
    struct cache *cache = get_cache();

    rv_annotate_clean(stack->low, stack->size_bytes);
    stack->next = cache->first[class_];
    cache->first[class_] = stack;
    if (!cache->has_destructor)
        need_destructor(cache);
    if (++cache->len[class_] > cache_limit(class_))
        shrink_cache(cache, class_, cache_limit(class_) / 2);
}

/* Unmap what has no used stack. */
static void trim_class(uint32_t class_)
{
    struct rv_list idle;
    struct rv_list *node;
    struct rv_list *next;

    rv_list_init(&idle);
    pthread_mutex_lock(&depot.mutex);
    for (node = slabs_of(class_)->next; node != slabs_of(class_); node = next) {
        struct rv_stack_slab *slab =
            RV_CONTAINER_OF(node, struct rv_stack_slab, node);

        next = node->next;
        if (slab->free_len < slab->stacks)
            continue;
        depot.classes[class_].free -= slab->free_len;
        rv_list_remove(node);
        rv_list_push(&idle, node);
    }
    pthread_mutex_unlock(&depot.mutex);
    while ((node = rv_list_pop(&idle)))
        unmap_slab(RV_CONTAINER_OF(node, struct rv_stack_slab, node));
}

void rv_stack_trim(void)
{
    empty_cache(get_cache());
    for (uint32_t class_ = 0; class_ < CLASSES; class_++)
        trim_class(class_);
}
