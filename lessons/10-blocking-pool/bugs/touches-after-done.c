/*@answer
cause: DATA RACE
found: plain
en: Gives the lock back and wakes by the waker in the job. Whoever has seen
en: `done` may have freed the job by then.
fr: Rend le verrou et réveille par le waker qui est dans le travail. Qui a vu
fr: `done` a peut-être déjà libéré le travail.
*/

/*@region 10.2*/
static void *pool_run(void *unused)
{
    struct job *job;

    (void)unused;
    while ((job = take_job())) {
        const int result = job->call(job->arg);

        pthread_mutex_lock(&pool.lock);
        job->result = result;
        job->done = true;
        pthread_mutex_unlock(&pool.lock);
        rv_waker_wake_and_drop(&job->waker);
    }
    return NULL;
}
/*@end 10.2*/
