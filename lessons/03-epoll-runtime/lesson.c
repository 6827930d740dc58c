/* SPDX-License-Identifier: MIT */
/*
 * Lesson 03, epoll-runtime - can the kernel say when the data is there?
 *
 * New here: Poll, a queue of events. The future puts down its interest in its
 * socket, and block_on sleeps in the kernel until there is an event. Then it
 * polls again: once for each request, not a million times.
 *
 *     main:  poll -> NOT_READY, epoll_wait ...zzz..., poll -> READY
 *
 * The GETs are not faster than in lesson 02; the processor is free meanwhile.
 *
 * Read main() at the bottom first, then upwards.
 *
 * Threads: one.
 */
#include "../lesson.h"

#include <sys/epoll.h>

/* --- Future: something that can be asked for its value ----------------- */

enum poll_state { NOT_READY, READY };

/* It does nothing before its first poll, and is not polled after READY. */
struct future {
    enum poll_state (*poll)(struct future *self);
};

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

/* --- Runtime: polls the future, and sleeps in Poll between ------------- */

struct runtime {
    struct poll poll;
};

/* REGISTRY of the slides: set once, when the runtime is made. */
static struct registry registry_cell = {-1};

static const struct registry *registry(void)
{
    lesson_expect(registry_cell.epoll >= 0, "Called outside a runtime context");
    return &registry_cell;
}

static struct runtime runtime_new(void)
{
    const struct runtime runtime = {poll_new()};

    registry_cell = (struct registry){runtime.poll.epoll};
    return runtime;
}

static void runtime_free(struct runtime *self)
{
    registry_cell = (struct registry){-1};
    close(self->poll.epoll);
}

/* Nothing to do with the events: there is only one future to poll. */
static void block_on(const struct runtime *self, struct future *future)
{
    struct epoll_event events[EVENTS_CAPACITY];

    while (future->poll(future) == NOT_READY) {
        lesson_log("Schedule other tasks");
        poll_poll(&self->poll, events);
    }
}

/* --- HttpGetFuture: one GET -------------------------------------------- */

struct http_get_future {
    struct future future; /* first: a pointer to it is a pointer to us */
    struct lesson_request request;
};

static enum poll_state http_get_poll(struct future *future)
{
    struct http_get_future *self = (struct http_get_future *)future;
    struct lesson_request *request = &self->request;
    ssize_t n;

    figures.polls++;
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
    /* 0 bytes: the server has closed, we have the entire response. */
    close(request->stream); /* which also takes it out of the queue */
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

/* A state machine: the wait where it stands, the future it waits for. */
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
