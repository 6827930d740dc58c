/*@answer
cause: BLOCKS THE OTHERS
found: plain
en: Waits inside with poll(2): no CPU is used, all the bytes arrive, and every
en: other task of this thread stands still.
fr: Attend à l'intérieur avec poll(2) : pas de CPU, tous les octets arrivent,
fr: et toutes les autres tâches de ce thread sont arrêtées.
*/

/*@region 7.2*/
#include <poll.h>

static int send_all_poll(struct stream *self, struct rv_cx *cx,
                         const char *data, size_t length, size_t *sent)
{
    uint32_t tick;

    while (*sent < length) {
        ssize_t n;

        if (!rv_source_ready(self->source, RV_WRITE, &cx->waker, &tick))
            return -EAGAIN;
        n = send(self->fd, data + *sent, length - *sent, MSG_NOSIGNAL);
        if (n >= 0)
            *sent += (size_t)n;
        else if (errno == EAGAIN)
            poll(&(struct pollfd){self->fd, POLLOUT, 0}, 1, -1);
        else if (errno != EINTR)
            return -errno;
    }
    return 0;
}
/*@end 7.2*/
