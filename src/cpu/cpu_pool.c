/* SPDX-License-Identifier: MIT */
/*
 * cpu_pool.c - jobs, from their first poll to their last byte.
 *
 * Threads: the executor's. The pool threads touch callables only.
 *
 * Protocol.
 *
 *   CPU_POOL-1  rv_callable_take() decides between the call and its canceling:
 *       the pool thread takes before it runs, the drop of the future takes to
 *       cancel.
 *   CPU_POOL-2  A job that was given is freed when the bytes of all its packets
 *       were read, and its future has gone; not before, whatever was canceled:
 *       a pool thread still looks at the callable.
 *   CPU_POOL-3  The result is read when a byte says "run". The other byte of a
 *       job that was lent says "not run", and means nothing.
 *   CPU_POOL-4  A stuck pool thread that stop() leaves alone, and one that is
 *       lost (CPU_CLASS-6), keep the callables they were given; their reference
 *       is never put.
 */
#include "cpu/cpu_internal.h"

#include <errno.h>
#include <unistd.h>

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

void rv_cpu_get(struct rv_cpu_pool *pool)
{
    pool->references++;
}

static void free_class(struct rv_cpu_class *class)
{
    for (uint32_t i = 0; i < class->count; i++) {
        if (class->pool->ring)
            close(rv_pipe_thread_done_fd(&class->threads[i]->pipes));
        rv_free(class->threads[i]);
    }
    rv_free(class->threads);
}

void rv_cpu_put(struct rv_cpu_pool *pool)
{
    if (--pool->references > 0)
        return;
    for (int i = 0; i < 2; i++)
        free_class(&pool->classes[i]);
    rv_slab_fini(&pool->jobs);
    rv_free(pool);
}

/* --- jobs -------------------------------------------------------------- */

/* Returns: NULL without memory. */
static struct rv_cpu_job *new_job(struct rv_cpu_pool *pool,
                                  struct rv_callable *callable,
                                  const struct rv_waker *waker)
{
    uint64_t id = rv_slab_alloc(&pool->jobs);
    struct rv_cpu_job *job;

    if (!id)
        return NULL;
    job = rv_slab_at(&pool->jobs, rv_id_index(id));
    job->id = id;
    job->callable = callable;
    rv_callable_get(callable);
    job->waker = rv_waker_clone(waker);
    rv_list_init(&job->node);
    job->state = RV_CPU_WAITING; /* until a pool thread or the queue has it */
    job->packets = 0;
    job->result = 0;
    job->detached = false;
    job->lost = false;
    return job;
}

static void free_job(struct rv_cpu_pool *pool, struct rv_cpu_job *job)
{
    rv_list_remove(&job->node);
    rv_waker_drop(&job->waker);
    if (!job->lost)
        rv_callable_put(job->callable); /* CPU_POOL-4 */
    job->callable = NULL;
    rv_slab_free(&pool->jobs, job->id);
}

/* CPU_POOL-2 */
static void free_if_over(struct rv_cpu_pool *pool, struct rv_cpu_job *job)
{
    if (job->packets == 0 && job->detached)
        free_job(pool, job);
}

/* It has its result. */
static void settle(struct rv_cpu_job *job, int32_t result)
{
    struct rv_waker waker = rv_waker_take(&job->waker);

    job->state = RV_CPU_DONE;
    job->result = result;
    rv_waker_wake_and_drop(&waker);
}

/* What needs to be done once, before the first job. Returns: 0, negative
 * errno. */
static int start(struct rv_cpu_pool *pool)
{
    int error;

    if (pool->started)
        return 0;
    if (!pool->max_threads)
        pool->max_threads = rv_cpu_count();
    if (pool->max_threads > RV_CPU_THREADS_MAX)
        pool->max_threads = RV_CPU_THREADS_MAX;
    error = rv_cpu_completion_start(pool);
    pool->started = !error;
    return error;
}

