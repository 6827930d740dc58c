/* SPDX-License-Identifier: MIT */
/*
 * threads.c - how the library starts its threads, and for how many CPUs.
 *
 * Threads: any.
 */
#include <sched.h>
#include <stddef.h>

#include "base/base_internal.h"

/* Keep faults unblocked: if a thread causes a SIGSEGV that it blocks, the
 * kernel kills the process without calling the handler. */
static void remove_faults(sigset_t *set)
{
    static const int faults[] = {SIGSEGV, SIGBUS,  SIGFPE, SIGILL,
                                 SIGTRAP, SIGABRT, SIGSYS};

    for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++)
        sigdelset(set, faults[i]);
}

int rv_pthread_start(pthread_t *out, enum rv_pthread_signals signals,
                     void *(*thread_main)(void *), void *arg)
{
    sigset_t blocked;
    sigset_t before;
    int error;

    sigfillset(&blocked);
    if (signals == RV_PTHREAD_FAULTS)
        remove_faults(&blocked);
    /* A thread inherits its creator's mask, so the new thread cannot receive a
     * signal before it has a mask of its own. */
    pthread_sigmask(SIG_SETMASK, &blocked, &before);
    error = pthread_create(out, NULL, thread_main, arg);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return -error;
}

uint32_t rv_cpu_count(void)
{
    cpu_set_t cpus;

    if (sched_getaffinity(0, sizeof cpus, &cpus) < 0)
        return 1; /* EINVAL: the machine has more than CPU_SETSIZE */
    return (uint32_t)CPU_COUNT(&cpus);
}
