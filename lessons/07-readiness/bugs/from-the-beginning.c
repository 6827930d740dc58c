/*@answer
cause: TOO MUCH WRITTEN
found: plain
en: After a short send it begins again with the first byte.
fr: Après un envoi partiel, on recommence au premier octet.
*/

/*@region 7.2*/
static int send_all_poll(struct stream *self, struct rv_cx *cx,
                         const char *data, size_t length, size_t *sent)
{
    uint32_t tick;

    while (*sent < length) {
        ssize_t n;

        if (!rv_source_ready(self->source, RV_WRITE, &cx->waker, &tick))
            return -EAGAIN;
        n = send(self->fd, data, length, MSG_NOSIGNAL);
        if (n >= 0)
            *sent = (size_t)n == length ? length : 0;
        else if (errno == EAGAIN)
            rv_source_clear(self->source, RV_WRITE, tick);
        else if (errno != EINTR)
            return -errno;
    }
    return 0;
}
/*@end 7.2*/
