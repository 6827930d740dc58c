/*@answer
en: Wakes with the lock held; the waker stays in the job, and job_drop() drops
en: it.
fr: Réveille verrou tenu ; le waker reste dans le travail, et job_drop() le
fr: lâche.
*/

/*@region 10.2*/
static void *pool_run(void *unused)
{
    struct job *job = NULL;

    (void)unused;
    for (;;) {
        job = take_job();
        if (job == NULL)
            return NULL;
        job->result = job->call(job->arg);
        pthread_mutex_lock(&pool.lock);
        job->done = true;
        rv_waker_wake(&job->waker);
        pthread_mutex_unlock(&pool.lock);
    }
}
/*@end 10.2*/
