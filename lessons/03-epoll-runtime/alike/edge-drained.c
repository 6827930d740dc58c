/*@answer
en: Edge-triggered, and each poll reads until EAGAIN or the end: as right as
en: level-triggered. EPOLLRDHUP may be missing, too.
fr: Sur front, et chaque sondage lit jusqu'à EAGAIN ou la fin : aussi juste
fr: que sur niveau. EPOLLRDHUP peut manquer aussi.
*/
/*@region 3.1*/
static void registry_register(const struct registry *self, int stream,
                              uint64_t token, enum interest interest)
{
    struct epoll_event event;

    memset(&event, 0, sizeof event);
    event.events = (interest & EPOLLIN) | EPOLLET;
    event.data.u64 = token;
    if (epoll_ctl(self->epoll, EPOLL_CTL_ADD, stream, &event) == -1) {
        perror("epoll_ctl");
        exit(1);
    }
}
/*@end 3.1*/
/*@region 3.2*/
static int event_queue_wait(const struct event_queue *self,
                            struct epoll_event *events)
{
    for (;;) {
        figures.epoll_waits++;
        const int count = epoll_wait(self->epoll, events, 1, -1);

        if (count >= 0)
            return count;
        if (errno != EINTR)
            return lesson_unwrap(-1, "epoll_wait");
    }
}
/*@end 3.2*/
