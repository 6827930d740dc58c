/*@answer
cause: LOST WAKE
kind: event not passed on
found: case burst
en: Takes one event of each epoll_wait(). Edge-triggered, the others do not come
en: again.
fr: Ne prend qu'un évènement par epoll_wait(). Sur front, les autres ne
fr: reviennent pas.
*/

/*@region 6.3*/
static void *event_loop(void *arg)
{
    struct reactor *self = arg;
    struct epoll_event events[EVENTS_CAPACITY];

    for (;;) {
        wait_for_events(self, events);
        if (events[0].data.u64 == STOP)
            return NULL;
        reactor_wake(self, events[0].data.u64);
    }
}
/*@end 6.3*/
