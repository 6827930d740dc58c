/*@answer
cause: STOPPED TOO EARLY
found: case race
en: Stops the runtime when all are started, and takes the results then.
fr: Arrête le runtime dès que tous sont lancés, et retire ensuite les résultats.
*/
/*@region 18.4*/
static struct row race(const struct runtime *runtime, struct race_job *jobs,
                       int count)
{
    const struct row before = row_now();

    runtime->start();
    for (int i = 0; i < count; i++)
        runtime->go(&jobs[i]);
    runtime->stop();
    for (int i = 0; i < count; i++)
        check_job((struct race_job *)mpsc_pop(&results));
    return row_between(before, row_now());
}
/*@end 18.4*/
