/* SPDX-License-Identifier: MIT */
/*
 * overflow.h - a handler of SIGSEGV that runs when a stack has overflowed.
 *
 * Threads: any.
 */
#ifndef RV_CORO_OVERFLOW_H
#define RV_CORO_OVERFLOW_H

#include <stdatomic.h>
#include <stdbool.h>

/*
 * Called in the signal handler, on the thread that touched `address`. It must
 * be async-signal-safe. Returns: true if the address is in a guard and the
 * overflow was reported: the process then ends. false: the signal has another
 * cause, and is handled as if this handler were not installed.
 */
typedef bool (*rv_overflow_report)(const char *address);

/* Install the handler, once in a process; later calls do nothing. Returns: 0,
 * negative errno. */
int rv_overflow_install(rv_overflow_report report);

/* The handler is installed. */
extern _Atomic bool rv_overflow_installed;

/* rv_overflow_prepare_thread() was called on this thread. */
extern _Thread_local bool rv_overflow_thread_is_ready
    __attribute__((tls_model("initial-exec")));

/* Give this thread a signal stack, unless it has one. */
void rv_overflow_prepare_thread(void);

#endif /* RV_CORO_OVERFLOW_H */
