/*@answer
cause: NOT CONNECTED YET
kind: registered before connect
found: plain
en: Registers the socket, and connects it after that. epoll finds it hung up.
fr: Abonne la socket, puis la connecte. epoll annonce EPOLLHUP.
*/

/*@region 7.1*/
static int connect_poll(struct stream *self, struct rv_cx *cx)
{
    uint32_t tick;

    if (!self->source) {
        int error;

        stream_register(self);
        error = stream_start_connect(self);
        if (error && error != -EINPROGRESS)
            return error;
    }
    if (!rv_source_ready(self->source, RV_WRITE, &cx->waker, &tick))
        return -EAGAIN;
    return stream_error(self);
}
/*@end 7.1*/
