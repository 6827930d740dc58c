/* SPDX-License-Identifier: MIT */
/*
 * stress_cpu.c - a storm of jobs on the CPU pool, canceled at random.
 *
 *     stress_cpu [COUNT]          60,000 jobs, by the ring and by the reactor
 *
 * Each task spawns a job, polls it once, and then, at random, drops it, drops
 * it after a few turns, or waits for it. Some jobs take longer than others. A
 * job that was waited for was run once; none is run twice, and every state is
 * dropped once. ThreadSanitizer sees the pthread pool threads and the reactor.
 *
 * Threads: the executor is the main thread's.
 */
#include "stress.h"

enum { TASKS = 300 };

static struct rv_runtime *runtime;
static uint32_t seed = 7;
static uint32_t made;
static uint32_t dropped;
static uint32_t waited_for;

struct work {
    uint32_t turns;
    uint32_t runs; /* plain: only the pipes order the accesses */
    bool gone;     /* its state was dropped */
};

static _Atomic uint32_t run_too_late;

static int32_t work_call(void *state, void *result)
{
    struct work *work = state;

    run_too_late += work->gone;
    for (uint32_t i = 0; i < work->turns; i++)
        __asm__ volatile("" ::: "memory");
    *(uint32_t *)result = ++work->runs;
    return (int32_t)work->turns;
}

static void work_drop(void *state)
{
    struct work *work = state;

    dropped++; /* on the executor's thread, always */
    STRESS_CHECK(work->runs <= 1, "it ran twice");
    work->gone = true;
}

static struct rv_callable *new_work(void)
{
    static const struct rv_callable_ops kinds[2] = {
        {"closure", work_call, work_drop, sizeof(struct work), 4, false},
        {"pure", work_call, work_drop, sizeof(struct work), 4, true}};
    const struct work work = {
        .turns = stress_random(&seed) % 8 ? stress_random(&seed) % 64 : 20000};
    struct rv_callable *callable;

    STRESS_CHECK(
        !rv_callable_new(&callable, &kinds[stress_random(&seed) % 2], &work),
        "no memory");
    made++;
    return callable;
}

struct task {
    struct rv_future future;
    struct rv_cpu cpu;
    struct rv_yield yield;
    uint32_t left;
    uint32_t patience;
};

static void check(struct task *self)
{
    struct work *work = rv_callable_state(self->cpu.callable);

    STRESS_CHECK(self->cpu.future.result == (int32_t)work->turns,
                 "another job's result");
    STRESS_CHECK(work->runs == 1, "it was not run");
    STRESS_CHECK(*(uint32_t *)rv_callable_result(self->cpu.callable) == 1,
                 "a stale result");
    waited_for++;
}

static enum rv_poll task_poll(struct rv_future *future, struct rv_cx *cx)
{
    struct task *self = RV_CONTAINER_OF(future, struct task, future);

    RV_BEGIN(future);
    for (; self->left; self->left--) {
        rv_cpu_init(&self->cpu, new_work());
        if (rv_poll(&self->cpu.future, cx) == RV_READY)
            STRESS_CHECK(false, "a job that needed no time");
        self->patience = stress_random(&seed) % 4;
        for (; self->patience < 3 && self->patience; self->patience--) {
            rv_yield_init(&self->yield);
            RV_AWAIT(future, cx, &self->yield.future);
        }
        if (self->patience == 3) {
            RV_AWAIT(future, cx, &self->cpu.future);
            check(self);
        }
        rv_drop(&self->cpu.future);
    }
    RV_RETURN(future, 0);
    RV_END(future);
}

static void task_drop(struct rv_future *future)
{
    rv_drop(&RV_CONTAINER_OF(future, struct task, future)->cpu.future);
}

static void storm(uint32_t count, bool ring_off)
{
    static const struct rv_future_ops ops = {
        .name = "task", .poll = task_poll, .drop = task_drop};
    const struct rv_runtime_options options = {.ring.off = ring_off,
                                               .cpu.threads = 3};
    struct rv_join joins[TASKS] = {{.task = 0}};

    made = dropped = waited_for = 0;
    STRESS_CHECK(!rv_runtime_start_with(&runtime, &options), "no runtime");
    for (int i = 0; i < TASKS; i++) {
        struct task *task = stress_future(sizeof *task, &ops);

        task->left = count / TASKS + 1;
        STRESS_CHECK(
            !rv_spawn(rv_runtime_executor(runtime), &task->future, &joins[i]),
            "no task");
    }
    stress_block_on_all(rv_runtime_executor(runtime), joins, TASKS);
    rv_runtime_stop(runtime);
    STRESS_CHECK(run_too_late == 0, "a call without its state");
    STRESS_CHECK(dropped == made, "a state was not dropped");
    STRESS_CHECK(waited_for > made / 8, "too few tasks waited");
}

int main(int argc, char **argv)
{
    const uint32_t count = stress_count(argc, argv, 60000);

    stress_watchdog();
    stress_phase = "by the ring";
    storm(count, false);
    stress_phase = "by the reactor";
    storm(count, true);
    return 0;
}
