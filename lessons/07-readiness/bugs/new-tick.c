/*@answer
cause: LOST WAKE
kind: event thrown away
found: sweep
en: Takes the newest tick to clear with. An event that came after the EAGAIN
en: is cleared with it.
fr: Prend le tick le plus récent pour effacer. Un évènement venu après EAGAIN
fr: est effacé avec.
*/

/*@region 7.3*/
static ssize_t read_some_poll(struct stream *self, struct rv_cx *cx,
                              char *buffer, size_t size)
{
    uint32_t tick;

    while (rv_source_ready(self->source, RV_READ, &cx->waker, &tick)) {
        const ssize_t n = recv(self->fd, buffer, size, 0);

        if (n >= 0)
            return n;
        if (errno != EAGAIN && errno != EINTR)
            return -errno;
        rv_source_peek(self->source, RV_READ, &tick);
        rv_source_clear(self->source, RV_READ, tick);
    }
    return -EAGAIN;
}
/*@end 7.3*/
