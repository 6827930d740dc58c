/*@answer
cause: SLEEPS INSTEAD OF WAITING
found: figures
en: A time-out of a second "to be safe": no response takes so long, so nothing
en: is seen of it here. A quiet day has 86,400 wake-ups for nothing.
fr: Un délai d'une seconde « pour être sûr » : aucune réponse ne dure autant,
fr: on n'en voit donc rien ici. Un jour calme, ce sont 86 400 réveils pour rien.
*/
/*@region 3.2*/
static int event_queue_wait(const struct event_queue *self,
                            struct epoll_event *events)
{
    int count;

    do {
        figures.epoll_waits++;
        count = epoll_wait(self->epoll, events, EVENTS_CAPACITY, 1000);
    } while (count < 0 && errno == EINTR);
    return lesson_unwrap(count, "epoll_wait");
}
/*@end 3.2*/
