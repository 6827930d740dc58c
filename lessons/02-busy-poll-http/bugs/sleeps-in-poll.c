/*@answer
cause: SLEEPS IN POLL
found: plain
en: When there are no data it sleeps a guessed time, inside the poll, in the
en: hope that they come. It sleeps too long, and all others sleep with it.
fr: Quand il n'y a pas de données, il dort un temps deviné, dans le sondage,
fr: en espérant qu'elles viennent. Il dort trop, et les autres dorment avec
fr: lui.
*/
/*@region 2.1*/
static enum poll_state http_get_poll(struct future *future)
{
    struct http_get_future *self = (struct http_get_future *)future;
    struct lesson_request *request = &self->request;
    ssize_t n;

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
        usleep(600 * 1000);
        return NOT_READY;
    }
    close(request->stream);
    future->error = request->error;
    return READY;
}
/*@end 2.1*/
