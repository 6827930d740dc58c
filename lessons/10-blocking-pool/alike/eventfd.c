/*@answer
en: An eventfd as a semaphore in place of the condition.
fr: Un eventfd comme sémaphore au lieu de la condition.
*/

/*@region 10.1*/
#include <sys/eventfd.h>

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
    int more; /* an eventfd, a semaphore: as many as there are jobs */
    struct job *first, **last;
    pthread_t threads[POOL_THREADS];
    int thread_count;
    bool closing;
} pool = {
    .lock = PTHREAD_MUTEX_INITIALIZER,
    .more = -1,
    .last = &pool.first,
};

static void pool_submit(struct job *job)
{
    pthread_mutex_lock(&pool.lock);
    if (pool.more < 0)
        pool.more = eventfd(0, EFD_SEMAPHORE);
    *pool.last = job;
    pool.last = &job->next;
    if (pool.thread_count < POOL_THREADS)
        start_thread(&pool.threads[pool.thread_count++]);
    eventfd_write(pool.more, 1);
    pthread_mutex_unlock(&pool.lock);
}

/* For a pool thread: wait for a job. Returns: NULL at the end. */
static struct job *take_job(void)
{
    struct job *job;

    eventfd_t one;

    eventfd_read(pool.more, &one);
    pthread_mutex_lock(&pool.lock);
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
    if (pool.more >= 0)
        eventfd_write(pool.more, POOL_THREADS);
    pthread_mutex_unlock(&pool.lock);
    for (int i = 0; i < pool.thread_count; i++)
        pthread_join(pool.threads[i], NULL);
}
/*@end 10.1*/
