/*@answer
en: Level-triggered, and one read a poll: what is left in the socket is an
en: event again at once. More polls, and right. A signal counts as no event:
en: the future is polled once for nothing, which is harmless.
fr: Sur niveau, et une lecture par sondage : ce qui reste dans la socket est
fr: aussitôt un évènement. Plus de sondages, et c'est juste. Un signal compte
fr: comme zéro évènement : un sondage pour rien, sans dommage.
*/
/*@region 3.2*/
static int event_queue_wait(const struct event_queue *self,
                            struct epoll_event *events)
{
    int count;

    figures.epoll_waits++;
    count = epoll_wait(self->epoll, events, EVENTS_CAPACITY, -1);
    if (count < 0 && errno == EINTR)
        return 0;
    return lesson_unwrap(count, "epoll_wait");
}
/*@end 3.2*/
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
    if (n > 0)
        return NOT_READY;
    if (n == -EAGAIN) {
        lesson_log("Data not ready");
        return NOT_READY;
    }
    close(request->stream);
    future->error = request->error;
    return READY;
}
/*@end 3.4*/
