/*@answer
cause: NEVER YIELDED
found: plain
en: EAGAIN is not told to the source, which stays ready: the loop tries again
en: at once, for as long as the bucket is full.
fr: EAGAIN n'est pas signalé à la source, qui reste prête : la boucle réessaie
fr: aussitôt, tant que le seau est plein.
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
        n = send(self->fd, data + *sent, length - *sent, MSG_NOSIGNAL);
        if (n >= 0)
            *sent += (size_t)n;
        else if (errno == EAGAIN)
            continue;
        else if (errno != EINTR)
            return -errno;
    }
    return 0;
}
/*@end 7.2*/
