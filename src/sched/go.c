/* SPDX-License-Identifier: MIT */
/*
 * go.c - start a task, and wait for its end.
 *
 * Threads: any for the handle, one at a time; finish the task's worker.
 *
 * Handle and running task share `state`. It is a number or, when a task waits,
 * a pointer to that task:
 *
 *     ALONE ──▶ waiting task ──────────────────▶ DONE   the task goes on
 *       │  ◀──▶ WAKER ──▶ WAKING ───────────────▶ DONE   the waker is woken
 *       ├──────────────────────────────────────▶ DONE   nobody waited
 *       └──▶ DETACHED ──▶ freed by its worker
 *
 * Protocol:
 *
 *   GO-1  The result is written before state says DONE or WAKING, with release;
 *       whoever reads either with acquire sees it.
 *   GO-2  A task that waits makes itself known when its registers are saved, on
 *       the stack of its worker. Before, it could be resumed while it runs.
 *   GO-3  DONE is the last that the worker does to a task with a handle: the
 *       handle frees it. A waker has to be taken out before DONE and while
 *       nobody replaces it: that is WAKING. Then the handle may read the
 *       result, and let go; if it did, the worker frees the task.
 */
#include <errno.h>

#include "base/base_internal.h"
#include "sched/sched_internal.h"

_Static_assert(_Alignof(struct rv_go_task) >= RV_GO_STATES,
               "a pointer to a task is none of the states");

/* One from the start of a scheduler, or of a task that runs here. */
static void count_live(struct rv_worker *worker, int64_t change)
{
    /* relaxed, and no read-modify-write: the worker alone writes it, and it is
     * read when all sleep. */
    const int64_t live =
        atomic_load_explicit(&worker->live, memory_order_relaxed);

    atomic_store_explicit(&worker->live, live + change, memory_order_relaxed);
}

/* --- the handle as a future -------------------------------------------- */

/* acquire: the result (GO-1). */
static uintptr_t look(struct rv_go_task *task)
{
    return atomic_load_explicit(&task->state, memory_order_acquire);
}

/* Returns: false if the state was another one. */
static bool change(struct rv_go_task *task, uintptr_t from, uintptr_t to)
{
    /* release: publishes `waker`, or the waiting task, to rv_go_finish();
     * acquire: the result (GO-1). */
    return atomic_compare_exchange_strong_explicit(
        &task->state, &from, to, memory_order_acq_rel, memory_order_acquire);
}

/* Returns: the state, which is not WAKER. */
static uintptr_t take_waker_back(struct rv_go_task *task)
{
    const uintptr_t state = look(task);

    if (state != RV_GO_WAKER)
        return state;
    if (!change(task, RV_GO_WAKER, RV_GO_ALONE))
        return look(task);
    rv_waker_drop(&task->waker);
    return RV_GO_ALONE;
}

static bool is_over(uintptr_t state)
{
    return state == RV_GO_DONE || state == RV_GO_WAKING;
}

static void let_go(struct rv_go *go)
{
    struct rv_go_task *task = go->task;
    struct rv_worker *worker = rv_worker_current();

    if (!task)
        return;
    go->task = NULL;
    if (rv_fork_is_copy(task->sched->mark))
        return; /* its worker stands still, perhaps in the middle of it */
    take_waker_back(task);
    if (change(task, RV_GO_ALONE, RV_GO_DETACHED) ||
        change(task, RV_GO_WAKING, RV_GO_DETACHED))
        return; /* its worker frees it */
    if (worker && worker->sched != task->sched)
        worker = NULL;
    rv_go_task_free(task->sched, worker, task);
}

/* A task of another scheduler may go on while all of this one sleep. */
static bool is_of_this_sched(const struct rv_go_task *task)
{
    const struct rv_worker *worker = rv_worker_current();

    return worker && worker->sched == task->sched;
}

static enum rv_poll go_poll(struct rv_future *future, struct rv_cx *cx)
{
    struct rv_go *self = RV_CONTAINER_OF(future, struct rv_go, future);
    struct rv_go_task *task = self->task;

