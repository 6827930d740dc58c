/*@answer
cause: SLEEPS IN POLL
found: plain
en: Sleeps a millisecond and tries again, instead of telling the reactor.
fr: Dort une milliseconde et réessaie, au lieu de passer par le réacteur.
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
        if (errno == EAGAIN)
            usleep(1000);
        else if (errno != EINTR)
            return -errno;
    }
    return -EAGAIN;
}
/*@end 7.3*/
