/*@answer
cause: ERROR LOST
found: case refused
en: Writable is taken for connected. A refused connection can be written to as
en: well: the write fails.
fr: Pouvoir écrire est pris pour être connecté. On peut écrire aussi dans une
fr: connexion refusée : l'écriture échoue.
*/

/*@region 7.1*/
static int connect_poll(struct stream *self, struct rv_cx *cx)
{
    uint32_t tick;

    if (!self->source) {
        const int error = stream_start_connect(self);

        if (error && error != -EINPROGRESS)
            return error;
        stream_register(self);
    }
    if (!rv_source_ready(self->source, RV_WRITE, &cx->waker, &tick))
        return -EAGAIN;
    return 0;
}
/*@end 7.1*/