    if (rv_fork_is_copy(task->sched->mark)) {
        future->result = -ESTALE;
        return RV_READY;
    }
    if (!is_over(take_waker_back(task))) {
        task->waker = rv_waker_clone(&cx->waker);
        if (change(task, RV_GO_ALONE, RV_GO_WAKER)) {
            if (is_of_this_sched(task))
                cx->needs_task = future;
            return RV_PENDING;
        }
        rv_waker_drop(&task->waker); /* it has finished in between */
    }
    future->result = task->result;
    return RV_READY;
}

static void go_drop(struct rv_future *future)
{
    let_go(RV_CONTAINER_OF(future, struct rv_go, future));
}

static const struct rv_future_ops go_ops = {
    .name = "rv_go", .poll = go_poll, .drop = go_drop};

bool rv_go_is_handle(const struct rv_future *future)
{
    return future->ops == &go_ops;
}

void rv_go_drop(struct rv_go *go)
{
    rv_drop(&go->future);
}

/* --- start ------------------------------------------------------------- */

/* The caller may free the name before the task runs, and has one of its own:
 * then the coroutine copies it. Returns: NULL without memory. */
static char *copy_name(const char *name)
{
    char *copy = rv_alloc(RV_NAME_BYTES);

    if (copy)
        rv_copy_text(copy, RV_NAME_BYTES, name);
    return copy;
}

/* own_name: NULL, or `name` itself, which is the task's from now on. */
static void init(struct rv_go_task *task, struct rv_go *go, const char *name,
                 char *own_name, rv_go_fn fn, void *arg)
{
    task->name = name;
    task->own_name = own_name;
    task->fn = fn;
    task->arg = arg;
    /* release: a queue publishes the task, but the termination detection may
     * come first. */
    atomic_store_explicit(&task->state, go ? RV_GO_ALONE : RV_GO_DETACHED,
                          memory_order_release);
    if (!go)
        return;
    rv_future_init(&go->future, &go_ops);
    go->task = task;
}

/* relaxed: whoever comes a moment too late is counted all the same. */
static bool is_closed(struct rv_sched *sched)
{
    return atomic_load_explicit(&sched->canceling, memory_order_relaxed);
}

static inline int go_from_inside(struct rv_worker *worker, struct rv_go *go,
                                 const char *name, char *own_name, rv_go_fn fn,
                                 void *arg)
{
    struct rv_go_task *task;

    if (rv_fork_is_copy(worker->sched->mark))
        return -ESTALE;
    if (is_closed(worker->sched))
        return -ECANCELED;
    task = rv_go_task_new(worker->sched, worker);
    if (!task)
        return -ENOMEM;
    init(task, go, name, own_name, fn, arg);
    count_live(worker, 1);
    rv_worker_ready(worker, task, true);
    return 0;
}

int rv_go_literal(struct rv_go *go, const char *name, rv_go_fn fn, void *arg)
{
    struct rv_worker *worker = rv_worker_current();

    RV_CHECK(worker, "not in a task");
    return go_from_inside(worker, go, name, NULL, fn, arg);
}

static int go_from_outside(struct rv_sched *sched, struct rv_go *go,
                           char *own_name, rv_go_fn fn, void *arg)
{
    struct rv_go_task *task = rv_go_task_new(sched, NULL);
    bool closed;

    if (!task)
        return -ENOMEM;
    rv_sched_hold(sched); /* TERMINATION-4 */
    atomic_fetch_add(&sched->outside_starts, 1);
    pthread_mutex_lock(&sched->injector_mutex);
    closed = sched->closed || is_closed(sched);
    if (!closed)
        sched->injected_live++;
    pthread_mutex_unlock(&sched->injector_mutex);
    if (closed) {
        rv_go_task_free(sched, NULL, task);
        rv_sched_release(sched);
        return -ECANCELED;
    }
    init(task, go, own_name, own_name, fn, arg);
    rv_sched_inject(sched, task);
    rv_idle_notify(&sched->idle);
    rv_sched_release(sched);
    return 0;
}

int rv_sched_go(struct rv_sched *sched, struct rv_go *go, const char *name,
                rv_go_fn fn, void *arg)
{
    struct rv_worker *worker = rv_worker_current();
    char *copy;
    int error;

    if (rv_fork_is_copy(sched->mark))
        return -ESTALE;
    copy = copy_name(name);
    if (!copy)
        return -ENOMEM;
    if (worker && worker->sched == sched)
        error = go_from_inside(worker, go, copy, copy, fn, arg);
    else
        error = go_from_outside(sched, go, copy, fn, arg);
    if (error)
        rv_free(copy);
    return error;
}

