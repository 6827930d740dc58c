/* SPDX-License-Identifier: MIT */
/*
 * go.c - start a task, and wait for its end.
 *
 * Threads: the handle: any, one at a time; finish: the task's worker.
 *
 * The handle and the running task share `state`. It is a number, or a pointer
 * to the task that waits:
 *
 *     ALONE ──▶ waiting task ──────────────────▶ DONE   that task continues
 *       │  ◀──▶ WAKER ──▶ WAKING ───────────────▶ DONE   the waker is woken
 *       ├──────────────────────────────────────▶ DONE   no task waited
 *       └──▶ DETACHED ──▶ freed by its worker
 *
 * Protocol:
 *
 *   GO-1  The result is written before state becomes DONE or WAKING, with
 *       release. A thread that loads either with acquire sees the result.
 *   GO-2  A waiting task publishes itself after its registers are saved, on the
 *       stack of its worker. Earlier, it could be resumed while it still runs.
 *   GO-3  DONE is the worker's last access to a task with a handle, because
 *       then the handle frees the task. So the worker takes the waker before
 *       DONE, in the state WAKING, in which the handle does not replace it. The
 *       handle may read the result in that state, and be dropped; then the
 *       worker frees the task.
 */
#include <errno.h>
#include <string.h>

#include "base/base_internal.h"
#include "sched/sched_internal.h"
#include "waker/ready.h"

_Static_assert(_Alignof(struct rv_go_task) >= RV_GO_STATES,
               "a pointer to a task differs from the states");

/* Count a task that was started (+1) or has finished (-1) on this worker. */
static void count_live(struct rv_worker *worker, int64_t change)
{
    /* relaxed, and no read-modify-write: only the worker writes it, and others
     * read it only when all workers sleep. */
    const int64_t live =
        atomic_load_explicit(&worker->live, memory_order_relaxed);

    atomic_store_explicit(&worker->live, live + change, memory_order_relaxed);
}

/* --- the handle as a future -------------------------------------------- */

/* acquire: sees the result (GO-1). */
static uintptr_t load_state(struct rv_go_task *task)
{
    return atomic_load_explicit(&task->state, memory_order_acquire);
}

/* Returns: false if the state was not `from`. */
static bool change(struct rv_go_task *task, uintptr_t from, uintptr_t to)
{
    /* release: publishes `waker`, or the waiting task, to rv_go_finish();
     * acquire: sees the result (GO-1). */
    return atomic_compare_exchange_strong_explicit(
        &task->state, &from, to, memory_order_acq_rel, memory_order_acquire);
}

/* The state that a task had when another one wanted to wait for its end. The
 * handle belongs to one task at a time. */
static void check_alone(uintptr_t state)
{
    if (__builtin_expect(state >= RV_GO_STATES, false))
        rv_panic("two tasks wait for the end of one task", "rv_go");
}

/*
 * Take back the waker, if there is one.
 *
 * now:     the waker of the task that polls the handle; NULL: none does.
 * Returns: the state; never WAKER.
 */
static uintptr_t take_waker_back(struct rv_go_task *task,
                                 const struct rv_waker *now)
{
    const uintptr_t state = load_state(task);

    if (state != RV_GO_WAKER)
        return state;
    if (!change(task, RV_GO_WAKER, RV_GO_ALONE))
        return load_state(task);
    if (now && !rv_waker_same(&task->waker, now))
        rv_waker_displaced(&task->waker, now);
    rv_waker_drop(&task->waker);
    return RV_GO_ALONE;
}

static bool is_over(uintptr_t state)
{
    return state == RV_GO_DONE || state == RV_GO_WAKING;
}

static void release_task(struct rv_go *go)
{
    struct rv_go_task *task = go->task;
    struct rv_worker *worker = rv_worker_current();

    if (!task)
        return;
    go->task = NULL;
    if (task->frames)
        rv_frames_give_back(task->frames);
    task->frames = NULL;
    if (rv_fork_is_copy(task->sched->mark))
        return; /* its worker stopped at the fork, perhaps while it ran it */
    check_alone(take_waker_back(task, NULL));
    if (change(task, RV_GO_ALONE, RV_GO_DETACHED) ||
        change(task, RV_GO_WAKING, RV_GO_DETACHED))
        return; /* its worker frees it */
    if (worker && worker->sched != task->sched)
        worker = NULL;
    rv_go_task_free(task->sched, worker, task);
}

