/*@answer
en: One read a poll: after each piece NOT_READY, even if more is there. The
en: next poll comes at once. FIONBIO makes a socket non-blocking just as well.
fr: Une lecture par sondage : NOT_READY après chaque morceau, même s'il y en a
fr: d'autres. Le sondage suivant vient tout de suite. FIONBIO rend aussi bien
fr: une socket non bloquante.
*/
/*@region 2.1*/
#include <sys/ioctl.h>

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
        ioctl(request->stream, FIONBIO, &(int){1});
    }
    n = lesson_read(request);
    if (n > 0 || n == -EAGAIN) {
        if (n < 0)
            lesson_log("Data not ready");
        return NOT_READY;
    }
    close(request->stream);
    future->error = request->error;
    return READY;
}
/*@end 2.1*/
