/* SPDX-License-Identifier: MIT */
/*
 * scale_memory.c - a million parked tasks in 150 MB, a million sleeping ones
 * in 250 MB; resident, with the future and what the allocator adds.
 */
#include <sys/wait.h>

#include "scale/scale.h"

enum { TASKS = 1000000, PARKED_MB = 150, SLEEPING_MB = 250, MB = 1000000 };

/* The smallest task that can be woken: it stores its waker. */
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
    rv_waker_drop(&RV_CONTAINER_OF(future, struct parked, future)->waker);
}

static struct rv_future *new_parked(int64_t deadline_ns)
{
    static const struct rv_future_ops ops = {
        .name = "parked", .poll = parked_poll, .drop = parked_drop};
    struct parked *parked = rv_alloc(sizeof *parked);

    (void)deadline_ns;
    SCALE_CHECK(parked, "no memory");
    rv_future_init(&parked->future, &ops);
    return &parked->future;
}

static struct rv_future *new_sleeping(int64_t deadline_ns)
{
    struct rv_sleep *sleep = rv_alloc(sizeof *sleep);

    SCALE_CHECK(sleep, "no memory");
    rv_sleep_init(sleep, deadline_ns);
    return &sleep->future;
}

/* Poll each task that is ready once. */
static void let_all_run(struct rv_executor *executor)
{
    struct rv_yield yield;

    rv_yield_init(&yield);
    SCALE_CHECK(rv_block_on(executor, &yield.future) == 0, "block_on");
}

/* Spawn them all. Returns: the increase of resident memory. */
static int64_t spawn_all(struct rv_executor *executor,
                         struct rv_future *(*new_task)(int64_t deadline_ns))
{
    const int64_t start_ns = rv_after_ms(20000);
    int64_t bytes;

    let_all_run(executor);
    bytes = scale_resident_bytes();
    for (int i = 0; i < TASKS; i++)
        SCALE_CHECK(rv_spawn(executor,
                             new_task(start_ns + (1 + i % 1000) * RV_NS_PER_MS),
                             NULL) == 0,
                    "spawn");
    let_all_run(executor);
    SCALE_CHECK(rv_executor_tasks(executor) == TASKS, "tasks are missing");
    return scale_resident_bytes() - bytes;
}

/* In a process of its own: freed memory may be reused in the same process. */
static void measure(const char *name, int limit_mb,
                    struct rv_future *(*new_task)(int64_t deadline_ns))
{
    struct rv_executor *executor;
    const pid_t child = fork();
    int64_t bytes;
    int status;

    SCALE_CHECK(child >= 0, "fork");
    if (child > 0) {
        SCALE_CHECK(waitpid(child, &status, 0) == child, "waitpid");
        scale_failed |= status != 0;
        return;
    }
    alarm(SCALE_WATCHDOG_S);
    SCALE_CHECK(rv_executor_new(&executor) == 0, "no executor");
    bytes = spawn_all(executor, new_task);
    scale_report(bytes <= (int64_t)limit_mb * MB,
                 "%s: %d tasks in %.1f MB, %.1f bytes each (limit: %d MB)",
                 name, TASKS, (double)bytes / MB, (double)bytes / TASKS,
                 limit_mb);
    rv_executor_free(executor);
    exit(scale_failed);
}

int main(void)
{
    scale_start();
    measure("parked", PARKED_MB, new_parked);
    measure("sleeping", SLEEPING_MB, new_sleeping);
    return scale_failed;
}
