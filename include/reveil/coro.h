/* SPDX-License-Identifier: MIT */
/*
 * coro.h - functions that wait in the middle: stackful coroutines.
 *
 *     static int32_t client(void *arg)
 *     {
 *         struct rv_sleep nap;
 *         int error;
 *
 *         rv_sleep_init(&nap, rv_after_ms(10));
 *         error = rv_await(&nap.future);       other tasks run meanwhile
 *         rv_drop(&nap.future);
 *         return error;
 *     }
 *
 *     rv_coro_spawn(executor, client, NULL, NULL, &join);
 *
 * A coroutine has a stack of its own, so it may wait inside any function it
 * calls, and its locals stay where they are. It runs until it suspends, and
 * then whoever resumed it goes on:
 *
 *     rv_coro_resume(coro)  ------>  entry(arg) begins, or goes on
 *     returns false        <------   rv_coro_suspend()
 *     rv_coro_resume(coro)  ------>  ... behind it
 *     returns true         <------   return result;
 *
 * What a coroutine must know:
 *
 *   - Its stack is small. Below it is a guard page, so an overflow stops the
 *     program and corrupts nothing; rv_coro_report_overflow() makes it say
 *     which coroutine it was. Compile code with large frames with
 *     -fstack-clash-protection, so that it cannot step over the guard.
 *   - It may go on in another thread than the one where it was suspended, if
 *     its host is a scheduler with several. Compilers do not expect that: they
 *     keep the address of `errno` and of other thread-local variables across
 *     the call. Read errno before anything can suspend, in a function that
 *     does not, and hold no pthread mutex while suspended.
 *   - The floating-point control words (rounding, exceptions) are its own;
 *     they begin as those of the caller of rv_coro_new().
 *   - It is not unwound. What it holds, it lets go of itself: see rv_await()
 *     for what happens when it is canceled.
 */
#ifndef RV_CORO_H
#define RV_CORO_H

#include <reveil/executor.h>

RV_BEGIN_DECLS

/* Opaque: it lies at the top of its own stack. */
struct rv_coro;

/* Returns: the coroutine's result. */
typedef int32_t (*rv_coro_entry)(void *arg);

enum {
    RV_CORO_MIN_STACK_BYTES = 16 * 1024,
    RV_CORO_STACK_BYTES = 64 * 1024, /* unless it is said */
};

/*
 * Who runs a coroutine, and how it waits: a task of an executor, a worker of a
 * scheduler. A host resumes its coroutines itself; it is found in the
 * coroutine by rv_await().
 */
struct rv_coro_host {
    /*
     * Called on the coroutine's stack, in rv_await(): suspend it with
     * rv_coro_suspend_then() until `future` is READY, and return the future's
     * result; -ECANCELED when the coroutine was canceled.
     */
    int (*await)(struct rv_coro *coro, struct rv_future *future);
};

struct rv_coro_options {
    const char *name; /* for messages; 31 bytes are copied. NULL: "coroutine" */
    size_t stack_bytes; /* rounded up to a power of two; 0: the default */
    const struct rv_coro_host *host; /* NULL: rv_await() is misuse */
    size_t data_bytes; /* for the host, see rv_coro_data(); up to 1024 */
};

/* --- birth and death --------------------------------------------------- */

/*
 * A coroutine that begins to run at its first resume. Its stack comes from a
 * cache of this thread, or is mapped, with a guard below it; only what is
 * touched of it takes memory.
 *
 * options: copied; NULL for the default ones.
 * Threads: any.
 * Returns: 0; -EINVAL: more than 1 GiB of stack, or too many data_bytes;
 *          -ENOMEM: no memory, or no mappings left for another guard page
 *          (before Linux 6.13 each takes two of vm.max_map_count).
 */
int rv_coro_new(struct rv_coro **out, rv_coro_entry entry, void *arg,
                const struct rv_coro_options *options);

/*
 * Free a coroutine, finished or not; one that is suspended is not unwound,
 * what it holds is lost. Its stack goes to the cache of this thread.
 *
 * Threads: any, on another stack than its own. Misuse: while it runs.
 */
void rv_coro_free(struct rv_coro *coro);

/*
 * Give back the memory of cached stacks: those of this thread and those that
 * no thread has. Without it, each thread keeps at most 64 of each size and
 * 4 MiB, and all threads together 16 MiB of each size.
 *
 * Threads: any.
 */
void rv_coro_trim(void);

