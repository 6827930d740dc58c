/* SPDX-License-Identifier: MIT */
/*
 * fork.c - run two parts of a computation in parallel if a worker is idle.
 *
 * Threads: fork and sync: the task that makes the fork, on any worker; finish:
 * the worker that runs a stolen fork.
 *
 * A fork is a pointer to the caller's struct, in the deque of the worker where
 * it was made. rv_sync() pops it. Nearly always the fork is still there: then
 * no other thread has it, and rv_sync() calls it like a function, without
 * reading its `state`.
 *
 * Protocol, for the other case:
 *
 *   FORK-1  A worker that takes a fork from a deque runs it to its end, in a
 *       coroutine of its own, and then exchanges `state` for DONE. This is its
 *       last access to the fork: the joiner may return after it, and the fork
 *       is on the joiner's stack.
 *   FORK-2  The joiner does not run other work on top of its own stack. It
 *       suspends, and its worker continues with its loop. So a stack never
 *       becomes deeper than in the same program without forks.
 *   FORK-3  The joiner stores itself in `state` after its registers are saved
 *       (GO-2). If `state` is DONE already, it continues.
 *   FORK-4  If the item at the bottom of the deque is not the caller's fork, it
 *       is pushed back. It is a fork of another task, or the caller's task has
 *       moved and its fork is in another worker's deque. That worker, or a
 *       thief, runs the fork.
 *
 * The number of coroutines is limited. A joiner waits for a fork that it made,
 * so waiting tasks form chains that are no longer than the forks are nested.
 * Each chain ends in a task that runs, in one that is queued, or in a fork that
 * is still in a deque.
 *
 * While nobody sleeps a fork is pushed without the fence of rv_idle_notify(),
 * see IDLE-7.
 */
#include "base/base_internal.h"
#include "sched/sched_internal.h"

/*
 * The state of a fork.
 *
 * PUSHED: The fork is in a deque, or another worker runs it, and the joiner
 * does not wait for it. Set when it is made.
 *
 * KEPT: The deque had no memory, or there is no worker: no other thread can see
 * the fork, and rv_sync() calls it. Set when it is made; it does not change.
 *
 * DONE: Another worker has run it to its end. Set by that worker.
 *
 * Any other value is a pointer to the task that waits for it in rv_sync().
 */
enum { FORK_PUSHED, FORK_KEPT, FORK_DONE, FORK_STATES };

_Static_assert(_Alignof(struct rv_go_task) >= FORK_STATES,
               "a pointer to a task differs from the states");

void rv_fork(struct rv_fork *fork, void (*fn)(void *arg), void *arg)
{
    struct rv_worker *worker = rv_worker_of_task;

    fork->fn = fn;
    fork->arg = arg;
    atomic_init(&fork->state, FORK_PUSHED);
    if (__builtin_expect(worker != NULL, 1) &&
        __builtin_expect(rv_deque_push(&worker->forks, fork) == 0, 1))
        rv_idle_hint(&worker->sched->idle);
    else
        atomic_init(&fork->state, FORK_KEPT);
}

/* On the worker's stack, when the joiner is suspended. FORK-3 */
static void publish_joiner(void *arg)
{
    struct rv_go_task *task = arg;
    uintptr_t seen = FORK_PUSHED;

    /* release: publishes the suspended joiner to rv_fork_finish(); acquire:
     * sees what the fork has written; pairs with rv_fork_finish(). */
    if (!atomic_compare_exchange_strong_explicit(
            &task->syncs->state, &seen, (uintptr_t)task, memory_order_acq_rel,
            memory_order_acquire))
        rv_worker_ready(rv_worker_current(), task, false);
}

static __attribute__((noinline)) void wait_for_thief(struct rv_fork *fork)
{
    struct rv_go_task *self = rv_go_current();

    if (self->bound) { /* the thief cannot make it ready: AWAIT-2 */
        /* acquire: sees what the fork has written; pairs with
         * rv_fork_finish(). */
        while (atomic_load_explicit(&fork->state, memory_order_acquire) !=
               FORK_DONE)
            rv_go_yield();
        return;
    }
    self->syncs = fork;
    self->waits_for = "rv_sync";
    rv_go_suspend(publish_joiner, self);
    self->waits_for = NULL;
    self->syncs = NULL;
}

/* The fork is not at the bottom of this worker's deque; `other` is. */
static __attribute__((noinline)) void
sync_slowly(struct rv_worker *worker, struct rv_fork *fork, void *other)
{
    /* It fits: it was popped from there a moment ago. FORK-4 */
    if (other)
        (void)rv_deque_push(&worker->forks, other);
    /* acquire: sees what the fork has written; pairs with rv_fork_finish(). */
    switch (atomic_load_explicit(&fork->state, memory_order_acquire)) {
    case FORK_KEPT:
        fork->fn(fork->arg);
        break;
    case FORK_DONE:
        break;
    default:
        wait_for_thief(fork);
    }
}

void rv_sync(struct rv_fork *fork)
{
    struct rv_worker *worker = rv_worker_of_task;
    void *item = NULL;

    if (__builtin_expect(worker != NULL, 1))
        item = rv_deque_pop(&worker->forks);
    if (__builtin_expect(item == fork, 1))
        fork->fn(fork->arg);
    else
        sync_slowly(worker, fork, item);
}

/* --- forks that run as tasks ------------------------------------------- */

static int32_t fork_main(void *arg)
{
    struct rv_fork *fork = ((struct rv_go_task *)arg)->fork;

    fork->fn(fork->arg);
    return 0;
}

bool rv_fork_has_task(struct rv_worker *worker)
{
    struct rv_sched *sched = worker->sched;
    const struct rv_coro_options options = {
        .name = "fork",
        .stack_bytes = sched->options.stack_bytes,
        .host = &rv_go_host,
    };
    struct rv_go_task *task;

    if (worker->spare)
        return true;
    task = rv_go_task_new(sched, worker);
    if (!task)
        return false;
    task->name = options.name;
    if (rv_coro_new(&task->coro, fork_main, task, &options) < 0) {
        rv_go_task_free(sched, worker, task);
        return false;
    }
    worker->spare = task;
    return true;
}

struct rv_go_task *rv_fork_task(struct rv_worker *worker, struct rv_fork *fork)
{
    struct rv_go_task *task = worker->spare;

    if (!fork)
        return NULL;
    worker->spare = NULL;
    task->fork = fork;
    /* relaxed: a queue publishes it, if the task is queued at all. */
    atomic_store_explicit(&task->state, RV_GO_DETACHED, memory_order_relaxed);
    return task;
}

struct rv_go_task *rv_fork_take_own(struct rv_worker *worker)
{
    if (rv_deque_len(&worker->forks) == 0 || !rv_fork_has_task(worker))
        return NULL;
    return rv_fork_task(worker, rv_deque_pop(&worker->forks));
}

void rv_fork_finish(struct rv_worker *worker, struct rv_fork *fork)
{
    /* release: publishes what the fork has written; acquire: sees the joiner;
     * both pair with publish_joiner(). FORK-1 */
    const uintptr_t joiner =
        atomic_exchange_explicit(&fork->state, FORK_DONE, memory_order_acq_rel);

    if (joiner >= FORK_STATES)
        rv_worker_ready(worker, (struct rv_go_task *)joiner, false);
}
