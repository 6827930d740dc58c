/*@answer
cause: NEVER STOPS
found: plain
en: Looks up a waker for every token, and the token STOP has none.
fr: Cherche un waker pour chaque token, et le token STOP n'en a pas.
*/

/*@region 6.3*/
static void *event_loop(void *arg)
{
    struct reactor *self = arg;
    struct epoll_event events[EVENTS_CAPACITY];

    for (;;) {
        const int count = wait_for_events(self, events);

        for (int i = 0; i < count; i++)
            reactor_wake(self, events[i].data.u64);
    }
    return NULL;
}
/*@end 6.3*/
