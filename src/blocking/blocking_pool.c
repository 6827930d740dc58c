/* SPDX-License-Identifier: MIT */
/*
 * blocking_pool.c - threads that take jobs from two queues.
 *
 * Threads: any. The pool's mutex protects all that changes; pool_thread() runs
 * on the pool's threads. The mutex is never held while a job runs, a waker is
 * called or dropped, or a job is released: all of that is the user's code, and
 * may use the pool.
 *
 * Protocol.
 *
 *   BLOCKING_POOL-1  A job is taken, canceled and completed under the mutex. So
 *       exactly one of two things happens: a pool thread makes the call, or the
 *       call is never made. Without this, a dropped future could free an
 *       argument that a thread is about to use.
 *   BLOCKING_POOL-2  Submitting a job starts a thread unless more threads are
 *       idle than jobs are queued, or the pool is at its limit. An idle thread
 *       that was signaled still counts as idle until it has the mutex, so "any
 *       thread is idle" would be too weak. If a thread cannot be created, the
 *       job waits for a busy one; it is an error only when the pool has no
 *       thread at all.
 *   BLOCKING_POOL-3  A slow job is taken only while fewer than half of
 *       max_threads run slow jobs. A thread that completes a job checks both
 *       queues before it sleeps, so a slow job that was held back is taken as
 *       soon as the limit allows. No other thread is signaled for it.
 *   BLOCKING_POOL-4  An idle thread whose time is up checks the queues once
 *       more and leaves without releasing the mutex in between. Otherwise a job
 *       could be queued for a thread that is about to end.
 *
 * Lifetime. The creator, each pool thread and each future with a job hold a
 * reference; the last to put it frees the pool. rv_blocking_pool_stop() puts
 * the creator's.
 */
#include <errno.h>
#include <pthread.h>
#include <reveil/trace.h>
#include <stdio.h>
#include <sys/resource.h>
#include <time.h>

#include "base/base_internal.h"
#include "blocking/job.h"

enum { DEFAULT_THREADS = 512, DEFAULT_IDLE_S = 10, NICEST = 19, CLASSES = 2 };

struct rv_blocking_pool {
    /* Constant after rv_blocking_pool_new(). */
    uint32_t mark; /* the process that created the pool */
    uint32_t max_threads;
    int64_t idle_ns;
    uint32_t niceness;
    bool muted; /* not in the trace, as its creator */

    pthread_mutex_t mutex; /* protects everything below */
    pthread_cond_t work;   /* a job was queued, or `stopping` was set */
    pthread_cond_t ended;  /* `threads` was decremented */
    struct rv_list queue[CLASSES];
    uint32_t queued[CLASSES]; /* the length of each queue */
    uint32_t threads;         /* that exist, idle ones too */
    uint32_t started;         /* threads, ever: their names in the trace */
    uint32_t idle;            /* in wait_for_work() */
    uint32_t slow_running;    /* threads that run a slow job */
    uint32_t references;
    bool stopping; /* no more jobs are accepted; idle threads end */
};

static _Thread_local struct rv_blocking_pool *current;

struct rv_blocking_pool *rv_blocking_current(void)
{
    return current;
}

struct rv_blocking_pool *rv_blocking_enter(struct rv_blocking_pool *pool)
{
    struct rv_blocking_pool *previous = current;

    current = pool;
    return previous;
}

static void lock(struct rv_blocking_pool *pool)
{
    rv_fork_lock(pool->mark, &pool->mutex);
}

static void unlock(struct rv_blocking_pool *pool)
{
    rv_fork_unlock(pool->mark, &pool->mutex);
}

bool rv_blocking_is_copy(const struct rv_blocking_pool *pool)
{
    return rv_fork_is_copy(pool->mark);
}

/* --- lifetime ---------------------------------------------------------- */

/* A condition variable whose deadlines are times of rv_clock_real_ns(). */
static void init_condition(pthread_cond_t *condition)
{
    pthread_condattr_t attributes;

    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(condition, &attributes);
    pthread_condattr_destroy(&attributes);
}

