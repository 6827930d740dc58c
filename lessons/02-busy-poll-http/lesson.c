/* SPDX-License-Identifier: MIT */
/*
 * Lesson 02, busy-poll-http - who waits while the data is not there?
 *
 * New here: a future whose data comes from elsewhere. It must not wait for it:
 * where a read would block, it says NOT_READY, and the loop polls others, then
 * this one again. Nobody sleeps, so one processor is busy all the time.
 *
 *     main:  poll -> NOT_READY, poll -> NOT_READY, ... a million times ...
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
    int error; /* once READY: 0, or a negative errno */
};

/* Poll a task, which is a future that the loop polls itself, and count it. */
static enum poll_state poll_task(struct future *task)
{
    figures.polls++;
    return task->poll(task);
}

/* --- http_get: one GET ------------------------------------------------- */

struct http_get_future {
    struct future future; /* first member: a pointer to it can be cast */
    struct lesson_request request; /* .stream is the socket, -1 at first */
};

/*@todo 2.1 http_get_poll | http_get_poll
en: Make the socket non-blocking, with fcntl(), once the request is sent. Then,
en: at each poll: lesson_read() as long as it gives bytes. -EAGAIN: log "Data
en: not ready", NOT_READY. 0 is the end of the response: close(), and READY.
en: Another negative number is an error, and the end too. request->error says
en: how it ended: it becomes future->error.
fr: Rendez la socket non bloquante, par fcntl(), une fois la requête envoyée.
fr: Puis, à chaque sondage : lesson_read() tant qu'il rend des octets. -EAGAIN :
fr: journalisez "Data not ready", NOT_READY. 0 est la fin de la réponse :
fr: close(), et READY. Un autre nombre négatif est une erreur, et la fin aussi.
fr: request->error dit comment cela a fini : il devient future->error.
stub:
static enum poll_state http_get_poll(struct future *future)
{
    struct http_get_future *self = (struct http_get_future *)future;
    struct lesson_request *request = &self->request;

    if (request->stream < 0) {
        lesson_log("First poll - start operation");
        if (lesson_send_request(request) < 0) {
            future->error = request->error;
            return READY;
        }
    }
    return READY;
}
*/
static enum poll_state http_get_poll(struct future *future)
{
    struct http_get_future *self = (struct http_get_future *)future;
    struct lesson_request *request = &self->request;
    ssize_t n = 0;

