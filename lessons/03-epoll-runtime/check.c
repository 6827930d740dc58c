/* SPDX-License-Identifier: MIT */
/*
 * Lesson 03 from the other side: the checker registers descriptors of its own
 * with the learner's queue, has the learner's block_on() poll its futures, and
 * polls the learner's futures itself.
 */
#include "probe.h"
#include "slow_server.h"

#include <signal.h>
#include <sys/time.h>
#include <sys/timerfd.h>

enum { PROBE_TOKEN = 77, PROBE_LATE_MS = 3000, PROBE_MOST_POLLS = 2000 };

/* The events there are now, without waiting for more. */
static int probe_look(int epoll, struct epoll_event *event)
{
    int count;

    probe_quiet(true);
    count = epoll_wait(epoll, event, 1, 0);
    probe_quiet(false);
    return count;
}

static void probe_write(int fd)
{
    if (write(fd, "x", 1) != 1)
        abort();
}

/* --- registry_register() ----------------------------------------------- */

PROBE_CASE(register)
{
    const struct event_queue queue = event_queue_new();
    const struct registry registry = {queue.epoll};
    struct epoll_event event = {0};
    int pair[2];

    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair) < 0)
        abort();
    registry_register(&registry, pair[0], PROBE_TOKEN, READABLE);
    probe_expect(probe_count(PROBE_REGISTER) > 0,
                 "LOST WAKE: nothing registered", "no call", 0, 0, 0);
    probe_expect(probe_is_registered(pair[0]), "LOST WAKE: another descriptor",
                 "wrong descriptor", pair[0], 0, 0);
    probe_expect(probe_mask(pair[0]) & EPOLLIN, "WRONG INTEREST", "bits",
                 (long)probe_mask(pair[0]), EPOLLIN, 0);
    probe_expect(probe_look(queue.epoll, &event) == 0, "WRONG INTEREST",
                 "at once", (long)event.events, 0, 0);
    probe_write(pair[1]);
    probe_expect(probe_look(queue.epoll, &event) == 1,
                 "LOST WAKE: nothing registered", "byte", 0, 0, 0);
    probe_expect((uint32_t)event.data.u64 == PROBE_TOKEN, "WRONG OWNER",
                 "token", (long)event.data.u64, PROBE_TOKEN, 0);
}

/* --- event_queue_wait() ------------------------------------------------ */

/* A descriptor that becomes readable after ms, then again and again. */
static int probe_timer(int ms)
{
    const struct itimerspec time = {
        .it_interval = {.tv_nsec = ms * 1000000},
        .it_value = {.tv_nsec = ms * 1000000},
    };
    const int fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);

    if (timerfd_settime(fd, 0, &time, NULL) < 0)
        abort();
    return fd;
}

static void probe_add(int epoll, int fd)
{
    struct epoll_event event = {.events = EPOLLIN, .data.u64 = PROBE_TOKEN};

    if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) < 0)
        abort();
}

static void probe_no_loop(void)
{
    const long waits = (long)probe_count(PROBE_EPOLL_WAIT);
    const long sleeps = (long)probe_count(PROBE_SLEEP);

    probe_expect(sleeps == 0, "SLEEPS INSTEAD OF WAITING", "wait", sleeps,
                 waits, 0);
    probe_expect(waits <= 3, "BUSY LOOP", "epoll_wait", waits, 1, 0);
}

PROBE_CASE(wait)
{
    const struct event_queue queue = event_queue_new();
    struct epoll_event events[EVENTS_CAPACITY] = {{0}};
    int count;

    probe_add(queue.epoll, probe_timer(200));
    probe_reset();
    count = event_queue_wait(&queue, events);
    probe_no_loop();
    probe_expect(count == 1, "BUSY LOOP", "returned", count, 1, 0);
    probe_expect(events[0].data.u64 == PROBE_TOKEN, "WRONG OWNER", "token",
                 (long)events[0].data.u64, PROBE_TOKEN, 0);
}

