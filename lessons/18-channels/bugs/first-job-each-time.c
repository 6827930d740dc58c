/*@answer
cause: DOUBLE CALL
kind: the same job
found: plain
en: go(jobs) passes the first job each time.
fr: go(jobs) passe chaque fois la première tâche.
*/
/*@region 18.4*/
static struct row race(const struct runtime *runtime, struct race_job *jobs,
                       int count)
{
    const struct row before = row_now();

    runtime->start();
    for (int i = 0; i < count; i++)
        runtime->go(jobs);
    for (int i = 0; i < count; i++)
        check_job((struct race_job *)mpsc_pop(&results));
    runtime->stop();
    return row_between(before, row_now());
}
/*@end 18.4*/
