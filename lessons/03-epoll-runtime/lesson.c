/* SPDX-License-Identifier: MIT */
/*
 * Lesson 03, epoll-runtime - can the kernel say when the data is there?
 *
 * New here: the kernel's event queue (epoll). The future registers its socket
 * there, and block_on() sleeps in the kernel until there is an event. Then it
 * polls again: once for each event, not a million times.
 *
 *     main:  poll -> NOT_READY, epoll_wait ...zzz..., poll -> READY
 *
 * The GETs take as long as in lesson 02, but the processor is idle meanwhile.
 *
 * Read main() at the bottom first, then upwards.
 *
 * Threads: one.
 */
#include "../lesson.h"

#include <sys/epoll.h>

/* --- Future: a value that is not there yet, polled --------------------- */

enum poll_state { NOT_READY, READY };

/* Lazy: it starts at its first poll. It must not be polled after READY. */
struct future {
    enum poll_state (*poll)(struct future *self);
    int error; /* once READY: 0, or a negative errno */
};

/* Poll a task, which is a future that the loop polls itself, and count it. */
static enum poll_state poll_task(struct future *task)
{
    figures.polls++;
    return task->poll(task);
}

/* --- Event queue and registry: epoll ----------------------------------- */

enum { EVENTS_CAPACITY = 100 };

enum interest { READABLE = EPOLLIN | EPOLLRDHUP };

/* Two names of one descriptor: any future registers, only the owner waits. */
struct registry {
    int epoll;
};

struct event_queue {
    int epoll;
};

static struct event_queue event_queue_new(void)
{
    return (struct event_queue){
        lesson_unwrap(epoll_create1(EPOLL_CLOEXEC), "epoll_create1")};
}

/*@todo 3.1 registry_register | registry_register
en: Add the stream to the event queue with epoll_ctl(). epoll is to report the
en: events of `interest`, and to give back `token` (as .data.u64) with each.
fr: Abonnez le flux à la file d'évènements avec epoll_ctl(). epoll signalera
fr: les évènements de `interest`, et rendra `token` (.data.u64) avec chacun.
stub:
static void registry_register(const struct registry *self, int stream,
                              uint64_t token, enum interest interest)
{
    (void)self;
    (void)stream;
    (void)token;
    (void)interest;
}
*/
static void registry_register(const struct registry *self, int stream,
                              uint64_t token, enum interest interest)
{
    struct epoll_event event = {.events = interest, .data.u64 = token};

    lesson_unwrap(epoll_ctl(self->epoll, EPOLL_CTL_ADD, stream, &event),
                  "register");
}
/*@end 3.1*/
/*@probe static void probe_registry_register(const struct registry *self, */
/*@probe                                     int stream, uint64_t token, */
/*@probe                                     enum interest interest) */
/*@probe { */
/*@probe     probe_event(PROBE_ASK, -1, (long)token, stream); */
/*@probe     registry_register(self, stream, token, interest); */
/*@probe } */
/*@probe #define registry_register probe_registry_register */

/*@todo 3.2 event_queue_wait | event_queue_wait
en: Sleep in epoll_wait() until there is an event, for as long as it takes, and
en: return how many there are. EINTR: a signal came, no event: keep waiting.
en: figures.epoll_waits counts the calls.
fr: Dormez dans epoll_wait() jusqu'à ce qu'il y ait un évènement, aussi
fr: longtemps qu'il faudra, et renvoyez leur nombre. EINTR : un signal est
fr: venu, et aucun évènement : attendez encore. figures.epoll_waits compte les
fr: appels.
stub:
static int event_queue_wait(const struct event_queue *self,
                            struct epoll_event *events)
{
    (void)self;
    (void)events;
    return 0;
}
*/
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
/*@end 3.2*/

/* --- Runtime: polls the future, sleeps in the event queue between ------ */

struct runtime {
    struct event_queue queue;
};

/* Set while there is a runtime; futures find the registry here. */
static struct registry current_registry = {-1};

static const struct registry *registry(void)
{
    lesson_expect(current_registry.epoll >= 0,
                  "Called outside a runtime context");
    return &current_registry;
}

static struct runtime runtime_new(void)
{
    const struct runtime runtime = {event_queue_new()};

    current_registry = (struct registry){runtime.queue.epoll};
    return runtime;
}

static void runtime_free(struct runtime *self)
{
    current_registry = (struct registry){-1};
    close(self->queue.epoll);
}

/*@todo 3.3 block_on | block_on
en: Poll the future, with poll_task(), until it is READY. After each NOT_READY
en: log "Schedule other tasks", and sleep in event_queue_wait(). There is only
en: one future: any event means that it is to be polled again.
fr: Sondez la future, avec poll_task(), jusqu'à ce qu'elle soit READY. Après
fr: chaque NOT_READY, journalisez "Schedule other tasks" et dormez dans
fr: event_queue_wait(). Il n'y a qu'une future : tout évènement veut dire qu'il
fr: faut la sonder de nouveau.
stub:
static void block_on(const struct runtime *self, struct future *future)
{
    (void)self;
    (void)event_queue_wait;
    while (poll_task(future) == NOT_READY)
        lesson_log("Schedule other tasks");
}
*/
static void block_on(const struct runtime *self, struct future *future)
{
    struct epoll_event events[EVENTS_CAPACITY];

    while (poll_task(future) == NOT_READY) {
        lesson_log("Schedule other tasks");
        event_queue_wait(&self->queue, events);
    }
}
/*@end 3.3*/

/* --- http_get: one GET ------------------------------------------------- */

struct http_get_future {
    struct future future; /* first member: a pointer to it can be cast */
    struct lesson_request request; /* .stream is the socket, -1 at first */
};

