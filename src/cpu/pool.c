/* SPDX-License-Identifier: MIT */
/*
 * pool.c - jobs, from their first poll to their last byte.
 *
 * Threads: the executor's. The workers touch callables only.
 *
 * Protocol.
 *
 *   C1  rv_callable_take() decides between the call and its cancelling: the
 *       worker takes before it runs, the drop of the future takes to cancel.
 *   C2  A job that was given is freed when the bytes of all its packets were
 *       read, and its future has gone; not before, whatever was cancelled: a
 *       worker still looks at the callable.
 *   C3  The result is read when a byte says "run". The other byte of a job
 *       that was lent says "not run", and means nothing.
 *   C4  A stuck worker that stop() leaves alone, and one that is lost (L6),
 *       keep the callables they were given; their reference is never put.
 */
#include "cpu/cpu_internal.h"

#include <errno.h>
#include <sched.h>
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

uint32_t rv_cpu_workers(const struct rv_cpu_pool *pool)
{
    return pool->lanes[0].count + pool->lanes[1].count;
}

bool rv_cpu_uses_ring(const struct rv_cpu_pool *pool)
{
    return pool->ring != NULL;
}

/* --- birth and death --------------------------------------------------- */

/* The CPUs that this process may use. */
static uint32_t count_cpus(void)
{
    cpu_set_t set;
    uint32_t count;

    if (sched_getaffinity(0, sizeof set, &set) < 0)
        return 1;
    count = (uint32_t)CPU_COUNT(&set);
    return count < RV_CPU_WORKERS_MAX ? count : RV_CPU_WORKERS_MAX;
}

int rv_cpu_pool_new(struct rv_cpu_pool **out, struct rv_executor *executor,
                    const struct rv_cpu_options *options)
{
    struct rv_cpu_pool *pool;

    if (options && options->workers > RV_CPU_WORKERS_MAX)
        return -EINVAL;
    pool = rv_alloc(sizeof *pool);
    if (!pool)
        return -ENOMEM;
    pool->executor = executor;
    pool->max_workers = options ? options->workers : 0;
    pool->references = 1;
    pool->mark = rv_fork_mark();
    rv_list_init(&pool->mourner.node);
    rv_slab_init(&pool->jobs, sizeof(struct rv_cpu_job));
    rv_cpu_lane_init(&pool->lanes[0], pool, RV_WORKER_BARE);
    rv_cpu_lane_init(&pool->lanes[1], pool, RV_WORKER_PTHREAD);
    *out = pool;
    return 0;
}

void rv_cpu_get(struct rv_cpu_pool *pool)
{
    pool->references++;
}

static void free_lane(struct rv_cpu_lane *lane)
{
    for (uint32_t i = 0; i < lane->count; i++) {
        if (lane->pool->ring)
            close(rv_worker_done_fd(&lane->workers[i]->worker));
        rv_free(lane->workers[i]);
    }
    rv_free(lane->workers);
}

void rv_cpu_put(struct rv_cpu_pool *pool)
{
    if (--pool->references > 0)
        return;
    for (int i = 0; i < 2; i++)
        free_lane(&pool->lanes[i]);
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
    job->state = RV_CPU_WAITING; /* until a worker or the queue has it */
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
        rv_callable_put(job->callable); /* C4 */
    job->callable = NULL;
    rv_slab_free(&pool->jobs, job->id);
}

/* C2 */
static void free_if_over(struct rv_cpu_pool *pool, struct rv_cpu_job *job)
{
    if (job->packets == 0 && job->detached)
        free_job(pool, job);
}

/* It has its result. */
static void settle(struct rv_cpu_job *job, int32_t result)
{
    struct rv_waker waker = job->waker;

    job->waker = (struct rv_waker){0};
    job->state = RV_CPU_DONE;
    job->result = result;
    rv_waker_wake(&waker);
    rv_waker_drop(&waker);
}

/* What needs to be done once, before the first job. Returns: 0, negative
 * errno. */