/* Several are there together: all are reported. */
PROBE_CASE(several)
{
    const struct event_queue queue = event_queue_new();
    struct epoll_event events[EVENTS_CAPACITY] = {{0}};
    int count;

    for (int i = 0; i < 5; i++) {
        int ends[2];

        if (pipe2(ends, O_NONBLOCK | O_CLOEXEC) < 0)
            abort();
        probe_write(ends[1]);
        probe_add(queue.epoll, ends[0]);
    }
    count = event_queue_wait(&queue, events);
    probe_expect(count >= 1, "BUSY LOOP", "returned", count, 5, 0);
    probe_expect(count >= 5 || events[count].data.u64 != PROBE_TOKEN,
                 "WRONG FIGURE @3.2", "events", count, 0, 0);
}

/* --- block_on() -------------------------------------------------------- */

static volatile sig_atomic_t probe_signals;

static struct {
    struct future future;
    int timer;
    int ticks;
    int polls;
    int spurious;
    int ready_at;
    bool ready;
} probe_ticker;

/* READY after some ticks of a timer; counts the polls that find none. */
static enum poll_state probe_ticker_poll(struct future *future)
{
    uint64_t ticks = 0;

    (void)future;
    probe_expect(!probe_ticker.ready, "POLLED AFTER READY", "loop",
                 probe_ticker.polls + 1, probe_ticker.polls, 0);
    if (++probe_ticker.polls == 1) {
        probe_ticker.timer = probe_timer(30);
        probe_add(registry()->epoll, probe_ticker.timer);
    }
    probe_quiet(true);
    if (read(probe_ticker.timer, &ticks, sizeof(ticks)) > 0)
        probe_ticker.ticks++;
    else
        probe_ticker.spurious++;
    probe_quiet(false);
    probe_expect(probe_count(PROBE_SLEEP) == 0, "SLEEPS INSTEAD OF WAITING",
                 "polls", (long)probe_count(PROBE_SLEEP), probe_ticker.polls,
                 0);
    probe_expect(
        probe_ticker.spurious <= 8 + probe_ticker.ticks + probe_signals,
        "BUSY LOOP", "polls", probe_ticker.polls, probe_ticker.ticks, 0);
    probe_ticker.ready = probe_ticker.ticks == probe_ticker.ready_at;
    return probe_ticker.ready ? READY : NOT_READY;
}

static void probe_block_on(int ready_at)
{
    struct runtime runtime = runtime_new();

    memset(&probe_ticker, 0, sizeof(probe_ticker));
    probe_ticker.future.poll = probe_ticker_poll;
    probe_ticker.ready_at = ready_at;
    probe_reset();
    block_on(&runtime, &probe_ticker.future);
    probe_expect(probe_ticker.ready, "FORGOTTEN TASK", "loop",
                 probe_ticker.polls, ready_at, 0);
    runtime_free(&runtime);
}

PROBE_CASE(block_on)
{
    probe_block_on(3);
    probe_block_on(1);
}

/* Has twenty events together, and is READY at the third poll. */
static enum poll_state probe_many_poll(struct future *future)
{
    (void)future;
    if (++probe_ticker.polls == 1)
        for (int i = 0; i < 20; i++) {
            int ends[2];

            if (pipe2(ends, O_NONBLOCK | O_CLOEXEC) < 0)
                abort();
            probe_write(ends[1]);
            probe_add(registry()->epoll, ends[0]);
        }
    return probe_ticker.polls >= 3 ? READY : NOT_READY;
}

PROBE_CASE(many)
{
    struct runtime runtime = runtime_new();
    struct future future = {.poll = probe_many_poll};

    block_on(&runtime, &future);
    probe_expect(probe_ticker.polls == 3, "FORGOTTEN TASK", "loop",
                 probe_ticker.polls, 3, 0);
    runtime_free(&runtime);
}

static enum poll_state probe_now_poll(struct future *future)
{
    (void)future;
    probe_ticker.polls++;
    probe_if_stuck("NEVER STOPS: sleeps after READY", "ready",
                   probe_ticker.polls, 0, 0);
    return READY;
}

