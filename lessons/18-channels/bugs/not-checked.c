/*@answer
cause: NOT CHECKED
found: plain
en: Takes all results out, and looks at none.
fr: Sort tous les résultats, et n'en regarde aucun.
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
        mpsc_pop(&results);
    runtime->stop();
    return row_between(before, row_now());
}
/*@end 18.4*/
