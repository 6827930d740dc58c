/* SPDX-License-Identifier: MIT */
/*
 * clock.c - the time, in the one form that all deadlines have.
 *
 * Threads: any; signal handlers too.
 */
#include <reveil/base.h>

#include <time.h>

#include "base/base_internal.h"

/* `frozen_ns` while the clock is the real one. */
#define RUNS INT64_MIN

/* What the clock shows while it stands still. Relaxed wherever it is used: it
 * is a number that publishes nothing else. */
static _Atomic int64_t frozen_ns = RUNS;

static int64_t frozen(void)
{
    return atomic_load_explicit(&frozen_ns, memory_order_relaxed);
}

static int64_t monotonic_ns(void)
{
    struct timespec now;

    /* Cannot fail: the clock exists on every Linux, the pointer is good. */
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * RV_NS_PER_S + now.tv_nsec;
}

int64_t rv_now_ns(void)
{
    const int64_t now_ns = frozen();

    return __builtin_expect(now_ns == RUNS, 1) ? monotonic_ns() : now_ns;
}

int64_t rv_after_ms(int64_t ms)
{
    int64_t span_ns;
    int64_t deadline_ns;

    if (__builtin_mul_overflow(ms, RV_NS_PER_MS, &span_ns) ||
        __builtin_add_overflow(rv_now_ns(), span_ns, &deadline_ns))
        return ms > 0 ? RV_NEVER : INT64_MIN;
    return deadline_ns;
}

/* --- the virtual clock ------------------------------------------------- */

void rv_clock_freeze(int64_t now_ns)
{
    RV_CHECK(now_ns >= 0, "a time before 0");
    atomic_store_explicit(&frozen_ns, now_ns, memory_order_relaxed);
}

void rv_clock_thaw(void)
{
    atomic_store_explicit(&frozen_ns, RUNS, memory_order_relaxed);
}

bool rv_clock_is_virtual(void)
{
    return frozen() != RUNS;
}

void rv_clock_advance(int64_t by_ns)
{
    RV_CHECK(rv_clock_is_virtual(), "the clock is not frozen");
    RV_CHECK(by_ns >= 0, "a clock does not go back");
    atomic_fetch_add_explicit(&frozen_ns, by_ns, memory_order_relaxed);
}

void rv_clock_reach(int64_t to_ns)
{
    int64_t now_ns = frozen();

    while (now_ns != RUNS && now_ns < to_ns &&
           !atomic_compare_exchange_weak_explicit(&frozen_ns, &now_ns, to_ns,
                                                  memory_order_relaxed,
                                                  memory_order_relaxed))
        ;
}

int64_t rv_clock_real_ns(int64_t deadline_ns)
{
    const int64_t now_ns = frozen();
    int64_t real_ns;

    if (now_ns == RUNS)
        return deadline_ns;
    if (__builtin_sub_overflow(deadline_ns, now_ns, &real_ns) || real_ns < 0)
        return 0;
    return __builtin_add_overflow(real_ns, monotonic_ns(), &real_ns) ? RV_NEVER
                                                                     : real_ns;
}