/* READY at the first poll: there is nothing to wait for. */
PROBE_CASE(at_once)
{
    struct runtime runtime = runtime_new();
    struct future future = {.poll = probe_now_poll};

    block_on(&runtime, &future);
    probe_expect(probe_ticker.polls == 1, "FORGOTTEN TASK", "loop",
                 probe_ticker.polls, 1, 0);
}

/* --- signals ----------------------------------------------------------- */

static void probe_on_signal(int signal)
{
    (void)signal;
    probe_signals++;
}

/* The program gave up: lesson_unwrap() of a call that failed. */
static void probe_at_exit(void)
{
    probe_expect(probe_count(PROBE_REGISTER) <= 1, "REGISTERED TWICE", "polls",
                 (long)probe_count(PROBE_REGISTER), 2, 0);
    probe_expect(probe_signals == 0, "INTERRUPTED", "signals",
                 (long)probe_signals, 0, 0);
}

/* It may come back too early, but not with less than no event. */
static void probe_interrupted_wait(void)
{
    const struct event_queue queue = event_queue_new();
    struct epoll_event events[EVENTS_CAPACITY] = {{0}};
    int count;

    probe_add(queue.epoll, probe_timer(50));
    count = event_queue_wait(&queue, events);
    probe_expect(count >= 0, "INTERRUPTED", "count", count, probe_signals, 0);
    close(queue.epoll);
    probe_reset();
}

PROBE_CASE(interrupted)
{
    const struct sigaction action = {.sa_handler = probe_on_signal};
    const struct itimerval often = {{0, 7000}, {0, 7000}};
    const struct itimerval never = {{0, 0}, {0, 0}};

    sigaction(SIGALRM, &action, NULL);
    atexit(probe_at_exit);
    setitimer(ITIMER_REAL, &often, NULL);
    probe_interrupted_wait();
    probe_block_on(3);
    setitimer(ITIMER_REAL, &never, NULL);
}

/* --- http_get_poll() --------------------------------------------------- */

static enum poll_state probe_poll(struct future *future)
{
    const unsigned long sleeps = probe_count(PROBE_SLEEP);
    const unsigned long blocks = probe_count(PROBE_BLOCK);
    const unsigned long waits = probe_count(PROBE_EPOLL_WAIT);
    const unsigned long reads = probe_count(PROBE_WOULD_BLOCK);
    const double start_ms = lesson_now_ms();
    enum poll_state state = future->poll(future);
    const long ms = (long)(lesson_now_ms() - start_ms);

    probe_expect(probe_count(PROBE_SLEEP) == sleeps, "SLEEPS IN POLL", "sleep",
                 ms, (long)(probe_count(PROBE_SLEEP) - sleeps), 0);
    probe_expect(probe_count(PROBE_BLOCK) == blocks &&
                     probe_count(PROBE_EPOLL_WAIT) == waits,
                 "BLOCKS THE OTHERS", "poll", ms, 0, 0);
    probe_expect(probe_count(PROBE_WOULD_BLOCK) - reads <= 8, "NEVER YIELDED",
                 "reads", (long)(probe_count(PROBE_WOULD_BLOCK) - reads), 0, 0);
    return state;
}

/* Not ready, polled again and again: registered once. */
PROBE_CASE(pending)
{
    struct runtime runtime = runtime_new();
    struct http_get_future get =
        http_get(probe_port(), probe_path(PROBE_LATE_MS));

    atexit(probe_at_exit);
    probe_reset();
    for (int i = 1; i <= 5; i++) {
        if (probe_poll(&get.future) == READY)
            probe_fail("TRUNCATED", "early", i, 0, 0);
        probe_expect(probe_count(PROBE_CONNECT) <= 1, "STARTS ANEW", "polls",
                     (long)probe_count(PROBE_CONNECT), i, 0);
    }
    probe_expect(probe_count(PROBE_CONNECT) == 1, "NOTHING WAS ASKED", "polls",
                 5, 0, 0);
    probe_expect(probe_count(PROBE_REGISTER) >= 1,
                 "LOST WAKE: nothing registered", "polls", 5, 0, 0);
    runtime_free(&runtime);
}

