/*@answer
cause: SERIALISED
kind: under the lock
found: case together
en: Makes the call with the lock held.
fr: Fait l'appel en tenant le verrou.
*/

/*@region 10.2*/
static void *pool_run(void *unused)
{
    struct job *job;

    (void)unused;
    while ((job = take_job())) {
        struct rv_waker waker;

        pthread_mutex_lock(&pool.lock);
        job->result = job->call(job->arg);
        job->done = true;
        waker = rv_waker_take(&job->waker);
        pthread_mutex_unlock(&pool.lock);
        rv_waker_wake_and_drop(&waker);
    }
    return NULL;
}
/*@end 10.2*/
