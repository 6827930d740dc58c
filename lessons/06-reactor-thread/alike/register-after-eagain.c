/*@answer
en: Registers after the first EAGAIN. EPOLL_CTL_ADD looks at the socket when it
en: adds it, so bytes that came before it are an event too; the waker is left
en: before.
fr: Abonne la socket après le premier EAGAIN. EPOLL_CTL_ADD regarde la socket au
fr: moment de l'ajout : des octets déjà là font donc aussi un évènement ; le
fr: waker est laissé avant.
*/

/*@region 6.4*/
static enum poll_state http_get_poll(struct future *future,
                                     const struct waker *waker)
{
    struct http_get_future *self = (struct http_get_future *)future;
    struct lesson_request *request = &self->request;
    bool first = false;
    ssize_t n;

    if (request->stream < 0) {
        lesson_log("First poll - start operation");
        future->error = lesson_write_request(request);
        if (future->error)
            return READY;
        first = true;
    }
    /* Before the read: an event after EAGAIN must find the waker. */
    reactor_set_waker(reactor(), waker, self->source_id);
    do
        n = lesson_read(request);
    while (n > 0);
    if (n == -EAGAIN) {
        lesson_log("Data not ready");
        if (first)
            reactor_register(reactor(), request->stream, self->source_id);
        return NOT_READY;
    }
    reactor_deregister(reactor(), request->stream, self->source_id);
    future->error = (int)n;
    close(request->stream);
    return READY;
}
/*@end 6.4*/
