/*@answer
en: After a short read on TCP the bucket is empty: rv_source_clear_short()
en: saves the read that would say EAGAIN.
fr: Après une lecture partielle sur TCP le seau est vide :
fr: rv_source_clear_short() épargne la lecture qui dirait EAGAIN.
*/

/*@region 7.3*/
static ssize_t read_some_poll(struct stream *self, struct rv_cx *cx,
                              char *buffer, size_t size)
{
    uint32_t tick;

    while (rv_source_ready(self->source, RV_READ, &cx->waker, &tick)) {
        const ssize_t n = recv(self->fd, buffer, size, 0);

        if (n > 0 && (size_t)n < size && self->port)
            rv_source_clear_short(self->source, RV_READ, tick);
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
