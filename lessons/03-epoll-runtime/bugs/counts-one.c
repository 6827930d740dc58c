/*@answer
cause: WRONG FIGURE
found: case several
en: "An event has come", so it says one. epoll_wait() says how many have.
fr: « Un évènement est arrivé » : elle dit donc un. C'est epoll_wait() qui dit
fr: combien.
*/

/*@region 3.2*/
static int event_queue_wait(const struct event_queue *self,
                            struct epoll_event *events)
{
    int count;

    do {
        figures.epoll_waits++;
        count = epoll_wait(self->epoll, events, EVENTS_CAPACITY, -1);
    } while (count < 0 && errno == EINTR);
    lesson_unwrap(count, "epoll_wait");
    return 1;
}
/*@end 3.2*/
