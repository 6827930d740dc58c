/*@answer
cause: DATA RACE
found: tsan
en: Two threads use the table of wakers, and nothing keeps them apart. A waker
en: half written can be called.
fr: Deux threads utilisent la table des wakers, et rien ne les sépare. Un waker
fr: à moitié écrit peut être appelé.
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
    self->wakers[source_id] = *waker;
}

static void reactor_deregister(struct reactor *self, int stream,
                               size_t source_id)
{
    reactor_set_waker(self, &(struct waker){0}, source_id);
    epoll_ctl(self->epoll, EPOLL_CTL_DEL, stream, NULL);
}
/*@end 6.1*/

/*@region 6.2*/
/*
 * The waker is copied with the lock held and called without it: the executor
 * that it wakes takes this lock at once, in reactor_set_waker().
 */
static void reactor_wake(struct reactor *self, size_t source_id)
{
    struct waker waker;

    waker = self->wakers[source_id];
    if (!waker.parker)
        return; /* a late event: harmless */
    lesson_logf("Event of source %zu - wake task %zu", source_id,
                waker.task_id);
    wake(&waker);
}
/*@end 6.2*/
