/*@answer
cause: STUCK QUEUE
found: plain
en: Triggers first, and sets the worker free after that. The trigger looks for a
en: free worker, and the one that has just ended still has a job.
fr: Déclenche d'abord, et libère le worker ensuite. Le déclencheur cherche un
fr: worker libre, et celui qui vient de finir a encore un travail.
*/

/*@region 14.3*/
static void pool_release_worker(struct worker *self)
{
    struct job *job = self->job;

    job->done = true;
    rv_waker_wake(&job->waker);
    job_put(job);
    pool_trigger();
    self->job = NULL;
}
/*@end 14.3*/
