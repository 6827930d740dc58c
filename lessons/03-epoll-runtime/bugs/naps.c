/*@answer
cause: SLEEPS INSTEAD OF WAITING
found: plain
en: A nap of a millisecond in place of epoll_wait: it looks cheap, and it
en: wakes up a thousand times in a second, for two events.
fr: Un somme d'une milliseconde à la place d'epoll_wait : cela paraît bon
fr: marché, mais il se réveille mille fois par seconde, pour deux évènements.
*/
/*@region 3.2*/
static int event_queue_wait(const struct event_queue *self,
                            struct epoll_event *events)
{
    (void)self;
    (void)events;
    usleep(1000);
    return 0;
}
/*@end 3.2*/
