/*@answer
cause: WRONG TEXT
found: case short
en: Counts what was sent, but sends the begin of the data each time. With a
en: body of equal bytes nobody sees it.
fr: Compte ce qui est parti, mais envoie chaque fois le début des données.
fr: Avec un corps d'octets égaux, personne ne le voit.
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
        n = send(self->fd, data, length - *sent, MSG_NOSIGNAL);
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
