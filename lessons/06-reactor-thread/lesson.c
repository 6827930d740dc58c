/* SPDX-License-Identifier: MIT */
/*
 * Lesson 06, reactor-thread - who sleeps in epoll_wait now?
 *
 * New here: the reactor, a thread of its own that knows sources and wakers and
 * no tasks. It takes the place of the bell; the executor of lesson 05 stays as
 * it is, in executor.h.
 *
 *     main (executor)                     reactor
 *     poll: register(source),
 *           set_waker(waker),  --------->  keeps the waker
 *           read -> EAGAIN                 epoll_wait ...zzz...
 *     park() ...zzz...                     event with the token of the source:
 *     poll: read -> response   <---------  wake(): push the task id, unpark()
 *
 * Read main() at the bottom first, then upwards.
 *
 * Threads: main runs the executor and all futures; the reactor only wakes.
 */
#include "../lesson.h"

#include <sys/epoll.h>
#include <sys/eventfd.h>

#include "executor.h"

/* --- Reactor: waits for events, and calls the wakers ------------------- */

enum { MAX_SOURCES = 256, EVENTS_CAPACITY = 100 };

/* The token of the eventfd that ends the thread. Other tokens: source ids. */
enum { STOP = 0 };

/*@todo 6.1 reactor_set_waker and _deregister | reactor_set_waker et _deregister
en: set_waker: the reactor thread has to find this waker when the source has an
en: event. deregister: no waker any more, and epoll forgets the descriptor. Both
en: run on main while the reactor thread reads the same table. A slot without a
en: waker has a `parker` that is NULL; all slots begin so.
fr: set_waker : le thread du réacteur doit trouver ce waker quand la source a un
fr: évènement. deregister : plus de waker, et epoll oublie le descripteur. Les
fr: deux tournent sur main pendant que le réacteur lit la même table. Un
fr: emplacement sans waker a un `parker` NULL ; tous commencent ainsi.
stub:
struct reactor {
    int epoll;
    int stop; /+ an eventfd, registered with the token STOP +/
    pthread_t thread;
    pthread_mutex_t lock;
    struct waker wakers[MAX_SOURCES]; /+ lock held; by source id +/
};

static void reactor_init(struct reactor *self)
{
    pthread_mutex_init(&self->lock, NULL);
}

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
    (void)self;
    (void)waker;
    (void)source_id;
}

static void reactor_deregister(struct reactor *self, int stream,
                               size_t source_id)
{
    (void)self;
    (void)stream;
    (void)source_id;
}
*/
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
    reactor_set_waker(self, &(struct waker){0}, source_id);
    epoll_ctl(self->epoll, EPOLL_CTL_DEL, stream, NULL);
}
/*@end 6.1*/
/*@probe static int probe_streams[MAX_SOURCES]; */
/*@probe static bool probe_open(int stream) */
/*@probe { */
/*@probe     int flags; */
/*@probe     probe_quiet(true); */
/*@probe     flags = fcntl(stream, F_GETFD); */
/*@probe     probe_quiet(false); */
/*@probe     return flags >= 0; */
/*@probe } */
/*@probe static void probe_register(struct reactor *self, int stream, size_t id) */
/*@probe { */
/*@probe     const int other = probe_streams[id % MAX_SOURCES]; */
/*@probe     probe_expect(other == 0 || other == stream || !probe_open(other), */
/*@probe                  "WRONG OWNER", "source", (long)id, other, stream); */
/*@probe     probe_streams[id % MAX_SOURCES] = stream; */
/*@probe     probe_event(PROBE_ASK, -1, (long)id, stream); */
/*@probe     reactor_register(self, stream, id); */
/*@probe } */
/*@probe static long probe_left_for[MAX_SOURCES]; */
/*@probe static struct waker probe_left[MAX_SOURCES]; */
/*@probe static bool probe_inside[MAX_SOURCES]; */
/*@probe static bool probe_has(const struct reactor *self, size_t id) */
/*@probe { */
/*@probe     const struct waker *left = &probe_left[id % MAX_SOURCES]; */
/*@probe     for (size_t i = 0; i + sizeof(*left) <= sizeof(*self); i += sizeof(void *)) */
/*@probe         if (memcmp((const char *)self + i, left, sizeof(*left)) == 0) */
/*@probe             return true; */
/*@probe     return false; */
/*@probe } */
/*@probe static void probe_set_waker(struct reactor *self, const struct waker *waker, */
/*@probe                             size_t id) */
/*@probe { */
/*@probe     const long task = waker->parker ? (long)waker->task_id : -1; */
/*@probe     probe_left_for[id % MAX_SOURCES] = task; */
/*@probe     probe_left[id % MAX_SOURCES] = *waker; */
/*@probe     reactor_set_waker(self, waker, id); */
/*@probe     probe_inside[id % MAX_SOURCES] = task >= 0 && probe_has(self, id); */
/*@probe     if (task >= 0) */
/*@probe         probe_event(PROBE_SET_WAKER, task, (long)id, 0); */
/*@probe } */
/*@probe static bool probe_gone[MAX_SOURCES]; */
/*@probe static void probe_deregister(struct reactor *self, int stream, size_t id) */
/*@probe { */
/*@probe     probe_streams[id % MAX_SOURCES] = 0; */
/*@probe     probe_gone[id % MAX_SOURCES] = true; */
/*@probe     probe_inside[id % MAX_SOURCES] = false; */
/*@probe     reactor_deregister(self, stream, id); */
/*@probe } */
/*@probe #define reactor_register probe_register */
/*@probe #define reactor_set_waker probe_set_waker */
/*@probe #define reactor_deregister probe_deregister */

