/* SPDX-License-Identifier: MIT */
/* thread_name.h - what the threads of a trace called themselves. */
#ifndef RV_THREAD_NAME_H
#define RV_THREAD_NAME_H

#include <stdint.h>

enum { RV_THREAD_NAME_BYTES = 32 };

/* The name that this thread gave itself, or "". Threads: any. */
void rv_trace_thread_name(uint32_t thread, char name[RV_THREAD_NAME_BYTES]);

#endif /* RV_THREAD_NAME_H */
