/* SPDX-License-Identifier: MIT */
/*
 * fib.h - how many forks the naive Fibonacci function makes, for the programs
 * that measure forks with it.
 *
 * fib(n) makes one fork for each call that is not a leaf: fib(35), the usual
 * measure, has 14,930,351.
 */
#ifndef RV_BENCH_FIB_H
#define RV_BENCH_FIB_H

#include <stdint.h>

/* The forks of fib(n). */
static inline int64_t fib_forks(int n)
{
    int64_t forks = 0; /* of fib(1) */
    int64_t before = 0;

    for (int i = 2; i <= n; i++) {
        const int64_t next = forks + before + 1;

        before = forks;
        forks = next;
    }
    return forks;
}

/* The greatest n, 2 or more, whose forks are at most `forks`. */
static inline int fib_of_forks(int64_t forks)
{
    int n = 2;

    while (fib_forks(n + 1) <= forks)
        n++;
    return n;
}

/* Call compute(n) for numbers whose forks are `forks` in all. */
static inline void fib_repeat(int64_t forks, void (*compute)(int n))
{
    while (forks > 0) {
        const int n = fib_of_forks(forks);

        compute(n);
        forks -= fib_forks(n);
    }
}

#endif /* RV_BENCH_FIB_H */
