/*@answer
en: write() in pieces of 3000 bytes, and the error of rv_source_clear() is
en: looked at.
fr: write() par morceaux de 3000 octets, et l'erreur de rv_source_clear() est
fr: regardée.
*/

/*@region 7.2*/
#include <signal.h>

static int send_all_poll(struct stream *self, struct rv_cx *cx,
                         const char *data, size_t length, size_t *sent)
{
    signal(SIGPIPE, SIG_IGN);
    for (;;) {
        const size_t left = length - *sent;
        uint32_t tick;
        ssize_t n;

        if (left == 0)
            return 0;
        if (!rv_source_ready(self->source, RV_WRITE, &cx->waker, &tick))
            return -EAGAIN;
        n = write(self->fd, &data[*sent], left > 3000 ? 3000 : left);
        if (n > 0) {
            *sent += (size_t)n;
            continue;
        }
        if (errno == EAGAIN || errno == EWOULDBLOCK) {
            const int error = rv_source_clear(self->source, RV_WRITE, tick);

            if (error)
                return error;
        } else if (errno != EINTR) {
            return -errno;
        }
    }
}
/*@end 7.2*/
