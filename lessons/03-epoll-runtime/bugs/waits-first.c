/*@answer
cause: LOST WAKE
kind: before the first poll
found: plain
en: The loop waits before it polls. Only a poll registers the socket.
fr: La boucle attend avant de sonder. Seul un sondage abonne la socket.
*/

/*@region 3.3*/
static void block_on(const struct runtime *self, struct future *future)
{
    struct epoll_event events[EVENTS_CAPACITY];

    do {
        lesson_log("Schedule other tasks");
        event_queue_wait(&self->queue, events);
    } while (poll_task(future) == NOT_READY);
}
/*@end 3.3*/
