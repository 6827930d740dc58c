/* SPDX-License-Identifier: MIT */
/*
 * trace_json.h - a recorded trace in the format of the step page, which the
 * course's lessons write too.
 */
#ifndef RV_CLI_TRACE_JSON_H
#define RV_CLI_TRACE_JSON_H

#include <reveil/trace.h>
#include <stddef.h>
#include <stdio.h>

enum { TRACE_NAME_BYTES = 32, TRACE_THREADS = 256 };

struct trace_recording {
    const char *program; /* "reveil demo" */
    const char *title_en;
    const char *title_fr;
    struct rv_event *event; /* owned, from malloc() */
    size_t count;
    size_t room;
    uint64_t lost; /* events that were overwritten unread */
    /* By thread number less 1; "" if the thread has no name. */
    char thread[TRACE_THREADS][TRACE_NAME_BYTES];
    /* RV_EV_NOTE: the texts at the ids of the events; NULL: they are pointers
     * of this process. */
    const char *(*note)(const struct trace_recording *recording, uint64_t id);
};

/* Append an event. Returns: 0, -ENOMEM. */
int trace_recording_add(struct trace_recording *recording,
                        const struct rv_event *event);

/* Take over all events of this process's trace. Returns: 0, -ENOMEM. */
int trace_recording_take(struct trace_recording *recording);

void trace_recording_free(struct trace_recording *recording);

/* Write it as one object of JSON. "<" is written as \u003c: the text may stand
 * in a page. */
void trace_json_write(const struct trace_recording *recording, FILE *out);

#endif /* RV_CLI_TRACE_JSON_H */