    if (request->stream < 0) {
        lesson_log("First poll - start operation");
        if (lesson_send_request(request) < 0) {
            future->error = request->error;
            return READY;
        }
        fcntl(request->stream, F_SETFL, O_NONBLOCK);
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
/*@end 2.1*/

/*@probe static struct future *probe_get_over; */
/*@probe static bool probe_get_made; */
/*@probe static unsigned long probe_gets_waiting; */
/*@probe static bool probe_get_again; */
/*@probe static enum poll_state (*probe_get_poll)(struct future *) = */
/*@probe     http_get_poll; */
/*@probe static enum poll_state probe_http_get_poll(struct future *future) */
/*@probe { */
/*@probe     enum poll_state probe_state; */
/*@probe     if (future == probe_get_over && probe_get_made && */
/*@probe         ((struct http_get_future *)future)->request.stream < 0) */
/*@probe         probe_get_over = NULL; */
/*@probe     if (future == probe_get_over) */
/*@probe         probe_fail("POLLED AFTER READY: a GET", "child", 0, 0, 0); */
/*@probe     probe_state = probe_get_poll(future); */
/*@probe     probe_get_again |= probe_state == READY && probe_gets_waiting; */
/*@probe     probe_event(PROBE_GET, -1, -1, probe_state == READY); */
/*@probe     if (probe_state == READY) */
/*@probe         probe_get_over = future, probe_get_made = false; */
/*@probe     else if (++probe_gets_waiting > 1000) */
/*@probe         probe_fail("NEVER YIELDED: a GET", "gets", 1000, 0, 0); */
/*@probe     return probe_state; */
/*@probe } */
/*@probe #define http_get_poll probe_http_get_poll */
static struct http_get_future http_get(int port, const char *path)
{
    /*@probe probe_get_made = true; */
    return (struct http_get_future){
        .future.poll = http_get_poll,
        .request = {.port = port, .path = path, .stream = -1},
    };
}
/*@probe #undef http_get_poll */

/* --- async_main: two GETs, one after the other ------------------------- */

/*@todo 2.2 async_main_poll | async_main_poll
en: Poll `get` until it is READY, lesson_print() its request, make the second
en: GET, of lesson_path(1), and do the same again. This function is called anew
en: at each poll: `state` says where it had stopped. What lesson_print() returns
en: is this future's error; if it is not 0, that is the end.
fr: Sondez `get` jusqu'à ce qu'elle soit READY, lesson_print() de sa requête,
fr: créez le second GET, de lesson_path(1), et de même encore une fois. Cette
fr: fonction est rappelée à chaque sondage : `state` dit où elle s'était
fr: arrêtée. Ce que renvoie lesson_print() est l'erreur de cette future ; si ce
fr: n'est pas 0, c'est la fin.
stub:
struct async_main {
    struct future future;
    enum { START, WAIT_1, WAIT_2 } state;
    int port;
    struct http_get_future get; /+ the one that is waited for +/
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
        get->poll(get);
        __attribute__((fallthrough));
    case WAIT_2:
        break;
    }
    return READY;
}
*/
struct async_main {
    struct future future;
    enum { START, WAIT_1, WAIT_2 } state;
    int port;
    struct http_get_future get; /* the one that is waited for */
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
/*@end 2.2*/

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
/*@probe     probe_gets_waiting = 0; */
/*@probe     probe_get_again = false; */
/*@probe     probe_state = async_main_poll(future); */
/*@probe     if (probe_state == READY && !future->error && probe_get_again && */
/*@probe         probe_count(PROBE_CONNECT) < 2) */
/*@probe         probe_fail("NEVER YIELDED: a GET", "again", 0, 0, 0); */
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

/* --- clock: another task, which wants a poll every 10 ms --------------- */

enum { TICK_MS = 10 };

/* It is never READY: it ends with the program. */
struct clock {
    struct future future;
    double due_ms; /* when the next tick is due */
    int ticks;
    double late_ms; /* how late the latest tick came */
};

static enum poll_state clock_poll(struct future *future)
{
    struct clock *self = (struct clock *)future;
    const double now_ms = lesson_now_ms();

    if (now_ms >= self->due_ms) {
        /*@probe probe_event(PROBE_TICK, 1, -1, -1); */
        self->ticks++;
        if (self->late_ms < now_ms - self->due_ms)
            self->late_ms = now_ms - self->due_ms;
        self->due_ms = now_ms + TICK_MS;
    }
    return NOT_READY;
}

/* --- The loop ---------------------------------------------------------- */

/* Saves CPU and costs latency: data that comes meanwhile has to wait. */
static void sleep_between_polls(long sleep_ms)
{
    const struct timespec pause = {
        .tv_sec = sleep_ms / 1000,
        .tv_nsec = sleep_ms % 1000 * 1000000,
    };

    nanosleep(&pause, NULL);
}

/*@todo 2.3 run | run
en: Poll the task, with poll_task(), until it is READY. After each NOT_READY:
en: log "Schedule other tasks", and poll the other one, once, by other->poll().
en: sleep_between_polls() follows, if sleep_ms is not 0.
fr: Sondez la tâche, avec poll_task(), jusqu'à ce qu'elle soit READY. Après
fr: chaque NOT_READY : journalisez "Schedule other tasks" et sondez l'autre,
fr: une fois, par other->poll(). Puis sleep_between_polls(), si sleep_ms n'est
fr: pas 0.
stub:
static void run(struct future *task, struct future *other, long sleep_ms)
{
    (void)other;
    (void)sleep_ms;
    (void)sleep_between_polls;
    poll_task(task);
}
*/
static void run(struct future *task, struct future *other, long sleep_ms)
{
    while (poll_task(task) == NOT_READY) {
        lesson_log("Schedule other tasks");
        other->poll(other);
        if (sleep_ms > 0)
            sleep_between_polls(sleep_ms);
    }
}
/*@end 2.3*/

/* --- main -------------------------------------------------------------- */

int main(int argc, char **argv)
{
    long sleep_ms = 0;
    const int port = lesson_start(
        argc, argv,
        "Lesson 02, stage busy (or busy-sleep): two GETs by polling in a loop.",
        &sleep_ms);
    struct async_main root = async_main(port);
    struct clock clock = {.future.poll = clock_poll, .due_ms = TICK_MS};

    if (sleep_ms > 0)
        lesson_logf("busy-sleep: %ld ms of sleep between polls", sleep_ms);
    run(&root.future, &clock.future, sleep_ms);
    lesson_logf("clock: %d ticks, the latest came %.1f ms late", clock.ticks,
                clock.late_ms);
    return lesson_end(root.future.error);
}
