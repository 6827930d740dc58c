/*@answer
cause: SLEEPS INSTEAD OF WAITING
found: figures
en: Each event waits for the end of a nap.
fr: Chaque évènement attend la fin d'un somme.
*/
/*@region 6.3*/
static void *event_loop(void *arg)
{
    struct reactor *self = arg;
    struct epoll_event events[EVENTS_CAPACITY];

    for (;;) {
        usleep(10000);
        const int count = wait_for_events(self, events);

        for (int i = 0; i < count; i++) {
            if (events[i].data.u64 == STOP)
                return NULL;
            reactor_wake(self, events[i].data.u64);
        }
    }
}
/*@end 6.3*/
