/*@answer
cause: SERIALISED
found: case race
en: Starts a GET and waits for it, then the next: a hundred waits in a row.
fr: Lance un GET et l'attend, puis le suivant : cent attentes à la file.
*/
/*@region 18.4*/
static struct row race(const struct runtime *runtime, struct race_job *jobs,
                       int count)
{
    const struct row before = row_now();

    runtime->start();
    for (int i = 0; i < count; i++) {
        runtime->go(&jobs[i]);
        check_job((struct race_job *)mpsc_pop(&results));
    }
    runtime->stop();
    return row_between(before, row_now());
}
/*@end 18.4*/
