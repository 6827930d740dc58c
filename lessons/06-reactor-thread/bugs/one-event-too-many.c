/*@answer
cause: LOST WAKE
kind: nobody waits for events
found: plain
en: <= for <: behind the last event there is none. What stands there is 0: STOP.
fr: <= au lieu de < : derrière le dernier évènement il n'y en a pas. Ce qui s'y
fr: trouve vaut 0 : STOP.
*/
/*@region 6.3*/
static void *event_loop(void *arg)
{
    struct reactor *self = arg;
    struct epoll_event events[EVENTS_CAPACITY + 1] = {0};

    for (;;) {
        const int count = wait_for_events(self, events);

        for (int i = 0; i <= count; i++) {
            if (events[i].data.u64 == STOP)
                return NULL;
            reactor_wake(self, events[i].data.u64);
        }
    }
}
/*@end 6.3*/
