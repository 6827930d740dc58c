/*@answer
cause: NEVER READY
found: plain
en: Wakes the task and does not set `done`: it is polled, finds the job not
en: done, and waits again.
fr: Réveille la tâche sans écrire `done` : elle est sondée, trouve le travail
fr: pas fait, et attend de nouveau.
*/

/*@region 14.3*/
static void pool_release_worker(struct worker *self)
{
    struct job *job = self->job;

    self->job = NULL;
    rv_waker_wake(&job->waker);
    job_put(job);
    pool_trigger();
}
/*@end 14.3*/
