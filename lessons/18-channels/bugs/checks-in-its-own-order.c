/*@answer
cause: READ TOO EARLY
kind: still on its way
found: cases
en: Takes a job out and checks another one: the next in the order in which they
en: were started. In an ordinary run both are the same.
fr: Retire une tâche et en vérifie une autre : la suivante dans l'ordre du
fr: départ. Dans une exécution ordinaire, ce sont les mêmes.
*/

/*@region 18.4*/
static struct row race(const struct runtime *runtime, struct race_job *jobs,
                       int count)
{
    const struct row before = row_now();

    runtime->start();
    for (int i = 0; i < count; i++)
        runtime->go(&jobs[i]);
    for (int i = 0; i < count; i++) {
        mpsc_pop(&results);
        check_job(&jobs[i]);
    }
    runtime->stop();
    return row_between(before, row_now());
}
/*@end 18.4*/
