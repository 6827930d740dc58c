/*@answer
en: One send a poll; it wakes itself to go on. Fair to the others, at the
en: price of more polls.
fr: Un envoi par sondage ; elle se réveille elle-même pour continuer.
fr: Équitable pour les autres, au prix de plus de sondages.
*/

/*@region 7.2*/
static int send_all_poll(struct stream *self, struct rv_cx *cx,
                         const char *data, size_t length, size_t *sent)
{
    uint32_t tick;
    ssize_t n;

    if (*sent == length)
        return 0;
    if (!rv_source_ready(self->source, RV_WRITE, &cx->waker, &tick))
        return -EAGAIN;
    n = send(self->fd, data + *sent, length - *sent, MSG_NOSIGNAL);
    if (n < 0 && errno != EAGAIN && errno != EINTR)
        return -errno;
    if (n < 0 && errno == EAGAIN)
        rv_source_clear(self->source, RV_WRITE, tick);
    *sent += n > 0 ? (size_t)n : 0;
    rv_waker_wake(&cx->waker); /* the others first, then go on */
    return *sent == length ? 0 : -EAGAIN;
}
/*@end 7.2*/
