/*@answer
en: Pushes the two for which there is room, starts the reader, and then the
en: third.
fr: Dépose les deux pour lesquelles il y a de la place, lance le lecteur, et
fr: ensuite la troisième.
*/
/*@region 18.3*/
static void numbers(struct spsc *channel)
{
    int value = 41;

    spsc_push(channel, value++);
    spsc_push(channel, value++);
    spawn_reader(channel);
    spsc_push(channel, value);
}
/*@end 18.3*/
/*@region 18.4*/
static struct row race(const struct runtime *runtime, struct race_job *jobs,
                       int count)
{
    struct row before, after;
    int left;

    before = row_now();
    runtime->start();
    for (left = 0; left < count; left++)
        runtime->go(jobs + left);
    while (left-- > 0) {
        struct mpsc_node *node = mpsc_pop(&results);

        check_job(RV_CONTAINER_OF(node, struct race_job, node));
    }
    runtime->stop();
    after = row_now();
    return row_between(before, after);
}
/*@end 18.4*/
