/*@answer
cause: LOST WAKE
kind: event before the waker
found: sweep
en: Asks for the waker only when it is needed: after EAGAIN. If the response
en: comes between the two, the reactor finds no waker, and this event does not
en: come again.
fr: Ne laisse le waker que s'il le faut : après EAGAIN. Si la réponse arrive
fr: entre les deux, le réacteur ne trouve pas de waker, et cet évènement ne
fr: revient pas.
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
    do
        n = lesson_read(request);
    while (n > 0);
    if (n == -EAGAIN) {
        lesson_log("Data not ready");
        reactor_set_waker(reactor(), waker, self->source_id);
        return NOT_READY;
    }
    reactor_deregister(reactor(), request->stream, self->source_id);
    future->error = (int)n;
    close(request->stream);
    return READY;
}
/*@end 6.4*/
