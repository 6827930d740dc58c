/*@answer
cause: BUSY LOOP
found: figures
en: epoll_wait with a time-out of 0 does not wait: the reactor thread asks again
en: and again.
fr: epoll_wait avec un délai de 0 n'attend pas : le thread du réacteur redemande
fr: sans fin.
*/

/*@region 6.3*/
static void *event_loop(void *arg)
{
    struct reactor *self = arg;
    struct epoll_event events[EVENTS_CAPACITY];

    (void)wait_for_events;
    for (;;) {
        const int count = epoll_wait(self->epoll, events, EVENTS_CAPACITY, 0);

        for (int i = 0; i < count; i++) {
            if (events[i].data.u64 == STOP)
                return NULL;
            reactor_wake(self, events[i].data.u64);
        }
    }
}
/*@end 6.3*/
