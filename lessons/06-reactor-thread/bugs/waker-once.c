/*@answer
cause: WRONG OWNER
found: case hands
en: Leaves the waker at the first poll only. If the future moves to another
en: task, the reactor goes on waking the first one.
fr: Ne laisse le waker qu'au premier sondage. Si la future passe à une autre
fr: tâche, le réacteur continue de réveiller la première.
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
        reactor_set_waker(reactor(), waker, self->source_id);
        reactor_register(reactor(), request->stream, self->source_id);
    }
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
