/*@answer
cause: ERROR LOST
found: case broken
en: Takes each error for EAGAIN. EPIPE stays: the other end is gone, and no
en: event will tell that there is room.
fr: Prend toute erreur pour EAGAIN. EPIPE reste : l'autre bout a disparu, et
fr: aucun évènement n'annoncera de la place.
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
        if (n < 0)
            rv_source_clear(self->source, RV_WRITE, tick);
        else
            *sent += (size_t)n;
    }
    return 0;
}
/*@end 7.2*/
