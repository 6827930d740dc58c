/* SPDX-License-Identifier: MIT */
/*
 * coro.c - the cost of a coroutine.
 *
 *     coro OPERATIONS switch     resume it; it suspends: two switches
 *     coro OPERATIONS create     create it, run it to its end, free it
 *     coro OPERATIONS spawn      spawn one as a task, and join it from another
 *
 * One operation of `switch` is one switch: half of a resume and suspend.
 */
#include <reveil/coro.h>

#include "bench.h"

enum { WARM_UP = 10000 };

/* --- switch ------------------------------------------------------------ */

static int32_t suspend_for_ever(void *arg)
{
    while (!arg)
        rv_coro_suspend();
    return 0;
}

static void switch_there_and_back(int64_t ops)
{
    static struct rv_coro *coro;

    if (!coro)
        bench_check(rv_coro_new(&coro, suspend_for_ever, NULL, NULL), "new");
    for (int64_t i = 0; i < ops; i += 2)
        rv_coro_resume(coro);
}

/* --- create ------------------------------------------------------------ */

static int32_t nothing(void *arg)
{
    (void)arg;
    return 0;
}

static void create_run_free(int64_t ops)
{
    struct rv_coro *coro;

    for (int64_t i = 0; i < ops; i++) {
        bench_check(rv_coro_new(&coro, nothing, NULL, NULL), "new");
        rv_coro_resume(coro);
        rv_coro_free(coro);
    }
}

/* --- spawn ------------------------------------------------------------- */

static int32_t spawner(void *arg)
{
    struct rv_executor *executor = rv_executor_current();
    struct rv_join join;

    for (int64_t i = 0; i < *(int64_t *)arg; i++) {
        bench_check(rv_coro_spawn(executor, nothing, NULL, NULL, &join),
                    "spawn");
        rv_await(&join.future);
        rv_join_drop(&join);
    }
    return 0;
}

static void spawn_and_join(int64_t ops)
{
    static struct rv_executor *executor;
    struct rv_join join;

    if (!executor)
        bench_check(rv_executor_new(&executor), "executor");
    bench_check(rv_coro_spawn(executor, spawner, &ops, NULL, &join), "spawn");
    bench_check(rv_block_on(executor, &join.future), "block_on");
    rv_join_drop(&join);
}

int main(int argc, char **argv)
{
    const int64_t ops = bench_ops(argc, argv);
    void (*work)(int64_t ops) = switch_there_and_back;
    struct bench_span span;

    if (bench_variant(argc, argv, "create"))
        work = create_run_free;
    else if (bench_variant(argc, argv, "spawn"))
        work = spawn_and_join;
    work(WARM_UP);
    bench_start(&span);
    work(ops);
    bench_stop(&span);
    bench_print(&span, ops, "");
    return 0;
}
