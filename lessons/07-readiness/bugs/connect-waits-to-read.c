/*@answer
cause: NOT CONNECTED YET
found: case late
en: Waits until there is something to read, and that is taken as ready at first:
en: nothing was waited for.
fr: Attend qu'il y ait quelque chose à lire, et c'est pris pour prêt au début :
fr: rien n'a été attendu.
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
    if (!rv_source_ready(self->source, RV_READ, &cx->waker, &tick))
        return -EAGAIN;
    return stream_error(self);
}
/*@end 7.1*/
