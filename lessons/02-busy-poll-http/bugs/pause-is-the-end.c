/*@answer
cause: TRUNCATED
found: case pieces
en: One read a poll, and a read that finds nothing once bytes have come is taken
en: for the end. The end is 0; -EAGAIN says "not yet" however much has come.
fr: Une lecture par sondage, et une lecture qui ne trouve rien alors que des
fr: octets sont déjà venus est prise pour la fin. La fin, c'est 0 ; -EAGAIN dit
fr: « pas encore », quel que soit le nombre d'octets déjà lus.
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
    n = lesson_read(request);
    if (n > 0)
        return NOT_READY;
    if (n == -EAGAIN && request->length == 0) {
        lesson_log("Data not ready");
        return NOT_READY;
    }
    close(request->stream);
    future->error = n == -EAGAIN ? 0 : request->error;
    return READY;
}
/*@end 2.1*/
