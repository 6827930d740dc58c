/*@answer
en: Registered after the first EAGAIN. No event is lost in between: when epoll
en: adds a socket it looks whether there are data already.
fr: Abonnée après le premier EAGAIN. Aucun évènement ne se perd entre les
fr: deux : quand epoll ajoute une socket, il regarde s'il y a déjà des
fr: données.
*/
/*@region 3.4*/
static enum poll_state http_get_poll(struct future *future)
{
    struct http_get_future *self = (struct http_get_future *)future;
    struct lesson_request *request = &self->request;
    bool first = request->stream < 0;
    ssize_t n;

    if (first) {
        lesson_log("First poll - start operation");
        future->error = lesson_write_request(request);
        if (future->error)
            return READY;
    }
    while ((n = lesson_read(request)) > 0)
        ;
    if (n != -EAGAIN) {
        close(request->stream);
        future->error = request->error;
        return READY;
    }
    lesson_log("Data not ready");
    if (first)
        registry_register(registry(), request->stream, 0, READABLE);
    return NOT_READY;
}
/*@end 3.4*/
