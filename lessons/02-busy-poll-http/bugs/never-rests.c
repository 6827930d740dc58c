/*@answer
cause: BUSY LOOP
kind: sleep_ms unused
found: case rest
en: --sleep changes nothing.
fr: --sleep n'a aucun effet.
*/
/*@region 2.3*/
static void run(struct future *task, struct future *other, long sleep_ms)
{
    while (poll_task(task) == NOT_READY) {
        lesson_log("Schedule other tasks");
        other->poll(other);
        (void)sleep_ms;
        (void)sleep_between_polls;
    }
}
/*@end 2.3*/