/* Returns: false for a task of another scheduler, which may run while all
 * workers of this one sleep. */
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
    const uintptr_t state = take_waker_back(task, &cx->waker);

    check_alone(state);
    if (!is_over(state)) {
        task->waker = rv_waker_clone(&cx->waker);
        if (change(task, RV_GO_ALONE, RV_GO_WAKER)) {
            if (is_of_this_sched(task))
                cx->needs_task = future;
            return RV_PENDING;
        }
        rv_waker_drop(&task->waker); /* the task has finished meanwhile */
    }
    future->result = task->result;
    return RV_READY;
}

static void go_drop(struct rv_future *future)
{
    release_task(RV_CONTAINER_OF(future, struct rv_go, future));
}

const struct rv_future_ops rv_go_ops = {
    .name = "rv_go", .poll = go_poll, .drop = go_drop, .is_handle = true};

void rv_go_drop(struct rv_go *go)
{
    rv_drop(&go->future);
}

/* CANCEL-1 */
void rv_go_cancel_task(struct rv_go_task *task)
{
    struct rv_worker *worker;

    if (atomic_exchange(&task->canceled, true))
        return;
    worker = atomic_load(&task->waits_on);
    if (worker)
        /* relaxed: the load before it is an acquire. */
        rv_ready_push(
            rv_executor_ready(worker->executor),
            atomic_load_explicit(&task->wait_id, memory_order_relaxed));
}

void rv_go_cancel(struct rv_go *go)
{
    if (go->task && !rv_fork_is_copy(go->task->sched->mark))
        rv_go_cancel_task(go->task);
}

/* --- start ------------------------------------------------------------- */

/* Copy a name that the caller may free before the task runs. The coroutine
 * makes the final copy. Returns: NULL if allocation fails. */
static char *copy_name(const char *name)
{
    char *copy = rv_alloc(RV_NAME_BYTES);

    if (copy)
        rv_copy_text(copy, RV_NAME_BYTES, name);
    return copy;
}

/* own_name: NULL, or `name`, if the task is to free it. */
static void init_task(struct rv_go_task *task, struct rv_go *go,
                      const char *name, char *own_name, rv_go_fn fn, void *arg)
{
    struct rv_frames *frames;

    task->name = name;
    task->own_name = own_name;
    task->fn = fn;
    task->arg = arg;
    /* release: a queue publishes the task later, but the termination detection
     * may find it earlier. */
    atomic_store_explicit(&task->state, go ? RV_GO_ALONE : RV_GO_DETACHED,
                          memory_order_release);
    if (!go)
        return;
    rv_future_init(&go->future, &rv_go_ops);
    go->task = task;
    frames = rv_frames_current();
    if (rv_frames_count(frames, go, RV_FRAMES_HANDLES))
        task->frames = frames;
}

/* relaxed: a start that misses the flag is counted like any other. */
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
    init_task(task, go, name, own_name, fn, arg);
    rv_trace(RV_EV_SPAWN, rv_go_trace_id(task), rv_go_trace_owner(worker));
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

int rv_go_start(struct rv_worker *worker, struct rv_go *go,
                struct rv_go_scope *scope, const char *name, rv_go_fn fn,
                const void *arg, size_t arg_bytes)
{
    struct rv_go_task *task;
    int error = 0;

    if (rv_fork_is_copy(worker->sched->mark))
        return -ESTALE;
    if (is_closed(worker->sched))
        return -ECANCELED;
    task = rv_go_task_new(worker->sched, worker);
    if (!task)
        return -ENOMEM;
    task->name = name;
    task->own_name = NULL;
    if (arg_bytes > 0)
        error = rv_worker_make_coroutine(worker, task, arg_bytes);
    if (!error && scope)
        error = rv_go_scope_add(scope, task);
    if (error) {
        if (task->coro)
            rv_coro_free(task->coro);
        rv_go_task_free(worker->sched, worker, task);
        return error;
    }
    if (arg_bytes > 0)
        arg = memcpy(rv_coro_data(task->coro), arg, arg_bytes);
    init_task(task, go, name, NULL, fn, (void *)arg);
    rv_trace(RV_EV_SPAWN, rv_go_trace_id(task), rv_go_trace_owner(worker));
    count_live(worker, 1);
    rv_worker_ready(worker, task, true);
    return 0;
}

