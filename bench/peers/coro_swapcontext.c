/* SPDX-License-Identifier: MIT */
/* coro_swapcontext.c - coro.c with the C library's ucontext. */
#include <stddef.h>
#include <ucontext.h>

#include "../bench.h"

enum { WARM_UP = 1000, STACK_BYTES = 64 * 1024 };

static char stack[STACK_BYTES]; /* one is enough: they come one by one */
static ucontext_t outside;
static ucontext_t inside;

static void suspend_for_ever(void)
{
    while (swapcontext(&inside, &outside) == 0)
        ;
}

static void nothing(void)
{
}

static void create(void (*entry)(void))
{
    getcontext(&inside);
    inside.uc_stack.ss_sp = stack;
    inside.uc_stack.ss_size = sizeof stack;
    inside.uc_link = &outside;
    makecontext(&inside, entry, 0);
}

static void switch_there_and_back(int64_t ops)
{
    create(suspend_for_ever);
    for (int64_t i = 0; i < ops; i += 2)
        swapcontext(&outside, &inside);
}

static void create_run_free(int64_t ops)
{
    for (int64_t i = 0; i < ops; i++) {
        create(nothing);
        swapcontext(&outside, &inside);
    }
}

int main(int argc, char **argv)
{
    const int64_t ops = bench_ops(argc, argv);
    const bool creates = bench_variant(argc, argv, "create");
    void (*work)(int64_t ops) =
        creates ? create_run_free : switch_there_and_back;
    struct bench_span span;

    work(WARM_UP);
    bench_start(&span);
    work(ops);
    bench_stop(&span);
    bench_print(&span, ops, "");
    return 0;
}
