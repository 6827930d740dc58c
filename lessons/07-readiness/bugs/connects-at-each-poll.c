/*@answer
cause: TAKEN FOR AN ERROR
kind: still connecting
found: case late
en: Calls connect() at each poll. While the first one goes on, it says EALREADY.
fr: Appelle connect() à chaque sondage. Tant que le premier continue, il répond
fr: EALREADY.
*/

/*@region 7.1*/
static int connect_poll(struct stream *self, struct rv_cx *cx)
{
    uint32_t tick;

    const int error = stream_start_connect(self);

    if (error && error != -EINPROGRESS)
        return error;
    if (!self->source)
        stream_register(self);
    if (!rv_source_ready(self->source, RV_WRITE, &cx->waker, &tick))
        return -EAGAIN;
    return stream_error(self);
}
/*@end 7.1*/
