/*@answer
cause: NEVER YIELDED
found: plain
en: The loop over EAGAIN is inside the poll. The socket does not block, but
en: the poll does: it comes back only when the response is there.
fr: La boucle sur EAGAIN est dans le sondage. La socket ne bloque pas, mais le
fr: sondage, si : il ne revient que lorsque la réponse est là.
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
    do {
        n = lesson_read(request);
        if (n == -EAGAIN)
            lesson_log("Data not ready");
    } while (n > 0 || n == -EAGAIN);
    close(request->stream);
    future->error = request->error;
    return READY;
}
/*@end 2.1*/
