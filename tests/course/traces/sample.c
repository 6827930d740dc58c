/* Lines for the sample traces: what an executor and a reactor are made of. */
#include "lesson.h"

/* Sleep until unpark(), or not at all if it came first and left its permit. */
static void park(struct parker *self)
{
    pthread_mutex_lock(&self->lock);
    while (!self->permit)
        pthread_cond_wait(&self->unparked, &self->lock);
    self->permit = false;
    pthread_mutex_unlock(&self->lock);
}

static void unpark(struct parker *self)
{
    pthread_mutex_lock(&self->lock);
    self->permit = true;
    pthread_cond_signal(&self->unparked);
    pthread_mutex_unlock(&self->lock);
}

static void push_ready(struct ready_queue *self, size_t task_id)
{
    pthread_mutex_lock(&self->lock);
    self->ids[self->count++] = task_id;
    pthread_mutex_unlock(&self->lock);
}

/* Push, then unpark: who wakes up must find the id. */
static void wake(const struct waker *self)
{
    push_ready(self->ready_queue, self->task_id);
    unpark(self->parker);
}

static bool pop_ready(size_t *task_id)
{
    struct ready_queue *queue = &executor.ready_queue;
    bool found;

    pthread_mutex_lock(&queue->lock);
    found = queue->count > 0;
    if (found)
        *task_id = take_first(queue);
    pthread_mutex_unlock(&queue->lock);
    return found;
}

static void spawn(struct future *future)
{
    const size_t task_id = executor.next_task_id++;

    executor.tasks[task_id] = future;
    push_ready(&executor.ready_queue, task_id);
}

static void run_all(void)
{
    size_t task_id;

    while (task_count() > 0) {
        while (pop_ready(&task_id)) {
            struct future *task = take_task(task_id);
            const struct waker waker = waker_of(task_id);

            if (task->poll(task, &waker) == NOT_READY)
                executor.tasks[task_id] = task;
        }
        if (task_count() > 0)
            park(&executor.parker);
    }
}

static void *event_loop(void *arg)
{
    struct reactor *self = arg;
    struct epoll_event events[EVENTS_CAPACITY];

    for (;;) {
        const int count = epoll_wait(self->epoll, events, EVENTS_CAPACITY, -1);

        for (int i = 0; i < count; i++) {
            if (events[i].data.u64 == STOP)
                return NULL;
            reactor_wake(self, events[i].data.u64);
        }
    }
}

static enum poll_state http_get_poll(struct future *future,
                                     const struct waker *waker)
{
    struct http_get_future *self = (struct http_get_future *)future;
    ssize_t n;

    if (self->stream < 0) {
        self->stream = http_connect(self->port);
        http_send(self->stream, self->path);
        reactor_register(reactor(), self->stream, self->source_id);
    }
    reactor_set_waker(reactor(), waker, self->source_id);
    do {
        n = read_some(self);
        if (n == -EAGAIN)
            return NOT_READY;
    } while (n > 0);
    reactor_deregister(reactor(), self->stream, self->source_id);
    return READY;
}
