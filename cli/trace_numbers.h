/* SPDX-License-Identifier: MIT */
/*
 * trace_numbers.h - small numbers for what a trace calls by address or id.
 *
 * A hash table. A key is a group, such as the jobs, and two words.
 */
#ifndef RV_CLI_TRACE_NUMBERS_H
#define RV_CLI_TRACE_NUMBERS_H

#include <stddef.h>
#include <stdint.h>

enum trace_group {
    TRACE_TASK,      /* owner or 1, id: its number */
    TRACE_AWAITED,   /* owner, id of a future's task: the task that awaits it */
    TRACE_JOB,       /* 0, id */
    TRACE_OPERATION, /* thread, id */
    TRACE_CHANNEL,   /* 0, id */
    TRACE_THREAD,    /* what a thread has (owner, parker, ...), 0: the thread */
    TRACE_GROUPS
};

struct trace_numbers {
    struct trace_number *slot; /* owned */
    size_t room;               /* a power of two, or 0 */
    size_t count;
    int64_t next[TRACE_GROUPS]; /* the number of the next new key */
};

/* Returns: the number of the key; -1 if it has none. */
int64_t trace_number_find(const struct trace_numbers *self,
                          enum trace_group group, uint64_t space, uint64_t id);

/* Give the key a number, in place of the one that it has. Without memory it has
 * none afterwards. number: -1 to take it away. */
void trace_number_set(struct trace_numbers *self, enum trace_group group,
                      uint64_t space, uint64_t id, int64_t number);

/* Give the key the next number of its group. Returns: it. */
int64_t trace_number_new(struct trace_numbers *self, enum trace_group group,
                         uint64_t space, uint64_t id);

/* Returns: the number of the key, which is a new one if it has none. */
int64_t trace_number(struct trace_numbers *self, enum trace_group group,
                     uint64_t space, uint64_t id);

void trace_numbers_free(struct trace_numbers *self);

#endif /* RV_CLI_TRACE_NUMBERS_H */
