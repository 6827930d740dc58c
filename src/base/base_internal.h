/* SPDX-License-Identifier: MIT */
/*
 * base_internal.h - helpers for all parts: checks for misuse, arithmetic with
 * times, copies of names, threads, descriptors, and detection of fork().
 *
 * Misuse is a bug in the caller that no return value could repair: a slot
 * freed twice, a finished future polled again. These checks stay on in every
 * build. Everything that can go wrong in a correct program is reported as a
 * negative errno instead.
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

#include "base/error_note.h"
#include "base/fds.h"
#include "base/sigpipe.h"
#include "base/write_all.h"

/*
 * Write one line, "reveil: <what>: <name>", to fd 2 and abort().
 *
 * what: the misuse.   name: the function or future that detected it.
 * Threads: any; signal handlers too.
 */
_Noreturn void rv_panic(const char *what, const char *name);

/* Stop with `what` and the function's name unless `cond` is true. `cond` must
 * have no side effects. */
#define RV_CHECK(cond, what)              \
    do {                                  \
        if (__builtin_expect(!(cond), 0)) \
            rv_panic(what, __func__);     \
    } while (0)

/* Whether an error of accept(2), or of registering its socket, ends when
 * resources are released, such as by closing a connection. -ENOSPC comes from
 * epoll: max_user_watches. */
static inline bool rv_error_is_shortage(int error)
{
    return error == -EMFILE || error == -ENFILE || error == -ENOBUFS ||
           error == -ENOMEM || error == -ENOSPC;
}

/*
 * Arithmetic with times. A deadline may be any int64_t: INT64_MIN has passed,
 * like every time before now, and RV_NEVER is never reached. The results
 * saturate: they do not overflow. Each wait of the library computes its time
 * with these functions.
 */

/* The time `by_ns` after `at_ns`; `by_ns` may be negative. */
static inline int64_t rv_later_ns(int64_t at_ns, int64_t by_ns)
{
    int64_t sum_ns;

    if (__builtin_add_overflow(at_ns, by_ns, &sum_ns))
        return by_ns > 0 ? RV_NEVER : INT64_MIN;
    return sum_ns;
}

/* The time at the last tick of the kernel, up to 10 ms ago. Reading it costs a
 * quarter of rv_now_ns(). */
int64_t rv_coarse_now_ns(void);

/* The time `span_ns` from now. */
int64_t rv_after_ns(int64_t span_ns);

/* The time left until the deadline: 0 if it has passed; RV_NEVER for RV_NEVER.
 */
int64_t rv_left_ns(int64_t deadline_ns);

/* A time or a span for the kernel. A negative one becomes 0, because the kernel
 * would return EINVAL. */
static inline struct timespec rv_timespec(int64_t ns)
{
    const int64_t from_0_ns = ns > 0 ? ns : 0;

    return (struct timespec){.tv_sec = from_0_ns / RV_NS_PER_S,
                             .tv_nsec = from_0_ns % RV_NS_PER_S};
}

/* Set a virtual clock to `to_ns` unless it shows a later time. A no-op if the
 * clock is real. */
void rv_clock_reach(int64_t to_ns);

/* Convert a deadline of the virtual clock to CLOCK_MONOTONIC, for the kernel:
 * the time left stays the same. Returns: the deadline itself if the clock is
 * real. */
int64_t rv_clock_real_ns(int64_t deadline_ns);

/* Bytes for the library's copy of a user's name. Names are copied because
 * reports read them later, when the user may have freed the original. */
enum { RV_NAME_BYTES = 32 };

/* Copy as much of a text as fits, and terminate it with NUL. */
static inline void rv_copy_text(char *to, size_t size_bytes, const char *from)
{
    const size_t len = strnlen(from, size_bytes - 1);

    memcpy(to, from, len);
    to[len] = '\0';
}

/*
 * The same for a text that other threads may read at the same time, word by
 * word. What they read is NUL-terminated in any case, but may be a mixture of
 * two texts. A reader that must exclude that reads a value that changes with
 * the text, such as a task's id, before and after.
 */
static inline void rv_store_text(_Atomic uint64_t *words, size_t size_bytes,
                                 const char *from)
{
    char copy[64] = {0};
    uint64_t word;

    rv_copy_text(copy, size_bytes, from);
    for (size_t i = 0; i < size_bytes / sizeof word; i++) {
        memcpy(&word, copy + i * sizeof word, sizeof word);
        /* release: a reader that sees this word also sees what was stored
         * before it, such as a mark that the slot is free; pairs with
         * rv_load_text(). */
        atomic_store_explicit(&words[i], word, memory_order_release);
    }
}

static inline void rv_load_text(char *to, size_t size_bytes,
                                _Atomic uint64_t *words)
{
    for (size_t i = 0; i < size_bytes / sizeof *words; i++) {
        /* acquire: what the reader loads after this, to check the text, is at
         * least as new as the word; pairs with rv_store_text(). */
        const uint64_t word =
            atomic_load_explicit(&words[i], memory_order_acquire);

        memcpy(to + i * sizeof word, &word, sizeof word);
    }
}

/* Which signals a thread of the library receives. It blocks all others: they
 * are for the program's own threads. */
enum rv_pthread_signals {
    RV_PTHREAD_NO_SIGNALS, /* for a thread that runs only code of the library */
    /*
     * For a thread that also runs code of the program: SIGSEGV and the other
     * signals that the thread itself causes reach their handlers, such as the
     * one that rv_coro_report_overflow() installs.
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

/* The number of CPUs that the calling thread may run on; 1 if unknown. */
uint32_t rv_cpu_count(void);

/*
 * Whether a system call that failed was interrupted by a signal and should be
 * repeated. A call that returns EINTR RV_INTERRUPTS_MAX times in a row has some
 * other cause for it; the answer is then false, and the caller returns the
 * error.
 *
 * tries: 0 before the first call.
 */
enum { RV_INTERRUPTS_MAX = 1000 };

static inline bool rv_interrupted(uint32_t *tries)
{
    return errno == EINTR && ++*tries < RV_INTERRUPTS_MAX;
}

/*
 * A number for this process; a child of fork() has another one. An object that
 * depends on its threads, or has descriptors that a child would share, stores
 * the mark of the process that creates it. Threads: any.
 */
uint32_t rv_fork_mark(void);

/* Private: see fork.c. */
extern _Atomic uint32_t *rv_fork_word;

/*
 * Whether an object with this mark is a copy that fork() made of an object of
 * the parent. The threads of a copy do not exist, its mutexes may be locked
 * forever, and its descriptors are shared with the parent.
 *
 * mark: from rv_fork_mark().   Threads: any.
 */
static inline bool rv_fork_is_copy(uint32_t mark)
{
    /* relaxed: the word does not change during the life of a process. */
    return __builtin_expect(
        atomic_load_explicit(rv_fork_word, memory_order_relaxed) != mark, 0);
}

/* Lock and unlock a mutex of an object with this mark. A no-op in a copy: the
 * thread that held the mutex at the time of the fork will never unlock it, and
 * no other thread uses the copy. */
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
