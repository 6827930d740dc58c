/*@answer
cause: WRONG INTEREST
found: case full
en: Copied from send_all_poll(): waits until the socket can be written to.
fr: Copié de send_all_poll() : attend que l'on puisse écrire dans la socket.
*/

/*@region 7.3*/
static ssize_t read_some_poll(struct stream *self, struct rv_cx *cx,
                              char *buffer, size_t size)
{
    uint32_t tick;

    while (rv_source_ready(self->source, RV_WRITE, &cx->waker, &tick)) {
        const ssize_t n = recv(self->fd, buffer, size, 0);

        if (n >= 0)
            return n;
        if (errno == EAGAIN)
            rv_source_clear(self->source, RV_WRITE, tick);
        else if (errno != EINTR)
            return -errno;
    }
    return -EAGAIN;
}
/*@end 7.3*/
