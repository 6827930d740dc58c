/* SPDX-License-Identifier: MIT */
/*
 * base.h - what every other part stands on: time, memory, lists, a slab.
 *
 * Nothing here knows what a task or a file descriptor is.
 */
#ifndef RV_BASE_H
#define RV_BASE_H

#include <reveil/export.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

RV_BEGIN_DECLS

/* The struct of type `type` whose field `member` is at `ptr`. */
#define RV_CONTAINER_OF(ptr, type, member) \
    ((type *)(void *)((char *)(ptr)-offsetof(type, member)))

/* This place in the source, as "file.c:12". */
#define RV_HERE           __FILE__ ":" RV_TEXT(__LINE__)
#define RV_TEXT(value)    RV_TEXT_OF(value)
#define RV_TEXT_OF(value) #value

/* --- time: CLOCK_MONOTONIC, nanoseconds, always absolute --------------- */

/*
 * A deadline may be any int64_t. One that is not after now has passed, also 0
 * and the negative ones; RV_NEVER does not come. A sum that the library makes
 * of a time and a span ends at RV_NEVER, it does not wrap around.
 */

#define RV_NEVER     INT64_MAX /* the deadline that does not come */
#define RV_NS_PER_MS INT64_C(1000000)
#define RV_NS_PER_S  INT64_C(1000000000)

/* The time now. Threads: any. */
int64_t rv_now_ns(void);

/* `ms` milliseconds from now; RV_NEVER when that is past the end of time,
 * INT64_MIN when it is before its beginning. */
int64_t rv_after_ms(int64_t ms);

/*
 * A virtual clock, for tests: the time of the whole process stands still, and
 * a test of hours takes no time.
 *
 *     rv_clock_freeze(1000 * RV_NS_PER_S);
 *     ... make the executor, and tasks that sleep for hours ...
 *     rv_block_on(executor, &future);        the clock jumps from timer to
 *     rv_executor_free(executor);            timer
 *     rv_clock_thaw();
 *
 * An executor that has nothing ready and a timer in its wheel moves the clock
 * to the first timer (rounded up to the wheel's tick of 65.5 us) instead of
 * parking; without a timer it parks as ever. That is the whole rule: it does
 * not ask what other threads, peers or the blocking pool may be about to do,
 * so the timeout of something real is over at once. Executors that share the
 * clock all move it; none of their timers is early, some may be late.
 *
 * Timers and the trace do not survive a change of clock: freeze before the
 * executor and the trace start, thaw when they are gone. What sleeps in the
 * kernel with a deadline (an idle thread of the pool, rv_blocking_pool_stop())
 * sleeps as long by the real clock.
 */

/* Stop the clock at `now_ns`, 0 or more; frozen already, set it. The last time
 * that it shows is RV_NEVER - 1, also for rv_clock_advance(). */
void rv_clock_freeze(int64_t now_ns);

/* Move the frozen clock on. Misuse: a clock that is not frozen; by_ns < 0. */
void rv_clock_advance(int64_t by_ns);

/* Go back to the real clock; harmless when it is. */
void rv_clock_thaw(void);

/* The clock is frozen. */
bool rv_clock_is_virtual(void);

/* --- memory ------------------------------------------------------------ */

/*
 * Where the library takes its memory from. Both calls may come from any
 * thread, and `alloc` returns zeroed memory or NULL, aligned for every type as
 * malloc() does.
 */
struct rv_alloc_hook {
    void *(*alloc)(size_t size_bytes);
    void (*free)(void *memory);
};

/*
 * Take memory from `hook` from now on; NULL goes back to that of the C library.
 *
 * Threads: call it while nothing that the library allocated is in use.
 */
void rv_set_alloc_hook(const struct rv_alloc_hook *hook);

/* Zeroed memory, or NULL. Owns: the caller, until rv_free(). Threads: any. */
void *rv_alloc(size_t size_bytes);

/* Give back what rv_alloc() gave; NULL is allowed. Threads: any. */
void rv_free(void *memory);

/* --- descriptors ------------------------------------------------------- */

/*
 * Make room for `count` descriptors in all: raise the limit of the process if
 * need be, and let the kernel make its table that large now. Else the table
 * doubles as it fills, and a process with several threads is stopped for some
 * 10 ms each time. Worth it before thousands of connections; best before a
 * runtime is started.
 *
 * Threads: any, unless another one changes the limit at the same time.
 * Blocks: for milliseconds, when there are threads already.
 * Returns: 0; -EMFILE: the system does not allow so many; -ENFILE, -ENOMEM.
 */
