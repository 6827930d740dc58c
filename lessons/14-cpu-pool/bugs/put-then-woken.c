/*@answer
cause: MEMORY ERROR
found: case dropped
en: Puts the job, and wakes its task with the waker that is in the job. If the
en: task was dropped, that was the last reference.
fr: Rend le travail, puis réveille sa tâche par le waker qui est dans le
fr: travail. Si la tâche a été abandonnée, c'était la dernière référence.
*/

/*@region 14.3*/
static void pool_release_worker(struct worker *self)
{
    struct job *job = self->job;

    self->job = NULL;
    job->done = true;
    job_put(job);
    rv_waker_wake(&job->waker);
    pool_trigger();
}
/*@end 14.3*/
