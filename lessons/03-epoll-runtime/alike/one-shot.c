/*@answer
en: EPOLLONESHOT: one event, then silence until the next poll asks for the
en: next one with EPOLL_CTL_MOD. One read a poll, for what is left is told
en: again.
fr: EPOLLONESHOT : un évènement, puis le silence jusqu'à ce que le sondage
fr: suivant demande le prochain avec EPOLL_CTL_MOD. Une lecture par sondage,
fr: car ce qui reste est annoncé de nouveau.
*/
/*@region 3.1*/
static void arm(const struct registry *self, int stream, uint64_t token,
                enum interest interest, int operation)
{
    struct epoll_event event = {.events = (uint32_t)interest | EPOLLONESHOT,
                                .data.u64 = token};

    lesson_unwrap(epoll_ctl(self->epoll, operation, stream, &event), "epoll");
}

static void registry_register(const struct registry *self, int stream,
                              uint64_t token, enum interest interest)
{
    arm(self, stream, token, interest, EPOLL_CTL_ADD);
}
/*@end 3.1*/
/*@region 3.3*/
static void block_on(const struct runtime *self, struct future *future)
{
    struct epoll_event events[EVENTS_CAPACITY];

    for (;;) {
        if (poll_task(future) == READY)
            return;
        lesson_log("Schedule other tasks");
        event_queue_wait(&self->queue, events);
    }
}
/*@end 3.3*/
/*@region 3.4*/
static enum poll_state http_get_poll(struct future *future)
{
    struct http_get_future *self = (struct http_get_future *)future;
    struct lesson_request *request = &self->request;
    ssize_t n;

    if (request->stream < 0) {
        lesson_log("First poll - start operation");
        if (lesson_write_request(request) < 0) {
            future->error = request->error;
            return READY;
        }
        registry_register(registry(), request->stream, 0, READABLE);
    }
    n = lesson_read(request);
    if (n == -EAGAIN)
        lesson_log("Data not ready");
    if (n > 0 || n == -EAGAIN) {
        arm(registry(), request->stream, 0, READABLE, EPOLL_CTL_MOD);
        return NOT_READY;
    }
    close(request->stream);
    future->error = request->error;
    return READY;
}
/*@end 3.4*/
