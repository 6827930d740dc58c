/* SPDX-License-Identifier: MIT */
/*
 * join.c - the handle on a task: wait for it, take its output, abort it.
 *
 * Threads: the executor's.
 *
 * Task and handle refer to each other. The handle has the task's id, which
 * finds nothing after the task has ended. The task has a pointer to the handle,
 * which rv_join_drop() clears.
 */
#include <errno.h>

#include "base/base_internal.h"
#include "executor/executor_internal.h"

/*
 * Store the waker of the waiting task. A waker of the same executor is copied,
 * not cloned: the ready queue lives as long as the task that is awaited.
 */
static void set_waiter(struct rv_join *join, const struct rv_waker *waker)
{
    const bool ours = waker->queue == join->executor->ready;

    join->waiter = ours ? *waker : rv_waker_clone(waker);
    if (ours)
        rv_task_hold(join->executor, waker->id, 1);
}

static enum rv_poll join_poll(struct rv_future *future, struct rv_cx *cx)
{
    struct rv_join *self = RV_CONTAINER_OF(future, struct rv_join, future);

    if (!self->task)
        return RV_READY;
    RV_CHECK(self->task != cx->waker.id || self->executor != cx->executor,
             "a task waits for its own end");
    if (!rv_waker_same(&self->waiter, &cx->waker)) {
        RV_CHECK(rv_executor_is_here(self->executor),
                 "a join is awaited on another thread than the executor's");
        /* If the spawn was not in the coroutine itself, but in a poll on the
         * executor's stack. */
        rv_frames_count_once(&self->counted, cx->frames, self, RV_FRAMES_JOINS);
        if (self->waiter.queue)
            rv_waker_displaced(&self->waiter, &cx->waker);
        rv_join_forget_waiter(self);
        set_waiter(self, &cx->waker);
    }
    return RV_PENDING;
}

static struct rv_task *find_task(const struct rv_join *join)
{
    return join->task ? (void *)rv_ready_find(join->executor->ready, join->task)
                      : NULL;
}

static void join_drop(struct rv_future *future)
{
    struct rv_join *self = RV_CONTAINER_OF(future, struct rv_join, future);
    struct rv_task *task = find_task(self);
    struct rv_future *output = self->output;

    if (task) {
        RV_CHECK(rv_executor_is_here(self->executor),
                 "a join is dropped on another thread than the executor's");
        task->join = NULL;
    }
    self->task = 0;
    rv_frames_uncount(&self->counted);
    self->output = NULL;
    rv_join_forget_waiter(self);
    if (output) {
        rv_drop(output);
        rv_free(output);
    }
}

int rv_task_spawn(struct rv_executor *executor, struct rv_future *future,
                  struct rv_join *join, uint8_t flags, const char *where,
                  uint64_t *id)
{
    static const struct rv_future_ops join_ops = {.name = "rv_join",
                                                  .poll = join_poll,
                                                  .drop = join_drop,
                                                  .is_handle = true};
    int error;

    RV_CHECK(executor, "there is no executor here: outside of a poll, or in a "
                       "child of fork()");
    if (rv_fork_is_copy(executor->mark))
        return -ESTALE;
    if (executor->closing)
        return -ECANCELED;
    if (join) {
        *join = (struct rv_join){.executor = executor};
        rv_future_init(&join->future, &join_ops);
        id = &join->task;
    }
    error = rv_task_start(executor, future, join, flags, where, id);
    if (!error && join)
        join->counted =
            rv_frames_count(rv_frames_current(), join, RV_FRAMES_JOINS);
    return error;
}

int rv_spawn_at(struct rv_executor *executor, struct rv_future *future,
                struct rv_join *join, const char *where)
{
    uint64_t id;

    return rv_task_spawn(executor, future, join, 0, where, &id);
}

struct rv_future *rv_join_output(const struct rv_join *join)
{
    return join->output;
}

void rv_join_abort(struct rv_join *join)
{
    if (!join->task)
        return;
    RV_CHECK(rv_executor_is_here(join->executor),
             "on another thread than the executor's");
    rv_task_abort(join->executor, join->task);
}

void rv_join_drop(struct rv_join *join)
{
    rv_drop(&join->future);
}
