/* SPDX-License-Identifier: MIT */
/*
 * overflow.c - a signal stack for each thread, and the handler that runs on it.
 *
 * A handler of SIGSEGV cannot run on the stack that has overflowed. So each
 * thread that resumes a coroutine needs a signal stack. Unless the thread has
 * one, rv_overflow_prepare_thread() gives it one, which is released when the
 * thread ends.
 *
 * Threads: any. The handler runs on the thread that touched a guard, and only
 * calls what is async-signal-safe. Whose guard it is, and what to print, is up
 * to the callback.
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>

#include "coro/overflow.h"

/* Room for the registers that the kernel saves (AVX-512, AMX), for the handler,
 * and for the program's own handler, which may run after it. */
enum { SIGNAL_STACK_BYTES = 64 * 1024 };

_Atomic bool rv_overflow_installed;
_Thread_local bool rv_overflow_thread_is_ready
    __attribute__((tls_model("initial-exec")));

static pthread_mutex_t install_mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_key_t key;
/* Both are written once, before the handler runs. */
static rv_overflow_report report;
static struct sigaction previous;

/* --- the handler ------------------------------------------------------- */

/* When the handler returns, the instruction faults again. This time the kernel
 * ends the program, with a core dump that shows the faulting instruction. */
static void die_when_tried_again(void)
{
    signal(SIGSEGV, SIG_DFL);
}

/* The signal has another cause: act as if this handler were not installed. */
static void hand_over(int number, siginfo_t *info, void *context)
{
    if (previous.sa_flags & SA_SIGINFO)
        previous.sa_sigaction(number, info, context);
    else if (previous.sa_handler != SIG_DFL && previous.sa_handler != SIG_IGN)
        previous.sa_handler(number);
    else if (info->si_code > 0)
        die_when_tried_again();
    else if (previous.sa_handler == SIG_DFL) { /* sent by kill() */
        die_when_tried_again();
        raise(SIGSEGV);
    }
}

static void on_segv(int number, siginfo_t *info, void *context)
{
    const int saved_errno = errno;

    if (info->si_code > 0 && report(info->si_addr))
        die_when_tried_again();
    else
        hand_over(number, info, context);
    errno = saved_errno;
}

/* --- a signal stack for each thread ------------------------------------ */

static void end_thread(void *memory)
{
    const stack_t none = {.ss_flags = SS_DISABLE};
    stack_t now;

    /* If a later destructor resumes a coroutine, the thread gets a new one. */
    rv_overflow_thread_is_ready = false;
    if (sigaltstack(NULL, &now) == 0 && now.ss_sp == memory)
        sigaltstack(&none, NULL);
    munmap(memory, SIGNAL_STACK_BYTES);
}

void rv_overflow_prepare_thread(void)
{
    stack_t stack;

    rv_overflow_thread_is_ready = true;
    if (sigaltstack(NULL, &stack) < 0 || !(stack.ss_flags & SS_DISABLE))
        return;
    stack = (stack_t){.ss_size = SIGNAL_STACK_BYTES};
    stack.ss_sp = mmap(NULL, SIGNAL_STACK_BYTES, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
    if (stack.ss_sp == MAP_FAILED)
        return; /* the guard still ends the program, without a message */
    if (sigaltstack(&stack, NULL) < 0 ||
        pthread_setspecific(key, stack.ss_sp) != 0)
        end_thread(stack.ss_sp);
}

/* install_mutex must be held. Returns: 0, negative errno. */
static int install(rv_overflow_report new_report)
{
    struct sigaction action = {.sa_flags = SA_SIGINFO | SA_ONSTACK};
    int error;

    action.sa_sigaction = on_segv;
    sigemptyset(&action.sa_mask);
    error = -pthread_key_create(&key, end_thread);
    if (error)
        return error;
    report = new_report;
    if (sigaction(SIGSEGV, NULL, &previous) < 0 ||
        sigaction(SIGSEGV, &action, NULL) < 0) {
        error = -errno;
        pthread_key_delete(key);
        return error;
    }
    /* release: publishes `key`; pairs with the acquire in
     * rv_coro_resume_with(). */
    atomic_store_explicit(&rv_overflow_installed, true, memory_order_release);
    return 0;
}

int rv_overflow_install(rv_overflow_report new_report)
{
    int error = 0;

    pthread_mutex_lock(&install_mutex);
    /* relaxed: it is written under the mutex. */
    if (!atomic_load_explicit(&rv_overflow_installed, memory_order_relaxed))
        error = install(new_report);
    pthread_mutex_unlock(&install_mutex);
    return error;
}
