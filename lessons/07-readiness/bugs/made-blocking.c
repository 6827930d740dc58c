/*@answer
cause: BLOCKS THE OTHERS
found: plain
en: Takes O_NONBLOCK away, so that send() takes everything in one go.
fr: Ôte O_NONBLOCK, pour que send() prenne tout d'un coup.
*/

/*@region 7.2*/
static int send_all_poll(struct stream *self, struct rv_cx *cx,
                         const char *data, size_t length, size_t *sent)
{
    uint32_t tick;

    fcntl(self->fd, F_SETFL, 0);
    while (*sent < length) {
        ssize_t n;

        if (!rv_source_ready(self->source, RV_WRITE, &cx->waker, &tick))
            return -EAGAIN;
        n = send(self->fd, data + *sent, length - *sent, MSG_NOSIGNAL);
        if (n >= 0)
            *sent += (size_t)n;
        else if (errno == EAGAIN)
            rv_source_clear(self->source, RV_WRITE, tick);
        else if (errno != EINTR)
            return -errno;
    }
    return 0;
}
/*@end 7.2*/
