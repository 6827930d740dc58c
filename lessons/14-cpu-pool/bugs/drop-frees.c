/*@answer
cause: RELEASED WHILE RUNNING
found: case dropped
en: The article's own: whoever drops the task frees the job. All is well as long
en: as each task waits for its end.
fr: Celui de l'article : qui abandonne la tâche libère le travail. Tout va bien
fr: tant que chaque tâche attend la fin.
*/

/*@region 14.4*/
static void run_drop(struct rv_future *future)
{
    struct run *self = (struct run *)future;

    if (!self->job)
        return;
    rv_waker_drop(&self->job->waker);
    rv_free(self->job);
}
/*@end 14.4*/
