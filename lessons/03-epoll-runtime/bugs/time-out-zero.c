/*@answer
cause: BUSY LOOP
kind: in epoll_wait
found: plain
en: The time-out is 0: epoll_wait looks and comes back at once. That is lesson
en: 02 with a system call more in each round.
fr: Le délai est 0 : epoll_wait regarde et revient aussitôt. C'est la leçon
fr: 02, avec un appel système de plus à chaque tour.
*/
/*@region 3.2*/
static int event_queue_wait(const struct event_queue *self,
                            struct epoll_event *events)
{
    int count;

    do {
        figures.epoll_waits++;
        count = epoll_wait(self->epoll, events, EVENTS_CAPACITY, 0);
    } while (count < 0 && errno == EINTR);
    return lesson_unwrap(count, "epoll_wait");
}
/*@end 3.2*/
