/* SPDX-License-Identifier: MIT */
/* channel_internal.h - what the kinds of channel share. */
#ifndef RV_CHANNEL_INTERNAL_H
#define RV_CHANNEL_INTERNAL_H

#include <reveil/channel.h>
#include <reveil/future.h>
#include <reveil/trace.h>
#include <string.h>

#include "base/base_internal.h"
#include "channel/atomic_waker.h"

/* The distance between fields that different threads write. It is two cache
 * lines, because processors prefetch lines in pairs. */
enum { RV_CHANNEL_PAD_BYTES = 128 };

/* The type of a channel's elements; constant after its creation. */
struct rv_element_type {
    uint32_t bytes; /* of one element */
    char name[RV_NAME_BYTES];
    void (*drop)(void *element); /* NULL: nothing to release */
};

struct rv_element_type
rv_element_type_make(uint32_t bytes, const struct rv_channel_options *options);

static inline void rv_element_drop(const struct rv_element_type *elements,
                                   void *element)
{
    if (elements->drop)
        elements->drop(element);
}

/* Copy one element. Most have one or two words: for these the compiler emits
 * moves instead of a call. */
static inline void rv_element_copy(void *to, const void *from, size_t bytes)
{
    if (bytes == 8)
        memcpy(to, from, 8);
    else if (bytes == 4)
        memcpy(to, from, 4);
    else if (bytes == 16)
        memcpy(to, from, 16);
    else
        memcpy(to, from, bytes);
}

/*
 * Slots for elements, used in a circle. Elements have increasing numbers that
 * never wrap around. Elements n to n + capacity - 1 have different slots.
 */
struct rv_ring_buffer {
    uint64_t mask;     /* number of slots, a power of two, minus 1 */
    uint64_t capacity; /* at most so many slots are in use at a time */
    uint32_t element_bytes;
    char *slots;
};

/* Returns: 0, -ENOMEM, -EINVAL (0 or too large). */
int rv_ring_buffer_init(struct rv_ring_buffer *ring, uint32_t element_bytes,
                        uint32_t capacity);

static inline void *rv_ring_buffer_at(const struct rv_ring_buffer *ring,
                                      uint64_t number)
{
    return ring->slots + (number & ring->mask) * ring->element_bytes;
}

/* How many of `count` slots from `number` on are contiguous in memory. */
static inline uint64_t rv_ring_buffer_run(const struct rv_ring_buffer *ring,
                                          uint64_t number, uint64_t count)
{
    const uint64_t to_end = ring->mask + 1 - (number & ring->mask);

    return count < to_end ? count : to_end;
}

/*
 * Work that the end of a channel causes. Its values may be ends of other
 * channels, which end with it. Such work is done in a loop and not recursively,
 * so a chain of a million channels needs no more stack than a chain of two.
 */
struct rv_reclaim {
    struct rv_reclaim *next;
    void (*run)(struct rv_reclaim *reclaim);
};

/* Call run() now; or, inside of another run() on this thread, after that one.
 */
void rv_reclaim(struct rv_reclaim *reclaim,
                void (*run)(struct rv_reclaim *reclaim));

/*
 * The events of channels. A send and a receive are written before the index
 * that publishes them, so one that depends on the other comes after it. A wait
 * is written before the last check: a wake of the task comes after it.
 */
static inline void rv_trace_channel(enum rv_event_kind kind,
                                    const void *channel, uint64_t elements)
{
    rv_trace(kind, (uintptr_t)channel, (int64_t)elements);
}

/* PENDING until another task acts. The deadlock detection of a scheduler relies
 * on this information, see cx->needs_task. */
static inline enum rv_poll rv_channel_pending(const struct rv_future *future,
                                              struct rv_cx *cx)
{
    cx->needs_task = future;
    return RV_PENDING;
}

#endif /* RV_CHANNEL_INTERNAL_H */
