/*@answer
cause: WRONG OWNER
found: case eight
en: One source id for all sockets. With one GET at a time nobody notices.
fr: Un seul numéro de source pour toutes les sockets. Avec un GET à la fois,
fr: cela ne se voit pas.
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
        reactor_register(reactor(), request->stream, 1);
    }
    /* Before the read: an event after EAGAIN must find the waker. */
    reactor_set_waker(reactor(), waker, 1);
    do
        n = lesson_read(request);
    while (n > 0);
    if (n == -EAGAIN) {
        lesson_log("Data not ready");
        return NOT_READY;
    }
    reactor_deregister(reactor(), request->stream, 1);
    future->error = (int)n;
    close(request->stream);
    return READY;
}
/*@end 6.4*/
