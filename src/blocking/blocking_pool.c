/* SPDX-License-Identifier: MIT */
/*
 * blocking_pool.c - threads that take jobs from two queues.
 *
 * Threads: everything is under the pool's mutex; worker() is a thread of the
 * pool. No waker is called and no job runs with the mutex held.
 *
 * Protocol.
 *
 *   BLOCKING_POOL-1  A job is taken, canceled or finished under the mutex, so
 *       exactly one of "the thread makes the call" and "the call is not made"
 *       happens.
 *   BLOCKING_POOL-2  A thread is started when a job is queued and no thread is
 *       idle. If that fails, the job waits for a busy one; it is an error only
 *       when there is none at all.
 *   BLOCKING_POOL-3  A slow job is taken only while fewer than half of the
 *       allowed threads are busy with slow ones. A thread that finishes one
 *       looks at both queues again, so a slow job that had to wait is not
 *       forgotten.
 *   BLOCKING_POOL-4  An idle thread that gives up decides so under the mutex,
 *       after a last look at the queues: no job can be left between it and the
 *       decision.
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>
#include <time.h>

#include "base/base_internal.h"
#include "blocking/blocking_internal.h"

enum { DEFAULT_THREADS = 512, DEFAULT_IDLE_S = 10, NICEST = 19, CLASSES = 2 };

struct rv_blocking_pool {
    uint32_t mark; /* the process that it is of */
    uint32_t max_threads;
    int64_t idle_ns;
    uint32_t niceness;

    pthread_mutex_t mutex; /* for everything below */
    pthread_cond_t work;   /* a job, or stopping */
    pthread_cond_t ended;  /* a thread has ended */
    struct rv_list queue[CLASSES];
    uint32_t queued[CLASSES];
    uint32_t threads;
    uint32_t idle;
    uint32_t slow_running;
    uint32_t references;
    bool stopping;
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

/* --- birth and death --------------------------------------------------- */

/* Condition variables that take times of rv_clock_real_ns(). */
static void init_condition(pthread_cond_t *condition)
{
    pthread_condattr_t attributes;

    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(condition, &attributes);
    pthread_condattr_destroy(&attributes);
}

/*
 * Wait for the condition until a time of rv_clock_real_ns(). Returns: 0, also
 * for nothing; ETIMEDOUT. Any other error comes back at once each time, with
 * the mutex held all along: a loop ends at it too.
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

void rv_blocking_get(struct rv_blocking_pool *pool)
{
    lock(pool);
    pool->references++;
    unlock(pool);
}

/* Put a reference and unlock: whoever is not the last does not touch the pool
 * after that. The mutex is held. */
static void put_and_unlock(struct rv_blocking_pool *pool)
{
    bool last = --pool->references == 0;

    unlock(pool);
    if (!last)
        return;
    if (rv_fork_is_copy(pool->mark)) {
        rv_free(pool); /* its threads wait there, for ever */
        return;
    }
    pthread_cond_destroy(&pool->ended);
    pthread_cond_destroy(&pool->work);
    pthread_mutex_destroy(&pool->mutex);
    rv_free(pool);
}

void rv_blocking_put(struct rv_blocking_pool *pool)
{
    lock(pool);
    put_and_unlock(pool);
}

uint32_t rv_blocking_threads(struct rv_blocking_pool *pool)
{
    uint32_t threads;

    lock(pool);
    threads = pool->threads;
    unlock(pool);
    return threads;
}

/* --- a thread of the pool ---------------------------------------------- */

static uint32_t slow_limit(const struct rv_blocking_pool *pool)
{
    return pool->max_threads > 1 ? pool->max_threads / 2 : 1;
}

static struct rv_blocking_job *take_from(struct rv_blocking_pool *pool,
                                         enum rv_blocking_class class_)
{
    struct rv_list *node = rv_list_pop(&pool->queue[class_]);

    if (!node)
        return NULL;
    pool->queued[class_]--;
    return RV_CONTAINER_OF(node, struct rv_blocking_job, node);
}

/* The next job that may run, marked so (BLOCKING_POOL-1, BLOCKING_POOL-3). The
 * mutex is held. */
static struct rv_blocking_job *take_job(struct rv_blocking_pool *pool)
{
    struct rv_blocking_job *job = take_from(pool, RV_BLOCKING_FAST);

    if (!job && pool->slow_running < slow_limit(pool)) {
        job = take_from(pool, RV_BLOCKING_SLOW);
        pool->slow_running += job != NULL;
    }
    if (job)
        job->state = RV_JOB_RUNNING;
    return job;
}

/* Make the call and hand the result over. The mutex is held, but not during
 * the call and the wake. */
static void run_job(struct rv_blocking_pool *pool, struct rv_blocking_job *job)
{
    struct rv_waker waker;
    bool slow = job->class_ == RV_BLOCKING_SLOW;
    bool detached;
    int32_t result;

    unlock(pool);
    result = job->call(job->arg);
    RV_CHECK(!rv_fork_is_copy(pool->mark),
             "a child of fork() returned from a call on the pool");
    lock(pool);
    pool->slow_running -= slow;
    job->result = result;
    job->state = RV_JOB_DONE;
    waker = job->waker;
    job->waker = (struct rv_waker){0};
    detached = job->detached;
    unlock(pool);

    /* From here on the job is the future's, unless that has gone. */
    if (detached)
        rv_blocking_job_free(job);
    rv_waker_wake(&waker);
    rv_waker_drop(&waker);
    lock(pool);
}

