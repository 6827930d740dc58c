/* SPDX-License-Identifier: MIT */
/*
 * memory.c - one operation: spawn a task, and poll it until it waits.
 *
 * Measures the resident memory per task. The task is the smallest one that can
 * be woken: it has only its waker. In the variant "sleeping" the tasks sleep
 * for an hour.
 */
#include <inttypes.h>
#include <reveil/async.h>
#include <reveil/executor.h>
#include <stdio.h>

#include "bench.h"

enum { AN_HOUR_MS = 3600 * 1000 };

struct parked {
    struct rv_future future;
    struct rv_waker waker;
};

static enum rv_poll parked_poll(struct rv_future *future, struct rv_cx *cx)
{
    struct parked *self = RV_CONTAINER_OF(future, struct parked, future);

    self->waker = rv_waker_clone(&cx->waker);
    return RV_PENDING;
}

static void parked_drop(struct rv_future *future)
{
    struct parked *self = RV_CONTAINER_OF(future, struct parked, future);

    rv_waker_drop(&self->waker);
}

static const struct rv_future_ops parked_ops = {
    .name = "parked", .poll = parked_poll, .drop = parked_drop};

static struct rv_future *new_parked(void)
{
    struct parked *parked = rv_alloc(sizeof *parked);

    if (!parked)
        return NULL;
    rv_future_init(&parked->future, &parked_ops);
    return &parked->future;
}

static struct rv_future *new_sleeping(void)
{
    struct rv_sleep *sleep = rv_alloc(sizeof *sleep);

    if (!sleep)
        return NULL;
    rv_sleep_init(sleep, rv_after_ms(AN_HOUR_MS));
    return &sleep->future;
}

/* Returns after every ready task was polled once. */
static void let_all_run(struct rv_executor *executor)
{
    struct rv_yield yield;

    rv_yield_init(&yield);
    bench_check(rv_block_on(executor, &yield.future), "block_on");
}

int main(int argc, char **argv)
{
    const int64_t ops = bench_ops(argc, argv);
    const bool sleeping = bench_variant(argc, argv, "sleeping");
    struct rv_executor *executor;
    struct bench_span span;
    int64_t bytes;
    char more[64];

    bench_check(rv_executor_new(&executor), "executor");
    let_all_run(executor);
    bytes = bench_resident_bytes();
    bench_start(&span);
    for (int64_t i = 0; i < ops; i++) {
        struct rv_future *task = sleeping ? new_sleeping() : new_parked();

        bench_check(task ? rv_spawn(executor, task, NULL) : -1, "spawn");
    }
    let_all_run(executor);
    bench_stop(&span);
    bytes = bench_resident_bytes() - bytes;
    rv_executor_free(executor);
    snprintf(more, sizeof more, ",\"bytes_per_op\":%.1f",
             (double)bytes / (double)ops);
    bench_print(&span, ops, more);
    return 0;
}
