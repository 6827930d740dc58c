/*@answer
cause: LOST WAKE
kind: waker gone
found: case bells
en: Clears all wakers when one source is deregistered: the others' events find
en: none.
fr: Efface tous les wakers quand une source est désabonnée : les évènements des
fr: autres n'en trouvent plus.
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
        .events = EPOLLIN | EPOLLRDHUP | EPOLLET,
        .data.u64 = source_id,
    };

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
    memset(self->wakers, 0, sizeof(self->wakers));
    epoll_ctl(self->epoll, EPOLL_CTL_DEL, stream, NULL);
}
/*@end 6.1*/
