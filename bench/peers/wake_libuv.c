/* SPDX-License-Identifier: MIT */
/* wake_libuv.c - wake.c with libuv: uv_async_send() and a semaphore. */
#include <uv.h>

#include "../bench.h"

enum { WARM_UP = 1000 };

struct match {
    uv_async_t async;
    uv_sem_t other; /* where the other thread sleeps */
    int64_t ops;
    int64_t left;
};

static void play_other_side(void *arg)
{
    struct match *match = arg;

    for (int64_t i = 0; i < match->ops; i++) {
        uv_sem_wait(&match->other);
        uv_async_send(&match->async);
    }
}

static void on_return(uv_async_t *async)
{
    struct match *match = async->data;

    if (--match->left > 0)
        uv_sem_post(&match->other);
    else
        uv_stop(async->loop);
}

static void work(struct match *match, int64_t ops)
{
    uv_thread_t thread;

    match->ops = ops;
    match->left = ops;
    bench_check(uv_thread_create(&thread, play_other_side, match), "thread");
    uv_sem_post(&match->other);
    uv_run(match->async.loop, UV_RUN_DEFAULT);
    uv_thread_join(&thread);
}

int main(int argc, char **argv)
{
    const int64_t ops = bench_ops(argc, argv);
    struct match match = {.ops = 0};
    struct bench_span span;

    if (bench_variant(argc, argv, "one-cpu"))
        bench_use_one_cpu();
    bench_check(uv_sem_init(&match.other, 0), "semaphore");
    bench_check(uv_async_init(uv_default_loop(), &match.async, on_return),
                "async");
    match.async.data = &match;
    work(&match, WARM_UP);
    bench_start(&span);
    work(&match, ops);
    bench_stop(&span);
    bench_print(&span, ops, "");
    return 0;
}
