/*@answer
cause: NEVER READY
found: case get
en: = for ==: the GET waits for ever for what it has read already.
fr: = au lieu de == : le GET attend sans fin ce qu'il a déjà lu.
*/
/*@region 2.1*/
static enum poll_state http_get_poll(struct future *future)
{
    struct http_get_future *self = (struct http_get_future *)future;
    struct lesson_request *request = &self->request;
    ssize_t n = 0;

    if (request->stream < 0) {
        lesson_log("First poll - start operation");
        if (lesson_send_request(request) < 0) {
            future->error = request->error;
            return READY;
        }
        fcntl(request->stream, F_SETFL, O_NONBLOCK);
    }
    do
        n = lesson_read(request);
    while (n > 0);
    if (n = -EAGAIN) {
        lesson_log("Data not ready");
        return NOT_READY;
    }
    close(request->stream);
    future->error = request->error;
    return READY;
}
/*@end 2.1*/
