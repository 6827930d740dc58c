/* SPDX-License-Identifier: MIT */
/*
 * Lesson 06, reactor-thread - who sleeps in epoll_wait now?
 *
 * New here: the reactor, a thread of its own with the event queue of lesson
 * 03. It keeps the wakers of lesson 05, finds by an event's token whose waker
 * it is, and calls it. The executor is that of lesson 05, line for line.
 *
 *     main (executor)                       reactor
 *     poll: register, set_waker  ---------> wakers[id]
 *     queue empty: park() ...zzz...         epoll_wait ...zzz... an event, id
 *     pop_ready, poll -> READY   <--------- wake(): push the task, unpark()
 *
 * Read main() at the bottom first, then upwards.
 *
 * Threads: main runs the executor and all futures; the reactor only wakes.
 */
#include "../lesson.h"

#include <sys/epoll.h>
#include <sys/eventfd.h>

/* --- Future: something that can be asked for its value ----------------- */

enum poll_state { NOT_READY, READY };

struct waker;

/* It does nothing before its first poll, and is not polled after READY. */
struct future {
    enum poll_state (*poll)(struct future *self, const struct waker *waker);
};

/* --- Waker: which thread, which task, which ready queue ---------------- */

enum { MAX_TASKS = 16 };

struct thread {
    pthread_mutex_t lock;
    pthread_cond_t unparked;
    bool token; /* an unpark() that no park() has taken yet */
};

/*
 * Not as in the slides, which push and pop at the same end of a Vec: there
 * the last one woken goes first, and who waits longest may wait for ever; and
 * a task woken twice is queued twice. Here: first in, first out, an id once.
 */
struct ready_queue {
    pthread_mutex_t lock;
    size_t ids[MAX_TASKS]; /* so there is always room */
    size_t count;
};

/* A copy is as good as the original. It does not point at the task. */
struct waker {
    struct thread *thread;
    size_t id;
    struct ready_queue *ready_queue;
};

/*
 * Sleep until unpark(), or not at all if it came first and left its token:
 * without token, a wake between the executor's last look at its queue and
 * this call would be lost, and the thread would sleep for ever.
 */
static void park(struct thread *self)
{
    pthread_mutex_lock(&self->lock);
    if (!self->token)
        figures.parks++;
    while (!self->token)
        pthread_cond_wait(&self->unparked, &self->lock);
    self->token = false;
    pthread_mutex_unlock(&self->lock);
}

static void unpark(struct thread *self)
{
    pthread_mutex_lock(&self->lock);
    self->token = true;
    pthread_cond_signal(&self->unparked);
    pthread_mutex_unlock(&self->lock);
}

static void push_ready(struct ready_queue *self, size_t id)
{
    size_t i = 0;

    pthread_mutex_lock(&self->lock);
    while (i < self->count && self->ids[i] != id)
        i++;
    if (i == self->count)
        self->ids[self->count++] = id;
    pthread_mutex_unlock(&self->lock);
}

/* Threads: any. Push, then unpark: who wakes up must find the id. */
static void wake(const struct waker *self)
{
    figures.wakes++;
    push_ready(self->ready_queue, self->id);
    unpark(self->thread);
}

/* --- Executor: the tasks, and whose turn it is ------------------------- */

/* One a thread. Who holds its wakers is joined before the thread ends. */
static _Thread_local struct {
    struct future *tasks[MAX_TASKS]; /* by id, an id is never used twice */
    struct ready_queue ready_queue;
    size_t next_id;
    struct thread thread;
} current_executor = {
    .ready_queue.lock = PTHREAD_MUTEX_INITIALIZER,
    .thread = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, false},
};

/* The id leaves the queue before its poll: a wake during it queues it again. */
static bool pop_ready(size_t *id)
{
    struct ready_queue *queue = &current_executor.ready_queue;
    bool found;

    pthread_mutex_lock(&queue->lock);
    found = queue->count > 0;
    if (found) {
        *id = queue->ids[0];
        queue->count--;
        memmove(queue->ids, queue->ids + 1, queue->count * sizeof(*id));
    }
    pthread_mutex_unlock(&queue->lock);
    return found;
}

/* Takes the task out of the map. Returns: NULL if it has finished. */
static struct future *get_future(size_t id)
{
    struct future *task = current_executor.tasks[id];

    current_executor.tasks[id] = NULL;
    return task;
}

static struct waker get_waker(size_t id)
{
    return (struct waker){&current_executor.thread, id,
                          &current_executor.ready_queue};
}