/*
 * From now on a coroutine that overflows its stack is named before the program
 * dies of it:
 *
 *     reveil: coroutine NAME overflowed its stack of N bytes
 *
 * This handles SIGSEGV for the process, which the library does not do unasked:
 * on a signal stack, which each thread gets that resumes coroutines (64 KiB,
 * unless it has one). Other faults go to the handler that was there before.
 * Call it again as you like; a handler installed after it must call this one.
 *
 * Threads: any. Returns: 0; -EAGAIN (no thread key is left) or another negative
 * errno: it is as before, and may be tried again.
 */
int rv_coro_report_overflow(void);

/* --- running ----------------------------------------------------------- */

/*
 * Run a coroutine until it suspends or finishes. It may be resumed from inside
 * another one, and in another thread each time.
 *
 * Threads: any, one at a time. Misuse: one that runs or has finished.
 * Returns: true when it has finished. After false, a coroutine that suspended
 * with rv_coro_suspend_then() may run elsewhere already, or be freed.
 */
bool rv_coro_resume(struct rv_coro *coro);

/* The same, for hosts: the rv_coro_suspend_then() that it was suspended in
 * returns `value`. */
bool rv_coro_resume_with(struct rv_coro *coro, int value);

/*
 * Go back to whoever resumed the calling coroutine, until it is resumed again.
 *
 * Misuse: outside of a coroutine, or in one that has a host.
 */
void rv_coro_suspend(void);

/*
 * For hosts: suspend, and when that is done call then(arg) on the stack of the
 * resumer, before its rv_coro_resume() returns. A coroutine is made known to
 * whoever may resume it in there: before, it could be resumed while it still
 * runs.
 *
 * It should be the last call of its caller, which makes the switch cheaper.
 *
 * then: NULL for nothing. Misuse: outside of a coroutine.
 * Returns: the value of rv_coro_resume_with(), 0 after rv_coro_resume().
 */
int rv_coro_suspend_then(void (*then)(void *arg), void *arg);

/* --- what there is to know --------------------------------------------- */

/* The coroutine that runs here, the innermost one; NULL outside of any. */
struct rv_coro *rv_coro_current(void);

/* It returned from its entry. */
bool rv_coro_finished(const struct rv_coro *coro);

/* What its entry returned, when it has finished. */
int32_t rv_coro_result(const struct rv_coro *coro);

/* The copy of options.name; it ends with the coroutine. */
const char *rv_coro_name(const struct rv_coro *coro);

/* Of its stack, rounded as it was. */
size_t rv_coro_stack_bytes(const struct rv_coro *coro);

/* The host's bytes in the coroutine: options.data_bytes of them, zero at
 * first, aligned to 16, gone with the coroutine. */
void *rv_coro_data(struct rv_coro *coro);

/* --- waiting ----------------------------------------------------------- */

/*
 * Suspend the calling coroutine until `future` is READY. The thread goes on
 * with other tasks.
 *
 * A coroutine that is canceled is not unwound: this await and all that follow
 * return -ECANCELED at once, and it runs to its end.
 *
 * Owns:    the caller keeps `future`, and drops it in any case.
 * Blocks:  the coroutine, never the thread.
 * Misuse:  outside of a coroutine that has a host.
 * Returns: the future's result, or -ECANCELED.
 */
int rv_await(struct rv_future *future);

/* Await a turn: the other ready tasks go first. Returns: 0, -ECANCELED. */
int rv_coro_yield(void);

/* Await a point in time (CLOCK_MONOTONIC). Returns: 0, -ECANCELED. */
int rv_coro_sleep_until(int64_t deadline_ns);

/* --- a coroutine as a task of an executor ------------------------------- */

/*
 * Run entry(arg) as a task: rv_spawn(), with a coroutine in the place of the
 * future. `join` is READY with its result, and has no output.
 *
 * rv_join_abort(), or freeing the executor, cancels it, without unwinding: in
 * the call that does so it runs to its end, and every await in it returns
 * -ECANCELED at once. It must not go on for ever then. `entry` is called once
 * in any case, also when the task is aborted before its first turn, so that
 * it can free what `arg` owns.
 *
 * options: copied, NULL for the default ones; host and data_bytes are not the
 *          caller's to choose.
 * join:    where to wait for it, or NULL.
 * Threads: the executor's; the coroutine stays in it.
 * Returns: 0; as rv_coro_new() and rv_spawn(). On error entry is not called.
 */
int rv_coro_spawn(struct rv_executor *executor, rv_coro_entry entry, void *arg,
                  const struct rv_coro_options *options, struct rv_join *join);

RV_END_DECLS

#endif /* RV_CORO_H */
