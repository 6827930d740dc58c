/*@answer
en: Each event disarms its source (EPOLLONESHOT), and a poll that finds nothing
en: registers it again. No event comes while nobody has asked for one.
fr: Chaque évènement désarme sa source (EPOLLONESHOT), et un sondage qui ne
fr: trouve rien l'abonne à nouveau. Aucun évènement ne vient sans être demandé.
*/
/*@region 6.1*/
struct reactor {
    int epoll;
    int stop; /* an eventfd, registered with the token STOP */
    pthread_t thread;
    pthread_mutex_t lock;
    struct waker wakers[MAX_SOURCES]; /* lock held; by source id */
};

static void reactor_init(struct reactor *self)
{
    pthread_mutex_init(&self->lock, NULL);
}

/* epoll gives the token, here the source id, back with each event. */
static void reactor_register(struct reactor *self, int stream, size_t source_id)
{
    struct epoll_event event = {
        .events = EPOLLIN | EPOLLRDHUP | (source_id == STOP ? 0 : EPOLLONESHOT),
        .data.u64 = source_id,
    };

    if (epoll_ctl(self->epoll, EPOLL_CTL_MOD, stream, &event) < 0)
        lesson_unwrap(epoll_ctl(self->epoll, EPOLL_CTL_ADD, stream, &event),
                      "register");
}

static void reactor_set_waker(struct reactor *self, const struct waker *waker,
                              size_t source_id)
{
    pthread_mutex_lock(&self->lock);
    self->wakers[source_id] = *waker;
    pthread_mutex_unlock(&self->lock);
}

static void reactor_deregister(struct reactor *self, int stream,
                               size_t source_id)
{
    reactor_set_waker(self, &(struct waker){0}, source_id);
    epoll_ctl(self->epoll, EPOLL_CTL_DEL, stream, NULL);
}
/*@end 6.1*/
/*@region 6.4*/
static enum poll_state http_get_poll(struct future *future,
                                     const struct waker *waker)
{
    struct http_get_future *self = (struct http_get_future *)future;
    struct lesson_request *request = &self->request;
    ssize_t n;

    if (request->stream < 0) {
        lesson_log("First poll - start operation");
        future->error = lesson_write_request(request);
        if (future->error)
            return READY;
        reactor_register(reactor(), request->stream, self->source_id);
    }
    /* Before the read: an event after EAGAIN must find the waker. */
    reactor_set_waker(reactor(), waker, self->source_id);
    do
        n = lesson_read(request);
    while (n > 0);
    if (n == -EAGAIN) {
        lesson_log("Data not ready");
        reactor_register(reactor(), request->stream, self->source_id);
        return NOT_READY;
    }
    reactor_deregister(reactor(), request->stream, self->source_id);
    future->error = (int)n;
    close(request->stream);
    return READY;
}
/*@end 6.4*/
