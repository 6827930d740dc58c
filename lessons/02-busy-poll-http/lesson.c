/* SPDX-License-Identifier: MIT */
/*
 * Lesson 02, busy-poll-http - who waits while the data is not there?
 *
 * New here: a future, polled in a loop until it is READY. No poll blocks, so
 * the loop never sleeps and keeps one processor busy.
 *
 *     main:  poll -> NOT_READY, poll -> NOT_READY, ... a million times ...
 *
 * async_main() is what a compiler makes of this coroutine of the course:
 *
 *     println!("Program starting");
 *     let txt = Http::get("/600/HelloAsyncAwait").wait;
 *     println!("{txt}");
 *     let txt = Http::get("/400/HelloAsyncAwait").wait;
 *     println!("{txt}");
 *
 * Read main() at the bottom first, then upwards.
 *
 * Threads: one.
 */
#include "../lesson.h"

/* --- Future: a value that is not there yet, polled --------------------- */

enum poll_state { NOT_READY, READY };

/* Lazy: it starts at its first poll. It must not be polled after READY. */
struct future {
    enum poll_state (*poll)(struct future *self);
};

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
    }
    do {
        n = lesson_read(request);
        if (n == -EAGAIN) {
            lesson_log("Data not ready");
            return NOT_READY;
        }
    } while (n > 0);
    /* 0 bytes: the server has closed the connection; the response is whole. */
    close(request->stream);
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

/* Saves CPU and costs latency: data that arrives meanwhile has to wait. */
static void sleep_between_polls(long sleep_ms)
{
    const struct timespec pause = {
        .tv_sec = sleep_ms / 1000,
        .tv_nsec = sleep_ms % 1000 * 1000000,
    };

    nanosleep(&pause, NULL);
}

int main(int argc, char **argv)
{
    long sleep_ms = 0;
    const int port = lesson_start(
        argc, argv,
        "Lesson 02, stage busy (or busy-sleep): two GETs by polling in a loop.",
        &sleep_ms);
    struct async_main root = async_main(port);
    struct future *future = &root.future;

    if (sleep_ms > 0)
        lesson_logf("busy-sleep: %ld ms of sleep between polls", sleep_ms);
    for (;;) {
        figures.polls++;
        if (future->poll(future) == READY)
            break;
        lesson_log("Schedule other tasks");
        if (sleep_ms > 0)
            sleep_between_polls(sleep_ms);
    }
    return lesson_end();
}
