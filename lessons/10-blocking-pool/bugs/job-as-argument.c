/*@answer
cause: WRONG ARGUMENT
kind: of a job
found: plain
en: The call gets the job in place of its argument.
fr: L'appel reçoit le travail au lieu de son argument.
*/

/*@region 10.2*/
static void *pool_run(void *unused)
{
    struct job *job;

    (void)unused;
    while ((job = take_job())) {
        const int result = job->call(job);
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
