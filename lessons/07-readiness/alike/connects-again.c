/*@answer
en: Asks by a second connect(): 0 or EISCONN is a connection, EALREADY: go on
en: waiting.
fr: Demande par un second connect() : 0 ou EISCONN est une connexion, EALREADY :
fr: attendre encore.
*/

/*@region 7.1*/
/* connect() a second time says how the first one has ended. */
static int connect_poll(struct stream *self, struct rv_cx *cx)
{
    const bool first = self->source == NULL;
    uint32_t tick;
    int error;

    if (!first && !rv_source_ready(self->source, RV_WRITE, &cx->waker, &tick))
        return -EAGAIN;
    error = stream_start_connect(self);
    if (first) {
        if (error && error != -EINPROGRESS)
            return error;
        stream_register(self);
        return connect_poll(self, cx);
    }
    if (error == -EISCONN)
        return 0;
    if (error != -EALREADY && error != -EINPROGRESS)
        return error;
    rv_source_clear(self->source, RV_WRITE, tick);
    return connect_poll(self, cx);
}
/*@end 7.1*/
