/*@answer
en: A linked list of wakers, searched by source id, and the reactor takes a
en: waker out when it calls it: one event, one wake, one waker.
fr: Une liste chaînée de wakers, parcourue par numéro de source ; le réacteur
fr: retire le waker qu'il appelle : un évènement, un réveil, un waker.
*/

/*@region 6.1*/
struct entry {
    size_t source_id;
    struct waker waker;
    struct entry *next;
};

struct reactor {
    int epoll;
    int stop; /* an eventfd, registered with the token STOP */
    pthread_t thread;
    pthread_mutex_t lock;
    struct entry *entries; /* lock held */
};

static void reactor_init(struct reactor *self)
{
    pthread_mutex_init(&self->lock, NULL);
    self->entries = NULL;
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

/* Returns: the waker, owned by the caller; NULL if there is none. */
static struct entry *take_waker(struct reactor *self, size_t source_id)
{
    struct entry **link;
    struct entry *found;

    pthread_mutex_lock(&self->lock);
    link = &self->entries;
    while (*link && (*link)->source_id != source_id)
        link = &(*link)->next;
    found = *link;
    if (found)
        *link = found->next;
    pthread_mutex_unlock(&self->lock);
    return found;
}

static void reactor_set_waker(struct reactor *self, const struct waker *waker,
                              size_t source_id)
{
    struct entry *entry = take_waker(self, source_id);

    if (!entry)
        entry = malloc(sizeof(*entry));
    lesson_expect(entry != NULL, "out of memory");
    entry->source_id = source_id;
    entry->waker = *waker;
    pthread_mutex_lock(&self->lock);
    entry->next = self->entries;
    self->entries = entry;
    pthread_mutex_unlock(&self->lock);
}

static void reactor_deregister(struct reactor *self, int stream,
                               size_t source_id)
{
    free(take_waker(self, source_id));
    epoll_ctl(self->epoll, EPOLL_CTL_DEL, stream, NULL);
}
/*@end 6.1*/

/*@region 6.2*/
static void reactor_wake(struct reactor *self, size_t source_id)
{
    struct entry *entry = take_waker(self, source_id);

    if (!entry)
        return;
    lesson_logf("Event of source %zu - wake task %zu", source_id,
                entry->waker.task_id);
    wake(&entry->waker);
    free(entry);
}
/*@end 6.2*/