int rv_reserve_fds(uint32_t count);

/* --- an intrusive doubly linked list ----------------------------------- */

/* A list head, or a node embedded in the struct that is on the list. */
struct rv_list {
    struct rv_list *next;
    struct rv_list *prev;
};

/* An empty list, or a node that is on none. */
static inline void rv_list_init(struct rv_list *list)
{
    list->next = list;
    list->prev = list;
}

/* Nothing on this list; or, of a node: it is on no list. */
static inline bool rv_list_empty(const struct rv_list *list)
{
    return list->next == list;
}

/* Put a node that is on no list at the end. */
static inline void rv_list_push(struct rv_list *list, struct rv_list *node)
{
    node->prev = list->prev;
    node->next = list;
    list->prev->next = node;
    list->prev = node;
}

/* Take a node off whatever list it is on; harmless if it is on none. */
static inline void rv_list_remove(struct rv_list *node)
{
    node->prev->next = node->next;
    node->next->prev = node->prev;
    rv_list_init(node);
}

/* Take the first node; NULL from an empty list. */
static inline struct rv_list *rv_list_pop(struct rv_list *list)
{
    struct rv_list *node = list->next;

    if (node == list)
        return NULL;
    rv_list_remove(node);
    return node;
}

/* Move all of `from` to the end of `to`, in order; `from` is empty then. */
static inline void rv_list_splice(struct rv_list *to, struct rv_list *from)
{
    if (rv_list_empty(from))
        return;
    from->next->prev = to->prev;
    to->prev->next = from->next;
    from->prev->next = to;
    to->prev = from->prev;
    rv_list_init(from);
}

/* --- a slab: numbered slots for structs of one size -------------------- */

/*
 * A slot has an address that never changes and an id that is never given
 * twice: index in the low half, generation in the high half. An id that is
 * kept too long finds nothing; it never finds the slot's next user.
 *
 *     struct task { struct rv_slab_item item; ... };
 *     rv_slab_init(&slab, sizeof(struct task));
 *     id = rv_slab_alloc(&slab);            0 is never an id
 *     task = rv_slab_get(&slab, id);        NULL once it was freed
 */
struct rv_slab_item {
    _Atomic uint32_t generation; /* private: odd while allocated */
    uint32_t next_free;          /* private */
};

enum { RV_SLAB_CHUNKS = 26, RV_SLAB_FIRST_CHUNK = 64 };

struct rv_slab {
    size_t item_bytes;                      /* private, as are the rest */
    uint32_t first_free;                    /* index + 1, 0: none */
    uint32_t used;                          /* slots ever handed out */
    uint32_t live;                          /* slots allocated now */
    _Atomic(char *) chunks[RV_SLAB_CHUNKS]; /* chunk k has 64 << k slots */
};

/* An empty slab for items that start with a struct rv_slab_item. */
void rv_slab_init(struct rv_slab *slab, size_t item_bytes);

/* Free all memory; every address and id of the slab is void then. */
void rv_slab_fini(struct rv_slab *slab);

/*
 * Take a slot, zeroed the first time and as it was left afterwards.
 *
 * Threads: one at a time, with rv_slab_free(). Returns: its id, or 0 when
 * there is no memory.
 */
uint64_t rv_slab_alloc(struct rv_slab *slab);

/* Give a slot back; its id finds nothing from now on. Threads: as alloc. */
void rv_slab_free(struct rv_slab *slab, uint64_t id);

/*
 * The item of this id, or NULL when it was freed.
 *
 * Threads: any, also beside alloc and free; what the item holds needs a lock
 * of its own then.
 */
void *rv_slab_get(const struct rv_slab *slab, uint64_t id);

/* The item at an index below the highest one handed out, free or not. */
void *rv_slab_at(const struct rv_slab *slab, uint32_t index);

/* The slot that an id means: another id may have meant it before. */
static inline uint32_t rv_id_index(uint64_t id)
{
    return (uint32_t)id;
}

/* Which use of its slot an id means: odd, for it is allocated. */
static inline uint32_t rv_id_generation(uint64_t id)
{
    return (uint32_t)(id >> 32);
}

RV_END_DECLS

#endif /* RV_BASE_H */
