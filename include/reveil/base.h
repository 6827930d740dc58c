/* SPDX-License-Identifier: MIT */
/*
 * base.h - what every other part uses: time, memory, descriptors, lists.
 *
 * Nothing here depends on tasks or on the reactor.
 */
#ifndef RV_BASE_H
#define RV_BASE_H

#include <reveil/atomic.h>
#include <reveil/export.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

RV_BEGIN_DECLS

/* The struct of type `type` whose field `member` is at `ptr`. */
#ifdef __cplusplus
#define RV_CONTAINER_OF(ptr, type, member)                             \
    (static_cast<type *>(const_cast<void *>(static_cast<const void *>( \
        static_cast<const char *>(static_cast<const void *>(ptr)) -    \
        offsetof(type, member)))))
#else
#define RV_CONTAINER_OF(ptr, type, member) \
    ((type *)(void *)((char *)(ptr)-offsetof(type, member)))
#endif

/* This place in the source, as "file.c:12". */
#define RV_HERE           __FILE__ ":" RV_TEXT(__LINE__)
#define RV_TEXT(value)    RV_TEXT_OF(value)
#define RV_TEXT_OF(value) #value

/* --- time: CLOCK_MONOTONIC, nanoseconds, always absolute --------------- */

/*
 * A deadline may be any int64_t. It has passed if it is not after now; so have
 * 0 and all negative ones. RV_NEVER is never reached. Sums of a time and a span
 * saturate at RV_NEVER instead of wrapping around.
 */

#define RV_NEVER     INT64_MAX /* the deadline that is never reached */
#define RV_NS_PER_MS INT64_C(1000000)
#define RV_NS_PER_S  INT64_C(1000000000)

/* The time now. Threads: any. */
int64_t rv_now_ns(void);

/* The time `ms` milliseconds from now; RV_NEVER or INT64_MIN if an int64_t
 * cannot represent it. */
int64_t rv_after_ms(int64_t ms);

/*
 * A virtual clock, for tests: time stands still for the whole process, and a
 * test that sleeps for hours takes no time.
 *
 *     rv_clock_freeze(1000 * RV_NS_PER_S);
 *     ... make the executor, and tasks that sleep for hours ...
 *     rv_block_on(executor, &future);        the clock jumps from timer to
 *     rv_executor_free(executor);            timer
 *     rv_clock_thaw();
 *
 * If an executor has no ready task but has a timer, it moves the clock to the
 * first timer (rounded up to the wheel's tick of 65.5 us) instead of parking.
 * Without a timer it parks as usual. The executor does not consider what other
 * threads, peers or the blocking pool are about to do. So a timeout on anything
 * real expires at once. All executors of the process move the same clock: no
 * timer fires early, but some may fire late.
 *
 * Timers and the trace do not survive a change of clock: freeze it before the
 * executor and the trace start, and thaw it after both have ended. A wait in
 * the kernel that has a deadline (of an idle pool thread, or in
 * rv_blocking_pool_stop()) lasts the same span by the real clock.
 */

/* Stop the clock at `now_ns`, which is 0 or more; or set the clock, if it is
 * frozen already. The clock never shows more than RV_NEVER - 1, also after
 * rv_clock_advance(). */
void rv_clock_freeze(int64_t now_ns);

/* Move the frozen clock forward. Misuse: the clock is not frozen; by_ns < 0. */
void rv_clock_advance(int64_t by_ns);

/* Return to the real clock. A no-op if the clock is not frozen. */
void rv_clock_thaw(void);

/* Whether the clock is frozen. */
bool rv_clock_is_virtual(void);

/* --- memory ------------------------------------------------------------ */

/*
 * The allocator of the library. Both functions are called from any thread.
 * `alloc` returns zeroed memory that is aligned for every type, as malloc()
 * does; or NULL.
 */
struct rv_alloc_hook {
    void *(*alloc)(size_t size_bytes);
    void (*free)(void *memory);
};

/*
 * Use `hook` from now on; NULL: the allocator of the C library. *hook is
 * copied.
 *
 * Threads: call it while nothing that the library has allocated exists.
 */
void rv_set_alloc_hook(const struct rv_alloc_hook *hook);

/* Zeroed memory, or NULL. Owns: the caller, until rv_free(). Threads: any. */
void *rv_alloc(size_t size_bytes);

/* Free memory from rv_alloc(); NULL is allowed. Threads: any. */
void rv_free(void *memory);

/* --- descriptors ------------------------------------------------------- */

/*
 * Reserve room for `count` descriptors in all: raise the limit of the process
 * if necessary, and make the kernel enlarge its table now. Otherwise the table
 * doubles whenever it is full, and in a process with several threads each time
 * blocks the caller for some 10 ms. Worthwhile before thousands of connections,
 * and best before a runtime starts its threads.
 *
 * Threads: any, unless another one changes the limit at the same time.
 * Blocks: for milliseconds, if the process has several threads.
 * Returns: 0; -EMFILE: the system does not allow so many; -ENFILE, -ENOMEM.
 */
int rv_reserve_fds(uint32_t count);

/* --- an intrusive doubly linked list ----------------------------------- */

/* A list head, or a node embedded in the struct that is on the list. */
struct rv_list {
    struct rv_list *next;
    struct rv_list *prev;
};

/* Make an empty list, or a node that is on no list. */
static inline void rv_list_init(struct rv_list *list)
{
    list->next = list;
    list->prev = list;
}

/* Whether the list is empty; for a node, whether it is on no list. */
static inline bool rv_list_empty(const struct rv_list *list)
{
    return list->next == list;
}

/* Append a node that is on no list. */
static inline void rv_list_push(struct rv_list *list, struct rv_list *node)
{
    node->prev = list->prev;
    node->next = list;
    list->prev->next = node;
    list->prev = node;
}

/* Private. Stop the program: what refers to the node does not have its address.
 */
void rv_list_misuse(void) __attribute__((noreturn));

/*
 * Remove a node from its list. A no-op if it is on no list. If the neighbors do
 * not refer to the node, the program ends with a message: this node, or one
 * beside it, was moved, initialized again or freed while it was on the list.
 */
static inline void rv_list_remove(struct rv_list *node)
{
    if (__builtin_expect(node->prev->next != node || node->next->prev != node,
                         0))
        rv_list_misuse();
    node->prev->next = node->next;
    node->next->prev = node->prev;
    rv_list_init(node);
}

/* Remove the first node. Returns: the node; NULL if the list is empty. */
static inline struct rv_list *rv_list_pop(struct rv_list *list)
{
    struct rv_list *node = list->next;

    if (node == list)
        return NULL;
    rv_list_remove(node);
    return node;
}

/* Move all nodes of `from` to the end of `to`, in order. */
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

/* --- ids --------------------------------------------------------------- */

/*
 * The ids of tasks and sources, in the trace and in task dumps. The low half is
 * the index of a slot, the high half its generation: which use of the slot the
 * id is for. So no two
 * tasks of an executor have the same id.
 */

/* The index of an id's slot, which earlier ids may have had too. */
static inline uint32_t rv_id_index(uint64_t id)
{
    return (uint32_t)id;
}

/* The generation of an id: which use of the slot it is. It is odd. */
static inline uint32_t rv_id_generation(uint64_t id)
{
    return (uint32_t)(id >> 32);
}

RV_END_DECLS

#endif /* RV_BASE_H */