/* Sleep until there is work. Returns: false when the time is over. */
static bool wait_for_work(struct rv_blocking_pool *pool, int64_t deadline_ns)
{
    int error;

    pool->idle++;
    error = wait_until(&pool->work, &pool->mutex, deadline_ns);
    pool->idle--;
    return error == 0;
}

/* When a thread that is idle from now on gives up, by the kernel's clock. */
static int64_t give_up_ns(const struct rv_blocking_pool *pool)
{
    return rv_clock_real_ns(rv_after_ns(pool->idle_ns));
}

static void *pool_thread(void *arg)
{
    struct rv_blocking_pool *pool = arg;
    bool in_time = true;

    /* Linux counts niceness by the thread: no other is concerned. */
    if (pool->niceness > 0)
        setpriority(PRIO_PROCESS, 0,
                    getpriority(PRIO_PROCESS, 0) + (int)pool->niceness);
    lock(pool);
    while (in_time) {
        int64_t idle_until_ns = give_up_ns(pool);
        struct rv_blocking_job *job;

        while (!(job = take_job(pool)) && !pool->stopping && in_time)
            in_time = wait_for_work(pool, idle_until_ns);
        if (!job)
            break; /* BLOCKING_POOL-4: nothing there at the last look */
        in_time = true;
        run_job(pool, job);
    }
    pool->threads--;
    pthread_cond_signal(&pool->ended);
    /* At once: who waits for the last thread may count on its reference to be
     * gone too. */
    put_and_unlock(pool);
    return NULL;
}

/* The mutex is held. Returns: 0, -EAGAIN. */
static int start_thread(struct rv_blocking_pool *pool)
{
    pthread_attr_t attributes;
    pthread_t thread;
    sigset_t all;
    sigset_t before;
    int error;

    sigfillset(&all);
    pthread_attr_init(&attributes);
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    error = pthread_create(&thread, &attributes, pool_thread, pool);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attributes);
    if (error)
        return -error;
    pool->threads++;
    pool->references++;
    return 0;
}

/* --- what the futures call --------------------------------------------- */

/* BLOCKING_POOL-2. The mutex is held. */
static int need_thread(struct rv_blocking_pool *pool)
{
    uint32_t waiting =
        pool->queued[RV_BLOCKING_FAST] + pool->queued[RV_BLOCKING_SLOW];
    int error;

    if (pool->idle > waiting || pool->threads >= pool->max_threads)
        return 0;
    error = start_thread(pool);
    return pool->threads > 0 ? 0 : error;
}

int rv_blocking_submit(struct rv_blocking_pool *pool,
                       struct rv_blocking_job *job)
{
    int error = -ECANCELED;

    if (rv_fork_is_copy(pool->mark))
        return -ESTALE;
    lock(pool);
    if (!pool->stopping)
        error = need_thread(pool);
    if (!error) {
        rv_list_push(&pool->queue[job->class_], &job->node);
        pool->queued[job->class_]++;
        pthread_cond_signal(&pool->work);
    }
    unlock(pool);
    return error;
}

bool rv_blocking_poll_job(struct rv_blocking_pool *pool,
                          struct rv_blocking_job *job,
                          const struct rv_waker *waker, int32_t *result)
{
    struct rv_waker old = {0};
    bool done;

    lock(pool);
    done = job->state == RV_JOB_DONE;
    if (done) {
        *result = job->result;
    } else if (rv_fork_is_copy(pool->mark)) {
        rv_list_remove(&job->node);
        *result = -ESTALE; /* its thread is in another process */
        done = true;
    } else if (!rv_waker_same(&job->waker, waker)) {
        old = job->waker;
        job->waker = rv_waker_clone(waker);
    }
    unlock(pool);
    rv_waker_drop(&old);
    return done;
}

bool rv_blocking_detach(struct rv_blocking_pool *pool,
                        struct rv_blocking_job *job)
{
    struct rv_waker waker;
    bool running;

    lock(pool);
    running = job->state == RV_JOB_RUNNING;
    if (job->state == RV_JOB_QUEUED) {
        rv_list_remove(&job->node);
        pool->queued[job->class_]--;
    }
    job->detached = true;
    waker = job->waker;
    job->waker = (struct rv_waker){0};
    unlock(pool);
    rv_waker_drop(&waker);
    return !running;
}

/* --- stopping ---------------------------------------------------------- */

/* End every queued job with -ECANCELED, and wake its future. */
static void cancel_queued(struct rv_blocking_pool *pool)
{
    for (int class_ = 0; class_ < CLASSES; class_++) {
        struct rv_blocking_job *job;

        lock(pool);
        while ((job = take_from(pool, (enum rv_blocking_class)class_))) {
            struct rv_waker waker = job->waker;

            job->waker = (struct rv_waker){0};
            job->state = RV_JOB_DONE;
            job->result = -ECANCELED;
            unlock(pool);
            rv_waker_wake(&waker);
            rv_waker_drop(&waker);
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

    if (rv_fork_is_copy(pool->mark)) {
        put_and_unlock(pool);
        return 0;
    }
    lock(pool);
    pthread_cond_broadcast(&pool->work);
    while (pool->threads > 0 && error == 0)
        error = wait_until(&pool->ended, &pool->mutex, real_ns);
    error = pool->threads > 0 ? -ETIMEDOUT : 0;
    unlock(pool);
    rv_blocking_put(pool);
    return error;
}
