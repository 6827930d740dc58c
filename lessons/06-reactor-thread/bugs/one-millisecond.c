/*@answer
cause: SLEEPS INSTEAD OF WAITING
found: figures
en: A time-out of a millisecond "to be on the safe side": a thousand system
en: calls a second, and nothing that could be missed without it.
fr: Un délai d'une milliseconde « par sécurité » : mille appels système par
fr: seconde, et rien qui serait manqué sans lui.
*/

/*@region 6.3*/
static void *event_loop(void *arg)
{
    struct reactor *self = arg;
    struct epoll_event events[EVENTS_CAPACITY];

    (void)wait_for_events;
    for (;;) {
        const int count = epoll_wait(self->epoll, events, EVENTS_CAPACITY, 1);

        for (int i = 0; i < count; i++) {
            if (events[i].data.u64 == STOP)
                return NULL;
            reactor_wake(self, events[i].data.u64);
        }
    }
}
/*@end 6.3*/
