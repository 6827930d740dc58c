/*@answer
cause: STUCK QUEUE
kind: the threads have ended
found: case again
en: A thread that has had nothing to do for a second ends. It still counts as
en: one of the eight, so no other is started for it.
fr: Un thread sans travail depuis une seconde se termine. Il compte toujours
fr: parmi les huit : aucun autre n'est lancé à sa place.
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
    pthread_cond_signal(&pool.more);
    pthread_mutex_unlock(&pool.lock);
}

/* For a pool thread: wait for a job. Returns: NULL at the end. */
static struct job *take_job(void)
{
    struct job *job;

    pthread_mutex_lock(&pool.lock);
    if (!pool.first && !pool.closing) {
        struct timespec end;

        clock_gettime(CLOCK_REALTIME, &end);
        end.tv_sec += 1;
        pthread_cond_timedwait(&pool.more, &pool.lock, &end);
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
    pthread_cond_broadcast(&pool.more);
    pthread_mutex_unlock(&pool.lock);
    for (int i = 0; i < pool.thread_count; i++)
        pthread_join(pool.threads[i], NULL);
}
/*@end 10.1*/
