/* SPDX-License-Identifier: MIT */
/*
 * spawn.c - a coroutine as a task of an executor.
 *
 *     executor polls the task            the coroutine
 *         is its future READY?      <--  rv_await(): polled once, PENDING
 *         yes: resume it            -->  ... continues after the await
 *
 * An await first polls its future on the coroutine's stack, and switches only
 * if the future is PENDING. Later polls run on the executor's stack, so a
 * spurious wakeup costs no switch. The coroutine is resumed when the future is
 * READY.
 *
 * Threads: the executor's.
 */
#include <errno.h>
#include <reveil/trace.h>

#include "base/base_internal.h"
#include "coro/coro_internal.h"
#include "executor/task.h"
#include "waker/ready.h"

/* The task that the executor polls. It is in the coroutine: rv_coro_data(). */
struct task {
    struct rv_future future;
    struct rv_coro *coro;
    uint32_t mark;             /* of the process that created it */
    struct rv_future *awaited; /* while it is suspended */
    struct rv_cx *cx;          /* while it runs, but not inside a poll */
    bool canceled;
};

static int await(struct rv_coro *coro, struct rv_future *future)
{
    struct task *self = rv_coro_data(coro);
    struct rv_cx *cx = self->cx;

    if (self->canceled)
        return -ECANCELED;
    RV_CHECK(cx, "an await inside of a poll");
    self->cx = NULL;
    if (rv_poll(future, cx) == RV_READY) {
        self->cx = cx;
        return future->result;
    }
    self->awaited = future;
    return rv_coro_suspend_then(NULL, NULL);
}

static enum rv_poll task_poll(struct rv_future *future, struct rv_cx *cx)
{
    struct task *self = RV_CONTAINER_OF(future, struct task, future);
    struct rv_future *awaited = self->awaited;
    bool finished;

    if (awaited && rv_poll(awaited, cx) == RV_PENDING)
        return RV_PENDING;
    self->awaited = NULL;
    self->cx = cx;
    rv_trace(RV_EV_SWITCH, cx->waker.id, rv_ready_owner(cx->waker.queue));
    finished = rv_coro_resume_with(self->coro, awaited ? awaited->result : 0);
    rv_trace(RV_EV_SWITCH, 0, 0);
    if (!finished)
        return RV_PENDING;
    future->result = rv_coro_result(self->coro);
    return RV_READY;
}

/*
 * The end of the task, which is inside the coroutine. If the coroutine has not
 * finished, it is canceled: its current wait and all later ones return
 * -ECANCELED at once, so it runs to its end here.
 */
static void task_drop(struct rv_future *future)
{
    struct task *self = RV_CONTAINER_OF(future, struct task, future);

    /* In a child of fork() the coroutine does not continue: its side effects
     * belong to the parent. */
    if (rv_fork_is_copy(self->mark))
        return;
    self->canceled = true;
    if (!rv_coro_finished(self->coro))
        RV_CHECK(rv_coro_resume_with(self->coro, -ECANCELED),
                 "a canceled coroutine suspended");
    rv_coro_free(self->coro);
}

int rv_coro_spawn(struct rv_executor *executor, rv_coro_entry entry, void *arg,
                  const struct rv_coro_options *options, struct rv_join *join)
{
    static const struct rv_future_ops ops = {
        .name = "rv_coro", .poll = task_poll, .drop = task_drop};
    static const struct rv_coro_host host = {await};

    struct rv_coro_options chosen = {.host = &host,
                                     .data_bytes = sizeof(struct task)};
    struct rv_coro *coro;
    struct task *task;
    uint64_t id;
    int error;

    if (options) {
        chosen.name = options->name;
        chosen.stack_bytes = options->stack_bytes;
    }
    error = rv_coro_new(&coro, entry, arg, &chosen);
    if (error)
        return error;
    task = rv_coro_data(coro);
    task->coro = coro;
    task->mark = rv_fork_mark();
    rv_future_init(&task->future, &ops);
    error = rv_task_spawn(executor, &task->future, join, RV_TASK_EMBEDDED,
                          chosen.name, &id);
    if (error)
        rv_coro_free(coro);
    return error;
}

int rv_coro_yield(void)
{
    struct rv_yield yield;

    rv_yield_init(&yield);
    return rv_await(&yield.future);
}

int rv_coro_sleep_until(int64_t deadline_ns)
{
    struct rv_sleep sleep;
    int result;

    rv_sleep_init(&sleep, deadline_ns);
    result = rv_await(&sleep.future);
    rv_drop(&sleep.future);
    return result;
}
