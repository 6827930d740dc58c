/* SPDX-License-Identifier: MIT */
/*
 * trace_internal.h - what format.c needs from trace.c.
 */
#ifndef RV_TRACE_INTERNAL_H
#define RV_TRACE_INTERNAL_H

#include <stdint.h>

enum { RV_THREAD_NAME_BYTES = 32 };

/* When the trace was started; 0 before the first. Threads: any. */
int64_t rv_trace_start_ns(void);

/* The name that this thread gave itself, or "". Threads: any. */
void rv_trace_thread_name(uint32_t thread, char name[RV_THREAD_NAME_BYTES]);

#endif /* RV_TRACE_INTERNAL_H */