/* A class with a pool thread in it. Returns: 0, negative errno. */
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
        error = start(pool);

    if (!error && rv_callable_is_taken(callable))
        error = -EALREADY;
    if (!error)
        error = choose_class(pool, callable, &class);
    if (error)
        return error;
    *out = new_job(pool, callable, waker);
    if (!*out)
        return -ENOMEM;
    (*out)->class = class;
    rv_cpu_class_add(class, *out);
    return 0;
}

/* The oldest job of this pool thread, which is with it no more. */
static struct rv_cpu_job *take_oldest(struct rv_cpu_thread *thread)
{
    struct rv_cpu_job *job = thread->jobs[thread->first];

    thread->first = (thread->first + 1) % RV_PIPE_THREAD_CREDITS;
    thread->class->in_flight--;
    job->packets--;
    return job;
}

void rv_cpu_complete(struct rv_cpu_thread *thread, bool ran)
{
    struct rv_cpu_class *class = thread->class;
    struct rv_cpu_job *job = take_oldest(thread);

    if (ran)
        settle(job, job->callable->returned); /* CPU_POOL-3 */
    else if (job->packets == 0 && job->state != RV_CPU_DONE)
        settle(job, -EALREADY); /* canceled here, or taken elsewhere */
    free_if_over(class->pool, job);
}

void rv_cpu_fail(struct rv_cpu_thread *thread, int32_t error)
{
    struct rv_cpu_job *job = take_oldest(thread);

    job->lost = true;
    if (job->packets == 0)
        rv_cpu_refuse(job, error);
    free_if_over(thread->class->pool, job);
}

void rv_cpu_refuse(struct rv_cpu_job *job, int32_t error)
{
    if (job->state == RV_CPU_DONE)
        return;
    rv_list_remove(&job->node);
    /* CPU_POOL-1: nobody begins it any more. Only a lost pool thread may have
     * begun it. */
    if (rv_callable_take(job->callable) || job->lost)
        settle(job, error);
    else
        settle(job, -EALREADY);
}

void rv_cpu_let_go(struct rv_cpu_pool *pool, struct rv_cpu_job *job)
{
    job->detached = true;
    if (job->state != RV_CPU_DONE &&
        rv_callable_take(job->callable)) /* CPU_POOL-1 */
        rv_callable_drop_state(job->callable);
    rv_waker_drop(&job->waker);
    free_if_over(pool, job);
}

/* --- the end ----------------------------------------------------------- */

/* Call `visit` for every job there is. */
static void for_each_job(struct rv_cpu_pool *pool,
                         void (*visit)(struct rv_cpu_pool *pool,
                                       struct rv_cpu_job *job))
{
    for (uint32_t i = 0; i < pool->jobs.used; i++) {
        struct rv_cpu_job *job = rv_slab_at(&pool->jobs, i);

        if (job->callable) /* else it is a free slot */
            visit(pool, job);
    }
}

/* Before the pool threads end: none of them begins this job any more. */
static void cancel(struct rv_cpu_pool *pool, struct rv_cpu_job *job)
{
    (void)pool;
    if (job->state != RV_CPU_DONE && rv_callable_take(job->callable))
        settle(job, -ECANCELED);
}

/* After they have ended, so that no byte is to come: what was not canceled
 * was run, but for what a stuck pool thread has. */
static void finish(struct rv_cpu_pool *pool, struct rv_cpu_job *job)
{
    job->packets = 0;
    if (job->state != RV_CPU_DONE)
        settle(job, job->lost ? -ECANCELED : job->callable->returned);
    free_if_over(pool, job);
}

int rv_cpu_pool_stop(struct rv_cpu_pool *pool, int64_t deadline_ns)
{
    int error = 0;

    pool->stopped = true;
    for_each_job(pool, cancel);
    for (int i = 0; i < 2; i++)
        if (rv_cpu_class_stop(&pool->classes[i], deadline_ns))
            error = -ETIMEDOUT;
    for_each_job(pool, finish);
    rv_cpu_completion_stop(pool);
    if (current == pool)
        current = NULL;
    rv_cpu_put(pool);
    return error;
}
