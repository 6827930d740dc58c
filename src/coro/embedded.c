/* SPDX-License-Identifier: MIT */
/*
 * embedded.c - tasks in the caller's memory.
 *
 * The executor polls a future in the caller's struct rv_embedded, which polls
 * the caller's future. It is among the coroutines because a frame of one may
 * have the memory.
 *
 * Protocol. member.task is the task's id while the executor uses the memory:
 *
 *   EMBEDDED-1  It is set by the spawn that finds it 0, and cleared at the end.
 *               A poll for another task, or an end that finds it cleared, shows
 *               that the memory was used again too early.
 *   EMBEDDED-2  At the end everything is taken back that refers to the memory,
 *               then the id is cleared, and `ended` is the last access: it may
 *               free the memory or spawn with it.
 *
 * Threads: the executor's.
 */
#include <reveil/embedded.h>

#include "base/base_internal.h"
#include "base/frames.h"
#include "combine/scope.h"
#include "coro/coro_internal.h"
#include "coro/host.h"
#include "executor/task.h"

static enum rv_poll task_poll(struct rv_future *future, struct rv_cx *cx)
{
    struct rv_embedded *self =
        RV_CONTAINER_OF(future, struct rv_embedded, task);
    struct rv_future *child = self->future;

    RV_CHECK(self->member.task == cx->waker.id, /* EMBEDDED-1 */
             "the memory of a task was used again before its end");
    if (child->at != RV_AT_END && rv_poll(child, cx) == RV_PENDING)
        return RV_PENDING;
    future->result = child->result;
    return RV_READY;
}

/* EMBEDDED-2 */
static void task_drop(struct rv_future *future)
{
    struct rv_embedded *self =
        RV_CONTAINER_OF(future, struct rv_embedded, task);
    const bool finished = future->at == RV_AT_END;

    RV_CHECK(self->member.task != 0, /* EMBEDDED-1 */
             "the memory of a task was used again before its end");
    if (!finished)
        rv_drop(self->future);
    rv_scope_remove(&self->member, finished ? future->result : 0);
    rv_frames_uncount(&self->counted);
    self->member.task = 0;
    if (self->ended)
        self->ended(self);
}

int rv_spawn_embedded_at(struct rv_executor *executor,
                         struct rv_embedded *embedded, struct rv_future *future,
                         void (*ended)(struct rv_embedded *embedded),
                         const char *where)
{
    static const struct rv_future_ops ops = {
        .name = "rv_embedded", .poll = task_poll, .drop = task_drop};
    int error;

    RV_CHECK(!rv_coro_moves(), "a task of a scheduler needs rv_go()");
    RV_CHECK(!rv_embedded_is_running(embedded),
             "the memory of a task that runs, or that is not all zero");
    rv_future_init(&embedded->task, &ops);
    embedded->future = future;
    embedded->ended = ended;
    error = rv_task_spawn(executor, &embedded->task, &embedded->join,
                          RV_TASK_EMBEDDED, where, NULL);
    if (error)
        return error;
    embedded->member.task = embedded->join.task;
    embedded->counted =
        rv_frames_count(rv_frames_current(), embedded, RV_FRAMES_EMBEDDED);
    return 0;
}

int rv_scope_spawn_embedded_at(struct rv_scope *scope,
                               struct rv_embedded *embedded,
                               struct rv_future *future,
                               void (*ended)(struct rv_embedded *embedded),
                               const char *where)
{
    int error;

    if (!rv_scope_is_open(scope))
        return -ECANCELED;
    error =
        rv_spawn_embedded_at(scope->executor, embedded, future, ended, where);
    if (error)
        return error;
    rv_scope_add(scope, &embedded->member);
    rv_scope_count(scope);
    return 0;
}