/*
 * Wait for the condition until a time of rv_clock_real_ns().
 *
 * Returns: 0, also after a spurious wakeup; ETIMEDOUT. With any other error
 * (EINVAL) pthread_cond_timedwait() returns at once without releasing the
 * mutex, so a loop must end at that too: else no other thread could go on.
 */
static int wait_until(pthread_cond_t *condition, pthread_mutex_t *mutex,
                      int64_t real_ns)
{
    const struct timespec until = rv_timespec(real_ns);

    return pthread_cond_timedwait(condition, mutex, &until);
}

int rv_blocking_pool_new(struct rv_blocking_pool **out,
                         const struct rv_blocking_options *options)
{
    struct rv_blocking_pool *pool = rv_alloc(sizeof *pool);

    if (!pool)
        return -ENOMEM;
    pool->mark = rv_fork_mark();
    pool->muted = rv_trace_thread_is_muted();
    pool->max_threads = options && options->max_threads ? options->max_threads
                                                        : DEFAULT_THREADS;
    pool->idle_ns = options && options->idle_ns ? options->idle_ns
                                                : DEFAULT_IDLE_S * RV_NS_PER_S;
    pool->niceness = options ? options->niceness : 0;
    if (pool->niceness > NICEST)
        pool->niceness = NICEST;
    pthread_mutex_init(&pool->mutex, NULL);
    init_condition(&pool->work);
    init_condition(&pool->ended);
    for (int i = 0; i < CLASSES; i++)
        rv_list_init(&pool->queue[i]);
    pool->references = 1;
    *out = pool;
    return 0;
}

/*
 * Put a reference and release the mutex, which the caller holds. Another holder
 * may free the pool as soon as the mutex is released, so the caller must not
 * use the pool afterwards.
 */
static void put_and_unlock(struct rv_blocking_pool *pool)
{
    bool last = --pool->references == 0;

    unlock(pool);
    if (!last)
        return;
    if (rv_fork_is_copy(pool->mark)) {
        /* The parent's threads wait on the copied condition variables: POSIX
         * does not allow to destroy those. */
        rv_free(pool);
        return;
    }
    pthread_cond_destroy(&pool->ended);
    pthread_cond_destroy(&pool->work);
    pthread_mutex_destroy(&pool->mutex);
    rv_free(pool);
}

uint32_t rv_blocking_threads(struct rv_blocking_pool *pool)
{
    uint32_t threads;

    lock(pool);
    threads = pool->threads;
    unlock(pool);
    return threads;
}

/* --- a pool thread ------------------------------------------------------ */

static uint32_t slow_limit(const struct rv_blocking_pool *pool)
{
    return pool->max_threads > 1 ? pool->max_threads / 2 : 1;
}

static struct rv_blocking_job *pop_queue(struct rv_blocking_pool *pool,
                                         enum rv_blocking_class class_)
{
    struct rv_list *node = rv_list_pop(&pool->queue[class_]);

    if (!node)
        return NULL;
    pool->queued[class_]--;
    return RV_CONTAINER_OF(node, struct rv_blocking_job, node);
}

/* Take the next job that may run, or NULL. The mutex is held. */
static struct rv_blocking_job *take_job(struct rv_blocking_pool *pool)
{
    struct rv_blocking_job *job = pop_queue(pool, RV_BLOCKING_FAST);

    /* BLOCKING_POOL-3: slow jobs leave half of the threads to fast ones. */
    if (!job && pool->slow_running < slow_limit(pool)) {
        job = pop_queue(pool, RV_BLOCKING_SLOW);
        pool->slow_running += job != NULL;
    }
    /* BLOCKING_POOL-1: from here on a drop can no longer prevent the call. */
    if (job)
        job->state = RV_JOB_RUNNING;
    return job;
}

/*
 * Make the call and publish the result. The mutex is held at entry and exit,
 * but not during the call and the wake.
 */
