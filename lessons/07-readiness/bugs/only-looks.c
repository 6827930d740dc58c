/*@answer
cause: NOT TAKEN
found: plain
en: MSG_PEEK: the bytes stay in the socket, and the next read brings the same
en: ones again.
fr: MSG_PEEK : les octets restent dans la socket, et la lecture suivante rend
fr: encore les mêmes.
*/

/*@region 7.3*/
static ssize_t read_some_poll(struct stream *self, struct rv_cx *cx,
                              char *buffer, size_t size)
{
    uint32_t tick;

    while (rv_source_ready(self->source, RV_READ, &cx->waker, &tick)) {
        const ssize_t n = recv(self->fd, buffer, size, MSG_PEEK);

        if (n >= 0)
            return n;
        if (errno == EAGAIN)
            rv_source_clear(self->source, RV_READ, tick);
        else if (errno != EINTR)
            return -errno;
    }
    return -EAGAIN;
}
/*@end 7.3*/
