/*@answer
cause: ERROR LOST
found: case again
en: Makes the call and keeps nothing of what it returned.
fr: Fait l'appel et ne garde rien de ce qu'il a renvoyé.
*/

/*@region 10.2*/
static void *pool_run(void *unused)
{
    struct job *job;

    (void)unused;
    while ((job = take_job())) {
        struct rv_waker waker;

        job->call(job->arg);
        pthread_mutex_lock(&pool.lock);
        job->done = true;
        waker = rv_waker_take(&job->waker);
        pthread_mutex_unlock(&pool.lock);
        rv_waker_wake_and_drop(&waker);
    }
    return NULL;
}
/*@end 10.2*/
