/* SPDX-License-Identifier: MIT */
/*
 * channel.c - what the kinds of channel share: the ring of places, the end of
 * channels in channels, words for a future that waits.
 *
 * Threads: any; a ring has the owners that its channel says.
 */
#include <errno.h>

#include "channel/channel_internal.h"

enum { MOST_PLACES = 1 << 30 };

struct rv_items rv_items_make(uint32_t bytes,
                              const struct rv_channel_options *options)
{
    struct rv_items items = {.bytes = bytes, .name = "?"};

    if (options && options->name)
        rv_copy_text(items.name, sizeof items.name, options->name);
    if (options)
        items.drop = options->drop_item;
    return items;
}

int rv_ring_buffer_init(struct rv_ring_buffer *ring, uint32_t item_bytes,
                        uint32_t capacity)
{
    uint64_t places = 1;

    if (item_bytes == 0 || capacity == 0 || capacity > MOST_PLACES)
        return -EINVAL;
    while (places < capacity)
        places *= 2;
    if (places > SIZE_MAX / item_bytes)
        return -EINVAL;
    ring->places = rv_alloc(places * item_bytes);
    if (!ring->places)
        return -ENOMEM;
    ring->mask = places - 1;
    ring->capacity = capacity;
    ring->item_bytes = item_bytes;
    return 0;
}

void rv_reclaim(struct rv_reclaim *reclaim,
                void (*run)(struct rv_reclaim *reclaim))
{
    static _Thread_local struct rv_reclaim *first; /* of those that wait */
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

bool rv_channel_describe(const struct rv_future *future, char *text,
                         size_t size_bytes)
{
    if (rv_spsc_describe(future, text, size_bytes) ||
        rv_mpsc_describe(future, text, size_bytes) ||
        rv_oneshot_describe(future, text, size_bytes) ||
        rv_publisher_describe(future, text, size_bytes))
        return true;
    if (size_bytes > 0)
        *text = '\0';
    return false;
}
