/*@answer
cause: SLEEPS INSTEAD OF WAITING
found: plain
en: A time-out of 1 ms "to be safe": epoll_wait gives up a thousand times in a
en: second, and each time the future is polled for nothing.
fr: Un délai de 1 ms « pour être sûr » : epoll_wait abandonne mille fois par
fr: seconde, et chaque fois la future est sondée pour rien.
*/
/*@region 3.2*/
static int event_queue_wait(const struct event_queue *self,
                            struct epoll_event *events)
{
    int count;

    do {
        figures.epoll_waits++;
        count = epoll_wait(self->epoll, events, EVENTS_CAPACITY, 1);
    } while (count < 0 && errno == EINTR);
    return lesson_unwrap(count, "epoll_wait");
}
/*@end 3.2*/
