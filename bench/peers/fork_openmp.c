/* SPDX-License-Identifier: MIT */
/* fork_openmp.c - one operation: a task of OpenMP and its taskwait, in fib, on
 * two threads. */
#include "../bench.h"
#include "../fib.h"

enum { WARM_UP = 10000, THREADS = 2 };

static uint64_t fib(int n)
{
    uint64_t left;
    uint64_t right;

    if (n < 2)
        return (uint64_t)n;
#pragma omp task shared(left)
    left = fib(n - 1);
    right = fib(n - 2);
#pragma omp taskwait
    return left + right;
}

static uint64_t sum;

static void compute(int n)
{
    sum += fib(n);
}

static void work(int64_t forks)
{
#pragma omp parallel num_threads(THREADS)
#pragma omp single
    fib_repeat(forks, compute);
}

int main(int argc, char **argv)
{
    const int64_t ops = bench_ops(argc, argv);
    struct bench_span span;

    work(WARM_UP);
    bench_start(&span);
    work(ops);
    bench_stop(&span);
    bench_print(&span, ops, "");
    return sum == 0;
}
