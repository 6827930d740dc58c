/* SPDX-License-Identifier: MIT */
/*
 * thread.h - a thread without pthreads: a stack, and one clone().
 *
 *     struct add { int a, b; _Atomic int *sum; };
 *
 *     static void add_main(void *args)       runs on the new stack
 *     {
 *         struct add *add = args;
 *         *add->sum = add->a + add->b;
 *     }
 *
 *     rv_thread_start(&thread, add_main, &add, sizeof add, 0);
 *     rv_thread_join(&thread, RV_NEVER);
 *
 * Such a thread is bare: the C library does not know about it. It shares the
 * thread-local storage, including errno, of the thread that started it, and a
 * lock that records its owner cannot tell the two apart. So it must not call
 * the C library: no malloc, no stdio, no locks, no errno. examples/bare_libc.c
 * shows what happens otherwise. All signals are blocked in it.
 *
 * Programs normally use pthreads. This file shows how they are made, and gives
 * the cheapest thread for code that only computes.
 */
#ifndef RV_THREAD_H
#define RV_THREAD_H

#include <reveil/base.h>

RV_BEGIN_DECLS

/* The default size of a stack: plenty for code with a shallow call depth. The
 * kernel allocates a page only when it is touched. */
enum { RV_THREAD_STACK_BYTES = 64 * 1024 };

/* A bare thread that was started and not joined. The fields are private. */
struct rv_thread {
    void *memory; /* the guard page, then the stack */
    size_t memory_bytes;
    /* At the stack's end; the kernel sets it to 0 when the thread has ended. */
    RV_ATOMIC(uint32_t) * alive;
};

/* The body of a bare thread. args: the copy on its stack, aligned to 16. */
typedef void (*rv_thread_main)(void *args);

/*
 * Start a thread in main().
 *
 * args:        copied to the end of the new stack; args_bytes may be 0.
 * stack_bytes: without the copy of args; 0: RV_THREAD_STACK_BYTES. Below the
 *              stack is a guard page: an overflow causes SIGSEGV.
 * Threads:     any.
 * Returns:     0; -ENOMEM; -EAGAIN: a thread could not be created; -EPERM: a
 *              sandbox forbids it; -ENOSYS: rv_thread_supported() is false. On
 *              error nothing is left allocated.
 * Source:      the stack that RET starts: Chris Wellons, "Practical
 *              libc-free threading on Linux".
 */
int rv_thread_start(struct rv_thread *thread, rv_thread_main main,
                    const void *args, size_t args_bytes, size_t stack_bytes);

/*
 * Wait until the thread has ended, and unmap its stack. The end of the thread
 * happens-before the return of this call. A thread that is never joined keeps
 * its stack.
 *
 * deadline_ns: CLOCK_MONOTONIC, absolute; RV_NEVER to wait forever.
 * Threads: one at a time.   Blocks: the thread.
 * Returns: 0; -ETIMEDOUT: it is still running, and may be joined again.
 */
int rv_thread_join(struct rv_thread *thread, int64_t deadline_ns);

/*
 * Whether this build supports bare threads: on x86-64 and aarch64, but not with
 * ThreadSanitizer, which crashes on a thread whose start it did not see.
 */
bool rv_thread_supported(void);

RV_END_DECLS

#endif /* RV_THREAD_H */