/* Set while the reactor runs; futures find it here. */
static struct reactor *current_reactor;

static struct reactor *reactor(void)
{
    lesson_expect(current_reactor != NULL, "Called outside a runtime context");
    return current_reactor;
}

/* A source id is never reused, so a late event cannot meet a new source. */
static size_t reactor_next_source_id(void)
{
    static atomic_size_t next = STOP + 1;
    const size_t source_id = next++;

    lesson_expect(source_id < MAX_SOURCES, "too many sources");
    return source_id;
}

/*@todo 6.2 reactor_wake
en: Called by the reactor thread for each event: find the waker of the source
en: and call wake(). There may be none: the source has been deregistered since.
fr: Appelée par le thread du réacteur à chaque évènement : trouvez le waker de
fr: la source et appelez wake(). Il peut ne plus y en avoir : la source s'est
fr: désabonnée entre-temps.
stub:
static void reactor_wake(struct reactor *self, size_t source_id)
{
    (void)self;
    (void)source_id;
    (void)wake;
}
*/
/*
 * The waker is copied with the lock held and called without it: the executor
 * that it wakes takes this lock at once, in reactor_set_waker().
 */
static void reactor_wake(struct reactor *self, size_t source_id)
{
    struct waker waker;

    pthread_mutex_lock(&self->lock);
    waker = self->wakers[source_id];
    pthread_mutex_unlock(&self->lock);
    if (!waker.parker)
        return; /* a late event: harmless */
    lesson_logf("Event of source %zu - wake task %zu", source_id,
                waker.task_id);
    wake(&waker);
}
/*@end 6.2*/
/*@probe static void probe_reactor_wake(struct reactor *self, size_t id) */
/*@probe { */
/*@probe     const bool inside = probe_inside[id % MAX_SOURCES], has = inside && probe_has(self, id); */
/*@probe     probe_event(PROBE_PASS, -1, (long)id, has ? 1 : inside ? 2 : 0); */
/*@probe     if (has) */
/*@probe         probe_inside[id % MAX_SOURCES] = false; */
/*@probe     reactor_wake(self, id); */
/*@probe } */
/*@probe #define reactor_wake probe_reactor_wake */

/* Sleep until a source has an event. Returns: how many events. */
static int wait_for_events(struct reactor *self, struct epoll_event *events)
{
    int count;

    do {
        figures.epoll_waits++;
        count = epoll_wait(self->epoll, events, EVENTS_CAPACITY, -1);
    } while (count < 0 && errno == EINTR);
    return lesson_unwrap(count, "epoll_wait");
}

