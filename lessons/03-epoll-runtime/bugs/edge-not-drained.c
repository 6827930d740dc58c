/*@answer
cause: NOT DRAINED
found: case pieces
en: Edge-triggered, and one read a poll: what is left in the socket is
en: announced by no further event.
fr: Sur front, et une seule lecture par sondage : ce qui reste dans la socket
fr: n'est annoncé par aucun autre évènement.
*/
/*@region 3.1*/
static void registry_register(const struct registry *self, int stream,
                              uint64_t token, enum interest interest)
{
    struct epoll_event event = {.events = (uint32_t)interest | EPOLLET,
                                .data.u64 = token};

    lesson_unwrap(epoll_ctl(self->epoll, EPOLL_CTL_ADD, stream, &event),
                  "register");
}
/*@end 3.1*/
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
        registry_register(registry(), request->stream, 0, READABLE);
    }
    n = lesson_read(request);
    if (n == -EAGAIN)
        lesson_log("Data not ready");
    if (n > 0 || n == -EAGAIN)
        return NOT_READY;
    close(request->stream);
    future->error = request->error;
    return READY;
}
/*@end 3.4*/
