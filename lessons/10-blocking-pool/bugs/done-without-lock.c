/*@answer
cause: DATA RACE
found: sanitize
en: Sets the result and `done` without the lock.
fr: Écrit le résultat et `done` sans le verrou.
*/

/*@region 10.2*/
static void *pool_run(void *unused)
{
    struct job *job;

    (void)unused;
    while ((job = take_job())) {
        const int result = job->call(job->arg);
        struct rv_waker waker;

        job->result = result;
        job->done = true;
        waker = rv_waker_take(&job->waker);
        rv_waker_wake_and_drop(&waker);
    }
    return NULL;
}
/*@end 10.2*/
