/*@answer
cause: BUSY LOOP
found: case quiet
en: Does not sleep: "the next task comes soon". A processor is busy with
en: looking into empty deques.
fr: Ne dort pas : « la prochaine tâche vient bientôt ». Un processeur est
fr: occupé à regarder dans des deques vides.
*/
/*@region 17.3*/
static void worker_sleep(void)
{
    (void)is_any_task;
    sched_yield();
}
/*@end 17.3*/
