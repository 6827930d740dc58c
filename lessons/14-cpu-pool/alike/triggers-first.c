/*@answer
en: Gives the worker its next job before the task of the last one is woken; the
en: reference is counted where it is dropped.
fr: Donne au worker son travail suivant avant de réveiller la tâche du
fr: précédent ; la référence est comptée là où elle est rendue.
*/

/*@region 14.3*/
static void pool_release_worker(struct worker *self)
{
    struct job *job = self->job;
    struct rv_waker waker = rv_waker_take(&job->waker);

    self->job = NULL;
    pool_trigger();
    job->done = true;
    job_put(job);
    rv_waker_wake_and_drop(&waker);
}
/*@end 14.3*/

/*@region 14.4*/
static void run_drop(struct rv_future *future)
{
    struct job *job = ((struct run *)future)->job;

    if (!job)
        return;
    if (job->references > 1) {
        job->references--; /* the pool puts the last one */
        return;
    }
    rv_waker_drop(&job->waker);
    rv_free(job);
}
/*@end 14.4*/
