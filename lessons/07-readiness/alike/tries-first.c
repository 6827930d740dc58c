/*@answer
en: Tries the call first, and asks the reactor only after an EAGAIN.
fr: Essaie d'abord l'appel, et n'interroge le réacteur qu'après un EAGAIN.
*/

/*@region 7.2*/
static int send_all_poll(struct stream *self, struct rv_cx *cx,
                         const char *data, size_t length, size_t *sent)
{
    while (*sent < length) {
        uint32_t tick;

        rv_source_peek(self->source, RV_WRITE, &tick);
        const ssize_t n =
            send(self->fd, &data[*sent], length - *sent, MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno != EAGAIN)
            return -errno;
        if (n >= 0) {
            *sent += (size_t)n;
            continue;
        }
        rv_source_clear(self->source, RV_WRITE, tick);
        if (!rv_source_ready(self->source, RV_WRITE, &cx->waker, &tick))
            return -EAGAIN;
    }
    return 0;
}
/*@end 7.2*/

/*@region 7.3*/
static ssize_t read_some_poll(struct stream *self, struct rv_cx *cx,
                              char *buffer, size_t size)
{
    for (;;) {
        uint32_t tick;

        rv_source_peek(self->source, RV_READ, &tick);
        const ssize_t n = recv(self->fd, buffer, size, MSG_DONTWAIT);
        if (n >= 0)
            return n;
        if (errno == EINTR)
            continue;
        if (errno != EAGAIN)
            return -errno;
        rv_source_clear(self->source, RV_READ, tick);
        if (!rv_source_ready(self->source, RV_READ, &cx->waker, &tick))
            return -EAGAIN;
    }
}
/*@end 7.3*/
