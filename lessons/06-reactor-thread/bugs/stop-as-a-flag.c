/*@answer
cause: LOST WAKE
kind: nobody waits for events
found: plain
en: Takes `stop` for a flag. It is a descriptor, never 0: the loop ends before
en: its first wait.
fr: Prend `stop` pour un drapeau. C'est un descripteur, jamais 0 : la boucle
fr: finit avant sa première attente.
*/

/*@region 6.3*/
static void *event_loop(void *arg)
{
    struct reactor *self = arg;
    struct epoll_event events[EVENTS_CAPACITY];

    while (!self->stop) {
        const int count = wait_for_events(self, events);

        for (int i = 0; i < count; i++)
            reactor_wake(self, events[i].data.u64);
    }
    return NULL;
}
/*@end 6.3*/
