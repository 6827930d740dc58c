/* SPDX-License-Identifier: MIT */
/*
 * trace_internal.h - what the text of a trace needs to know of the trace.
 */
#ifndef RV_TRACE_INTERNAL_H
#define RV_TRACE_INTERNAL_H

#include <stdint.h>

/* When the trace was started; 0 before the first. Threads: any. */
int64_t rv_trace_start_ns(void);

/* What this thread called itself, or NULL. Threads: any. */
const char *rv_trace_thread_name(uint32_t thread);

#endif /* RV_TRACE_INTERNAL_H */
