/* SPDX-License-Identifier: MIT */
/*
 * clock.c - the time, in the one form that all deadlines have.
 *
 * Threads: any; signal handlers too.
 */
#include <reveil/base.h>

#include <time.h>

int64_t rv_now_ns(void)
{
    struct timespec now;

    /* Cannot fail: the clock exists on every Linux, the pointer is good. */
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * RV_NS_PER_S + now.tv_nsec;
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
