/* SPDX-License-Identifier: MIT */
/* yield.c - one operation: one of 1,000 tasks yields to the others. */
#include <reveil/async.h>
#include <reveil/executor.h>

#include "bench.h"

enum { TASKS = 1000, WARM_UP = 100 * TASKS };

struct yielder {
    struct rv_future future;
    struct rv_yield yield;
    int64_t left;
};

static enum rv_poll yielder_poll(struct rv_future *future, struct rv_cx *cx)
{
    struct yielder *self = RV_CONTAINER_OF(future, struct yielder, future);

    RV_BEGIN(future);
    for (; self->left > 0; self->left--) {
        rv_yield_init(&self->yield);
        RV_AWAIT(future, cx, &self->yield.future);
    }
    RV_RETURN(future, 0);
    RV_END(future);
}

static const struct rv_future_ops yielder_ops = {
    .name = "yielder", .poll = yielder_poll, .drop = NULL};

/* Waits for all of them. */
struct crowd {
    struct rv_future future;
    int64_t yields_each;
    int next;
    struct rv_join joins[TASKS];
};

static void spawn_yielder(struct rv_executor *executor, struct crowd *crowd,
                          int i)
{
    struct yielder *yielder = rv_alloc(sizeof *yielder);

    if (!yielder)
        return;
    rv_future_init(&yielder->future, &yielder_ops);
    yielder->left = crowd->yields_each;
    bench_check(rv_spawn(executor, &yielder->future, &crowd->joins[i]),
                "spawn");
}

static enum rv_poll crowd_poll(struct rv_future *future, struct rv_cx *cx)
{
    struct crowd *self = RV_CONTAINER_OF(future, struct crowd, future);

    RV_BEGIN(future);
    for (int i = 0; i < TASKS; i++)
        spawn_yielder(cx->executor, self, i);
    for (self->next = 0; self->next < TASKS; self->next++) {
        RV_AWAIT(future, cx, &self->joins[self->next].future);
        rv_join_drop(&self->joins[self->next]);
    }
    RV_RETURN(future, 0);
    RV_END(future);
}

static const struct rv_future_ops crowd_ops = {
    .name = "crowd", .poll = crowd_poll, .drop = NULL};

static void work(struct rv_executor *executor, int64_t ops)
{
    static struct crowd crowd;

    crowd = (struct crowd){.yields_each = ops / TASKS};
    rv_future_init(&crowd.future, &crowd_ops);
    bench_check(rv_block_on(executor, &crowd.future), "block_on");
}

int main(int argc, char **argv)
{
    const int64_t asked = bench_ops(argc, argv);
    const int64_t ops = (asked + TASKS - 1) / TASKS * TASKS;
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
