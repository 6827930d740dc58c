/*@answer
cause: LOST WAKE
kind: cleared without EAGAIN
found: case messages
en: Clears first and sends then, so that no event is lost in between. After the
en: last send there is still room, and the source says that there is none.
fr: Efface d'abord et envoie ensuite, pour qu'aucun évènement ne se perde. Après
fr: le dernier envoi il reste de la place, et la source dit le contraire.
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
        rv_source_clear(self->source, RV_WRITE, tick);
        n = send(self->fd, data + *sent, length - *sent, MSG_NOSIGNAL);
        if (n >= 0)
            *sent += (size_t)n;
        else if (errno != EAGAIN && errno != EINTR)
            return -errno;
    }
    return 0;
}
/*@end 7.2*/
