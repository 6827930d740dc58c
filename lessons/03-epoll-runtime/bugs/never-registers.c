/*@answer
cause: LOST WAKE
kind: nothing registered
found: plain
en: The future says NOT_READY and has registered nowhere: block_on() sleeps in
en: epoll_wait, and no event will ever end that sleep.
fr: La future répond NOT_READY sans s'être abonnée nulle part : block_on()
fr: dort dans epoll_wait, et aucun évènement ne mettra fin à ce sommeil.
*/
/*@region 3.4*/
static enum poll_state http_get_poll(struct future *future)
{
    struct http_get_future *self = (struct http_get_future *)future;
    struct lesson_request *request = &self->request;
    ssize_t n;

    if (request->stream < 0) {
        lesson_log("First poll - start operation");
        if (lesson_write_request(request) < 0) {
            future->error = request->error;
            return READY;
        }
        (void)registry;
        (void)registry_register;
    }
    do
        n = lesson_read(request);
    while (n > 0);
    if (n == -EAGAIN) {
        lesson_log("Data not ready");
        return NOT_READY;
    }
    close(request->stream);
    future->error = request->error;
    return READY;
}
/*@end 3.4*/