static void run_job(struct rv_blocking_pool *pool, struct rv_blocking_job *job)
{
    struct rv_waker waker;
    bool slow = job->class_ == RV_BLOCKING_SLOW;
    bool detached;
    int32_t result;

    unlock(pool);
    rv_trace(RV_EV_JOB_START, (uintptr_t)job, 0);
    result = job->call(job->arg);
    rv_trace(RV_EV_JOB_DONE, (uintptr_t)job, result);
    RV_CHECK(!rv_fork_is_copy(pool->mark),
             "a child of fork() returned from a call on the pool");
    lock(pool);
    pool->slow_running -= slow;
    job->result = result;
    job->state = RV_JOB_DONE;
    waker = rv_waker_take(&job->waker);
    detached = job->detached;
    unlock(pool);

    /* DONE is visible: the future may free the job at any moment. Only if it
     * was dropped before does the job belong to this thread. */
    if (detached)
        job->release(job);
    rv_waker_wake_and_drop(&waker);
    lock(pool);
}

/* Sleep until the pool is signaled; spurious wakeups return too. The mutex is
 * held at entry and exit. Returns: false when the deadline passed. */
static bool wait_for_work(struct rv_blocking_pool *pool, int64_t deadline_ns)
{
    int error;

    pool->idle++;
    error = wait_until(&pool->work, &pool->mutex, deadline_ns);
    pool->idle--;
    return error == 0;
}

/* The time at which a thread that becomes idle now ends, by the kernel's
 * clock. */
static int64_t give_up_ns(const struct rv_blocking_pool *pool)
{
    return rv_clock_real_ns(rv_after_ns(pool->idle_ns));
}

/* The mutex is held. */
static void enter_trace(struct rv_blocking_pool *pool)
{
    char name[16];

    snprintf(name, sizeof name, "pool-%u", ++pool->started % 100000);
    rv_trace_name_thread(name);
    rv_trace_mute_thread(pool->muted);
}

static void *pool_thread(void *arg)
{
    struct rv_blocking_pool *pool = arg;
    bool in_time = true;

    /* On Linux niceness is per thread: this affects no other thread. */
    if (pool->niceness > 0)
        setpriority(PRIO_PROCESS, 0,
                    getpriority(PRIO_PROCESS, 0) + (int)pool->niceness);
    lock(pool);
    enter_trace(pool);
    while (in_time) {
        int64_t idle_until_ns = give_up_ns(pool);
        struct rv_blocking_job *job;

        while (!(job = take_job(pool)) && !pool->stopping && in_time)
            in_time = wait_for_work(pool, idle_until_ns);
        if (!job)
            break; /* BLOCKING_POOL-4: both queues were empty, mutex held */
        in_time = true;
        run_job(pool, job);
    }
    pool->threads--;
    pthread_cond_signal(&pool->ended);
    /* In the same critical section: when rv_blocking_pool_stop() has seen the
     * last thread end, that thread's reference must be gone as well. */
    put_and_unlock(pool);
    return NULL;
}

/*
 * Create a detached thread. The calls are code of the program: a fault in one
 * must reach the program's handler, so the thread does not block the signals of
 * faults. The mutex is held.
 *
 * Returns: 0, -EAGAIN.
 */
static int start_thread(struct rv_blocking_pool *pool)
{
    pthread_t thread;
    const int error =
        rv_pthread_start(&thread, RV_PTHREAD_FAULTS, pool_thread, pool);

    if (error)
        return error;
    pthread_detach(thread);
    pool->threads++;
    pool->references++;
    return 0;
}

/* --- called by the futures --------------------------------------------- */

/*
 * Make sure that a thread will take one more job. The mutex is held.
 *
 * Returns: 0; -EAGAIN: the pool has no thread and none can be created.
 */
static int ensure_thread(struct rv_blocking_pool *pool)
{
    uint32_t waiting =
        pool->queued[RV_BLOCKING_FAST] + pool->queued[RV_BLOCKING_SLOW];
    int error;

    /* BLOCKING_POOL-2: each queued job already has one of the idle threads. */
    if (pool->idle > waiting || pool->threads >= pool->max_threads)
        return 0;
    error = start_thread(pool);
    return pool->threads > 0 ? 0 : error;
}

