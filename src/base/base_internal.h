/* SPDX-License-Identifier: MIT */
/*
 * base_internal.h - how the library stops a program that misuses it, what only
 * the library asks of the clock, and which signals its threads block.
 *
 * Misuse is a bug in the caller that no return value could repair: a place
 * freed twice, a finished future polled again. These checks stay on in every
 * build; all that can go wrong at run time is a negative errno instead.
 */
#ifndef RV_BASE_INTERNAL_H
#define RV_BASE_INTERNAL_H

#include <signal.h>
#include <stdint.h>

/*
 * Write one line, "reveil: <what>: <name>", to fd 2 and abort().
 *
 * what: the misuse.   name: of the function or future that noticed it.
 * Threads: any; signal handlers too.
 */
_Noreturn void rv_panic(const char *what, const char *name);

/* Stop with `what` and the function's name unless `cond`, which only looks. */
#define RV_CHECK(cond, what)              \
    do {                                  \
        if (__builtin_expect(!(cond), 0)) \
            rv_panic(what, __func__);     \
    } while (0)

/* The virtual clock shows at least this. Nothing, when the clock is real. */
void rv_clock_reach(int64_t to_ns);

/* The same span from now by CLOCK_MONOTONIC, for the kernel; the deadline
 * itself when the clock is real. */
int64_t rv_clock_real_ns(int64_t deadline_ns);

/*
 * What a thread blocks that runs the tasks of a program: all signals are for
 * the program's own threads, but for those that say what the thread itself
 * did. A fault that is blocked ends the program without its handler, such as
 * that of rv_coro_report_overflow().
 */
void rv_signals_of_others(sigset_t *out);

#endif /* RV_BASE_INTERNAL_H */
