/*@answer
en: Level-triggered, but one event only (EPOLLONESHOT): each set_waker() arms
en: the source again. If the bytes are there already, the event comes at once.
fr: Sur niveau, mais pour un seul évènement (EPOLLONESHOT) : chaque set_waker()
fr: réarme la source. Si les octets sont déjà là, l'évènement vient tout de
fr: suite.
*/

/*@region 6.1*/
struct reactor {
    int epoll;
    int stop; /* an eventfd, registered with the token STOP */
    pthread_t thread;
    pthread_mutex_t lock;
    struct waker wakers[MAX_SOURCES]; /* lock held; by source id */
    int streams[MAX_SOURCES];
};

static void reactor_init(struct reactor *self)
{
    pthread_mutex_init(&self->lock, NULL);
}

/* epoll gives the token, here the source id, back with each event. */
static void reactor_register(struct reactor *self, int stream, size_t source_id)
{
    struct epoll_event event = {
        .events = EPOLLIN | EPOLLRDHUP | EPOLLONESHOT,
        .data.u64 = source_id,
    };

    self->streams[source_id] = stream;
    lesson_unwrap(epoll_ctl(self->epoll, EPOLL_CTL_ADD, stream, &event),
                  "register");
}

static void reactor_set_waker(struct reactor *self, const struct waker *waker,
                              size_t source_id)
{
    struct epoll_event event = {
        .events = EPOLLIN | EPOLLRDHUP | EPOLLONESHOT,
        .data.u64 = source_id,
    };

    pthread_mutex_lock(&self->lock);
    self->wakers[source_id] = *waker;
    pthread_mutex_unlock(&self->lock);
    if (waker->parker)
        epoll_ctl(self->epoll, EPOLL_CTL_MOD, self->streams[source_id], &event);
}

static void reactor_deregister(struct reactor *self, int stream,
                               size_t source_id)
{
    reactor_set_waker(self, &(struct waker){0}, source_id);
    epoll_ctl(self->epoll, EPOLL_CTL_DEL, stream, NULL);
}
/*@end 6.1*/
