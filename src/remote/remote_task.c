/* SPDX-License-Identifier: MIT */
/*
 * remote_task.c - a task on one executor, and its join handle on another.
 *
 * Threads: rv_remote_task_*(): the task's. The functions of the join: the
 * thread that polls it.
 *
 * Protocol. A mutex protects the state that the two sides share.
 *
 *   REMOTE_TASK-1  The join checks for the result and stores its waker in one
 *       critical section; the task stores the result and takes that waker in
 *       one. Otherwise a result that arrived between the check and the store
 *       would wake no task.
 *   REMOTE_TASK-2  The task stores its waker and checks `aborted` in one
 *       critical section; an abort sets `aborted` and clones the waker in one.
 *       Otherwise an abort between the check and the store would wake no task.
 *   REMOTE_TASK-3  No waker is woken under the mutex.
 *   REMOTE_TASK-4  The last reference frees the state.
 */
#include <errno.h>
#include <pthread.h>

#include "base/base_internal.h"
#include "remote/remote_internal.h"

struct rv_remote_task {
    uint32_t mark;         /* of the process that made it */
    pthread_mutex_t mutex; /* for everything below */
    uint32_t holders;      /* the task, the join */
    bool done;             /* the task has ended; `result` is set */
    bool aborted;          /* the join has asked for the task's end */
    int32_t result;
    struct rv_waker waiter; /* of the task that polls the join */
    struct rv_waker runner; /* of the task itself */
};

struct rv_remote_task *rv_remote_task_new(void)
{
    struct rv_remote_task *task = rv_alloc(sizeof *task);

    if (!task)
        return NULL;
    task->mark = rv_fork_mark();
    pthread_mutex_init(&task->mutex, NULL);
    task->holders = 2;
    return task;
}

void rv_remote_task_free(struct rv_remote_task *task)
{
    pthread_mutex_destroy(&task->mutex);
    rv_free(task);
}

/* Drop one of the two references, and unlock the mutex, which is held. */
static void put_and_unlock(struct rv_remote_task *task)
{
    const bool last = --task->holders == 0; /* REMOTE_TASK-4 */

    rv_fork_unlock(task->mark, &task->mutex);
    if (last)
        rv_remote_task_free(task);
}

/* --- the task's side --------------------------------------------------- */

bool rv_remote_task_aborted(struct rv_remote_task *task,
                            const struct rv_waker *runner)
{
    bool aborted;

    rv_fork_lock(task->mark, &task->mutex); /* REMOTE_TASK-2 */
    if (!task->runner.queue)
        task->runner = rv_waker_clone(runner);
    aborted = task->aborted;
    rv_fork_unlock(task->mark, &task->mutex);
    return aborted;
}

void rv_remote_task_settle(struct rv_remote_task *task, int32_t result)
{
    struct rv_waker waiter;
    struct rv_waker runner;

    rv_fork_lock(task->mark, &task->mutex); /* REMOTE_TASK-1 */
    task->done = true;
    task->result = result;
    waiter = rv_waker_take(&task->waiter);
    runner = rv_waker_take(&task->runner);
    put_and_unlock(task);
    rv_waker_wake_and_drop(&waiter);
    rv_waker_drop(&runner);
}

/* --- the join's side --------------------------------------------------- */

/* Returns: true, and sets *result, if the task has ended; false: the waker was
 * stored. */
static bool get_result(struct rv_remote_task *task,
                       const struct rv_waker *waker, int32_t *result)
{
    struct rv_waker earlier = {0};
    bool done;

    rv_fork_lock(task->mark, &task->mutex); /* REMOTE_TASK-1 */
    done = task->done;
    *result = task->result;
    if (!done && rv_fork_is_copy(task->mark)) {
        *result = -ESTALE; /* the task runs in the parent process */
        done = true;
    }
    if (!done)
        earlier = rv_waker_replace(&task->waiter, waker);
    rv_fork_unlock(task->mark, &task->mutex);
    rv_waker_drop(&earlier);
    return done;
}

static void join_drop(struct rv_future *future)
{
    struct rv_remote_join *self =
        RV_CONTAINER_OF(future, struct rv_remote_join, future);
    struct rv_remote_task *task = self->task;
    struct rv_waker waiter;

    if (!task)
        return;
    self->task = NULL;
    rv_fork_lock(task->mark, &task->mutex);
    waiter = rv_waker_take(&task->waiter);
    put_and_unlock(task);
    rv_waker_drop(&waiter);
}

static enum rv_poll join_poll(struct rv_future *future, struct rv_cx *cx)
{
    struct rv_remote_join *self =
        RV_CONTAINER_OF(future, struct rv_remote_join, future);

    if (!get_result(self->task, &cx->waker, &future->result))
        return RV_PENDING;
    join_drop(future);
    return RV_READY;
}

void rv_remote_join_init(struct rv_remote_join *join,
                         struct rv_remote_task *task)
{
    static const struct rv_future_ops ops = {.name = "rv_remote_join",
                                             .poll = join_poll,
                                             .drop = join_drop,
                                             .is_handle = true};

    rv_future_init(&join->future, &ops);
    join->task = task;
}

void rv_remote_join_drop(struct rv_remote_join *join)
{
    rv_drop(&join->future);
}

void rv_remote_abort(struct rv_remote_join *join)
{
    struct rv_remote_task *task = join->task;
    struct rv_waker runner;

    if (!task)
        return;
    rv_fork_lock(task->mark, &task->mutex); /* REMOTE_TASK-2 */
    task->aborted = true;
    runner = rv_waker_clone(&task->runner);
    rv_fork_unlock(task->mark, &task->mutex);
    rv_waker_wake_and_drop(&runner);
}
