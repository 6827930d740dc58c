/* SPDX-License-Identifier: MIT */
/*
 * stack.c - a cache of free stacks.
 *
 * Threads: any. Each thread has a cache of its own. The other free stacks are
 * in `depot`, under a mutex that is held only for a few list operations and
 * never during a system call.
 *
 *     thread's cache          depot
 *     up to cache_limit  <--- half a cache at a time ---> slabs with free
 *     stacks, warm                                        slots
 *
 * A free stack in a thread's cache keeps its memory. In the depot, free stacks
 * of one size keep up to 16 MiB. Beyond that, the pages of a stack are returned
 * to the kernel, and a slab without a used stack is unmapped. MADV_DONTNEED
 * returns the pages at once, so the memory that a monitor shows is the memory
 * that the program uses.
 */
#include <pthread.h>
#include <sys/mman.h>

#include <reveil/coro.h>

#include "base/base_internal.h"
#include "coro/annotate.h"
#include "coro/stack_slab.h"

enum {
    CACHE_STACKS = 64,
    CACHE_BYTES = 4 << 20,
    DEPOT_BYTES = 16 << 20,
};

_Static_assert(RV_CORO_MIN_STACK_BYTES == 1 << RV_STACK_MIN_SHIFT,
               "one constant");

struct cache {
    struct rv_stack *first[RV_STACK_CLASSES];
    uint32_t len[RV_STACK_CLASSES];
    bool has_destructor; /* end_cache() is called when the thread ends */
};

static struct {
    pthread_mutex_t mutex;
    struct {
        struct rv_list slabs; /* all zero: none yet */
        uint32_t free;        /* stacks in them */
    } classes[RV_STACK_CLASSES];
} depot = {.mutex = PTHREAD_MUTEX_INITIALIZER};

/* depot.mutex must be held. A process has only 1,024 keys, so the creation can
 * fail. */
static bool has_key;
static pthread_key_t key;

static _Thread_local struct cache own_cache
    __attribute__((tls_model("initial-exec")));

/*
 * Not inline: the caller may be a coroutine that continues on another thread,
 * so the compiler must not keep the address across a switch.
 */
__attribute__((noinline)) static struct cache *get_cache(void)
{
    __asm__ volatile("" ::: "memory");
    return &own_cache;
}

static uint32_t cache_limit(uint32_t class_)
{
    return rv_stack_clamp(class_, CACHE_BYTES, 2, CACHE_STACKS);
}

static uint32_t depot_limit(uint32_t class_)
{
    return rv_stack_clamp(class_, DEPOT_BYTES, 1, UINT32_MAX);
}

/* --- the depot --------------------------------------------------------- */

static void watch_forks(void);

/* A thread that held the mutex at a fork() would not exist in the child, which
 * would wait for it for ever: so the thread that forks holds it then. */
static void lock_depot(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;

    pthread_once(&once, watch_forks);
    pthread_mutex_lock(&depot.mutex);
}

static void unlock_depot(void)
{
    pthread_mutex_unlock(&depot.mutex);
}

static void watch_forks(void)
{
    pthread_atfork(lock_depot, unlock_depot, unlock_depot);
}

/* The list of slabs of a class; initialized at the first call. */
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

    lock_depot();
    slabs = slabs_of(class_);
    while (taken < wanted && !rv_list_empty(slabs)) {
        struct rv_stack_slab *slab =
            RV_CONTAINER_OF(slabs->next, struct rv_stack_slab, node);
        struct rv_stack *stack = rv_stack_slab_take(slab);

        stack->next = *chain;
        *chain = stack;
        taken++;
        if (slab->free_len == 0)
            rv_list_remove(&slab->node);
    }
    depot.classes[class_].free -= taken;
    unlock_depot();
    return taken;
}

static void depot_add(struct rv_stack_slab *slab)
{
    lock_depot();
    rv_list_push(slabs_of(slab->class_), &slab->node);
    depot.classes[slab->class_].free += slab->free_len;
    unlock_depot();
}

/* depot.mutex must be held. Returns: the slab if the caller must unmap it, or
 * NULL. */
static struct rv_stack_slab *put_slot(struct rv_stack_slab *slab,
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

/* The caller must not access the stack, or its rv_stack, after this call. */
static void depot_put(struct rv_stack *stack)
{
    struct rv_stack_slab *slab = stack->slab;
    const uint32_t index = stack->index;
    bool full;

    rv_annotate_clean(stack->low, stack->size_bytes);
    lock_depot();
    full = depot.classes[slab->class_].free >= depot_limit(slab->class_);
    unlock_depot();
    if (full)
        madvise(stack->low, stack->size_bytes, MADV_DONTNEED);

    lock_depot();
    slab = put_slot(slab, index);
    unlock_depot();
    if (slab)
        rv_stack_slab_unmap(slab);
}

/* --- a thread's cache -------------------------------------------------- */

/* Move all but `keep` stacks of a class to the depot. */
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
    for (uint32_t class_ = 0; class_ < RV_STACK_CLASSES; class_++)
        shrink_cache(cache, class_, 0);
}

/* The thread ends. If a later destructor frees a stack, this is called again.
 */
static void end_cache(void *cache)
{
    ((struct cache *)cache)->has_destructor = false;
    empty_cache(cache);
}

/* Create the key at the first call. Returns: false if there is none. */
static bool make_key(void)
{
    bool made;

    lock_depot();
    if (!has_key)
        has_key = pthread_key_create(&key, end_cache) == 0;
    made = has_key;
    unlock_depot();
    return made;
}

/* Register end_cache() for this thread. If that fails, the cache must stay
 * empty: its stacks would leak at the end of the thread. */
static void add_destructor(struct cache *cache)
{
    if (!cache->has_destructor)
        cache->has_destructor =
            make_key() && pthread_setspecific(key, cache) == 0;
}

/* Returns: false if there is no memory. */
static bool fill_cache(struct cache *cache, uint32_t class_)
{
    struct rv_stack_slab *slab;

    add_destructor(cache);
    cache->len[class_] =
        depot_take(class_, cache->has_destructor ? cache_limit(class_) / 2 : 1,
                   &cache->first[class_]);
    if (cache->len[class_])
        return true;
    slab = rv_stack_slab_map(class_);
    if (!slab)
        return false;
    cache->first[class_] = rv_stack_slab_take(slab);
    cache->first[class_]->next = NULL;
    cache->len[class_] = 1;
    if (slab->free_len)
        depot_add(slab);
    return true;
}

static uint32_t class_of(size_t size_bytes)
{
    if (size_bytes <= rv_stack_class_bytes(0))
        return 0;
    return 64 - RV_STACK_MIN_SHIFT - (uint32_t)__builtin_clzll(size_bytes - 1);
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
    cache->len[class_]++;
    add_destructor(cache);
    if (!cache->has_destructor)
        shrink_cache(cache, class_, 0);
    else if (cache->len[class_] > cache_limit(class_))
        shrink_cache(cache, class_, cache_limit(class_) / 2);
}

/* Unmap the slabs without a used stack. */
static void trim_class(uint32_t class_)
{
    struct rv_list idle;
    struct rv_list *node;
    struct rv_list *next;

    rv_list_init(&idle);
    lock_depot();
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
    unlock_depot();
    while ((node = rv_list_pop(&idle)))
        rv_stack_slab_unmap(RV_CONTAINER_OF(node, struct rv_stack_slab, node));
}

void rv_stack_trim(void)
{
    empty_cache(get_cache());
    for (uint32_t class_ = 0; class_ < RV_STACK_CLASSES; class_++)
        trim_class(class_);
}
