/* SPDX-License-Identifier: MIT */
/* spawn.c - one operation: spawn a task that does nothing, and join it. */
#include <errno.h>
#include <reveil/async.h>
#include <reveil/executor.h>

#include "bench.h"

enum { WARM_UP = 10000 };

static enum rv_poll nothing_poll(struct rv_future *future, struct rv_cx *cx)
{
    (void)cx;
    RV_RETURN(future, 0);
}

static const struct rv_future_ops nothing_ops = {
    .name = "nothing", .poll = nothing_poll, .drop = NULL};

struct spawner {
    struct rv_future future;
    struct rv_join join;
    int64_t left;
};

static enum rv_poll spawner_poll(struct rv_future *future, struct rv_cx *cx)
{
    struct spawner *self = RV_CONTAINER_OF(future, struct spawner, future);
    struct rv_future *child;

    RV_BEGIN(future);
    for (; self->left > 0; self->left--) {
        child = rv_alloc(sizeof *child);
        if (!child)
            RV_RETURN(future, -ENOMEM);
        rv_future_init(child, &nothing_ops);
        bench_check(rv_spawn(cx->executor, child, &self->join), "spawn");
        RV_AWAIT(future, cx, &self->join.future);
        rv_join_drop(&self->join);
    }
    RV_RETURN(future, 0);
    RV_END(future);
}

static const struct rv_future_ops spawner_ops = {
    .name = "spawner", .poll = spawner_poll, .drop = NULL};

static void work(struct rv_executor *executor, int64_t ops)
{
    struct spawner spawner = {.left = ops};

    rv_future_init(&spawner.future, &spawner_ops);
    bench_check(rv_block_on(executor, &spawner.future), "block_on");
}

int main(int argc, char **argv)
{
    const int64_t ops = bench_ops(argc, argv);
    struct rv_executor *executor;
    struct bench_span span;

    bench_check(rv_executor_new(&executor), "executor");
    work(executor, WARM_UP);
    bench_start(&span);
    work(executor, ops);
    bench_stop(&span);
    rv_executor_free(executor);
    bench_print(&span, ops, "");
    return 0;
}
