/*@answer
cause: LOST WAKE
kind: nothing registered
found: plain
en: EAGAIN is passed on at once: rv_source_ready() had said true, so no waker
en: was left.
fr: EAGAIN est transmis aussitôt : rv_source_ready() avait dit true, donc
fr: aucun waker n'a été laissé.
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
            return -EAGAIN;
        else if (errno != EINTR)
            return -errno;
    }
    return 0;
}
/*@end 7.2*/
