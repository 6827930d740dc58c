/* SPDX-License-Identifier: MIT */
/*
 * wake.c - one operation: a task wakes another thread, waits, and is woken by
 * it. Both threads sleep in between.
 *
 * The variant "one-cpu" pins both to one CPU: on a virtual machine, waking an
 * idle CPU costs more than everything else.
 */
#include <pthread.h>
#include <reveil/async.h>
#include <reveil/executor.h>
#include <stdatomic.h>

#include "bench.h"

enum { WARM_UP = 1000 };

struct match {
    struct rv_future future;
    struct rv_parker other; /* where the other thread sleeps */
    struct rv_waker waker;
    atomic_bool returned;
    int64_t ops;
    int64_t left;
};

static void *play_other_side(void *arg)
{
    struct match *match = arg;

    for (int64_t i = 0; i < match->ops; i++) {
        rv_parker_park(&match->other, RV_NEVER);
        /* relaxed: rv_waker_wake() publishes it. */
        atomic_store_explicit(&match->returned, true, memory_order_relaxed);
        rv_waker_wake(&match->waker);
    }
    return NULL;
}

static bool take_return(struct match *self)
{
    /* relaxed: the wake that made this poll has published it. */
    return atomic_exchange_explicit(&self->returned, false,
                                    memory_order_relaxed);
}

static enum rv_poll match_poll(struct rv_future *future, struct rv_cx *cx)
{
    struct match *self = RV_CONTAINER_OF(future, struct match, future);

    RV_BEGIN(future);
    self->waker = rv_waker_clone(&cx->waker);
    for (; self->left > 0; self->left--) {
        rv_parker_unpark(&self->other);
        RV_AWAIT_UNTIL(future, take_return(self));
    }
    RV_RETURN(future, 0);
    RV_END(future);
}

static const struct rv_future_ops match_ops = {
    .name = "match", .poll = match_poll, .drop = NULL};

static void work(struct rv_executor *executor, int64_t ops)
{
    struct match match = {.ops = ops, .left = ops};
    pthread_t thread;

    rv_future_init(&match.future, &match_ops);
    rv_parker_init(&match.other);
    bench_check(-pthread_create(&thread, NULL, play_other_side, &match),
                "thread");
    bench_check(rv_block_on(executor, &match.future), "block_on");
    pthread_join(thread, NULL);
    rv_waker_drop(&match.waker);
}

int main(int argc, char **argv)
{
    const int64_t ops = bench_ops(argc, argv);
    struct rv_executor *executor;
    struct bench_span span;

    if (bench_variant(argc, argv, "one-cpu"))
        bench_use_one_cpu();
    bench_check(rv_executor_new(&executor), "executor");
    work(executor, WARM_UP);
    bench_start(&span);
    work(executor, ops);
    bench_stop(&span);
    rv_executor_free(executor);
    bench_print(&span, ops, "");
    return 0;
}
