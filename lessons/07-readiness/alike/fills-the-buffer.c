/*@answer
en: Reads until the buffer is full or nothing more comes. What was ready
en: before stays ready.
fr: Lit jusqu'à ce que le tampon soit plein ou que plus rien ne vienne. Ce qui
fr: était prêt le reste.
*/

/*@region 7.3*/
static ssize_t read_some_poll(struct stream *self, struct rv_cx *cx,
                              char *buffer, size_t size)
{
    size_t got = 0;
    uint32_t tick;

    while (got < size) {
        ssize_t n;

        if (!rv_source_ready(self->source, RV_READ, &cx->waker, &tick))
            break;
        n = read(self->fd, buffer + got, size - got);
        if (n == 0)
            return (ssize_t)got; /* the end, if there was nothing before it */
        if (n > 0)
            got += (size_t)n;
        else if (errno == EAGAIN)
            rv_source_clear(self->source, RV_READ, tick);
        else if (errno != EINTR)
            return -errno;
    }
    return got > 0 ? (ssize_t)got : -EAGAIN;
}
/*@end 7.3*/
