/* SPDX-License-Identifier: MIT */
/*
 * go.c - one operation: start a task with a stack of its own, and join it.
 *
 *     go OPERATIONS              one after the other, on two cores
 *     go OPERATIONS one-core     the same on one
 *     go OPERATIONS crowd        a thousand at a time, on two cores
 */
#include <reveil/sched.h>

#include "bench.h"

enum { WARM_UP = 10000, CROWD = 1000 };

static int32_t nothing(void *arg)
{
    (void)arg;
    return 0;
}

static int32_t one_by_one(void *arg)
{
    struct rv_go task;

    for (int64_t left = *(int64_t *)arg; left > 0; left--) {
        bench_check(rv_go(&task, nothing, NULL), "go");
        bench_check(rv_go_join(&task), "join");
    }
    return 0;
}

static int32_t in_crowds(void *arg)
{
    static struct rv_go tasks[CROWD];

    for (int64_t left = *(int64_t *)arg; left > 0; left -= CROWD) {
        const int64_t len = left < CROWD ? left : CROWD;

        for (int64_t i = 0; i < len; i++)
            bench_check(rv_go(&tasks[i], nothing, NULL), "go");
        for (int64_t i = 0; i < len; i++)
            bench_check(rv_go_join(&tasks[i]), "join");
    }
    return 0;
}

int main(int argc, char **argv)
{
    int64_t ops = bench_ops(argc, argv);
    int64_t warm_up = WARM_UP;
    const rv_go_fn work =
        bench_variant(argc, argv, "crowd") ? in_crowds : one_by_one;
    const struct rv_sched_options options = {
        .workers = bench_variant(argc, argv, "one-core") ? 1 : 2};
    struct rv_sched *sched;
    struct bench_span span;

    bench_check(rv_sched_start(&sched, &options), "sched");
    bench_check(rv_sched_run(sched, work, &warm_up), "run");
    bench_start(&span);
    bench_check(rv_sched_run(sched, work, &ops), "run");
    bench_stop(&span);
    rv_sched_stop(sched);
    bench_print(&span, ops, "");
    return 0;
}
