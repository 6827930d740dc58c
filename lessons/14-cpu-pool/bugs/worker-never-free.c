/*@answer
cause: STUCK QUEUE
found: plain
en: Forgets that the worker is free again: each worker has one job in its life.
fr: Oublie que le worker est de nouveau libre : chaque worker n'a qu'un travail
fr: dans sa vie.
*/

/*@region 14.3*/
static void pool_release_worker(struct worker *self)
{
    struct job *job = self->job;

    job->done = true;
    rv_waker_wake(&job->waker);
    job_put(job);
    pool_trigger();
}
/*@end 14.3*/
