/*@answer
cause: NEVER STOPS
found: case race
en: Does not stop the runtime: its threads stay, and count in the next row.
fr: N'arrête pas le runtime : ses threads restent, et comptent dans la ligne
fr: suivante.
*/
/*@region 18.4*/
static struct row race(const struct runtime *runtime, struct race_job *jobs,
                       int count)
{
    const struct row before = row_now();

    runtime->start();
    for (int i = 0; i < count; i++)
        runtime->go(&jobs[i]);
    for (int i = 0; i < count; i++)
        check_job((struct race_job *)mpsc_pop(&results));
    return row_between(before, row_now());
}
/*@end 18.4*/
