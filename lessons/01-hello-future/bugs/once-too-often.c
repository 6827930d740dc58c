/*@answer
cause: POLLED AFTER READY
found: case loop
en: The loop asks twice in each round: once for the condition and once for the
en: body. The second one may come after READY.
fr: La boucle demande deux fois à chaque tour : une fois pour la condition,
fr: une fois dans le corps. La seconde peut venir après READY.
*/
/*@region 1.3*/
static void run_to_end(struct future *task)
{
    while (poll_task(task) == NOT_READY) {
        lesson_log("Schedule other tasks");
        poll_task(task);
    }
}
/*@end 1.3*/
