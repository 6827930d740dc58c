/*@answer
cause: INTERRUPTED
found: case interrupted
en: EINTR is taken for a failure, and the program gives up. A debugger, a
en: resized terminal or a stopped and continued program is enough for it.
fr: EINTR est pris pour un échec, et le programme renonce. Il suffit d'un
fr: débogueur, d'un terminal redimensionné, d'un programme suspendu puis
fr: repris.
*/
/*@region 3.2*/
static int event_queue_wait(const struct event_queue *self,
                            struct epoll_event *events)
{
    figures.epoll_waits++;
    return lesson_unwrap(epoll_wait(self->epoll, events, EVENTS_CAPACITY, -1),
                         "epoll_wait");
}
/*@end 3.2*/
