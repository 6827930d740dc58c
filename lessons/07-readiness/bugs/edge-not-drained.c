/*@answer
cause: NOT DRAINED
found: plain
en: Clears the readiness after each read: as if one event stood for one read.
en: What is left in the bucket is announced by nobody.
fr: Efface l'état « prêt » après chaque lecture, comme si un évènement valait
fr: une lecture. Ce qui reste dans le seau, personne ne l'annonce.
*/

/*@region 7.3*/
static ssize_t read_some_poll(struct stream *self, struct rv_cx *cx,
                              char *buffer, size_t size)
{
    uint32_t tick;

    while (rv_source_ready(self->source, RV_READ, &cx->waker, &tick)) {
        const ssize_t n = recv(self->fd, buffer, size, 0);

        rv_source_clear(self->source, RV_READ, tick);
        if (n >= 0)
            return n;
        if (errno != EAGAIN && errno != EINTR)
            return -errno;
    }
    return -EAGAIN;
}
/*@end 7.3*/
