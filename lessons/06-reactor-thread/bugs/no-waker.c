/*@answer
cause: LOST WAKE
kind: nothing registered
found: plain
en: Registers the socket and leaves no waker: the event comes, and the reactor
en: does not know whom to wake.
fr: Abonne la socket sans laisser de waker : l'évènement arrive, et le réacteur
fr: ne sait pas qui réveiller.
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
    (void)waker;
    (void)reactor_set_waker;
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
