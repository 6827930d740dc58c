/* SPDX-License-Identifier: MIT */
/*
 * Lesson 03, epoll-runtime - can the kernel say when the data is there?
 *
 * New here: the kernel's event queue (epoll; Poll in the course and in mio).
 * The future registers its socket there, and block_on sleeps in the kernel
 * until there is an event. Then it polls again: once for each event, not a
 * million times.
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
};

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

/* The events are not read: there is only one future, so it is polled. */
static void block_on(const struct runtime *self, struct future *future)
{
    struct epoll_event events[EVENTS_CAPACITY];

    for (;;) {
        figures.polls++;
        if (future->poll(future) == READY)
            return;
        lesson_log("Schedule other tasks");
        event_queue_wait(&self->queue, events);
    }
}

/* --- HttpGetFuture: one GET -------------------------------------------- */

struct http_get_future {
    struct future future; /* first member: a pointer to it can be cast */
    struct lesson_request request;
};

static enum poll_state http_get_poll(struct future *future)
{
    struct http_get_future *self = (struct http_get_future *)future;
    struct lesson_request *request = &self->request;
    ssize_t n;

    if (request->stream < 0) {
        lesson_log("First poll - start operation");
        if (lesson_write_request(request) < 0)
            return READY;
        registry_register(registry(), request->stream, 0, READABLE);
    }
    do {
        n = lesson_read(request);
        if (n == -EAGAIN) {
            lesson_log("Data not ready");
            return NOT_READY;
        }
    } while (n > 0);
    /* 0 bytes: the server has closed the connection; the response is whole. */
    close(request->stream); /* also removes it from the event queue */
    return READY;
}

static struct http_get_future http_get(int port, const char *path)
{
    return (struct http_get_future){
        .future.poll = http_get_poll,
        .request = {.port = port, .path = path, .stream = -1},
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

static enum poll_state async_main_poll(struct future *future)
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
        if (get->poll(get) == NOT_READY)
            return NOT_READY;
        if (!lesson_print(&self->get.request))
            return READY;
        self->get = http_get(self->port, "/400/HelloAsyncAwait");
        self->state = WAIT_2;
        __attribute__((fallthrough));
    case WAIT_2:
        if (get->poll(get) == NOT_READY)
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
        "Lesson 03, stage epoll: two GETs, asleep in epoll_wait between.",
        NULL);
    struct async_main root = async_main(port);
    struct runtime runtime = runtime_new();

    block_on(&runtime, &root.future);
    runtime_free(&runtime);
    return lesson_end();
}
