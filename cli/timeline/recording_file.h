/* SPDX-License-Identifier: MIT */
/*
 * recording_file.h - what the recorder in a program writes for `timeline`.
 *
 * The file is a head and then records, each of a kind and a length. A program
 * that is killed leaves what it had written until then.
 */
#ifndef RV_TIMELINE_RECORDING_FILE_H
#define RV_TIMELINE_RECORDING_FILE_H

#include <stdint.h>

/* The name of the file, in the environment of the program. */
#define TIMELINE_VARIABLE "REVEIL_TIMELINE"

enum timeline_record {
    TIMELINE_STARTED = 1, /* no bytes: the library was found in the program */
    TIMELINE_MISSING,     /* no bytes: it was not */
    TIMELINE_EVENT,       /* struct rv_event */
    TIMELINE_NOTE,        /* uint64_t id, then the text with its NUL */
    TIMELINE_THREAD,      /* uint32_t thread, then its name with its NUL */
    TIMELINE_LOST         /* uint64_t: events that came too fast */
};

struct timeline_head {
    uint32_t kind; /* enum timeline_record */
    uint32_t bytes;
};

#endif /* RV_TIMELINE_RECORDING_FILE_H */
