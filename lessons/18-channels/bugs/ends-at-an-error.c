/*@answer
cause: STOPPED TOO EARLY
found: case race
en: Takes no more results out when one job has failed: the others are still on
en: their way when the runtime stops.
fr: Ne retire plus de résultats dès qu'une tâche a échoué : les autres sont
fr: encore en route quand le runtime s'arrête.
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
        if (check_job((struct race_job *)mpsc_pop(&results)) < 0)
            break;
    runtime->stop();
    return row_between(before, row_now());
}
/*@end 18.4*/
