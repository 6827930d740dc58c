/*@answer
cause: SLEEPS INSTEAD OF WAITING
found: case loop
en: A millisecond of sleep in each round: less CPU, but the data that come
en: meanwhile have to wait, and so have the others. --sleep shows what it
en: costs; without it the loop must not sleep.
fr: Une milliseconde de sommeil à chaque tour : moins de CPU, mais les données
fr: qui arrivent pendant ce temps attendent, et les autres aussi. --sleep
fr: montre ce que cela coûte ; sans lui, la boucle ne doit pas dormir.
*/
/*@region 2.3*/
static void run(struct future *task, struct future *other, long sleep_ms)
{
    while (poll_task(task) == NOT_READY) {
        lesson_log("Schedule other tasks");
        other->poll(other);
        sleep_between_polls(sleep_ms > 0 ? sleep_ms : 1);
    }
}
/*@end 2.3*/
