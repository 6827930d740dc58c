/*@answer
cause: LOST WAKE
kind: woken before it was done
found: sweep
en: Wakes the task, and sets `done` then. If the task is quicker it finds the
en: job not done, and nobody wakes it again.
fr: Réveille la tâche, et n'écrit `done` qu'ensuite. Si la tâche est plus
fr: rapide, elle trouve le travail pas fait, et personne ne la réveille plus.
*/

/*@region 10.2*/
static void *pool_run(void *unused)
{
    struct job *job;

    (void)unused;
    while ((job = take_job())) {
        const int result = job->call(job->arg);
        struct rv_waker waker;

        pthread_mutex_lock(&pool.lock);
        waker = rv_waker_take(&job->waker);
        pthread_mutex_unlock(&pool.lock);
        rv_waker_wake_and_drop(&waker);
        pthread_mutex_lock(&pool.lock);
        job->result = result;
        job->done = true;
        pthread_mutex_unlock(&pool.lock);
    }
    return NULL;
}
/*@end 10.2*/