int rv_blocking_submit(struct rv_blocking_job *job)
{
    struct rv_blocking_pool *pool = current;
    int error = -ECANCELED;

    if (!pool)
        return -ENODEV;
    if (rv_fork_is_copy(pool->mark))
        return -ESTALE;
    lock(pool);
    if (!pool->stopping)
        error = ensure_thread(pool);
    if (!error) {
        /* Under the mutex: before the thread that takes the job begins it. */
        rv_trace(RV_EV_JOB_QUEUED, (uintptr_t)job, 0);
        job->pool = pool;
        rv_list_push(&pool->queue[job->class_], &job->node);
        pool->queued[job->class_]++;
        pool->references++; /* the future's */
        pthread_cond_signal(&pool->work);
    }
    unlock(pool);
    return error;
}

bool rv_blocking_poll_job(struct rv_blocking_job *job,
                          const struct rv_waker *waker, int32_t *result)
{
    struct rv_blocking_pool *pool = job->pool;
    struct rv_waker earlier = {0};
    bool done;

    lock(pool);
    done = job->state == RV_JOB_DONE;
    if (done) {
        *result = job->result;
    } else if (rv_fork_is_copy(pool->mark)) {
        rv_list_remove(&job->node);
        *result = -ESTALE; /* the pool's threads are in the parent */
        done = true;
        earlier = rv_waker_take(&job->waker); /* the job ends without a wake */
    } else {
        earlier = rv_waker_replace(&job->waker, waker);
    }
    if (done)
        put_and_unlock(pool);
    else
        unlock(pool);
    rv_waker_drop(&earlier);
    return done;
}

void rv_blocking_detach(struct rv_blocking_job *job)
{
    struct rv_blocking_pool *pool = job->pool;
    struct rv_waker waker;
    bool running;

    lock(pool);
    /* BLOCKING_POOL-1: a running call keeps the job; a queued one is undone. */
    running = job->state == RV_JOB_RUNNING;
    if (job->state == RV_JOB_QUEUED) {
        rv_list_remove(&job->node);
        pool->queued[job->class_]--;
    }
    job->detached = true;
    waker = rv_waker_take(&job->waker);
    put_and_unlock(pool);
    rv_waker_drop(&waker);
    if (!running)
        job->release(job);
}

/* --- stop -------------------------------------------------------------- */

/* Complete every queued job with -ECANCELED and wake its future. The mutex is
 * released for each wake; `stopping` is set, so no job is added meanwhile. */
static void cancel_queued(struct rv_blocking_pool *pool)
{
    for (int class_ = 0; class_ < CLASSES; class_++) {
        struct rv_blocking_job *job;

        lock(pool);
        while ((job = pop_queue(pool, (enum rv_blocking_class)class_))) {
            struct rv_waker waker = rv_waker_take(&job->waker);

            job->state = RV_JOB_DONE;
            job->result = -ECANCELED;
            unlock(pool);
            rv_waker_wake_and_drop(&waker);
            lock(pool);
        }
        unlock(pool);
    }
}

int rv_blocking_pool_stop(struct rv_blocking_pool *pool, int64_t deadline_ns)
{
    const int64_t real_ns = rv_clock_real_ns(deadline_ns);
    int error = 0;

    lock(pool);
    pool->stopping = true;
    unlock(pool);
    cancel_queued(pool);

    lock(pool);
    if (rv_fork_is_copy(pool->mark)) {
        put_and_unlock(pool); /* the threads are the parent's */
        return 0;
    }
    pthread_cond_broadcast(&pool->work);
    while (pool->threads > 0 && error == 0)
        error = wait_until(&pool->ended, &pool->mutex, real_ns);
    error = pool->threads > 0 ? -ETIMEDOUT : 0;
    put_and_unlock(pool);
    return error;
}
