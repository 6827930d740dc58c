/* SPDX-License-Identifier: MIT */
/* channel_internal.h - what the kinds of channel share. */
#ifndef RV_CHANNEL_INTERNAL_H
#define RV_CHANNEL_INTERNAL_H

#include <reveil/channel.h>
#include <reveil/future.h>
#include <string.h>

#include "base/base_internal.h"
#include "channel/atomic_waker.h"

/* What is between fields that two threads write must be more than a cache
 * line; processors fetch them in pairs. */
enum { RV_CHANNEL_PAD_BYTES = 128 };

/* What the values of a channel are; never written after its birth. */
struct rv_element_type {
    uint32_t bytes; /* of one */
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

/* One value. Most are a word or two, and no call is faster than one. */
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
 * Slots for values, numbered without end and used in a circle. Values n to
 * n + capacity - 1 do not meet.
 */
struct rv_ring_buffer {
    uint64_t mask;     /* slots - 1, a power of two less one */
    uint64_t capacity; /* how many may be used at a time; never more */
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

/* How many of `count` slots from `number` on lie in a row. */
static inline uint64_t rv_ring_buffer_run(const struct rv_ring_buffer *ring,
                                          uint64_t number, uint64_t count)
{
    const uint64_t to_end = ring->mask + 1 - (number & ring->mask);

    return count < to_end ? count : to_end;
}

/*
 * What the death of a channel leaves to be done. Values may hold ends of
 * further channels, whose death is then part of this one; they are done one
 * after the other, so that a chain of a million takes no deeper stack than
 * one of two.
 */
struct rv_reclaim {
    struct rv_reclaim *next;
    void (*run)(struct rv_reclaim *reclaim);
};

/* Call run() now, or after the one that is being called on this thread. */
void rv_reclaim(struct rv_reclaim *reclaim,
                void (*run)(struct rv_reclaim *reclaim));

/* PENDING, until another task does its part: for a scheduler, see sched.h. */
static inline enum rv_poll rv_channel_pending(const struct rv_future *future,
                                              struct rv_cx *cx)
{
    cx->needs_task = future;
    return RV_PENDING;
}

#endif /* RV_CHANNEL_INTERNAL_H */
