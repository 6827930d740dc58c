/*@answer
cause: STUCK QUEUE
found: plain
en: Sets the worker free and wakes the task, and does not look whether another
en: job waits. Eight jobs are done; then eight workers sleep beside a full pipe.
fr: Libère le worker et réveille la tâche, sans regarder si un autre travail
fr: attend. Huit travaux sont faits ; puis huit workers dorment près d'un tube
fr: plein.
*/

/*@region 14.3*/
static void pool_release_worker(struct worker *self)
{
    struct job *job = self->job;

    self->job = NULL;
    job->done = true;
    rv_waker_wake(&job->waker);
    job_put(job);
}
/*@end 14.3*/
