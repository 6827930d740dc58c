/* SPDX-License-Identifier: MIT */
/*
 * sched.c - start and stop a scheduler, and use it from other threads.
 *
 * Threads: the injector: any; start and stop: one.
 */
#include <errno.h>
#include <stdio.h>

#include "base/base_internal.h"
#include "blocking/query.h"
#include "reactor/query.h"
#include "sched/sched_internal.h"
#include "waker/ready.h"

enum { MAX_WORKERS = 1024, FIRST_CAPACITY = 256 };

static const int64_t stop_blocking_ns = 5 * RV_NS_PER_S;
static const int64_t standard_grace_ns = 10 * RV_NS_PER_S;

/* --- the injector ------------------------------------------------------ */

/* injector_mutex must be held. */
static void count_injected(struct rv_sched *sched, int change)
{
    /* relaxed: ordered by the fences of idle.c; the mutex publishes the tasks.
     */
    const uint32_t len =
        atomic_load_explicit(&sched->injected_len, memory_order_relaxed);

    atomic_store_explicit(&sched->injected_len, len + (uint32_t)change,
                          memory_order_relaxed);
}

void rv_sched_inject(struct rv_sched *sched, struct rv_go_task *task)
{
    pthread_mutex_lock(&sched->injector_mutex);
    rv_list_push(&sched->injected, &task->node);
    count_injected(sched, 1);
    pthread_mutex_unlock(&sched->injector_mutex);
}

struct rv_go_task *rv_sched_take_injected(struct rv_sched *sched)
{
    struct rv_list *node;

    /* relaxed: a worker that misses a task checks again before it sleeps. */
    if (!atomic_load_explicit(&sched->injected_len, memory_order_relaxed))
        return NULL;
    pthread_mutex_lock(&sched->injector_mutex);
    node = rv_list_pop(&sched->injected);
    if (node)
        count_injected(sched, -1);
    pthread_mutex_unlock(&sched->injector_mutex);
    return node ? RV_CONTAINER_OF(node, struct rv_go_task, node) : NULL;
}

/* --- workers ----------------------------------------------------------- */

static void worker_fini(struct rv_worker *worker)
{
    if (worker->spare) {
        rv_coro_free(worker->spare->coro);
        worker->spare = NULL;
    }
    if (worker->cpu) /* the worker's thread was not started */
        rv_cpu_pool_stop(worker->cpu, 0);
    if (worker->ring)
        rv_ring_free(worker->ring);
    if (worker->executor)
        rv_executor_free(worker->executor);
    rv_free(worker->seen_runs);
    rv_deque_fini(&worker->forks);
    rv_deque_fini(&worker->tasks);
}

/* The caller must call worker_fini() even after an error. Returns: 0, -ENOMEM.
 */
static int worker_init(struct rv_sched *sched, uint32_t index)
{
    struct rv_worker *worker = &sched->workers[index];

    worker->sched = sched;
    worker->index = index;
    /* The option is valid only now. */
    snprintf(worker->name, sizeof worker->name, "%.9s-%u",
             sched->options.name ? sched->options.name : "sched",
             index % 10000);
    worker->random = index;
    rv_list_init(&worker->waiting);
    rv_list_init(&worker->woken);
    rv_list_init(&worker->bound);
    rv_list_init(&worker->free_tasks);
    worker->seen_runs = rv_alloc(sched->len * sizeof *worker->seen_runs);
    if (!worker->seen_runs ||
        rv_deque_init(&worker->tasks, FIRST_CAPACITY) < 0 ||
        rv_deque_init(&worker->forks, FIRST_CAPACITY) < 0 ||
        rv_executor_new(&worker->executor) < 0 ||
        rv_ring_new(&worker->ring, worker->executor, sched->reactor,
                    &sched->options.ring) < 0 ||
        rv_cpu_pool_new(&worker->cpu, worker->executor, NULL) < 0)
        return -ENOMEM;
    worker->parker = rv_ready_parker(rv_executor_ready(worker->executor));
    rv_idle_set_parker(&sched->idle, index, worker->parker);
    return 0;
}

static void end_threads(struct rv_sched *sched, uint32_t len)
{
    /* release: pairs with the acquire in rv_worker_main(). */
    atomic_store_explicit(&sched->over, true, memory_order_release);
    rv_idle_wake_all(&sched->idle);
    for (uint32_t i = 0; i < len; i++)
        pthread_join(sched->workers[i].thread, NULL);
}

