/* SPDX-License-Identifier: MIT */
/*
 * cpu_pool.c - birth, use and stop of a CPU pool.
 *
 * Threads: the executor's. The pool threads touch callables only.
 */
#include "cpu/cpu_internal.h"

#include <errno.h>

#include "base/base_internal.h"

static _Thread_local struct rv_cpu_pool *current;

struct rv_cpu_pool *rv_cpu_current(void)
{
    return current;
}

struct rv_cpu_pool *rv_cpu_enter(struct rv_cpu_pool *pool)
{
    struct rv_cpu_pool *previous = current;

    current = pool;
    return previous;
}

uint32_t rv_cpu_threads(const struct rv_cpu_pool *pool)
{
    return pool->classes[0].count + pool->classes[1].count;
}

bool rv_cpu_uses_ring(const struct rv_cpu_pool *pool)
{
    return pool->ring != NULL;
}

bool rv_cpu_has_task(const struct rv_cpu_pool *pool)
{
    return pool->reaper;
}

uint32_t rv_cpu_reads(const struct rv_cpu_pool *pool)
{
    return pool->reads;
}

/* --- birth and death --------------------------------------------------- */

int rv_cpu_pool_new(struct rv_cpu_pool **out, struct rv_executor *executor,
                    const struct rv_cpu_options *options)
{
    struct rv_cpu_pool *pool;

    if (options && options->threads > RV_CPU_THREADS_MAX)
        return -EINVAL;
    pool = rv_alloc(sizeof *pool);
    if (!pool)
        return -ENOMEM;
    pool->executor = executor;
    pool->max_threads = options ? options->threads : 0;
    pool->references = 1;
    pool->mark = rv_fork_mark();
    rv_list_init(&pool->observer.node);
    rv_slab_init(&pool->jobs, sizeof(struct rv_cpu_job));
    rv_cpu_class_init(&pool->classes[0], pool, RV_PIPE_THREAD_BARE);
    rv_cpu_class_init(&pool->classes[1], pool, RV_PIPE_THREAD_PTHREAD);
    *out = pool;
    return 0;
}

/* --- jobs -------------------------------------------------------------- */

/* Before the first job. Returns: 0, negative errno. */
static int open_once(struct rv_cpu_pool *pool)
{
    int error;

    if (pool->opened)
        return 0;
    if (!pool->max_threads)
        pool->max_threads = rv_cpu_count();
    if (pool->max_threads > RV_CPU_THREADS_MAX)
        pool->max_threads = RV_CPU_THREADS_MAX;
    error =
        rv_cpu_completion_start(pool, rv_cpu_class_trigger, rv_cpu_class_lose);
    pool->opened = !error;
    return error;
}

/* A class that has a pool thread: that of the bare threads for a pure callable,
 * if possible. Returns: 0, negative errno. */
static int choose_class(struct rv_cpu_pool *pool,
                        const struct rv_callable *callable,
                        struct rv_cpu_class **out)
{
    *out = &pool->classes[0];
    if (callable->ops->pure && rv_thread_supported() &&
        rv_cpu_class_grow(*out) == 0)
        return 0;
    *out = &pool->classes[1];
    return rv_cpu_class_grow(*out);
}

int rv_cpu_submit(struct rv_cpu_pool *pool, struct rv_callable *callable,
                  const struct rv_waker *waker, struct rv_cpu_job **out)
{
    struct rv_cpu_class *class;
    int error = pool->stopped ? -ECANCELED : 0;

    if (rv_fork_is_copy(pool->mark))
        return -ESTALE;
    if (!error)
        error = open_once(pool);
    if (!error && rv_callable_is_taken(callable))
        error = -EALREADY;
    if (!error)
        error = choose_class(pool, callable, &class);
    if (error)
        return error;
    *out = rv_cpu_job_new(class, callable, waker);
    if (!*out)
        return -ENOMEM;
    rv_cpu_class_add(class, *out);
    return 0;
}

/* --- the end ----------------------------------------------------------- */

/* Call `visit` for every job. */
static void for_each_job(struct rv_cpu_pool *pool,
                         void (*visit)(struct rv_cpu_pool *pool,
                                       struct rv_cpu_job *job))
{
    for (uint32_t i = 0; i < pool->jobs.used; i++) {
        struct rv_cpu_job *job = rv_slab_at(&pool->jobs, i);

        if (job->callable) /* else the slot is free */
            visit(pool, job);
    }
}

/* Before the pool threads end. If no pool thread has taken the callable, none
 * can take it from now on (CPU_JOB-1). */
static void cancel_job(struct rv_cpu_pool *pool, struct rv_cpu_job *job)
{
    (void)pool;
    if (job->state != RV_CPU_DONE && rv_callable_take(job->callable))
        rv_cpu_job_settle(job, -ECANCELED);
}

/* After the pool threads have ended: no byte will come. A job that was not
 * canceled has run, unless a stuck pool thread has it. */
static void end_job(struct rv_cpu_pool *pool, struct rv_cpu_job *job)
{
    (void)pool;
    job->packets = 0;
    if (job->state != RV_CPU_DONE)
        rv_cpu_job_settle(job,
                          job->lost ? -ECANCELED : job->callable->returned);
    rv_cpu_job_free_if_over(job);
}

int rv_cpu_pool_stop(struct rv_cpu_pool *pool, int64_t deadline_ns)
{
    int error = 0;

    pool->stopped = true;
    for_each_job(pool, cancel_job);
    for (int i = 0; i < 2; i++)
        if (rv_cpu_class_stop(&pool->classes[i], deadline_ns))
            error = -ETIMEDOUT;
    for_each_job(pool, end_job);
    rv_cpu_completion_stop(pool);
    if (current == pool)
        current = NULL;
    rv_cpu_put(pool);
    return error;
}
