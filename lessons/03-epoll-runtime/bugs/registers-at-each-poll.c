/*@answer
cause: REGISTERED TWICE
found: plain
en: The registration stands outside of the first poll: the second poll adds
en: the same socket again, which epoll refuses with EEXIST.
fr: L'abonnement est hors du premier sondage : le deuxième ajoute la même
fr: socket encore une fois, ce qu'epoll refuse avec EEXIST.
*/
/*@region 3.4*/
static enum poll_state http_get_poll(struct future *future)
{
    struct http_get_future *self = (struct http_get_future *)future;
    struct lesson_request *request = &self->request;
    ssize_t n;

    if (request->stream < 0) {
        lesson_log("First poll - start operation");
        if (lesson_write_request(request) < 0) {
            future->error = request->error;
            return READY;
        }
    }
    registry_register(registry(), request->stream, 0, READABLE);
    do
        n = lesson_read(request);
    while (n > 0);
    if (n == -EAGAIN) {
        lesson_log("Data not ready");
        return NOT_READY;
    }
    close(request->stream);
    future->error = request->error;
    return READY;
}
/*@end 3.4*/