int rv_go_copy_literal(struct rv_go *go, const char *name, rv_go_fn fn,
                       const void *arg, size_t arg_bytes)
{
    struct rv_worker *worker = rv_worker_current();

    RV_CHECK(worker, "not in a task");
    if (arg_bytes == 0 || arg_bytes > RV_CORO_COPY_BYTES)
        return -EINVAL;
    return rv_go_start(worker, go, NULL, name, fn, arg, arg_bytes);
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
    init_task(task, go, own_name, own_name, fn, arg);
    rv_trace(RV_EV_SPAWN, rv_go_trace_id(task), rv_go_trace_owner(sched));
    rv_trace(RV_EV_WAKE, rv_go_trace_id(task), rv_go_trace_owner(sched));
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

/* Wake the task that polled the handle. Returns: false if the handle was
 * dropped: the caller frees the task. */
static bool wake_waker(struct rv_go_task *task)
{
    struct rv_waker waker = rv_waker_take(&task->waker);
    const bool kept = change(task, RV_GO_WAKING, RV_GO_DONE); /* GO-3 */

    rv_waker_wake_and_drop(&waker);
    return kept;
}

void rv_go_finish(struct rv_worker *worker, struct rv_go_task *task)
{
    struct rv_sched *sched = worker->sched;
    uintptr_t state = load_state(task);

    count_live(worker, -1);
    if (__builtin_expect(task->scope != NULL, false))
        rv_go_scope_remove(task);
    for (;;) {
        if (state == RV_GO_DETACHED) {
            rv_go_task_free(sched, worker, task);
            return;
        }
        if (state == RV_GO_WAKER) {
            if (change(task, RV_GO_WAKER, RV_GO_WAKING)) {
                if (!wake_waker(task))
                    rv_go_task_free(sched, worker, task);
                return;
            }
        } else if (change(task, state, RV_GO_DONE)) {
            break; /* GO-3: from now on the handle owns the task */
        }
        state = load_state(task);
    }
    if (state != RV_GO_ALONE)
        rv_worker_ready(worker, (struct rv_go_task *)state, false);
}

/* --- join -------------------------------------------------------------- */

/* On the worker's stack, when the joining task is suspended. GO-2 */
static void publish_joiner(void *arg)
{
    struct rv_go_task *task = arg;

    if (!change(task->joins, RV_GO_ALONE, (uintptr_t)task)) {
        check_alone(load_state(task->joins));
        rv_worker_ready(rv_worker_current(), task, false);
    }
}

static int join_in_task(struct rv_go_task *self, struct rv_go *go)
{
    int result;

    if (!is_over(take_waker_back(go->task, NULL))) {
        self->waits_for = "rv_go_join";
        self->joins = go->task;
        self->wait_result = 0;
        rv_go_suspend(publish_joiner, self);
        self->waits_for = NULL;
        self->joins = NULL;
        if (self->wait_result < 0)
            return self->wait_result;
    }
    result = go->task->result;
    rv_go_drop(go);
    return result;
}

/* Join a task of another scheduler, whose workers must not run the calling
 * task. Or join in a bound task, which only its own worker may make ready. */
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
    if (go->future.at == RV_AT_END) /* else the wait failed with -ENOMEM */
        rv_go_drop(go);
    return result;
}

int rv_go_join(struct rv_go *go)
{
    struct rv_go_task *self = rv_go_current();
    int result;

    if (!go->task)
        return -EINVAL;
    if (go->future.at == RV_AT_END) { /* READY inside another future */
        result = go->future.result;
        rv_go_drop(go);
        return result;
    }
    if (rv_fork_is_copy(go->task->sched->mark))
        return -ESTALE;
    if (!self || rv_fork_is_copy(self->sched->mark))
        return join_outside(go);
    RV_CHECK(go->task != self, "a task waits for its own end");
    if (self->sched != go->task->sched || self->bound)
        return join_elsewhere(go);
    return join_in_task(self, go);
}

bool rv_go_cancel_join(struct rv_go_task *task)
{
    if (!task->joins || !change(task->joins, (uintptr_t)task, RV_GO_ALONE))
        return false;
    task->wait_result = -ECANCELED;
    return true;
}