static int start_threads(struct rv_sched *sched)
{
    for (uint32_t i = 0; i < sched->len; i++) {
        struct rv_worker *worker = &sched->workers[i];
        const int error = rv_pthread_start(&worker->thread, RV_PTHREAD_FAULTS,
                                           rv_worker_main, worker);

        if (error < 0) {
            end_threads(sched, i);
            return error;
        }
        pthread_setname_np(worker->thread, worker->name);
    }
    return 0;
}

/* --- what all workers share -------------------------------------------- */

static int find_reactor(struct rv_sched *sched)
{
    sched->reactor = rv_reactor_current();
    if (sched->reactor && !rv_reactor_is_fused(sched->reactor) &&
        rv_reactor_error(sched->reactor) == 0)
        return 0;
    sched->own_reactor = true;
    return rv_reactor_start(&sched->reactor);
}

static int find_pool(struct rv_sched *sched)
{
    sched->blocking = rv_blocking_current();
    if (sched->blocking && !rv_blocking_is_copy(sched->blocking))
        return 0;
    sched->own_blocking = true;
    return rv_blocking_pool_new(&sched->blocking, NULL);
}

static int find_shared(struct rv_sched *sched)
{
    int error = find_pool(sched);

    if (error < 0)
        return error;
    error = find_reactor(sched);
    if (error < 0 && sched->own_blocking)
        rv_blocking_pool_stop(sched->blocking, 0);
    return error;
}

static void free_shared(struct rv_sched *sched)
{
    if (sched->own_reactor)
        rv_reactor_stop(sched->reactor);
    if (sched->own_blocking)
        rv_blocking_pool_stop(sched->blocking, rv_after_ns(stop_blocking_ns));
}

/* --- start and stop ---------------------------------------------------- */

void rv_sched_cancel_all(struct rv_sched *sched)
{
    const int64_t grace_ns = sched->options.grace_ns;
    int64_t never = RV_NEVER;

    /* relaxed: the time that was set first is right, whichever it is. release,
     * in the store below: publishes it; pairs with rv_sched_ends(). */
    if (grace_ns != RV_NEVER)
        atomic_compare_exchange_strong_explicit(
            &sched->hard_ns, &never,
            rv_after_ns(grace_ns ? grace_ns : standard_grace_ns),
            memory_order_relaxed, memory_order_relaxed);
    atomic_store(&sched->canceling, true);
}

/* Call it before free_shared(): a future that is left on an executor may have a
 * source of the reactor or a call in the pool. */
static void free_workers(struct rv_sched *sched)
{
    for (uint32_t i = 0; i < sched->len; i++)
        worker_fini(&sched->workers[i]);
    rv_free(sched->workers);
    rv_idle_fini(&sched->idle);
}

static void free_sched(struct rv_sched *sched)
{
    rv_go_task_free_all(sched);
    pthread_mutex_destroy(&sched->injector_mutex);
    pthread_mutex_destroy(&sched->task_mutex);
    pthread_mutex_destroy(&sched->termination_mutex);
    for (int i = 0; i < RV_SCOPE_LOCKS; i++)
        pthread_mutex_destroy(&sched->scope_locks[i].mutex);
    rv_free(sched->deadlock);
    rv_free(sched);
}

/* Returns: NULL if allocation fails. */
static struct rv_sched *new_sched(const struct rv_sched_options *options)
{
    struct rv_sched *sched = rv_alloc(sizeof *sched);

    if (!sched)
        return NULL;
    sched->options = *options;
    sched->mark = rv_fork_mark();
    sched->muted = rv_trace_thread_is_muted();
    pthread_mutex_init(&sched->injector_mutex, NULL);
    pthread_mutex_init(&sched->task_mutex, NULL);
    pthread_mutex_init(&sched->termination_mutex, NULL);
    for (int i = 0; i < RV_SCOPE_LOCKS; i++)
        pthread_mutex_init(&sched->scope_locks[i].mutex, NULL);
    rv_list_init(&sched->injected);
    rv_list_init(&sched->free_tasks);
    sched->round = 1;
    atomic_init(&sched->hard_ns, RV_NEVER);
    return sched;
}

