/* SPDX-License-Identifier: MIT */
/*
 * cpu_job.c - a job from its creation to its last byte, and the pool's memory.
 *
 * Threads: the executor's. The pool threads touch callables only.
 *
 * Protocol.
 *
 *   CPU_JOB-1  rv_callable_take() decides between call and cancellation: a pool
 *       thread takes the callable before it calls it, and the drop of the
 *       future takes it in order to cancel. Only one of them can succeed.
 *   CPU_JOB-2  A job that a pool thread has received is freed when the bytes of
 *       all its packets have been read and its future has been dropped. Not
 *       earlier, even if it was canceled: the pool thread still accesses the
 *       callable.
 *   CPU_JOB-3  The result is read when a byte says "run". A job that was lent
 *       has a second byte, which says "not run" and does not affect the result.
 *   CPU_JOB-4  A stuck pool thread that the stop leaves behind, and one that is
 *       lost (CPU_CLASS-6), may access their callables at any time. The
 *       references to these are never put.
 *
 * tests/models/cpu.pml is the model, with mutants for CPU_JOB-1 to CPU_JOB-3.
 */
#include <reveil/trace.h>
#include <unistd.h>

#include "base/base_internal.h"
#include "cpu/cpu_internal.h"

/* --- the pool's memory ------------------------------------------------- */

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

/* --- birth and death --------------------------------------------------- */

struct rv_cpu_job *rv_cpu_job_new(struct rv_cpu_class *class,
                                  struct rv_callable *callable,
                                  const struct rv_waker *waker)
{
    struct rv_slab *jobs = &class->pool->jobs;
    uint64_t id = rv_slab_alloc(jobs);
    struct rv_cpu_job *job;

    if (!id)
        return NULL;
    job = rv_slab_at(jobs, rv_id_index(id));
    job->id = id;
    job->class = class;
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

void rv_cpu_job_free_if_over(struct rv_cpu_job *job)
{
    if (job->packets > 0 || !job->detached) /* CPU_JOB-2 */
        return;
    rv_list_remove(&job->node);
    rv_waker_drop(&job->waker);
    if (!job->lost)
        rv_callable_put(job->callable); /* CPU_JOB-4 */
    job->callable = NULL;
    rv_slab_free(&job->class->pool->jobs, job->id);
}

/* --- the result -------------------------------------------------------- */

void rv_cpu_job_settle(struct rv_cpu_job *job, int32_t result)
{
    struct rv_waker waker = rv_waker_take(&job->waker);

    job->state = RV_CPU_DONE;
    job->result = result;
    rv_waker_wake_and_drop(&waker);
}

/* Remove the oldest job from a pool thread's queue. */
static struct rv_cpu_job *pop_oldest(struct rv_cpu_thread *thread)
{
    struct rv_cpu_job *job = thread->jobs[thread->first];

    thread->first = (thread->first + 1) % RV_PIPE_THREAD_CREDITS;
    thread->class->in_flight--;
    job->packets--;
    return job;
}

void rv_cpu_job_complete(struct rv_cpu_thread *thread, bool ran)
{
    struct rv_cpu_job *job = pop_oldest(thread);

    if (ran && thread->class->kind == RV_PIPE_THREAD_BARE)
        rv_trace(RV_EV_JOB_DONE, (uintptr_t)job->callable,
                 job->callable->returned);
    if (ran)
        rv_cpu_job_settle(job, job->callable->returned); /* CPU_JOB-3 */
    else if (job->packets == 0 && job->state != RV_CPU_DONE)
        rv_cpu_job_settle(job, -EALREADY); /* canceled, or called elsewhere */
    rv_cpu_job_free_if_over(job);
}

void rv_cpu_job_refuse(struct rv_cpu_job *job, int32_t error)
{
    if (job->state == RV_CPU_DONE)
        return;
    rv_list_remove(&job->node);
    /* CPU_JOB-1: no thread calls it from now on. Only a lost pool thread may
     * have taken it before. */
    if (rv_callable_take(job->callable) || job->lost)
        rv_cpu_job_settle(job, error);
    else
        rv_cpu_job_settle(job, -EALREADY);
}

void rv_cpu_job_fail(struct rv_cpu_thread *thread, int32_t error)
{
    struct rv_cpu_job *job = pop_oldest(thread);

    job->lost = true;
    if (job->packets == 0)
        rv_cpu_job_refuse(job, error);
    rv_cpu_job_free_if_over(job);
}

void rv_cpu_job_detach(struct rv_cpu_job *job)
{
    job->detached = true;
    if (job->state != RV_CPU_DONE &&
        rv_callable_take(job->callable)) /* CPU_JOB-1 */
        rv_callable_drop_state(job->callable);
    rv_waker_drop(&job->waker);
    rv_cpu_job_free_if_over(job);
}
