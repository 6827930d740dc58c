/*@answer
cause: BUSY LOOP
kind: reads the end again
found: plain
en: Takes the end, 0 bytes, for "nothing yet". The end stays readable for
en: ever.
fr: Prend la fin, 0 octet, pour « rien encore ». La fin reste lisible pour
fr: toujours.
*/

/*@region 7.3*/
static ssize_t read_some_poll(struct stream *self, struct rv_cx *cx,
                              char *buffer, size_t size)
{
    uint32_t tick;

    while (rv_source_ready(self->source, RV_READ, &cx->waker, &tick)) {
        const ssize_t n = recv(self->fd, buffer, size, 0);

        if (n > 0)
            return n;
        if (n == 0 || errno == EAGAIN)
            rv_source_clear(self->source, RV_READ, tick);
        else if (errno != EINTR)
            return -errno;
    }
    return -EAGAIN;
}
/*@end 7.3*/
