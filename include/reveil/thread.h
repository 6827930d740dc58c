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
 * Such a thread is bare: the C library does not know of it. It shares the
 * thread-local storage of the thread that started it, errno included, and to
 * a lock that knows its owner the two are one. So it calls nothing of the C
 * library: no malloc, no stdio, no locks, no errno; examples/bare_libc.c shows
 * what happens if it does. All signals are blocked in it.
 *
 * A program for everyday use has pthreads. This is how they are made, and the
 * cheapest thread there is for code that only computes.
 */
#ifndef RV_THREAD_H
#define RV_THREAD_H

#include <reveil/base.h>

RV_BEGIN_DECLS

/* What a stack has when the caller does not say: much for code that calls
 * little, and its pages are there only when they are touched. */
enum { RV_THREAD_STACK_BYTES = 64 * 1024 };

/* A bare thread that was started and not joined. The fields are private. */
struct rv_thread {
    void *memory; /* the guard page, then the stack */
    size_t memory_bytes;
    _Atomic uint32_t *alive; /* at the stack's end; 0 when the kernel is done */
};

/* The body of a bare thread. args: the copy on its stack, aligned to 16. */
typedef void (*rv_thread_main)(void *args);

/*
 * Start a thread in main().
 *
 * args:        copied to the end of the new stack; args_bytes may be 0.
 * stack_bytes: beside what args need; 0: RV_THREAD_STACK_BYTES. Below it is a
 *              guard page: an overflow is a SIGSEGV.
 * Threads:     any.
 * Returns:     0; -ENOMEM; -EAGAIN (no thread to be had); -EPERM (a sandbox);
 *              -ENOSYS, where rv_thread_supported() says no. On error nothing
 *              is left.
 * Source:      the stack that RET starts: Chris Wellons, "Practical
 *              libc-free threading on Linux".
 */
int rv_thread_start(struct rv_thread *thread, rv_thread_main main,
                    const void *args, size_t args_bytes, size_t stack_bytes);

/*
 * Wait until the thread has ended, and unmap its stack. What the thread wrote
 * is visible then.
 *
 * deadline_ns: CLOCK_MONOTONIC, absolute; RV_NEVER to wait for ever.
 * Threads: one at a time.   Blocks: the thread.
 * Returns: 0; -ETIMEDOUT: it still runs, and may be joined again. One that is
 * never joined keeps its stack.
 */
int rv_thread_join(struct rv_thread *thread, int64_t deadline_ns);

/*
 * Bare threads can be had in this build: on x86-64 and aarch64, and not under
 * ThreadSanitizer, which crashes on a thread that it did not see begin.
 */
bool rv_thread_supported(void);

RV_END_DECLS

#endif /* RV_THREAD_H */
