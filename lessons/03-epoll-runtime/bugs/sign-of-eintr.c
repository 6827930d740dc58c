/*@answer
cause: INTERRUPTED
found: case interrupted
en: epoll_wait() is taken for a function that returns its errno with a minus,
en: as those of the lessons do. It returns -1, so the loop never waits on, and
en: -1 is given back as a number of events.
fr: epoll_wait() est prise pour une fonction qui renvoie son errno avec un
fr: moins, comme celles des leçons. Elle renvoie -1 : la boucle n'attend donc
fr: jamais de nouveau, et -1 est rendu comme un nombre d'évènements.
*/
/*@region 3.2*/
static int event_queue_wait(const struct event_queue *self,
                            struct epoll_event *events)
{
    int n;

    do {
        figures.epoll_waits++;
        n = epoll_wait(self->epoll, events, EVENTS_CAPACITY, -1);
    } while (n == -EINTR);
    return n;
}
/*@end 3.2*/
