/* SPDX-License-Identifier: MIT */
/*
 * timers.c - one operation: a task that sleeps 1 to 1,000 ms, concurrently with
 * all others.
 */
#include <reveil/async.h>
#include <reveil/executor.h>

#include "bench.h"

enum { WARM_UP = 1000 };

/* Waits for all of them. */
struct dormitory {
    struct rv_future future;
    struct bench_lateness lateness;
    int64_t asleep;
    struct rv_waker waker;
};

struct sleeper {
    struct rv_future future;
    struct dormitory *dormitory;
    int64_t delay_ms;
    struct rv_sleep nap;
};

static enum rv_poll sleeper_poll(struct rv_future *future, struct rv_cx *cx)
{
    struct sleeper *self = RV_CONTAINER_OF(future, struct sleeper, future);
    struct dormitory *dormitory = self->dormitory;

    RV_BEGIN(future);
    rv_sleep_init(&self->nap, rv_after_ms(self->delay_ms));
    RV_AWAIT(future, cx, &self->nap.future);
    bench_add_lateness(&dormitory->lateness, self->nap.timer.deadline_ns);
    if (--dormitory->asleep == 0)
        rv_waker_wake(&dormitory->waker);
    RV_RETURN(future, 0);
    RV_END(future);
}

static void sleeper_drop(struct rv_future *future)
{
    struct sleeper *self = RV_CONTAINER_OF(future, struct sleeper, future);

    rv_drop(&self->nap.future);
}

static const struct rv_future_ops sleeper_ops = {
    .name = "sleeper", .poll = sleeper_poll, .drop = sleeper_drop};

static void spawn_sleeper(struct rv_executor *executor,
                          struct dormitory *dormitory, int64_t number)
{
    struct sleeper *sleeper = rv_alloc(sizeof *sleeper);

    bench_check(sleeper ? 0 : -1, "memory");
    rv_future_init(&sleeper->future, &sleeper_ops);
    sleeper->dormitory = dormitory;
    sleeper->delay_ms = bench_delay_ms(number);
    bench_check(rv_spawn(executor, &sleeper->future, NULL), "spawn");
}

static enum rv_poll dormitory_poll(struct rv_future *future, struct rv_cx *cx)
{
    struct dormitory *self = RV_CONTAINER_OF(future, struct dormitory, future);

    RV_BEGIN(future);
    self->waker = rv_waker_clone(&cx->waker);
    for (int64_t i = 0; i < self->asleep; i++)
        spawn_sleeper(cx->executor, self, i);
    RV_AWAIT_UNTIL(future, self->asleep == 0);
    rv_waker_drop(&self->waker);
    RV_RETURN(future, 0);
    RV_END(future);
}

static const struct rv_future_ops dormitory_ops = {
    .name = "dormitory", .poll = dormitory_poll, .drop = NULL};

static struct bench_lateness work(struct rv_executor *executor, int64_t ops)
{
    struct dormitory dormitory = {.asleep = ops};

    rv_future_init(&dormitory.future, &dormitory_ops);
    bench_check(rv_block_on(executor, &dormitory.future), "block_on");
    return dormitory.lateness;
}

int main(int argc, char **argv)
{
    const int64_t ops = bench_ops(argc, argv);
    struct bench_lateness lateness;
    struct rv_executor *executor;
    struct bench_span span;

    bench_check(rv_executor_new(&executor), "executor");
    work(executor, WARM_UP);
    bench_start(&span);
    lateness = work(executor, ops);
    bench_stop(&span);
    rv_executor_free(executor);
    bench_print_timers(&span, ops, &lateness);
    return 0;
}