/*@todo 3.4 http_get_poll | http_get_poll
en: That of lesson 02. Add one call: once the request is sent, the stream is
en: registered with registry(), token 0, to be told when it is READABLE.
fr: Celle de la leçon 02. Ajoutez un appel : une fois la requête envoyée,
fr: abonnez le flux auprès de registry(), avec le token 0, pour savoir quand il
fr: est READABLE.
stub:
static enum poll_state http_get_poll(struct future *future)
{
    struct http_get_future *self = (struct http_get_future *)future;
    struct lesson_request *request = &self->request;
    ssize_t n;

    (void)registry;
    (void)registry_register;
    if (request->stream < 0) {
        lesson_log("First poll - start operation");
        if (lesson_write_request(request) < 0) {
            future->error = request->error;
            return READY;
        }
    }
    do
        n = lesson_read(request);
    while (n > 0);
    if (n == -EAGAIN) {
        lesson_log("Data not ready");
        return NOT_READY;
    }
    close(request->stream);
    future->error = request->error;
    return READY;
}
*/
static enum poll_state http_get_poll(struct future *future)
{
    struct http_get_future *self = (struct http_get_future *)future;
    struct lesson_request *request = &self->request;
    ssize_t n;

    if (request->stream < 0) {
        lesson_log("First poll - start operation");
        if (lesson_write_request(request) < 0) {
            future->error = request->error;
            return READY;
        }
        registry_register(registry(), request->stream, 0, READABLE);
    }
    do
        n = lesson_read(request);
    while (n > 0);
    if (n == -EAGAIN) {
        lesson_log("Data not ready");
        return NOT_READY;
    }
    close(request->stream); /* also removes it from the event queue */
    future->error = request->error;
    return READY;
}
/*@end 3.4*/

/*@probe static struct future *probe_get_over; */
/*@probe static enum poll_state probe_http_get_poll(struct future *future) */
/*@probe { */
/*@probe     enum poll_state probe_state; */
/*@probe     if (future == probe_get_over) */
/*@probe         probe_fail("POLLED AFTER READY: a GET", "child", 0, 0, 0); */
/*@probe     probe_state = http_get_poll(future); */
/*@probe     probe_event(PROBE_GET, -1, -1, probe_state == READY); */
/*@probe     if (probe_state == READY) */
/*@probe         probe_get_over = future; */
/*@probe     return probe_state; */
/*@probe } */
/*@probe #define http_get_poll probe_http_get_poll */
static struct http_get_future http_get(int port, const char *path)
{
    /*@probe probe_get_over = NULL; */
    return (struct http_get_future){
        .future.poll = http_get_poll,
        .request = {.port = port, .path = path, .stream = -1},
    };
}
/*@probe #undef http_get_poll */

/* --- async_main: two GETs, one after the other ------------------------- */

/* A state machine: `state` says what it waits for, `get` is that future. */
struct async_main {
    struct future future;
    enum { START, WAIT_1, WAIT_2 } state;
    int port;
    struct http_get_future get;
};

static enum poll_state async_main_poll(struct future *future)
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
        if (get->poll(get) == NOT_READY)
            return NOT_READY;
        future->error = lesson_print(&self->get.request);
        if (future->error)
            return READY;
        self->get = http_get(self->port, lesson_path(1));
        self->state = WAIT_2;
        __attribute__((fallthrough));
    case WAIT_2:
        if (get->poll(get) == NOT_READY)
            return NOT_READY;
        future->error = lesson_print(&self->get.request);
    }
    return READY;
}

/*@probe static struct future *probe_over; */
/*@probe static enum poll_state probe_async_main_poll(struct future *future) */
/*@probe { */
/*@probe     const unsigned long probe_slept = probe_sleeps(); */
/*@probe     const unsigned long probe_seen = */
/*@probe         probe_count(PROBE_BLOCK) + probe_count(PROBE_SLEEP); */
/*@probe     const double probe_start_ms = lesson_now_ms(); */
/*@probe     enum poll_state probe_state; */
/*@probe     probe_event(PROBE_POLL, 0, -1, -1); */
/*@probe     if (future == probe_over) */
/*@probe         probe_fail("POLLED AFTER READY", "again", 0, 0, 0); */
/*@probe     probe_state = async_main_poll(future); */
/*@probe     if (probe_sleeps() != probe_slept && */
/*@probe         probe_count(PROBE_BLOCK) + probe_count(PROBE_SLEEP) == */
/*@probe             probe_seen) */
/*@probe         probe_event(PROBE_BLOCK, 0, -1, */
/*@probe                     (long)(lesson_now_ms() - probe_start_ms)); */
/*@probe     if (probe_state == READY) */
/*@probe         probe_over = future; */
/*@probe     if (probe_state == READY) */
/*@probe         probe_event(PROBE_READY, 0, -1, -1); */
/*@probe     else */
/*@probe         probe_event(PROBE_PENDING, 0, -1, -1); */
/*@probe     return probe_state; */
/*@probe } */
/*@probe #define async_main_poll probe_async_main_poll */
static struct async_main async_main(int port)
{
    /*@probe probe_over = NULL; */
    return (struct async_main){.future.poll = async_main_poll, .port = port};
}
/*@probe #undef async_main_poll */

/* --- main -------------------------------------------------------------- */

int main(int argc, char **argv)
{
    const int port = lesson_start(
        argc, argv,
        "Lesson 03, stage epoll: two GETs, asleep in epoll_wait between.",
        NULL);
    struct async_main root = async_main(port);
    struct runtime runtime = runtime_new();

    block_on(&runtime, &root.future);
    runtime_free(&runtime);
    return lesson_end(root.future.error);
}
