/*@answer
cause: DEADLOCK
kind: lock kept
found: plain
en: The lock is not given back after `done`: the next look at the queue waits
en: for it, in the same thread.
fr: Le verrou n'est pas rendu après `done` : le regard suivant dans la file
fr: l'attend, dans le même thread.
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
        job->result = result;
        job->done = true;
        waker = rv_waker_take(&job->waker);
        rv_waker_wake_and_drop(&waker);
    }
    return NULL;
}
/*@end 10.2*/
