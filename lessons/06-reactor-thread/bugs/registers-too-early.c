/*@answer
cause: ENDED EARLY
found: plain
todo: 6.4
en: There is no socket yet: -1 is registered.
fr: Il n'y a pas encore de socket : c'est -1 qui est abonné.
*/
/*@region 6.4*/
static enum poll_state http_get_poll(struct future *future,
                                     const struct waker *waker)
{
    struct http_get_future *self = (struct http_get_future *)future;
    struct lesson_request *request = &self->request;
    ssize_t n;

    if (request->stream < 0) {
        lesson_log("First poll - start operation");
        reactor_register(reactor(), request->stream, self->source_id);
        future->error = lesson_write_request(request);
        if (future->error)
            return READY;
    }
    /* Before the read: an event after EAGAIN must find the waker. */
    reactor_set_waker(reactor(), waker, self->source_id);
    do
        n = lesson_read(request);
    while (n > 0);
    if (n == -EAGAIN) {
        lesson_log("Data not ready");
        return NOT_READY;
    }
    reactor_deregister(reactor(), request->stream, self->source_id);
    future->error = (int)n;
    close(request->stream);
    return READY;
}
/*@end 6.4*/