int rv_go_named(struct rv_go *go, const char *name, rv_go_fn fn, void *arg)
{
    struct rv_worker *worker = rv_worker_current();

    RV_CHECK(worker, "not in a task");
    return rv_sched_go(worker->sched, go, name, fn, arg);
}

/* --- finish ------------------------------------------------------------ */

/* Wake who polled the handle. Returns: true if the task is still a handle's. */
static bool wake(struct rv_go_task *task)
{
    struct rv_waker waker = rv_waker_take(&task->waker);
    const bool kept = change(task, RV_GO_WAKING, RV_GO_DONE); /* GO-3 */

    rv_waker_wake_and_drop(&waker);
    return kept;
}

void rv_go_finish(struct rv_worker *worker, struct rv_go_task *task)
{
    struct rv_sched *sched = worker->sched;
    uintptr_t state = look(task);

    count_live(worker, -1);
    for (;;) {
        if (state == RV_GO_DETACHED) {
            rv_go_task_free(sched, worker, task);
            return;
        }
        if (state == RV_GO_WAKER) {
            if (change(task, RV_GO_WAKER, RV_GO_WAKING)) {
                if (!wake(task))
                    rv_go_task_free(sched, worker, task);
                return;
            }
        } else if (change(task, state, RV_GO_DONE)) {
            break; /* GO-3: the task is not ours any more */
        }
        state = look(task);
    }
    if (state != RV_GO_ALONE)
        rv_worker_ready(worker, (struct rv_go_task *)state, false);
}

/* --- join -------------------------------------------------------------- */

/* On the worker's stack, when the joining task is suspended. GO-2 */
static void publish_joiner(void *arg)
{
    struct rv_go_task *task = arg;

    if (!change(task->joins, RV_GO_ALONE, (uintptr_t)task))
        rv_worker_ready(rv_worker_current(), task, false);
}

static int join_in_task(struct rv_go_task *self, struct rv_go *go)
{
    int result;

    if (!is_over(take_waker_back(go->task))) {
        self->waits_for = "rv_go_join";
        self->joins = go->task;
        self->wait_result = 0;
        rv_coro_suspend_then(publish_joiner, self);
        self->waits_for = NULL;
        self->joins = NULL;
        if (self->wait_result < 0)
            return self->wait_result;
    }
    result = go->task->result;
    rv_go_drop(go);
    return result;
}

/* Of another scheduler, whose workers must not run the calling task. */
static int join_elsewhere(struct rv_go *go)
{
    const int result = rv_await(&go->future);

    if (go->future.at == RV_AT_END)
        rv_go_drop(go);
    return result;
}

static int join_outside(struct rv_go *go)
{
    struct rv_sched *sched = go->task->sched;
    struct rv_executor *executor;
    int result;

    if (rv_executor_current())
        return -EDEADLK;
    result = rv_executor_new(&executor);
    if (result < 0)
        return result;
    atomic_fetch_add(&sched->waiters, 1);
    rv_termination_wake(sched);
    result = rv_block_on(executor, &go->future);
    atomic_fetch_sub(&sched->waiters, 1);
    rv_executor_free(executor);
    if (go->future.at == RV_AT_END) /* else there was no memory to wait */
        rv_go_drop(go);
    return result;
}

int rv_go_join(struct rv_go *go)
{
    struct rv_go_task *self = rv_go_current();

    if (!go->task)
        return -EINVAL;
    if (rv_fork_is_copy(go->task->sched->mark))
        return -ESTALE;
    if (!self || rv_fork_is_copy(self->sched->mark))
        return join_outside(go);
    return self->sched == go->task->sched ? join_in_task(self, go)
                                          : join_elsewhere(go);
}

bool rv_go_cancel_join(struct rv_go_task *task)
{
    if (!task->joins || !change(task->joins, (uintptr_t)task, RV_GO_ALONE))
        return false;
    task->wait_result = -ECANCELED;
    return true;
}
