/*@answer
cause: NEVER STOPS
kind: sleeps after READY
found: case at_once
en: The first poll stands before the loop, and nobody looks at what it said. A
en: future that is READY at once is waited for all the same.
fr: Le premier sondage est avant la boucle, et personne ne regarde ce qu'il a
fr: répondu. Une future READY tout de suite est attendue quand même.
*/
/*@region 3.3*/
static void block_on(const struct runtime *self, struct future *future)
{
    struct epoll_event events[EVENTS_CAPACITY];
    int n;

    poll_task(future);
    while (1) {
        lesson_log("Schedule other tasks");
        n = event_queue_wait(&self->queue, events);
        for (int i = 0; i < n; i++)
            if (poll_task(future) == READY)
                return;
    }
}
/*@end 3.3*/
