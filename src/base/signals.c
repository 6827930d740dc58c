/* SPDX-License-Identifier: MIT */
/*
 * signals.c - the signals that are not for a thread of the library.
 *
 * Threads: any.
 */
#include <stddef.h>

#include "base/base_internal.h"

void rv_signals_of_others(sigset_t *out)
{
    static const int faults[] = {SIGSEGV, SIGBUS,  SIGFPE, SIGILL,
                                 SIGTRAP, SIGABRT, SIGSYS};

    sigfillset(out);
    for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++)
        sigdelset(out, faults[i]);
}
