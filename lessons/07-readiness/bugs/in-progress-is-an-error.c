/*@answer
cause: TAKEN FOR AN ERROR
found: plain
en: Every negative result of connect() is given up on, EINPROGRESS too.
fr: Tout résultat négatif de connect() fait renoncer, EINPROGRESS aussi.
*/

/*@region 7.1*/
static int connect_poll(struct stream *self, struct rv_cx *cx)
{
    uint32_t tick;

    if (!self->source) {
        const int error = stream_start_connect(self);

        if (error)
            return error;
        stream_register(self);
    }
    if (!rv_source_ready(self->source, RV_WRITE, &cx->waker, &tick))
        return -EAGAIN;
    return stream_error(self);
}
/*@end 7.1*/
