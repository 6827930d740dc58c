/*@answer
cause: NEVER YIELDED
found: figures
en: Reads until the response is there: the future never says NOT_READY, and no
en: other task gets a turn.
fr: Lit jusqu'à ce que la réponse soit là : la future ne dit jamais NOT_READY,
fr: et aucune autre tâche n'a son tour.
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
        future->error = lesson_write_request(request);
        if (future->error)
            return READY;
        reactor_register(reactor(), request->stream, self->source_id);
    }
    /* Before the read: an event after EAGAIN must find the waker. */
    reactor_set_waker(reactor(), waker, self->source_id);
    do
        n = lesson_read(request);
    while (n > 0 || n == -EAGAIN);
    reactor_deregister(reactor(), request->stream, self->source_id);
    future->error = (int)n;
    close(request->stream);
    return READY;
}
/*@end 6.4*/
