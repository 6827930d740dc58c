/* SPDX-License-Identifier: MIT */
/* trace_numbers.c - the hash table of trace_numbers.h, with linear probing. */
#include "cli/trace_numbers.h"

#include <stdbool.h>
#include <stdlib.h>

enum { FIRST_ROOM = 256 };

struct trace_number {
    uint64_t space;
    uint64_t id;
    int64_t number;
    uint32_t group; /* plus 1; 0: an empty slot */
};

/* The slot of the key, or the empty one where it belongs. */
static struct trace_number *slot_of(const struct trace_numbers *self,
                                    uint32_t group, uint64_t space, uint64_t id)
{
    uint64_t hash = (id ^ (space << 20) ^ group) * 0x9E3779B97F4A7C15u;
    struct trace_number *slot;

    for (size_t at = (size_t)(hash >> 32);; at++) {
        slot = &self->slot[at & (self->room - 1)];
        if (slot->group == 0 || (slot->group == group + 1 && slot->id == id &&
                                 slot->space == space))
            return slot;
    }
}

/* Make sure that a slot is empty. Returns: false without memory. */
static bool has_room(struct trace_numbers *self)
{
    const size_t room = self->room ? self->room * 2 : FIRST_ROOM;
    struct trace_numbers more = *self;

    if (self->count < self->room / 2)
        return true;
    more.slot = calloc(room, sizeof *more.slot);
    more.room = room;
    if (!more.slot)
        return false;
    for (size_t i = 0; i < self->room; i++) {
        const struct trace_number *old = &self->slot[i];

        if (old->group)
            *slot_of(&more, old->group - 1, old->space, old->id) = *old;
    }
    free(self->slot);
    *self = more;
    return true;
}

int64_t trace_number_find(const struct trace_numbers *self,
                          enum trace_group group, uint64_t space, uint64_t id)
{
    const struct trace_number *slot =
        self->room ? slot_of(self, group, space, id) : NULL;

    return slot && slot->group ? slot->number : -1;
}

void trace_number_set(struct trace_numbers *self, enum trace_group group,
                      uint64_t space, uint64_t id, int64_t number)
{
    struct trace_number *slot;

    if (!has_room(self))
        return;
    slot = slot_of(self, group, space, id);
    self->count += slot->group == 0;
    *slot = (struct trace_number){space, id, number, group + 1};
}

int64_t trace_number_new(struct trace_numbers *self, enum trace_group group,
                         uint64_t space, uint64_t id)
{
    const int64_t number = self->next[group]++;

    trace_number_set(self, group, space, id, number);
    return number;
}

int64_t trace_number(struct trace_numbers *self, enum trace_group group,
                     uint64_t space, uint64_t id)
{
    const int64_t number = trace_number_find(self, group, space, id);

    return number >= 0 ? number : trace_number_new(self, group, space, id);
}

void trace_numbers_free(struct trace_numbers *self)
{
    free(self->slot);
    *self = (struct trace_numbers){0};
}
