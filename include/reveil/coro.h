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
 * A coroutine has a stack of its own, so it may wait inside any function
 * that it calls, and its local variables keep their addresses. It runs until it
 * suspends, and then the caller of rv_coro_resume() continues:
 *
 *     rv_coro_resume(coro)  ------>  entry(arg) begins, or continues
 *     returns false        <------   rv_coro_suspend()
 *     rv_coro_resume(coro)  ------>  ... continues after it
 *     returns true         <------   return result;
 *
 * The rules for code in a coroutine:
 *
 *   - Its stack is small. A guard below it ends the program on an overflow,
 *     before other memory is corrupted. rv_coro_report_overflow() makes it name
 *     the coroutine. Compile code with large frames with
 *     -fstack-clash-protection, so that it cannot skip the guard.
 *   - It may continue on another thread than the one where it was suspended, if
 *     its host is a scheduler with several workers. Compilers do not expect
 *     that: they keep the address of `errno` and of other thread-local
 *     variables across the call. Read errno before the next suspension, in a
 *     function that does not suspend. Do not suspend with a locked pthread
 *     mutex.
 *   - It has its own floating-point control words (rounding, exceptions). They
 *     are initialized from the caller of rv_coro_new().
 *   - It is not unwound. It must release its resources itself; see rv_await()
 *     for what happens when it is canceled.
 *   - Before it returns, nothing may refer to its stack any more: drop joins
 *     and other futures, stop timers, wait for scopes, and for tasks and jobs
 *     whose argument is a local variable. A sleep (or what has one), a timer,
 *     a join, a handle of rv_go(), a scope, an embedded task, a future in the
 *     queue of a semaphore, a mutex or a notify, or one of an operation that
 *     has begun (a ring, a file, a pool) on its stack that was forgotten ends
 *     the program with a message, with any host:
 *
 *         reveil: a coroutine has ended before it dropped a sleep, or what has
 *         one (rv_drop): NAME, addr2line -fe PROGRAM 0x1234
 *
 *     The command prints the function that the coroutine began with, and its
 *     place; NAME is that of the options. What else was forgotten writes into
 *     the frame of another coroutine; AddressSanitizer reports it.
 */
#ifndef RV_CORO_H
#define RV_CORO_H

#include <reveil/combine.h>
#include <reveil/executor.h>

RV_BEGIN_DECLS

/* Opaque. The struct is at the top of the coroutine's own stack. */
struct rv_coro;

/* Returns: the coroutine's result. */
typedef int32_t (*rv_coro_entry)(void *arg);

enum {
    RV_CORO_MIN_STACK_BYTES = 16 * 1024,
    RV_CORO_STACK_BYTES = 64 * 1024, /* unless the options say otherwise */
};

/*
 * A host runs coroutines and defines how they wait. Examples are a task of an
 * executor and a worker of a scheduler. Only the host resumes its coroutines.
 * rv_await() finds the host in the coroutine.
 */
struct rv_coro_host {
    /*
     * Called on the coroutine's stack, in rv_await(): suspend it with
     * rv_coro_suspend_then() until `future` is READY, and return the future's
     * result; -ECANCELED when the coroutine was canceled.
     */
    int (*await)(struct rv_coro *coro, struct rv_future *future);

    /* rv_coro_canceled(). NULL: never canceled. */
    bool (*canceled)(struct rv_coro *coro);

    /* rv_coro_grace(). NULL: -ECANCELED. */
    int (*grace)(struct rv_coro *coro, int64_t deadline_ns);

    /* A coroutine may continue on another thread after a wait. So what belongs
     * to one executor, such as a scope, is not for it. */
    bool moves;
};

struct rv_coro_options {
    const char *name; /* for messages; 31 bytes are copied. NULL: "coroutine" */
    size_t stack_bytes; /* rounded up to a power of two; 0: the default */
    const struct rv_coro_host *host; /* NULL: rv_await() is misuse */
    size_t data_bytes; /* for the host, see rv_coro_data(); up to 1024 */
};

/* --- birth and death --------------------------------------------------- */

/*
 * Create a coroutine, which begins to run at its first resume. Its stack is
 * from a cache of this thread, or a new mapping, and has a guard below it. Only
 * the pages that are accessed use memory.
 *
 * options: copied; NULL for the defaults.
 * Threads: any.
 * Returns: 0; -EINVAL: more than 1 GiB of stack, or too many data_bytes;
 *          -ENOMEM: no memory, or no mapping is left for another guard
 *          (before Linux 6.13 each takes two of vm.max_map_count).
 */
int rv_coro_new(struct rv_coro **out, rv_coro_entry entry, void *arg,
                const struct rv_coro_options *options);

/*
 * Free a coroutine, finished or not. A suspended one is not unwound, so the
 * resources that it holds are leaked. Its stack moves to the cache of this
 * thread.
 *
 * Threads: any, on another stack than its own. Misuse: while it runs; while
 * something on its stack is in use, see above.
 */
void rv_coro_free(struct rv_coro *coro);

