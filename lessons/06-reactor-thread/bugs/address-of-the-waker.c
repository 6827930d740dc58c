/*@answer
cause: DANGLING POINTER
found: case copy
todo: 6.1
en: The waker is a local variable of the caller. Its address is kept, and not
en: its content.
fr: Le waker est une variable locale de l'appelant. Son adresse est gardée, et
fr: pas son contenu.
*/
/*@region 6.1*/
struct reactor {
    int epoll;
    int stop; /* an eventfd, registered with the token STOP */
    pthread_t thread;
    pthread_mutex_t lock;
    const struct waker *wakers[MAX_SOURCES];
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
    self->wakers[source_id] = waker;
    pthread_mutex_unlock(&self->lock);
}

static void reactor_deregister(struct reactor *self, int stream,
                               size_t source_id)
{
    reactor_set_waker(self, NULL, source_id);
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

    pthread_mutex_lock(&self->lock);
    pthread_mutex_unlock(&self->lock);
    if (!self->wakers[source_id])
        return;
    waker = *self->wakers[source_id];
    lesson_logf("Event of source %zu - wake task %zu", source_id,
                waker.task_id);
    wake(&waker);
}
/*@end 6.2*/
