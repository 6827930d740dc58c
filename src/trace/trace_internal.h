/* SPDX-License-Identifier: MIT */
/*
 * trace_internal.h - what format.c needs from trace.c.
 */
#ifndef RV_TRACE_INTERNAL_H
#define RV_TRACE_INTERNAL_H

#include <stdint.h>

#include "trace/thread_name.h"

/* When the trace was started; 0 before the first. Threads: any. */
int64_t rv_trace_start_ns(void);

#endif /* RV_TRACE_INTERNAL_H */
