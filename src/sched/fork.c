/* SPDX-License-Identifier: MIT */
/*
 * fork.c - two parts of a computation at the same time, if there is a core.
 *
 * Threads: fork and sync the task that makes the fork, wherever it runs;
 * finish the worker that runs a stolen one.
 *
 * A fork lies in the deque of the worker where it was made, as a pointer to
 * the caller's struct. rv_sync() pops it: if it is still there, which is what
 * happens nearly always, nobody else has it, and it is called as a function;
 * its `state` is not even looked at.
 *
 * Protocol, for the other case:
 *
 *   FORK-1  Who takes a fork from a deque runs it to its end, in a coroutine of
 *       its own, and then exchanges `state` for DONE. This is the last that
 *       it does to the fork: the joiner's stack may be gone after it.
 *   FORK-2  The joiner does not run other work on top of its own stack: it
 *       suspends, and its worker goes on with its loop. So a stack is never
 *       deeper than the same program without forks makes it.
 *   FORK-3  The joiner leaves itself in `state` when its registers are saved
 *       (GO-2); if DONE is there already, it goes on.
 *   FORK-4  Another item than the own fork at the bottom of the deque is put
 *       back. It is a fork of another task, or the task was moved and its fork
 *       is in another worker's deque. That worker, or a thief, runs it.
 *
 * How many coroutines there can be: a joiner waits for a fork that was made
 * in it, so waiting tasks form chains, no longer than forks are nested, each
 * of which ends in a task that runs, that is in a queue, or in a fork that
 * nobody has taken yet.
 *
 * A fork is pushed without the fence of rv_idle_notify(), see rv_idle_hint():
 * a worker that falls asleep at that moment may miss it. Nothing is lost: it
 * is run here at the latest, and the next fork looks again.
 */
#include "base/base_internal.h"
#include "sched/sched_internal.h"

enum {
    FORK_PUSHED, /* in a deque, or taken from it */
    FORK_KEPT,   /* nobody else can see it */
    FORK_DONE,   /* it has run elsewhere */
    FORK_STATES  /* else: the task that waits for it */
};

_Static_assert(_Alignof(struct rv_go_task) >= FORK_STATES,
               "a pointer to a task is none of the states");

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
     * what the fork has written; pairs with it. */
    if (!atomic_compare_exchange_strong_explicit(
            &task->syncs->state, &seen, (uintptr_t)task, memory_order_acq_rel,
            memory_order_acquire))
        rv_worker_ready(rv_worker_current(), task, false);
}

static __attribute__((noinline)) void wait_for_thief(struct rv_fork *fork)
{
    struct rv_go_task *self = rv_go_current();

    self->syncs = fork;
    self->waits_for = "rv_sync";
    rv_coro_suspend_then(publish_joiner, self);
    self->waits_for = NULL;
    self->syncs = NULL;
}

/* The fork is not at the bottom of this worker's deque; `other` is. */
static __attribute__((noinline)) void
sync_slowly(struct rv_worker *worker, struct rv_fork *fork, void *other)
{
    /* It fits: there was room for it a moment ago. FORK-4 */
    if (other)
        (void)rv_deque_push(&worker->forks, other);
    /* acquire: what the fork has written; pairs with rv_fork_finish(). */
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

/* --- forks that run as tasks ---------------------------------------- */

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
    /* relaxed: a queue publishes it if need be. */
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
    /* release: publishes what the fork has written; acquire: the joiner; both
     * pair with publish_joiner(). FORK-1 */
    const uintptr_t joiner =
        atomic_exchange_explicit(&fork->state, FORK_DONE, memory_order_acq_rel);

    if (joiner >= FORK_STATES)
        rv_worker_ready(worker, (struct rv_go_task *)joiner, false);
}
