/* SPDX-License-Identifier: MIT */
/*
 * clock.c - the real clock, and the virtual one for tests.
 *
 * Threads: any; signal handlers too.
 */
#include <reveil/base.h>

#include <time.h>

#include "base/base_internal.h"

/* The value of `frozen_ns` while the clock is the real one. */
#define RUNS INT64_MIN

/* The time that a frozen clock shows. All accesses are relaxed: the number
 * publishes nothing else. */
static _Atomic int64_t frozen_ns = RUNS;

static int64_t frozen(void)
{
    return atomic_load_explicit(&frozen_ns, memory_order_relaxed);
}

static int64_t monotonic_ns(void)
{
    struct timespec now;

    /* Cannot fail: every Linux has this clock, and the pointer is valid. */
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * RV_NS_PER_S + now.tv_nsec;
}

int64_t rv_now_ns(void)
{
    const int64_t now_ns = frozen();

    return __builtin_expect(now_ns == RUNS, 1) ? monotonic_ns() : now_ns;
}

int64_t rv_coarse_now_ns(void)
{
    const int64_t now_ns = frozen();
    struct timespec now;

    if (now_ns != RUNS)
        return now_ns;
    clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
    return now.tv_sec * RV_NS_PER_S + now.tv_nsec;
}

int64_t rv_after_ns(int64_t span_ns)
{
    return rv_later_ns(rv_now_ns(), span_ns);
}

int64_t rv_after_ms(int64_t ms)
{
    int64_t span_ns;

    if (__builtin_mul_overflow(ms, RV_NS_PER_MS, &span_ns))
        return ms > 0 ? RV_NEVER : INT64_MIN;
    return rv_after_ns(span_ns);
}

int64_t rv_left_ns(int64_t deadline_ns)
{
    int64_t now_ns;

    if (deadline_ns == RV_NEVER)
        return RV_NEVER;
    now_ns = rv_now_ns();
    return deadline_ns > now_ns ? deadline_ns - now_ns : 0;
}

/* --- the virtual clock ------------------------------------------------- */

/* A clock never shows RV_NEVER, so a wait for RV_NEVER is never due. */
static int64_t before_never(int64_t ns)
{
    return ns < RV_NEVER ? ns : RV_NEVER - 1;
}

void rv_clock_freeze(int64_t now_ns)
{
    RV_CHECK(now_ns >= 0, "a time before 0");
    atomic_store_explicit(&frozen_ns, before_never(now_ns),
                          memory_order_relaxed);
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
    int64_t now_ns = frozen();

    RV_CHECK(rv_clock_is_virtual(), "the clock is not frozen");
    RV_CHECK(by_ns >= 0, "a clock cannot be moved back");
    while (!atomic_compare_exchange_weak_explicit(
        &frozen_ns, &now_ns, before_never(rv_later_ns(now_ns, by_ns)),
        memory_order_relaxed, memory_order_relaxed))
        ;
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
    if (!rv_clock_is_virtual())
        return deadline_ns;
    if (deadline_ns < rv_now_ns())
        return 0;
    return rv_later_ns(monotonic_ns(), rv_left_ns(deadline_ns));
}
