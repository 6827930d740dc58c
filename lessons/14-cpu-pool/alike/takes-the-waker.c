/*@answer
en: Takes the waker out of the job, and wakes and drops it.
fr: Sort le waker du travail, puis le réveille et le rend.
*/

/*@region 14.3*/
static void pool_release_worker(struct worker *self)
{
    struct job *job = self->job;
    struct rv_waker waker = rv_waker_take(&job->waker);

    self->job = NULL;
    job->done = true;
    rv_waker_wake_and_drop(&waker);
    job_put(job);
    pool_trigger();
}
/*@end 14.3*/
