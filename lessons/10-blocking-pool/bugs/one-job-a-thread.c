/*@answer
cause: STUCK QUEUE
kind: the threads have ended
found: plain
en: A pool thread makes one call, and ends.
fr: Un thread du pool fait un appel, et finit.
*/

/*@region 10.2*/
static void *pool_run(void *unused)
{
    struct job *job;

    (void)unused;
    if ((job = take_job())) {
        const int result = job->call(job->arg);
        struct rv_waker waker;

        pthread_mutex_lock(&pool.lock);
        job->result = result;
        job->done = true;
        waker = rv_waker_take(&job->waker);
        pthread_mutex_unlock(&pool.lock);
        rv_waker_wake_and_drop(&waker);
    }
    return NULL;
}
/*@end 10.2*/
