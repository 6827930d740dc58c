/*@answer
cause: TRUNCATED
found: plain
en: Whoever calls send() takes it that all is sent. The kernel took what there
en: was room for.
fr: On croit qu'après send() tout est envoyé. Le noyau a pris ce pour quoi il
fr: y avait de la place.
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
            *sent = length;
        else if (errno == EAGAIN)
            rv_source_clear(self->source, RV_WRITE, tick);
        else if (errno != EINTR)
            return -errno;
    }
    return 0;
}
/*@end 7.2*/
