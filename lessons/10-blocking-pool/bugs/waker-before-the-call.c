/*@answer
cause: LOST WAKE
kind: an old waker
found: case wakers
en: Takes the waker out before the call. If another task polls the job
en: meanwhile, it is the first one that is woken.
fr: Retire le waker avant l'appel. Si une autre tâche sonde le travail
fr: entre-temps, c'est la première qui est réveillée.
*/

/*@region 10.2*/
static void *pool_run(void *unused)
{
    struct job *job;

    (void)unused;
    while ((job = take_job())) {
        struct rv_waker waker;
        int result;

        pthread_mutex_lock(&pool.lock);
        waker = rv_waker_take(&job->waker);
        pthread_mutex_unlock(&pool.lock);
        result = job->call(job->arg);
        pthread_mutex_lock(&pool.lock);
        job->result = result;
        job->done = true;
        pthread_mutex_unlock(&pool.lock);
        rv_waker_wake_and_drop(&waker);
    }
    return NULL;
}
/*@end 10.2*/
