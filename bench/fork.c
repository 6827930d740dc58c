/* SPDX-License-Identifier: MIT */
/*
 * fork.c - one operation: fork a part of a computation, and sync with it. The
 * computation is fib, which does nothing but fork.
 *
 *     fork OPERATIONS            on two cores; 14,930,351 of them are fib(35)
 *     fork OPERATIONS one-core
 *     fork OPERATIONS calls      plain calls instead of forks, on one core
 */
#include <errno.h>
#include <reveil/sched.h>

#include "bench.h"
#include "fib.h"

enum { WARM_UP = 100000 };

struct fib {
    int n;
    uint64_t value;
};

static uint64_t fib(int n);

static void fib_part(void *arg)
{
    struct fib *part = arg;

    part->value = fib(part->n);
}

static uint64_t fib(int n)
{
    struct fib left = {.n = n - 1};
    struct rv_fork fork;
    uint64_t right;

    if (n < 2)
        return (uint64_t)n;
    rv_fork(&fork, fib_part, &left);
    right = fib(n - 2);
    rv_sync(&fork);
    return left.value + right;
}

/* noinline: otherwise gcc turns half of the calls into loops. */
static __attribute__((noinline)) uint64_t fib_by_calls(int n)
{
    if (n < 2)
        return (uint64_t)n;
    return fib_by_calls(n - 1) + fib_by_calls(n - 2);
}

static uint64_t sum; /* uses the results: no call is optimized away */

static void compute(int n)
{
    sum += fib(n);
}

static void compute_by_calls(int n)
{
    sum += fib_by_calls(n);
}

static int32_t run(void *arg)
{
    fib_repeat(*(int64_t *)arg, compute);
    return 0;
}

static void work(struct rv_sched *sched, int64_t forks)
{
    if (sched)
        bench_check(rv_sched_run(sched, run, &forks), "run");
    else
        fib_repeat(forks, compute_by_calls);
}

int main(int argc, char **argv)
{
    const int64_t ops = bench_ops(argc, argv);
    const struct rv_sched_options options = {
        .workers = bench_variant(argc, argv, "one-core") ? 1 : 2};
    struct rv_sched *sched = NULL;
    struct bench_span span;

    if (!bench_variant(argc, argv, "calls"))
        bench_check(rv_sched_start(&sched, &options), "sched");
    work(sched, WARM_UP);
    bench_start(&span);
    work(sched, ops);
    bench_stop(&span);
    if (sched)
        rv_sched_stop(sched);
    bench_print(&span, ops, "");
    return sum == 0;
}