static void insert_task(size_t id, struct future *task)
{
    current_executor.tasks[id] = task;
}

static size_t task_count(void)
{
    size_t count = 0;

    for (size_t id = 0; id < MAX_TASKS; id++)
        count += current_executor.tasks[id] != NULL;
    return count;
}

/* The future stays the caller's, and where it is, until it is READY. */
static void spawn(struct future *future)
{
    const size_t id = current_executor.next_id++;

    lesson_expect(id < MAX_TASKS, "too many tasks");
    insert_task(id, future);
    push_ready(&current_executor.ready_queue, id);
}

static void block_on(struct future *future)
{
    size_t id;

    spawn(future);
    for (;;) {
        while (pop_ready(&id)) {
            struct future *task = get_future(id);
            const struct waker waker = get_waker(id);

            if (!task)
                continue; /* a wake after READY: late, and harmless */
            if (task->poll(task, &waker) == NOT_READY)
                insert_task(id, task);
        }
        if (task_count() == 0)
            break;
        lesson_logf("%zu pending tasks. Sleep until notified.", task_count());
        park(&current_executor.thread);
    }
    lesson_log("All tasks finished");
}

/* --- Poll and Registry: the kernel's queue of events ------------------- */

enum { EVENTS_CAPACITY = 100 };

enum interest { READABLE = EPOLLIN | EPOLLRDHUP };

struct registry {
    int epoll; /* here an interest is put down, */
};

struct poll {
    int epoll; /* and here its owner waits: two names of one queue */
};

/*
 * Edge-triggered: one event each time something comes, so read to EAGAIN.
 * The token comes back with the event, to say which source it is from.
 */
static void registry_register(const struct registry *self, int stream,
                              size_t token, enum interest interest)
{
    struct epoll_event event = {
        .events = (uint32_t)interest | EPOLLET,
        .data.u64 = token,
    };

    lesson_unwrap(epoll_ctl(self->epoll, EPOLL_CTL_ADD, stream, &event),
                  "register");
}

static struct poll poll_new(void)
{
    return (struct poll){lesson_unwrap(epoll_create1(EPOLL_CLOEXEC), "poll")};
}

/* Sleep until something registered happens. Returns: how many events. */
static int poll_poll(const struct poll *self, struct epoll_event *events)
{
    int count;

    do {
        count = epoll_wait(self->epoll, events, EVENTS_CAPACITY, -1);
        figures.epoll_waits++;
    } while (count < 0 && errno == EINTR);
    return lesson_unwrap(count, "epoll_wait");
}

/* --- Reactor: waits for events, and calls the wakers ------------------- */

enum { MAX_SOURCES = 16, STOP = 0 };

struct reactor {
    pthread_mutex_t lock;
    struct waker wakers[MAX_SOURCES]; /* with lock; by id, never used twice */
    struct registry registry;
    atomic_size_t next_id;
    struct poll poll; /* the thread's own */
    int stop;         /* an eventfd, registered with the token STOP */
    pthread_t thread;
};

/* REACTOR of the slides: set once, by reactor_start(). */
static struct reactor *reactor_cell;

static struct reactor *reactor(void)
{
    lesson_expect(reactor_cell != NULL, "Called outside a runtime context");
    return reactor_cell;
}

static void reactor_register(struct reactor *self, int stream,
                             enum interest interest, size_t id)
{
    registry_register(&self->registry, stream, id, interest);
}

static void reactor_set_waker(struct reactor *self, const struct waker *waker,
                              size_t id)
{
    pthread_mutex_lock(&self->lock);
    self->wakers[id] = *waker;
    pthread_mutex_unlock(&self->lock);
}

static void reactor_deregister(struct reactor *self, int stream, size_t id)
{
    reactor_set_waker(self, &(struct waker){0}, id);
    epoll_ctl(self->registry.epoll, EPOLL_CTL_DEL, stream, NULL);
}

static size_t reactor_next_id(struct reactor *self)
{
    const size_t id = self->next_id++;

    lesson_expect(id < MAX_SOURCES, "too many sources");
    return id;
}

/*
 * The waker is copied under the lock and called outside it. The executor it
 * wakes comes at once for this lock, in set_waker, and would find it taken; a
 * wake() that polled the task itself would wait for it for ever.
 */
static void reactor_wake(struct reactor *self, size_t id)
{
    struct waker waker;

    pthread_mutex_lock(&self->lock);
    waker = self->wakers[id];
    pthread_mutex_unlock(&self->lock);
    if (!waker.thread)
        return; /* deregistered since: the event is late, and harmless */
    lesson_logf("Event of source %zu - wake task %zu", id, waker.id);
    wake(&waker);
}

