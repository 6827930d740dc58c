/* SPDX-License-Identifier: MIT */
/*
 * run.h - a whole program in one call.
 *
 *     static int32_t hello(void *name)
 *     {
 *         rv_coro_sleep_until(rv_after_ms(10));    other tasks run meanwhile
 *         printf("hello, %s\n", (char *)name);
 *         return 0;
 *     }
 *
 *     int main(void)
 *     {
 *         return rv_run(hello, "world") < 0;
 *     }
 *
 * rv_run() starts a runtime on the calling thread, runs the first coroutine,
 * and stops the runtime when it has returned. SIGINT and SIGTERM cancel the
 * coroutine (rv_coro_cancel()), so that the program ends in order: its waits
 * return -ECANCELED, and it may ask for time with rv_coro_grace().
 */
#ifndef RV_RUN_H
#define RV_RUN_H

#include <reveil/coro.h>
#include <reveil/runtime.h>

RV_BEGIN_DECLS

/* All zero is the default, as is NULL instead of a pointer to the options. */
struct rv_run_options {
    /* NULL: the reactor is fused, so that there is no thread but the caller's
     * until a pool needs one. */
    const struct rv_runtime_options *runtime;
    const struct rv_coro_options *coro; /* of the first coroutine */
    /* After the first signal: how long the coroutine may take before it is
     * aborted. 0: 10 s; RV_NEVER: as long as it likes. */
    int64_t grace_ns;
    bool no_signals; /* leave SIGINT and SIGTERM as they are */
    /*
     * NULL, or where the number of the first signal is stored; 0: there was
     * none. rv_run() returns 0 for a program that a signal has ended in order,
     * which is right for a server. A program whose work is not done then, such
     * as a filter or a copy, exits with 128 + the number instead of 0:
     *
     *     result = rv_run_with(filter, NULL, &options);
     *     return signal ? 128 + signal : rv_exit_status("filter", result);
     */
    int *signal;
};

/*
 * Run entry(arg). A second signal, or the end of the grace time, aborts it. A
 * signal that is ignored when the program starts (nohup, a background job of a
 * shell) stays ignored. If signals cannot be read any more, they end the
 * process at once. Tasks that are left when entry() has returned are dropped.
 *
 * Threads: one without a runtime; no other thread may have the two signals
 * unblocked.   Blocks: the thread.
 * Returns: the result of entry(); 0 instead of -ECANCELED if a signal has ended
 *          it (see `signal` in the options); or as rv_runtime_start_with(),
 *          rv_signals_open() and rv_coro_spawn(): then entry() was not called.
 *          -EDEADLK: inside a poll, or in a task of a scheduler.
 */
int rv_run(rv_coro_entry entry, void *arg);

/* The same with options. */
int rv_run_with(rv_coro_entry entry, void *arg,
                const struct rv_run_options *options);

/*
 * The same with a future, which the first signal drops.
 *
 * Owns: the caller keeps `future`; it is READY or dropped afterwards.
 * Returns: its result; 0 if a signal has ended it; or an error of the start.
 */
int rv_run_future(struct rv_future *future,
                  const struct rv_run_options *options);

RV_END_DECLS

#endif /* RV_RUN_H */