static void probe_whole(const struct http_get_future *get)
{
    const char *text = get->request.text ? get->request.text : "";
    const char *length = strstr(text, "content-length: ");
    const char *body = strstr(text, "\r\n\r\n");
    const long expected = length ? atol(length + 16) : 0;
    const long got = body ? (long)strlen(body + 4) : 0;

    probe_expect(get->future.error == 0, "ERROR LOST", "spurious",
                 get->future.error, 0, 0);
    probe_expect(got > 0 && got == expected, "TRUNCATED", "bytes", got,
                 expected, 0);
    probe_expect(strstr(body, probe_nonce()) != NULL, "WRONG TEXT", "bytes",
                 got, 0, 0);
}

/* The learner's GET in the learner's block_on(). */
static void probe_get(const char *path)
{
    struct runtime runtime = runtime_new();
    struct http_get_future get = http_get(probe_port(), path);

    probe_reset();
    block_on(&runtime, &get.future);
    probe_whole(&get);
    probe_expect(probe_count(PROBE_EPOLL_WAIT) <= 60, "BUSY LOOP", "epoll_wait",
                 (long)probe_count(PROBE_EPOLL_WAIT), 6, 0);
    runtime_free(&runtime);
}

PROBE_CASE(get)
{
    probe_get(probe_path(30));
    probe_get(probe_path(0));
}

/* --- a response in pieces ----------------------------------------------- */

/* Polls the GET, and sends the next piece when it has nothing to read. */
static struct {
    struct future future;
    struct http_get_future get;
} probe_feeder;

static enum poll_state probe_feeder_poll(struct future *future)
{
    struct http_get_future *get = &probe_feeder.get;
    const int sent = probe_slow.sent;

    future->error = 0;
    while (probe_slow.sent == sent) {
        if (probe_poll(&get->future) == READY)
            return READY;
        probe_send_next(&get->request);
        if (probe_slow.peer && probe_slow.sent == 4 && !probe_slow.seen)
            break; /* all is sent, or it is closed */
        if (get->request.length < probe_slow.bytes)
            break; /* it has not read all: there is an event to come */
    }
    return NOT_READY;
}

/* It comes in pieces, and there is nothing between them: an event for each. */
PROBE_CASE(pieces)
{
    struct runtime runtime = runtime_new();
    int port;

    probe_slow.listener = probe_listen(&port);
    probe_feeder.future.poll = probe_feeder_poll;
    probe_feeder.get = http_get(port, probe_path_of("/0"));
    block_on(&runtime, &probe_feeder.future);
    probe_whole(&probe_feeder.get);
    runtime_free(&runtime);
}

/* More than one read can take. */
PROBE_CASE(big)
{
    struct runtime runtime = runtime_new();
    struct http_get_future get =
        http_get(probe_port(), probe_path_of("/big/700"));

    block_on(&runtime, &get.future);
    probe_whole(&get);
    runtime_free(&runtime);
}

static int probe_closed_port(void)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET,
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
    };
    socklen_t length = sizeof(address);
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (bind(fd, (struct sockaddr *)&address, length) < 0 ||
        getsockname(fd, (struct sockaddr *)&address, &length) < 0)
        abort();
    return ntohs(address.sin_port);
}

PROBE_CASE(refused)
{
    struct runtime runtime = runtime_new();
    struct http_get_future get =
        http_get(probe_closed_port(), probe_path_of("/0"));

    for (int i = 1; probe_poll(&get.future) == NOT_READY; i++)
        probe_expect(i < 10, "ERROR LOST", "refused", i, 0, 0);
    probe_expect(get.future.error == -ECONNREFUSED, "ERROR LOST", "value",
                 get.future.error, -ECONNREFUSED, 0);
    runtime_free(&runtime);
}
