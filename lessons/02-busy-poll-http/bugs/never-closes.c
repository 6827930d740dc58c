/*@answer
cause: LEFT OPEN
found: case get
en: The response is whole, and its socket stays open.
fr: La réponse est entière, et sa socket reste ouverte.
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
    if (n == -EAGAIN) {
        lesson_log("Data not ready");
        return NOT_READY;
    }
    future->error = request->error;
    return READY;
}
/*@end 2.1*/
