/*@answer
en: No waker and no registration while nobody waits: both are made after each
en: EAGAIN, the waker first, and removed by the next poll.
fr: Ni waker ni abonnement tant que personne n'attend : les deux se font après
fr: chaque EAGAIN, le waker d'abord, et le sondage suivant les retire.
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
    } else {
        reactor_deregister(reactor(), request->stream, self->source_id);
    }
    do
        n = lesson_read(request);
    while (n > 0);
    if (n == -EAGAIN) {
        lesson_log("Data not ready");
        reactor_set_waker(reactor(), waker, self->source_id);
        reactor_register(reactor(), request->stream, self->source_id);
        return NOT_READY;
    }
    future->error = (int)n;
    close(request->stream);
    return READY;
}
/*@end 6.4*/
