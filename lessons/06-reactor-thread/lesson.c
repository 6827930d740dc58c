/* SPDX-License-Identifier: MIT */
/*
 * Lesson 06, reactor-thread - who sleeps in epoll_wait now?
 *
 * New here: the reactor, a thread that sleeps in the event queue of lesson 03.
 * It stores the wakers of lesson 05 by source id; an event's token is such an
 * id, and the reactor calls that waker. The executor is that of lesson 05,
 * line for line.
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

/* --- Future: a value that is not there yet, polled --------------------- */

enum poll_state { NOT_READY, READY };

struct waker;

/* Lazy: it starts at its first poll. It must not be polled after READY. */
struct future {
    enum poll_state (*poll)(struct future *self, const struct waker *waker);
};

/* --- Waker: which thread, which task, which ready queue ---------------- */

enum { MAX_TASKS = 16 };

struct thread {
    pthread_mutex_t lock;
    pthread_cond_t unparked;
    bool permit; /* left by unpark(), used up by the next park() */
};

/*
 * The course pushes and pops at the same end of a Vec, so the task woken last
 * runs first, the one that waits longest may starve, and a task woken twice is
 * queued twice. This queue is first in, first out, and holds each id once.
 */
struct ready_queue {
    pthread_mutex_t lock;
    size_t ids[MAX_TASKS]; /* each id at most once: there is always room */
    size_t count;
};

/*
 * May be copied. It has the task's id and no pointer to the task, so a wake
 * after the task has finished is harmless.
 */
struct waker {
    struct thread *thread;
    size_t id;
    struct ready_queue *ready_queue;
};

/*
 * Sleep until there is a permit, and use it up. If unpark() was called first,
 * its permit is there already and the thread does not sleep. Without a permit,
 * a wake between the executor's last pop_ready() and this call would be lost,
 * and the thread would sleep forever.
 */
static void park(struct thread *self)
{
    pthread_mutex_lock(&self->lock);
    if (!self->permit)
        figures.parks++;
    while (!self->permit)
        pthread_cond_wait(&self->unparked, &self->lock);
    self->permit = false;
    pthread_mutex_unlock(&self->lock);
}

static void unpark(struct thread *self)
{
    pthread_mutex_lock(&self->lock);
    self->permit = true;
    pthread_cond_signal(&self->unparked);
    pthread_mutex_unlock(&self->lock);
}

static void push_ready(struct ready_queue *self, size_t id)
{
    size_t i = 0;

    pthread_mutex_lock(&self->lock);
    while (i < self->count && self->ids[i] != id)
        i++;
    if (i == self->count) {
        self->ids[self->count++] = id;
        figures.wakes++;
    }
    pthread_mutex_unlock(&self->lock);
}

/*
 * Threads: any. The order is push, then unpark: the executor's thread looks
 * for the id as soon as it runs again.
 */
static void wake(const struct waker *self)
{
    push_ready(self->ready_queue, self->id);
    unpark(self->thread);
}

/* --- Executor: owns the tasks, polls those in the ready queue ---------- */

/*
 * One per thread. Its wakers point into it: a thread that holds one must be
 * joined before this thread ends.
 */
static _Thread_local struct {
    struct future *tasks[MAX_TASKS]; /* by id; an id is never reused */
    struct ready_queue ready_queue;
    size_t next_id;
    struct thread thread;
} current_executor = {
    .ready_queue.lock = PTHREAD_MUTEX_INITIALIZER,
    .thread = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, false},
};

/* The id leaves the queue before the poll: a wake during it queues it again. */
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

/* Take the task out of `tasks`. Returns: NULL if it has finished. */
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

/*
 * The caller keeps ownership of the future, which must stay valid and unmoved
 * until it is READY.
 */
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
                continue; /* woken after READY: late, and harmless */
            figures.polls++;
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

/* --- Event queue and Registry: epoll ----------------------------------- */

enum { EVENTS_CAPACITY = 100 };

enum interest { READABLE = EPOLLIN | EPOLLRDHUP };

/* Two names of one descriptor: any future registers, only the owner waits. */
struct registry {
    int epoll;
};

