/* SPDX-License-Identifier: MIT */
/*
 * channel.c - what the kinds of channel share: the ring of slots and the
 * end of channels in channels.
 *
 * Threads: any; each channel documents which thread uses its ring buffer.
 */
#include <errno.h>

#include "channel/channel_internal.h"

enum { MOST_SLOTS = 1 << 30 };

struct rv_element_type
rv_element_type_make(uint32_t bytes, const struct rv_channel_options *options)
{
    struct rv_element_type elements = {.bytes = bytes, .name = "?"};

    if (options && options->name)
        rv_copy_text(elements.name, sizeof elements.name, options->name);
    if (options)
        elements.drop = options->drop_element;
    return elements;
}

int rv_ring_buffer_init(struct rv_ring_buffer *ring, uint32_t element_bytes,
                        uint32_t capacity)
{
    uint64_t slots = 1;

    if (element_bytes == 0 || capacity == 0 || capacity > MOST_SLOTS)
        return -EINVAL;
    while (slots < capacity)
        slots *= 2;
    if (slots > SIZE_MAX / element_bytes)
        return -EINVAL;
    ring->slots = rv_alloc(slots * element_bytes);
    if (!ring->slots)
        return -ENOMEM;
    ring->mask = slots - 1;
    ring->capacity = capacity;
    ring->element_bytes = element_bytes;
    return 0;
}

void rv_reclaim(struct rv_reclaim *reclaim,
                void (*run)(struct rv_reclaim *reclaim))
{
    static _Thread_local struct rv_reclaim *first; /* of those still to run */
    static _Thread_local struct rv_reclaim **end;  /* NULL: none is running */

    reclaim->run = run;
    reclaim->next = NULL;
    if (end) {
        *end = reclaim;
        end = &reclaim->next;
        return;
    }
    first = reclaim;
    end = &reclaim->next;
    while ((reclaim = first)) {
        first = reclaim->next;
        if (!first)
            end = &first;
        reclaim->run(reclaim); /* it may append more */
    }
    end = NULL;
}