static void *event_loop(void *arg)
{
    struct reactor *self = arg;
    struct epoll_event events[EVENTS_CAPACITY];

    lesson_name_thread("reactor");
    for (;;) {
        const int count = poll_poll(&self->poll, events);

        for (int i = 0; i < count; i++) {
            if (events[i].data.u64 == STOP)
                return NULL;
            reactor_wake(self, events[i].data.u64);
        }
    }
}

static void reactor_start(void)
{
    static struct reactor self = {
        .lock = PTHREAD_MUTEX_INITIALIZER,
        .next_id = STOP + 1,
    };

    lesson_expect(reactor_cell == NULL, "Reactor already running");
    self.poll = poll_new();
    self.registry = (struct registry){self.poll.epoll};
    self.stop = lesson_unwrap(eventfd(0, EFD_CLOEXEC), "eventfd");
    reactor_register(&self, self.stop, READABLE, STOP);
    reactor_cell = &self;
    lesson_spawn_thread(&self.thread, event_loop, &self);
}

static void reactor_stop(void)
{
    struct reactor *self = reactor();

    lesson_unwrap(eventfd_write(self->stop, 1), "eventfd");
    pthread_join(self->thread, NULL);
    close(self->stop);
    close(self->poll.epoll);
    reactor_cell = NULL;
}

/* --- HttpGetFuture: one GET -------------------------------------------- */

struct http_get_future {
    struct future future; /* first: a pointer to it is a pointer to us */
    struct lesson_request request;
    size_t id; /* its token at the reactor */
};

static enum poll_state http_get_poll(struct future *future,
                                     const struct waker *waker)
{
    struct http_get_future *self = (struct http_get_future *)future;
    struct lesson_request *request = &self->request;
    ssize_t n;

    figures.polls++;
    if (request->stream < 0) {
        lesson_log("First poll - start operation");
        if (lesson_write_request(request) < 0)
            return READY;
        reactor_register(reactor(), request->stream, READABLE, self->id);
    }
    /* Before the read: an event after its EAGAIN must find the waker. */
    reactor_set_waker(reactor(), waker, self->id);
    do {
        n = lesson_read(request);
        if (n == -EAGAIN) {
            lesson_log("Data not ready");
            return NOT_READY;
        }
    } while (n > 0);
    /* 0 bytes: the server has closed, we have the entire response. */
    reactor_deregister(reactor(), request->stream, self->id);
    close(request->stream);
    return READY;
}

static struct http_get_future http_get(int port, const char *path)
{
    return (struct http_get_future){
        .future.poll = http_get_poll,
        .request = {.port = port, .path = path, .stream = -1},
        .id = reactor_next_id(reactor()),
    };
}

/* --- async_main: two GETs, one after the other ------------------------- */

/* A state machine: the wait where it stands, the future it waits for. */
struct async_main {
    struct future future;
    enum { START, WAIT_1, WAIT_2 } state;
    int port;
    struct http_get_future get;
};

static enum poll_state async_main_poll(struct future *future,
                                       const struct waker *waker)
{
    struct async_main *self = (struct async_main *)future;
    struct future *get = &self->get.future;

    switch (self->state) {
    case START:
        lesson_log("Program starting");
        self->get = http_get(self->port, "/600/HelloAsyncAwait");
        self->state = WAIT_1;
        __attribute__((fallthrough));
    case WAIT_1:
        if (get->poll(get, waker) == NOT_READY)
            return NOT_READY;
        if (!lesson_print(&self->get.request))
            return READY;
        self->get = http_get(self->port, "/400/HelloAsyncAwait");
        self->state = WAIT_2;
        __attribute__((fallthrough));
    case WAIT_2:
        if (get->poll(get, waker) == NOT_READY)
            return NOT_READY;
        lesson_print(&self->get.request);
    }
    return READY;
}

static struct async_main async_main(int port)
{
    return (struct async_main){.future.poll = async_main_poll, .port = port};
}

/* --- main -------------------------------------------------------------- */

int main(int argc, char **argv)
{
    const int port = lesson_start(
        argc, argv,
        "Lesson 06, stage reactor: two GETs, an executor and a reactor.", NULL);
    struct async_main root = async_main(port);

    reactor_start();
    block_on(&root.future);
    reactor_stop();
    return lesson_end();
}