static int start(struct rv_cpu_pool *pool)
{
    int error;

    if (pool->started)
        return 0;
    if (!pool->max_workers)
        pool->max_workers = count_cpus();
    error = rv_cpu_notice_start(pool);
    pool->started = !error;
    return error;
}

/* A lane with a worker in it. Returns: 0, negative errno. */
static int choose_lane(struct rv_cpu_pool *pool,
                       const struct rv_callable *callable,
                       struct rv_cpu_lane **out)
{
    *out = &pool->lanes[0];
    if (callable->ops->pure && rv_thread_supported() &&
        rv_cpu_lane_grow(*out) == 0)
        return 0;
    *out = &pool->lanes[1];
    return rv_cpu_lane_grow(*out);
}

int rv_cpu_submit(struct rv_cpu_pool *pool, struct rv_callable *callable,
                  const struct rv_waker *waker, struct rv_cpu_job **out)
{
    struct rv_cpu_lane *lane;
    int error = pool->stopped ? -ECANCELED : 0;

    if (rv_fork_is_copy(pool->mark))
        return -ESTALE;
    if (!error)
        error = start(pool);

    if (!error && rv_callable_is_taken(callable))
        error = -EALREADY;
    if (!error)
        error = choose_lane(pool, callable, &lane);
    if (error)
        return error;
    *out = new_job(pool, callable, waker);
    if (!*out)
        return -ENOMEM;
    (*out)->lane = lane;
    rv_cpu_lane_add(lane, *out);
    return 0;
}

/* The oldest job of this worker, which is with it no more. */
static struct rv_cpu_job *take_oldest(struct rv_cpu_worker *worker)
{
    struct rv_cpu_job *job = worker->jobs[worker->first];

    worker->first = (worker->first + 1) % RV_WORKER_CREDITS;
    worker->lane->in_flight--;
    job->packets--;
    return job;
}

void rv_cpu_complete(struct rv_cpu_worker *worker, bool ran)
{
    struct rv_cpu_lane *lane = worker->lane;
    struct rv_cpu_job *job = take_oldest(worker);

    if (ran)
        settle(job, job->callable->returned); /* C3 */
    else if (job->packets == 0 && job->state != RV_CPU_DONE)
        settle(job, -EALREADY); /* cancelled here, or taken elsewhere */
    free_if_over(lane->pool, job);
}

void rv_cpu_fail(struct rv_cpu_worker *worker, int32_t error)
{
    struct rv_cpu_job *job = take_oldest(worker);

    job->lost = true;
    if (job->packets == 0)
        rv_cpu_refuse(job, error);
    free_if_over(worker->lane->pool, job);
}

void rv_cpu_refuse(struct rv_cpu_job *job, int32_t error)
{
    if (job->state == RV_CPU_DONE)
        return;
    rv_list_remove(&job->node);
    /* C1: nobody begins it any more. Only a lost worker may have begun it. */
    if (rv_callable_take(job->callable) || job->lost)
        settle(job, error);
    else
        settle(job, -EALREADY);
}

void rv_cpu_let_go(struct rv_cpu_pool *pool, struct rv_cpu_job *job)
{
    job->detached = true;
    if (job->state != RV_CPU_DONE && rv_callable_take(job->callable)) /* C1 */
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

        if (job->callable) /* else it is a free place */
            visit(pool, job);
    }
}

/* Before the workers end: none of them begins this job any more. */
static void cancel(struct rv_cpu_pool *pool, struct rv_cpu_job *job)
{
    (void)pool;
    if (job->state != RV_CPU_DONE && rv_callable_take(job->callable))
        settle(job, -ECANCELED);
}

/* After they have ended, so that no byte is to come: what was not cancelled
 * was run, but for what a stuck worker has. */
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
        if (rv_cpu_lane_stop(&pool->lanes[i], deadline_ns))
            error = -ETIMEDOUT;
    for_each_job(pool, finish);
    rv_cpu_notice_stop(pool);
    if (current == pool)
        current = NULL;
    rv_cpu_put(pool);
    return error;
}