/*
 * Free the memory of cached stacks: those of this thread, and those that are in
 * no thread's cache. Without this call, each thread keeps up to 64 stacks and
 * up to 4 MiB of each size, and all threads together keep another 16 MiB of
 * each size.
 *
 * Threads: any.
 */
void rv_coro_trim(void);

/*
 * From now on, the name of a coroutine that overflows its stack is printed
 * before the program ends:
 *
 *     reveil: coroutine NAME overflowed its stack of N bytes
 *
 * This installs a handler of SIGSEGV for the process; the library never does so
 * by itself. The handler runs on a signal stack. Each thread that resumes
 * coroutines gets one of 64 KiB, unless it has one. Other faults are passed to
 * the previous handler. Further calls have no effect. A handler that is
 * installed later must call this one.
 *
 * Threads: any. Returns: 0; -EAGAIN (no thread key is left) or another negative
 * errno: nothing has changed, and the call may be repeated.
 */
int rv_coro_report_overflow(void);

/* --- running ----------------------------------------------------------- */

/*
 * Run a coroutine until it suspends or finishes. It may be resumed from inside
 * another one, and on another thread each time.
 *
 * Threads: any, one at a time. Misuse: one that runs or has finished.
 * Returns: true if it has finished. After false, a coroutine that has suspended
 * with rv_coro_suspend_then() may already run on another thread, or be freed.
 */
bool rv_coro_resume(struct rv_coro *coro);

/* The same, for hosts: the rv_coro_suspend_then() that suspended the coroutine
 * returns `value`. */
bool rv_coro_resume_with(struct rv_coro *coro, int value);

/*
 * Suspend the calling coroutine: the rv_coro_resume() that runs it returns.
 *
 * Misuse: outside of a coroutine, or in one that has a host.
 */
void rv_coro_suspend(void);

/*
 * For hosts: suspend, and then call then(arg) on the resumer's stack, before
 * its rv_coro_resume() returns. Publish the coroutine to other threads only in
 * that function: earlier, it could be resumed while it still runs.
 *
 * This should be the last call of its caller, which makes the switch cheaper.
 *
 * then: may be NULL. Misuse: outside of a coroutine.
 * Returns: the value of rv_coro_resume_with(), 0 after rv_coro_resume().
 */
int rv_coro_suspend_then(void (*then)(void *arg), void *arg);

/* --- queries ----------------------------------------------------------- */

/* The innermost coroutine that runs on this thread, or NULL. */
struct rv_coro *rv_coro_current(void);

/* Returns: true if its entry has returned. */
bool rv_coro_finished(const struct rv_coro *coro);

/* The return value of its entry. Valid when it has finished. */
int32_t rv_coro_result(const struct rv_coro *coro);

/* The copy of options.name. Valid until the coroutine is freed. */
const char *rv_coro_name(const struct rv_coro *coro);

/* The size of its stack, after rounding up. */
size_t rv_coro_stack_bytes(const struct rv_coro *coro);

/* The host's memory in the coroutine: options.data_bytes, initially zero,
 * aligned to 16. Valid until the coroutine is freed. */
void *rv_coro_data(struct rv_coro *coro);

/* --- waiting ----------------------------------------------------------- */

/*
 * Suspend the calling coroutine until `future` is READY. The thread continues
 * with other tasks.
 *
 * A canceled coroutine is not unwound: this await and all later ones return
 * -ECANCELED at once, and the coroutine runs to its end. If that clean-up has
 * to wait, see rv_coro_grace().
 *
 * Owns:    the caller keeps `future`, and must drop it in any case.
 * Blocks:  the coroutine, never the thread.
 * Misuse:  outside of a coroutine that has a host.
 * Returns: the future's result, or -ECANCELED.
 */
int rv_await(struct rv_future *future);

/*
 * rv_await() with a deadline (CLOCK_MONOTONIC, absolute; RV_NEVER). At the
 * deadline `future` is still pending: it may be awaited again, and the caller
 * drops it in the end. A deadline in the past polls once. A future that is
 * READY or dropped already returns its result.
 *
 * Returns: the future's result; -ETIMEDOUT; -ECANCELED.
 */
int rv_await_until(struct rv_future *future, int64_t deadline_ns);

/*
 * The same for a future that is not needed afterwards: in any case it is
 * dropped when this returns. So an unfinished task is detached if `future` is
 * its join (rv_join, rv_go), and runs on. Take rv_await_until() for a task that
 * uses memory of the caller, and end the task if that is not 0.
 * The plain calls of the library consist of this one:
 *
 *     rv_X_init(&op, ...);
 *     return rv_await_and_drop(&op.future, deadline_ns);
 */
int rv_await_and_drop(struct rv_future *future, int64_t deadline_ns);

/*
 * Wait for the first of two futures, which both stay the caller's: an
 * unfinished one may be awaited again.
 *
 * Returns: 0 or 1, which of them is READY (0 if both are); -ETIMEDOUT;
 * -ECANCELED.
 */
int rv_await_either(struct rv_future *first, struct rv_future *second,
                    int64_t deadline_ns);

