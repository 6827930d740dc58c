/*@answer
cause: STARVATION
found: plain
en: "Schedule other tasks" is only printed. The clock is never polled, so it
en: never ticks.
fr: "Schedule other tasks" n'est qu'affiché. L'horloge n'est jamais sondée,
fr: donc elle ne bat jamais.
*/
/*@region 2.3*/
static void run(struct future *task, struct future *other, long sleep_ms)
{
    (void)other;
    while (poll_task(task) == NOT_READY) {
        lesson_log("Schedule other tasks");
        if (sleep_ms > 0)
            sleep_between_polls(sleep_ms);
    }
}
/*@end 2.3*/
