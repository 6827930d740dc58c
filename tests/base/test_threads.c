/* SPDX-License-Identifier: MIT */
/* test_threads.c - threads that block signals, and the number of CPUs. */
#include <criterion/criterion.h>

#include <pthread.h>
#include <sched.h>
#include <signal.h>

#include "base/base_internal.h"
#include "support/machine.h"
#include "support/support.h"

RV_TEST_SUITE(threads);

static void *read_mask(void *arg)
{
    pthread_sigmask(SIG_BLOCK, NULL, arg);
    return arg;
}

static sigset_t mask_of_thread(enum rv_pthread_signals signals)
{
    pthread_t thread;
    sigset_t mask;

    cr_assert_eq(rv_pthread_start(&thread, signals, read_mask, &mask), 0);
    pthread_join(thread, NULL);
    return mask;
}

RV_TEST(threads, a_thread_of_the_library_blocks_the_program_s_signals)
{
    static const int signals[] = {SIGINT, SIGTERM, SIGHUP, SIGUSR1, SIGCHLD};
    const sigset_t none = mask_of_thread(RV_PTHREAD_NO_SIGNALS);
    const sigset_t faults = mask_of_thread(RV_PTHREAD_FAULTS);

    for (size_t i = 0; i < sizeof signals / sizeof signals[0]; i++) {
        cr_assert(sigismember(&none, signals[i]));
        cr_assert(sigismember(&faults, signals[i]));
    }
}

RV_TEST(threads, faults_are_blocked_only_where_no_code_of_the_program_runs)
{
    static const int signals[] = {SIGSEGV, SIGBUS,  SIGFPE, SIGILL,
                                  SIGTRAP, SIGABRT, SIGSYS};
    const sigset_t none = mask_of_thread(RV_PTHREAD_NO_SIGNALS);
    const sigset_t faults = mask_of_thread(RV_PTHREAD_FAULTS);

    for (size_t i = 0; i < sizeof signals / sizeof signals[0]; i++) {
        cr_assert(sigismember(&none, signals[i]));
        cr_assert_not(sigismember(&faults, signals[i]));
    }
}

RV_TEST(threads, the_caller_keeps_its_mask)
{
    sigset_t before;
    sigset_t after;

    sigemptyset(&before);
    sigaddset(&before, SIGUSR2);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    mask_of_thread(RV_PTHREAD_NO_SIGNALS);
    pthread_sigmask(SIG_BLOCK, NULL, &after);

    cr_assert(sigismember(&after, SIGUSR2));
    cr_assert_not(sigismember(&after, SIGUSR1));
    cr_assert_not(sigismember(&after, SIGTERM));
}

RV_TEST(threads, the_cpus_are_those_that_the_thread_may_run_on)
{
    const uint32_t all = machine_cpus();
    cpu_set_t before;
    cpu_set_t one;
    size_t first = 0;

    if (all == 0)
        cr_skip_test("there are more CPUs than a cpu_set_t has");
    cr_assert_eq(rv_cpu_count(), all);
    cr_assert_eq(sched_getaffinity(0, sizeof before, &before), 0);
    while (!CPU_ISSET(first, &before))
        first++;
    CPU_ZERO(&one);
    CPU_SET(first, &one);
    cr_assert_eq(sched_setaffinity(0, sizeof one, &one), 0);
    cr_assert_eq(rv_cpu_count(), 1);
    cr_assert_eq(sched_setaffinity(0, sizeof before, &before), 0);
}