/* Call it after find_shared(): the workers' rings keep the reactor. The caller
 * must call free_workers() even after an error. Returns: 0, -ENOMEM. */
static int init_workers(struct rv_sched *sched, uint32_t len)
{
    int error;

    sched->workers = rv_alloc(len * sizeof *sched->workers);
    if (!sched->workers)
        return -ENOMEM;
    sched->len = len;
    error = rv_idle_init(&sched->idle, len);
    for (uint32_t i = 0; i < len && !error; i++)
        error = worker_init(sched, i);
    return error;
}

int rv_sched_start(struct rv_sched **out,
                   const struct rv_sched_options *options)
{
    static const struct rv_sched_options standard;
    struct rv_sched *sched;
    uint32_t len;
    int error;

    if (!options)
        options = &standard;
    len = options->workers ? options->workers : rv_cpu_count();
    if (len > MAX_WORKERS)
        return -EINVAL;
    sched = new_sched(options);
    if (!sched)
        return -ENOMEM;
    error = find_shared(sched);
    if (error)
        goto fail_free;
    error = init_workers(sched, len);
    if (!error)
        error = start_threads(sched);
    if (error)
        goto fail_workers;
    *out = sched;
    return 0;

fail_workers:
    free_workers(sched);
    free_shared(sched);
fail_free:
    free_sched(sched);
    return error;
}

/*
 * In a child of fork() the workers do not exist. They stopped at the fork,
 * maybe in the middle of a task or of an update of these structures. So their
 * tasks, stacks and rings are not freed. Only the descriptors of its own
 * reactor are closed.
 */
static void forget_copy(struct rv_sched *sched)
{
    if (sched->own_reactor)
        rv_reactor_stop(sched->reactor);
    sched->own_reactor = false;
}

void rv_sched_stop(struct rv_sched *sched)
{
    const struct rv_worker *worker = rv_worker_current();

    if (rv_fork_is_copy(sched->mark)) {
        forget_copy(sched);
        return;
    }
    RV_CHECK(!worker || rv_fork_is_copy(worker->sched->mark),
             "a worker cannot stop its scheduler");
    pthread_mutex_lock(&sched->injector_mutex);
    sched->closed = true;
    pthread_mutex_unlock(&sched->injector_mutex);
    /* seq_cst: if a worker's termination detection misses it, the wakes make it
     * start again. */
    rv_sched_cancel_all(sched);
    atomic_store(&sched->stopping, true);
    rv_idle_wake_all(&sched->idle);
    for (uint32_t i = 0; i < sched->len; i++)
        pthread_join(sched->workers[i].thread, NULL);
    free_workers(sched);
    free_shared(sched);
    free_sched(sched);
}

/* --- from outside ------------------------------------------------------ */

int rv_sched_run(struct rv_sched *sched, rv_go_fn fn, void *arg)
{
    struct rv_go root;
    int result = rv_sched_go(sched, &root, "root", fn, arg);

    if (result < 0)
        return result;
    result = rv_go_join(&root);
    if (rv_sched_deadlock(sched))
        return -EDEADLK;
    return result;
}

const char *rv_sched_deadlock(const struct rv_sched *sched)
{
    /* acquire: sees the report; pairs with write_report(). */
    if (!atomic_load_explicit(&sched->deadlocked, memory_order_acquire))
        return NULL;
    return sched->deadlock ? sched->deadlock : "(no memory for the report)\n";
}

void rv_sched_hold(struct rv_sched *sched)
{
    atomic_fetch_add(&sched->holds, 1);
}

void rv_sched_release(struct rv_sched *sched)
{
    uint32_t before;

    if (rv_fork_is_copy(sched->mark))
        return;
    /* The caller may have woken a task of a worker that was counted before the
     * hold: all workers must be counted again. */
    pthread_mutex_lock(&sched->termination_mutex);
    sched->round++;
    pthread_mutex_unlock(&sched->termination_mutex);
    before = atomic_fetch_sub(&sched->holds, 1);
    RV_CHECK(before > 0, "not held");
    rv_termination_wake(sched);
}

uint32_t rv_sched_workers(const struct rv_sched *sched)
{
    return sched->len;
}

struct rv_sched *rv_sched_current(void)
{
    const struct rv_go_task *task = rv_go_current();

    return task ? task->sched : NULL;
}
