/*@answer
cause: FORGOTTEN TASK
kind: READY before its answer
found: plain
todo: 2.1
en: lesson_read() returns -EAGAIN: compared with EAGAIN, "not yet" is the end.
fr: lesson_read() renvoie -EAGAIN : comparé à EAGAIN, « pas encore » est la
fr: fin.
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
    if (n == EAGAIN) {
        lesson_log("Data not ready");
        return NOT_READY;
    }
    close(request->stream);
    future->error = request->error;
    return READY;
}
/*@end 2.1*/
