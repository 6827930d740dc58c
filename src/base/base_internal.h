/* SPDX-License-Identifier: MIT */
/*
 * base_internal.h - how the library stops a program that misuses it, what it
 * computes with times, names that it keeps, which signals its threads block,
 * which descriptors are not for it, and what is a copy in a child of fork().
 *
 * Misuse is a bug in the caller that no return value could repair: a slot
 * freed twice, a finished future polled again. These checks stay on in every
 * build; all that can go wrong at run time is a negative errno instead.
 */
#ifndef RV_BASE_INTERNAL_H
#define RV_BASE_INTERNAL_H

#include <errno.h>
#include <pthread.h>
#include <reveil/base.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <time.h>

#include "base/fds.h"
#include "base/write_all.h"

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

/*
 * Arithmetic with times. A deadline may be any int64_t: INT64_MIN is past like
 * every time before now, RV_NEVER does not come. A sum or difference that does
 * not fit in an int64_t becomes the nearest one. Each wait of the library
 * computes its time with these.
 */

/* `by_ns` after a point in time; it may be negative. */
static inline int64_t rv_later_ns(int64_t at_ns, int64_t by_ns)
{
    int64_t sum_ns;

    if (__builtin_add_overflow(at_ns, by_ns, &sum_ns))
        return by_ns > 0 ? RV_NEVER : INT64_MIN;
    return sum_ns;
}

/* `span_ns` from now. */
int64_t rv_after_ns(int64_t span_ns);

/* How long it is until the deadline: 0 when it has passed; RV_NEVER. */
int64_t rv_left_ns(int64_t deadline_ns);

/* A time or a span for the kernel, which returns EINVAL for one before 0: such
 * a one is 0. */
static inline struct timespec rv_timespec(int64_t ns)
{
    const int64_t from_0_ns = ns > 0 ? ns : 0;

    return (struct timespec){.tv_sec = from_0_ns / RV_NS_PER_S,
                             .tv_nsec = from_0_ns % RV_NS_PER_S};
}

/* The virtual clock shows at least this. Nothing, when the clock is real. */
void rv_clock_reach(int64_t to_ns);

/* The same span from now by CLOCK_MONOTONIC, for the kernel; the deadline
 * itself when the clock is real. */
int64_t rv_clock_real_ns(int64_t deadline_ns);

/* Room for a name of the user's, which the library copies: it is read in
 * reports, when the user may have freed it. */
enum { RV_NAME_BYTES = 32 };

/* Copy a text, or as much as there is room for, and end it with a 0. */
static inline void rv_copy_text(char *to, size_t size_bytes, const char *from)
{
    const size_t len = strnlen(from, size_bytes - 1);

    memcpy(to, from, len);
    to[len] = '\0';
}

/*
 * The same for a text that other threads read meanwhile, in words. What they
 * read ends with a 0 in any case; a part of another text in it can be told by
 * something that changes with the text and is read again afterwards.
 */
static inline void rv_store_text(_Atomic uint64_t *words, size_t size_bytes,
                                 const char *from)
{
    char copy[64] = {0};
    uint64_t word;

    rv_copy_text(copy, size_bytes, from);
    for (size_t i = 0; i < size_bytes / sizeof word; i++) {
        memcpy(&word, copy + i * sizeof word, sizeof word);
        /* release: what was stored before, such as "nobody's", is seen by who
         * sees this; pairs with rv_load_text(). */
        atomic_store_explicit(&words[i], word, memory_order_release);
    }
}

static inline void rv_load_text(char *to, size_t size_bytes,
                                _Atomic uint64_t *words)
{
    for (size_t i = 0; i < size_bytes / sizeof *words; i++) {
        /* acquire: before what is read again; pairs with rv_store_text(). */
        const uint64_t word =
            atomic_load_explicit(&words[i], memory_order_acquire);

        memcpy(to + i * sizeof word, &word, sizeof word);
    }
}

/* Which signals a thread of the library receives; it blocks all others, which
 * are for the program's own threads. */
enum rv_pthread_signals {
    RV_PTHREAD_NO_SIGNALS, /* it runs code of the library only */
    /*
     * It runs code of the program: SIGSEGV and the like, which say what the
     * thread itself did, reach the program's handler, such as that of
     * rv_coro_report_overflow().
     */
    RV_PTHREAD_FAULTS,
};

/*
 * pthread_create() with default attributes and the signals blocked from the
 * thread's first instruction on. The caller's mask is unchanged afterwards.
 *
 * Threads: any.   Returns: 0, -EAGAIN.
 */
int rv_pthread_start(pthread_t *out, enum rv_pthread_signals signals,
                     void *(*thread_main)(void *), void *arg);

/* The CPUs that the calling thread may run on; 1 if that cannot be told. */
uint32_t rv_cpu_count(void);

/*
 * After a system call that failed: whether a signal has interrupted it, and it
 * is to be made again. Of a call that says so RV_INTERRUPTS_MAX times in a row
 * it is not a signal that is the cause, and the caller gets the error.
 *
 * tries: 0 before the first call.
 */
enum { RV_INTERRUPTS_MAX = 1000 };

static inline bool rv_interrupted(uint32_t *tries)
{
    return errno == EINTR && ++*tries < RV_INTERRUPTS_MAX;
}

/*
 * The mark of this process; a child of fork() has another one. An object that
 * shares something with other processes or counts on other threads keeps the
 * mark of its birth. Threads: any.
 */
uint32_t rv_fork_mark(void);

/* Private: see fork.c. */
extern _Atomic uint32_t *rv_fork_word;

/*
 * An object with this mark was made in a parent, and this is a copy of it: its
 * threads do not exist, its mutexes may be held by them for ever, and behind
 * its descriptors is what the parent uses.
 *
 * mark: from rv_fork_mark().   Threads: any.
 */
static inline bool rv_fork_is_copy(uint32_t mark)
{
    /* relaxed: a process does not become another one. */
    return __builtin_expect(
        atomic_load_explicit(rv_fork_word, memory_order_relaxed) != mark, 0);
}

/* Lock and unlock a mutex of an object with this mark. In a copy that is
 * nothing: who held the mutex at the fork never unlocks it, and there is no
 * other thread that knows of it. */
static inline void rv_fork_lock(uint32_t mark, pthread_mutex_t *mutex)
{
    if (!rv_fork_is_copy(mark))
        pthread_mutex_lock(mutex);
}

static inline void rv_fork_unlock(uint32_t mark, pthread_mutex_t *mutex)
{
    if (!rv_fork_is_copy(mark))
        pthread_mutex_unlock(mutex);
}

#endif /* RV_BASE_INTERNAL_H */
