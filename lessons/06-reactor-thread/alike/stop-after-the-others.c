/*@answer
en: Another order: all events of a round first, then the end if STOP was one of
en: them; it waits for 16 events at a time.
fr: Un autre ordre : d'abord tous les évènements d'un tour, puis la fin si STOP
fr: en était ; et seulement 16 évènements à la fois.
*/

/*@region 6.3*/
static void *event_loop(void *arg)
{
    struct reactor *self = arg;
    bool stop = false;

    (void)wait_for_events;
    while (!stop) {
        struct epoll_event events[16];
        const int count = epoll_wait(self->epoll, events, 16, -1);

        for (int i = 0; i < count; i++) {
            const size_t token = events[i].data.u64;

            if (token == STOP)
                stop = true;
            else
                reactor_wake(self, token);
        }
    }
    return NULL;
}
/*@end 6.3*/
