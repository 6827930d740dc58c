/*@answer
cause: LOST WAKE
kind: done, nobody woken
found: plain
en: Sets `done` and goes on to the next job; the task that waits is not told.
fr: Écrit `done` et passe au travail suivant ; la tâche qui attend n'en sait
fr: rien.
*/

/*@region 14.3*/
static void pool_release_worker(struct worker *self)
{
    struct job *job = self->job;

    self->job = NULL;
    job->done = true;
    job_put(job);
    pool_trigger();
}
/*@end 14.3*/