/*@todo 6.3 event_loop
en: Wait for events for ever; for each of them call reactor_wake() with its
en: token. The token STOP ends the thread.
fr: Attendez sans fin des évènements ; pour chacun, appelez reactor_wake() avec
fr: son token. Le token STOP met fin au thread.
stub:
static void *event_loop(void *arg)
{
    (void)arg;
    (void)wait_for_events;
    (void)reactor_wake;
    return NULL;
}
*/
static void *event_loop(void *arg)
{
    struct reactor *self = arg;
    struct epoll_event events[EVENTS_CAPACITY];

    for (;;) {
        const int count = wait_for_events(self, events);

        for (int i = 0; i < count; i++) {
            if (events[i].data.u64 == STOP)
                return NULL;
            reactor_wake(self, events[i].data.u64);
        }
    }
}
/*@end 6.3*/

static void *reactor_run(void *self)
{
    lesson_name_thread("reactor");
    return event_loop(self);
}

static void reactor_start(void)
{
    static struct reactor self;

    lesson_expect(current_reactor == NULL, "Reactor already running");
    reactor_init(&self);
    self.epoll = lesson_unwrap(epoll_create1(EPOLL_CLOEXEC), "epoll_create1");
    self.stop = lesson_unwrap(eventfd(0, EFD_CLOEXEC), "eventfd");
    reactor_register(&self, self.stop, STOP);
    current_reactor = &self;
    lesson_spawn_thread(&self.thread, reactor_run, &self);
}

static void reactor_stop(void)
{
    struct reactor *self = reactor();

    lesson_unwrap(eventfd_write(self->stop, 1), "eventfd");
    pthread_join(self->thread, NULL);
    close(self->stop);
    close(self->epoll);
    current_reactor = NULL;
}

/* --- http_get: one GET ------------------------------------------------- */

struct http_get_future {
    struct future future; /* first member: a pointer to it can be cast */
    struct lesson_request request;
    size_t source_id; /* of its socket: the token of its events */
};

/*@todo 6.4 http_get_poll
en: Three lines are missing: register the socket as a source, leave the waker
en: with the reactor, deregister. Where, so that no event comes in between?
fr: Il manque trois lignes : abonnez la socket, laissez le waker au réacteur,
fr: désabonnez. Où, pour qu'aucun évènement ne passe entre deux ?
stub:
static enum poll_state http_get_poll(struct future *future,
                                     const struct waker *waker)
{
    struct http_get_future *self = (struct http_get_future *)future;
    struct lesson_request *request = &self->request;
    ssize_t n;

    (void)waker;
    (void)reactor_set_waker;
    (void)reactor_deregister;
    if (request->stream < 0) {
        lesson_log("First poll - start operation");
        future->error = lesson_write_request(request);
        if (future->error)
            return READY;
    }
    do
        n = lesson_read(request);
    while (n > 0);
    if (n == -EAGAIN) {
        lesson_log("Data not ready");
        return NOT_READY;
    }
    future->error = (int)n;
    close(request->stream);
    return READY;
}
*/
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
        return NOT_READY;
    }
    reactor_deregister(reactor(), request->stream, self->source_id);
    future->error = (int)n;
    close(request->stream);
    return READY;
}
/*@end 6.4*/

static struct http_get_future http_get(int port, const char *path)
{
    return (struct http_get_future){
        .future.poll = http_get_poll,
        .request = {.port = port, .path = path, .stream = -1},
        .source_id = reactor_next_source_id(),
    };
}

/* --- async_main: two GETs, one after the other ------------------------- */

/* A state machine: `state` says what it waits for, `get` is that future. */
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
        self->get = http_get(self->port, lesson_path(0));
        self->state = WAIT_1;
        __attribute__((fallthrough));
    case WAIT_1:
        if (get->poll(get, waker) == NOT_READY)
            return NOT_READY;
        future->error = lesson_print(&self->get.request);
        if (future->error)
            return READY;
        self->get = http_get(self->port, lesson_path(1));
        self->state = WAIT_2;
        __attribute__((fallthrough));
    case WAIT_2:
        if (get->poll(get, waker) == NOT_READY)
            return NOT_READY;
        future->error = lesson_print(&self->get.request);
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

    executor_init();
    reactor_start();
    block_on(&root.future);
    reactor_stop();
    return lesson_end(root.future.error);
}
