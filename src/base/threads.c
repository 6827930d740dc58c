/* SPDX-License-Identifier: MIT */
/*
 * threads.c - how the library starts its threads, and how many make sense.
 *
 * Threads: any.
 */
#include <sched.h>
#include <stddef.h>

#include "base/base_internal.h"

/* The faults of a thread stay unblocked: the kernel ends a process whose thread
 * blocks its own SIGSEGV, without a call of the handler. */
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
    /* A thread inherits its creator's mask: so there is no moment in which the
     * new one could receive a signal. */
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
