/* SPDX-License-Identifier: MIT */
/* spawn_thread.c - spawn.c with a thread for each task. */
#include <pthread.h>
#include <stddef.h>

#include "../bench.h"

enum { WARM_UP = 100 };

static void *nothing(void *arg)
{
    return arg;
}

static void work(int64_t ops)
{
    pthread_t thread;

    for (int64_t i = 0; i < ops; i++) {
        bench_check(-pthread_create(&thread, NULL, nothing, NULL), "thread");
        pthread_join(thread, NULL);
    }
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
    return 0;
}