struct event_queue {
    int epoll;
};

/*
 * Edge-triggered: one event each time data arrives, so the reader must read
 * until EAGAIN. epoll gives the token back with each event of this source.
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

static struct event_queue event_queue_new(void)
{
    return (struct event_queue){
        lesson_unwrap(epoll_create1(EPOLL_CLOEXEC), "epoll_create1")};
}

/* Sleep until a registered source has an event. Returns: how many events. */
static int event_queue_wait(const struct event_queue *self,
                            struct epoll_event *events)
{
    int count;

    do {
        figures.epoll_waits++;
        count = epoll_wait(self->epoll, events, EVENTS_CAPACITY, -1);
    } while (count < 0 && errno == EINTR);
    return lesson_unwrap(count, "epoll_wait");
}

/* --- Reactor: waits for events, and calls the wakers ------------------- */

enum { MAX_SOURCES = 16, STOP = 0 };

struct reactor {
    pthread_mutex_t lock;
    struct waker wakers[MAX_SOURCES]; /* lock held; by source id, not reused */
    struct registry registry;
    atomic_size_t next_id;
    struct event_queue queue; /* private to the thread */
    int stop;                 /* an eventfd, registered with the token STOP */
    pthread_t thread;
};

/* Set while the reactor runs; futures find it here. */
static struct reactor *current_reactor;

static struct reactor *reactor(void)
{
    lesson_expect(current_reactor != NULL, "Called outside a runtime context");
    return current_reactor;
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
 * The waker is copied with the lock held and called without it. The executor
 * that it wakes takes this lock at once, in reactor_set_waker(), and would
 * block; a wake() that polled the task itself would deadlock.
 */
static void reactor_wake(struct reactor *self, size_t id)
{
    struct waker waker;

    pthread_mutex_lock(&self->lock);
    waker = self->wakers[id];
    pthread_mutex_unlock(&self->lock);
    if (!waker.thread)
        return; /* deregistered since: a late event, harmless */
    lesson_logf("Event of source %zu - wake task %zu", id, waker.id);
    wake(&waker);
}

static void *event_loop(void *arg)
{
    struct reactor *self = arg;
    struct epoll_event events[EVENTS_CAPACITY];

    lesson_name_thread("reactor");
    for (;;) {
        const int count = event_queue_wait(&self->queue, events);

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

    lesson_expect(current_reactor == NULL, "Reactor already running");
    self.queue = event_queue_new();
    self.registry = (struct registry){self.queue.epoll};
    self.stop = lesson_unwrap(eventfd(0, EFD_CLOEXEC), "eventfd");
    reactor_register(&self, self.stop, READABLE, STOP);
    current_reactor = &self;
    lesson_spawn_thread(&self.thread, event_loop, &self);
}

static void reactor_stop(void)
{
    struct reactor *self = reactor();

    lesson_unwrap(eventfd_write(self->stop, 1), "eventfd");
    pthread_join(self->thread, NULL);
    close(self->stop);
    close(self->queue.epoll);
    current_reactor = NULL;
}

/* --- HttpGetFuture: one GET -------------------------------------------- */

struct http_get_future {
    struct future future; /* first member: a pointer to it can be cast */
    struct lesson_request request;
    size_t id; /* of the source: its token */
};

static enum poll_state http_get_poll(struct future *future,
                                     const struct waker *waker)
{
    struct http_get_future *self = (struct http_get_future *)future;
    struct lesson_request *request = &self->request;
    ssize_t n;

    if (request->stream < 0) {
        lesson_log("First poll - start operation");
        if (lesson_write_request(request) < 0)
            return READY;
        reactor_register(reactor(), request->stream, READABLE, self->id);
    }
    /* Before the read: an event after EAGAIN must find the waker. */
    reactor_set_waker(reactor(), waker, self->id);
    do {
        n = lesson_read(request);
        if (n == -EAGAIN) {
            lesson_log("Data not ready");
            return NOT_READY;
        }
    } while (n > 0);
    /* 0 bytes: the server has closed the connection; the response is whole. */
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

/* A state machine: `state` is the await it is at, `get` what it awaits. */
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
