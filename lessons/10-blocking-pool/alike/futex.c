/*@answer
en: A futex in place of the condition.
fr: Un futex au lieu de la condition.
*/

/*@region 10.1*/
#include <linux/futex.h>
#include <stdatomic.h>
#include <sys/syscall.h>

struct job {
    struct rv_future future;
    job_call call; /* set before it is handed over */
    void *arg;
    struct job *next; /* lock held, as the rest */
    bool queued, done;
    int result;
    struct rv_waker waker;
};

static struct {
    pthread_mutex_t lock;
    _Atomic uint32_t more; /* one more with each job, and at the end */
    struct job *first, **last;
    pthread_t threads[POOL_THREADS];
    int thread_count;
    bool closing;
} pool = {
    .lock = PTHREAD_MUTEX_INITIALIZER,
    .last = &pool.first,
};

static void pool_submit(struct job *job)
{
    pthread_mutex_lock(&pool.lock);
    *pool.last = job;
    pool.last = &job->next;
    if (pool.thread_count < POOL_THREADS)
        start_thread(&pool.threads[pool.thread_count++]);
    pool.more++;
    syscall(SYS_futex, &pool.more, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
    pthread_mutex_unlock(&pool.lock);
}

/* For a pool thread: wait for a job. Returns: NULL at the end. */
static struct job *take_job(void)
{
    struct job *job;

    pthread_mutex_lock(&pool.lock);
    while (!pool.first && !pool.closing) {
        const uint32_t seen = pool.more;

        pthread_mutex_unlock(&pool.lock);
        syscall(SYS_futex, &pool.more, FUTEX_WAIT_PRIVATE, seen, NULL, NULL, 0);
        pthread_mutex_lock(&pool.lock);
    }
    job = pool.first;
    if (job)
        pool.first = job->next;
    if (!pool.first)
        pool.last = &pool.first;
    pthread_mutex_unlock(&pool.lock);
    return job;
}

static void pool_close(void)
{
    pthread_mutex_lock(&pool.lock);
    pool.closing = true;
    pool.more++;
    syscall(SYS_futex, &pool.more, FUTEX_WAKE_PRIVATE, 1000, NULL, NULL, 0);
    pthread_mutex_unlock(&pool.lock);
    for (int i = 0; i < pool.thread_count; i++)
        pthread_join(pool.threads[i], NULL);
}
/*@end 10.1*/
