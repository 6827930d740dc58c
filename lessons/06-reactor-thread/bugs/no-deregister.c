/*@answer
cause: LEAKED REGISTRATION
found: case leak
en: "close() takes it out of epoll anyway." It does; but the waker stays in the
en: reactor's table for ever.
fr: « close() le retire d'epoll de toute façon. » Oui ; mais le waker reste pour
fr: toujours dans la table du réacteur.
*/

/*@region 6.4*/
static enum poll_state http_get_poll(struct future *future,
                                     const struct waker *waker)
{
    struct http_get_future *self = (struct http_get_future *)future;
    struct lesson_request *request = &self->request;
    ssize_t n;

    (void)reactor_deregister;
    if (request->stream < 0) {
        lesson_log("First poll - start operation");
        future->error = lesson_write_request(request);
        if (future->error)
            return READY;
        reactor_register(reactor(), request->stream, self->source_id);
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
    future->error = (int)n;
    close(request->stream);
    return READY;
}
/*@end 6.4*/