/* Let the other ready tasks run first. Returns: 0, -ECANCELED. */
int rv_coro_yield(void);

/* Wait until a point in time (CLOCK_MONOTONIC). Returns: 0, -ECANCELED. */
int rv_coro_sleep_until(int64_t deadline_ns);

/* --- a coroutine as a task of an executor ------------------------------- */

/*
 * Run entry(arg) as a task: rv_spawn() with a coroutine instead of a future.
 * `join` is READY with its result, and has no output.
 *
 * rv_join_abort(), or freeing the executor, cancels the coroutine without
 * unwinding it: inside that call it runs to its end, and each await in it
 * returns -ECANCELED at once. So it must return in a limited time. `entry` is
 * always called once, even if the task is aborted before its first run, so that
 * it can free what `arg` owns. rv_coro_cancel() is the gentle way.
 *
 * options: copied; NULL for the defaults. host and data_bytes are ignored.
 * join:    the handle, or NULL.
 * Threads: the executor's; the coroutine stays on that thread.
 * Returns: 0; as rv_coro_new() and rv_spawn(). On error entry is not called.
 */
int rv_coro_spawn(struct rv_executor *executor, rv_coro_entry entry, void *arg,
                  const struct rv_coro_options *options, struct rv_join *join);

/* The largest argument that can be copied. */
enum { RV_CORO_COPY_BYTES = 512 };

/*
 * The same with a copy of the argument, on the new coroutine's stack: entry()
 * gets the address of the copy, which is valid until it returns.
 *
 *     struct job job = {.number = 7};
 *     rv_coro_spawn_copy(executor, work, &job, sizeof job, NULL, NULL);
 *
 * arg_bytes: 1 or more; aligned to 16.
 * Returns: as rv_coro_spawn(); -EINVAL: more than RV_CORO_COPY_BYTES.
 */
int rv_coro_spawn_copy(struct rv_executor *executor, rv_coro_entry entry,
                       const void *arg, size_t arg_bytes,
                       const struct rv_coro_options *options,
                       struct rv_join *join);

/* --- cancellation that takes time -------------------------------------- */

/*
 * Ask a coroutine to end. Its current wait and all later ones return
 * -ECANCELED; it runs on at its next turn, so `join` must still be awaited. A
 * no-op if it has ended or was canceled before. rv_join_abort() ends it at
 * once. rv_go_cancel() does the same for a task of a scheduler.
 *
 * Threads: the executor's. Misuse: the task is not from rv_coro_spawn().
 */
void rv_coro_cancel(struct rv_join *join);

/*
 * Whether the calling coroutine was canceled or aborted, with any host: in a
 * task of a scheduler, by rv_go_cancel() or by the end of the scheduler. For
 * loops that do not wait. Outside of coroutines: false.
 */
bool rv_coro_canceled(void);

/*
 * In a canceled coroutine: waits work again until `deadline_ns`, for a clean-up
 * such as a last line to send or a file to sync. A wait that lasts longer
 * returns -ECANCELED. Without effect in a coroutine that is not canceled.
 *
 * Returns: 0; -ECANCELED: there is no time, because the coroutine is being
 * aborted, because the time that rv_sched_stop() allows is over, or because its
 * host knows no such time.
 */
int rv_coro_grace(int64_t deadline_ns);

/* --- coroutines in a scope --------------------------------------------- */

/*
 * Run entry(arg) in a scope (combine.h), so that it cannot outlive the scope:
 *
 *     rv_scope_init(&scope, rv_executor_current());
 *     for (int i = 0; i < 10; i++)
 *         rv_scope_spawn_coro(&scope, work, &i, sizeof i, NULL);
 *     error = rv_scope_wait(&scope);
 *
 * arg_bytes: as rv_coro_spawn_copy(); 0: the pointer is passed, not a copy.
 * Threads: the executor's. Misuse: in a task of a scheduler, which has
 * rv_go_scope_spawn(). Returns: as rv_coro_spawn_copy(); -ECANCELED: the scope
 * is READY, dropped or canceled.
 */
int rv_scope_spawn_coro(struct rv_scope *scope, rv_coro_entry entry,
                        const void *arg, size_t arg_bytes,
                        const struct rv_coro_options *options);

/*
 * In a coroutine of the scope's executor: wait until all of its tasks have
 * ended. After it the scope is over, and the memory that its tasks used may be
 * reused. If the caller is canceled, it cancels the tasks and still waits for
 * them; if it is aborted, it aborts them. So call this before each return from
 * the function that has the scope.
 *
 * A coroutine that returns while a scope on its stack has coroutines that have
 * not ended ends the program with a message: they would use a frame that is
 * gone.
 *
 * Misuse: in a task of the scope, which would wait for itself; in a task of a
 * scheduler, which has rv_go_scope_wait().
 * Returns: 0; the first negative result of a task; -ECANCELED; -ESTALE in a
 *          child of fork(), which drops scope->future before the return.
 */
int rv_scope_wait(struct rv_scope *scope);

RV_END_DECLS

#endif /* RV_CORO_H */
