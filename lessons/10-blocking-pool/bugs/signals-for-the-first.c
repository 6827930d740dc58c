/*@answer
cause: SERIALISED
found: case together
en: Signals only if the queue was empty: with two jobs at once, one thread is
en: woken for both.
fr: Ne signale que si la file était vide : pour deux travaux à la fois, un seul
fr: thread est réveillé.
*/

/*@region 10.1*/
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
    pthread_cond_t more; /* there is a job, or the end */
    struct job *first, **last;
    pthread_t threads[POOL_THREADS];
    int thread_count;
    bool closing;
} pool = {
    .lock = PTHREAD_MUTEX_INITIALIZER,
    .more = PTHREAD_COND_INITIALIZER,
    .last = &pool.first,
};

static void pool_submit(struct job *job)
{
    pthread_mutex_lock(&pool.lock);
    *pool.last = job;
    pool.last = &job->next;
    if (pool.thread_count < POOL_THREADS)
        start_thread(&pool.threads[pool.thread_count++]);
    if (pool.first == job)
        pthread_cond_signal(&pool.more);
    pthread_mutex_unlock(&pool.lock);
}

/* For a pool thread: wait for a job. Returns: NULL at the end. */
static struct job *take_job(void)
{
    struct job *job;

    pthread_mutex_lock(&pool.lock);
    while (!pool.first && !pool.closing)
        pthread_cond_wait(&pool.more, &pool.lock);
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
    pthread_cond_broadcast(&pool.more);
    pthread_mutex_unlock(&pool.lock);
    for (int i = 0; i < pool.thread_count; i++)
        pthread_join(pool.threads[i], NULL);
}
/*@end 10.1*/
