/* SPDX-License-Identifier: MIT */
/*
 * Lesson 02 from the other side: the checker polls the learner's futures, and
 * the learner's loop polls the checker's.
 */
#include "probe.h"
#include "slow_server.h"

#include <poll.h>

enum { PROBE_MOST_POLLS = 2000, PROBE_LATE_MS = 3000 };

/* Polls of a GET whose response is over: one reads the end, others may say so
 * later. */
enum { PROBE_MOST_AFTER = 5 };

static void probe_pause(int ms)
{
    probe_quiet(true);
    poll(NULL, 0, ms);
    probe_quiet(false);
}

/* Ask with this future, and see that it has not done so before. */
static struct http_get_future probe_get_of(int port, const char *path)
{
    struct http_get_future get;

    probe_reset();
    get = http_get(port, path);
    probe_expect(probe_count(PROBE_CONNECT) == 0, "NOT LAZY", "connects",
                 (long)probe_count(PROBE_CONNECT), 0, 0);
    return get;
}

static struct http_get_future probe_get(const char *path)
{
    return probe_get_of(probe_port(), path);
}

/* One poll of a future of the learner's, which must not wait for anything. */
static enum poll_state probe_poll(struct future *future)
{
    const unsigned long sleeps = probe_count(PROBE_SLEEP);
    const unsigned long blocks = probe_count(PROBE_BLOCK);
    const unsigned long reads = probe_count(PROBE_WOULD_BLOCK);
    const unsigned long connects = probe_count(PROBE_CONNECT);
    const double start_ms = lesson_now_ms();
    enum poll_state state;
    long ms;

    probe_gets_waiting = 0;
    state = future->poll(future);
    ms = (long)(lesson_now_ms() - start_ms);
    probe_expect(probe_count(PROBE_SLEEP) == sleeps, "SLEEPS IN POLL", "sleep",
                 ms, (long)(probe_count(PROBE_SLEEP) - sleeps), 0);
    probe_expect(probe_count(PROBE_BLOCK) == blocks, "BLOCKS THE OTHERS",
                 "poll", ms, 0, 0);
    probe_expect(probe_count(PROBE_WOULD_BLOCK) - reads <= 8, "NEVER YIELDED",
                 "reads", (long)(probe_count(PROBE_WOULD_BLOCK) - reads), 0, 0);
    probe_expect(probe_count(PROBE_CONNECT) - connects <= 2, "STARTS ANEW",
                 "one poll", (long)(probe_count(PROBE_CONNECT) - connects), 0,
                 0);
    return state;
}

/* All has been read, and the server has closed its end. */
static bool probe_is_over(const struct http_get_future *get)
{
    char byte;
    ssize_t n;

    probe_quiet(true);
    n = recv(get->request.stream, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
    probe_quiet(false);
    return n == 0;
}

static int probe_finish(struct http_get_future *get)
{
    int polls = 1;
    int over = 0;

    while (probe_poll(&get->future) == NOT_READY) {
        over += probe_is_over(get);
        probe_expect(over < PROBE_MOST_AFTER, "NEVER READY", "over", polls, 0,
                     0);
        probe_expect(probe_count(PROBE_CONNECT) <= 1, "STARTS ANEW", "polls",
                     (long)probe_count(PROBE_CONNECT), polls, 0);
        probe_expect(polls < PROBE_MOST_POLLS, "NEVER READY", "polls", polls, 0,
                     0);
        polls++;
        probe_pause(5);
    }
    return polls;
}

/* The response has arrived whole: as long as it says that it is. */
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

/* The answer comes much later: each poll says so, and at once. */
PROBE_CASE(pending)
{
    struct http_get_future get = probe_get(probe_path(PROBE_LATE_MS));

    for (int i = 1; i <= 10; i++) {
        if (probe_poll(&get.future) == READY)
            probe_fail("TRUNCATED", "early", i, 0, 0);
        probe_expect(probe_count(PROBE_CONNECT) <= 1, "STARTS ANEW", "polls",
                     (long)probe_count(PROBE_CONNECT), i, 0);
        probe_pause(1);
    }
    probe_expect(probe_count(PROBE_CONNECT) == 1, "NOTHING WAS ASKED", "polls",
                 10, 0, 0);
}

static int probe_open_files(void)
{
    int count = 0;

    for (int fd = 0; fd < 256; fd++)
        count += fcntl(fd, F_GETFD) >= 0;
    return count;
}

PROBE_CASE(get)
{
    static const int delays[] = {0, 30, 1};
    const int files = probe_open_files();

    for (size_t i = 0; i < sizeof(delays) / sizeof(*delays); i++) {
        struct http_get_future get = probe_get(probe_path(delays[i]));

        probe_finish(&get);
        probe_whole(&get);
    }
    probe_expect(probe_open_files() <= files, "LEFT OPEN", "files",
                 probe_open_files() - files, 3, 0);
}

/* --- a response in pieces ----------------------------------------------- */

/* It comes in pieces, and there is nothing between them. */
PROBE_CASE(pieces)
{
    struct http_get_future get;
    int port;

    probe_slow.listener = probe_listen(&port);
    get = probe_get_of(port, probe_path_of("/0"));
    for (int polls = 1; probe_poll(&get.future) == NOT_READY; polls++) {
        probe_expect(probe_count(PROBE_CONNECT) == 1, "STARTS ANEW", "polls",
                     (long)probe_count(PROBE_CONNECT), polls, 0);
        probe_expect(polls < PROBE_MOST_POLLS, "NEVER READY", "polls", polls, 0,
                     0);
        probe_send_next(&get.request);
        if (polls > 100)
            probe_pause(5);
    }
    probe_whole(&get);
}

/* It needs many reads, and more than the socket holds. */
PROBE_CASE(big)
{
    struct http_get_future get = probe_get(probe_path_of("/big/700"));

    probe_finish(&get);
    probe_whole(&get);
}

/* As when each was alone? */
static void probe_apart(const struct http_get_future *get, int which)
{
    const char *text = get->request.text ? get->request.text : "";
    const char *body = strstr(text, "\r\n\r\n");
    const char *own = strrchr(get->request.path, '/') + 1;

    probe_expect(get->future.error == 0 && body && strcmp(body + 4, own) == 0,
                 "SHARED STATE", "bytes", (long)(body ? strlen(body + 4) : 0),
                 (long)strlen(own), which);
}

/* Two at the same time: each has its own socket and its own place. */
PROBE_CASE(two)
{
    struct http_get_future one = probe_get(probe_path(40));
    struct http_get_future two = probe_get(probe_path(20));
    enum poll_state a = NOT_READY;
    enum poll_state b = NOT_READY;

    for (int i = 0; i < PROBE_MOST_POLLS && (!a || !b); i++) {
        if (!a)
            a = probe_poll(&one.future);
        if (!b)
            b = probe_poll(&two.future);
        probe_expect(probe_count(PROBE_CONNECT) >= 2, "SHARED STATE",
                     "connects", (long)probe_count(PROBE_CONNECT), 2, 0);
        probe_expect(probe_count(PROBE_CONNECT) <= 2, "STARTS ANEW", "polls",
                     (long)probe_count(PROBE_CONNECT), 2 * i + 2, 0);
        probe_pause(2);
    }
    probe_apart(&one, 1);
    probe_apart(&two, 2);
}

/* A port at which nobody listens: bound, and closed to others. */
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
    struct http_get_future get =
        http_get(probe_closed_port(), probe_path_of("/0"));

    for (int i = 1; probe_poll(&get.future) == NOT_READY; i++)
        probe_expect(i < 10, "ERROR LOST", "refused", i, 0, 0);
    probe_expect(get.future.error == -ECONNREFUSED, "ERROR LOST", "value",
                 get.future.error, -ECONNREFUSED, 0);
}

/* The connection breaks while it waits. */
PROBE_CASE(reset)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET,
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
    };
    const struct linger at_once = {1, 0};
    socklen_t length = sizeof(address);
    const int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct http_get_future get;
    int peer;

    if (bind(listener, (struct sockaddr *)&address, length) < 0 ||
        listen(listener, 1) < 0 ||
        getsockname(listener, (struct sockaddr *)&address, &length) < 0)
        abort();
    get = probe_get_of(ntohs(address.sin_port), probe_path_of("/0"));
    if (probe_poll(&get.future) == READY)
        probe_fail("TRUNCATED", "early", 1, 0, 0);
    peer = accept(listener, NULL, NULL);
    setsockopt(peer, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
    close(peer);
    for (int i = 1; probe_poll(&get.future) == NOT_READY; i++) {
        probe_expect(i < 200, "ERROR LOST", "reset", i, 0, 0);
        probe_pause(5);
    }
    probe_expect(get.future.error == -ECONNRESET, "ERROR LOST", "value",
                 get.future.error, -ECONNRESET, 0);
}

/* --- async_main -------------------------------------------------------- */

static void probe_paths(const char *first, const char *second)
{
    lesson_state.paths[0] = first;
    lesson_state.paths[1] = second;
    lesson_state.path_count = 2;
}

/* Two GETs, the second after the first; no more than two. */
PROBE_CASE(sequence)
{
    const int files = probe_open_files();
    struct async_main root;
    int polls = 0;

    probe_paths(probe_path(100), probe_path(50));
    probe_reset();
    root = async_main(probe_port());
    probe_expect(probe_count(PROBE_CONNECT) == 0, "NOT LAZY", "connects",
                 (long)probe_count(PROBE_CONNECT), 0, 0);
    while (probe_poll(&root.future) == NOT_READY) {
        const long connects = (long)probe_count(PROBE_CONNECT);

        polls++;
        probe_expect(polls > 1 || connects < 2, "BOTH AT ONCE", "connects",
                     connects, 0, 0);
        probe_expect(connects <= 2, "STARTS ANEW", "polls", connects, polls, 0);
        probe_expect(polls <= PROBE_MOST_POLLS, "NEVER READY", "polls", polls,
                     0, 0);
        probe_pause(5);
    }
    probe_expect(probe_count(PROBE_CONNECT) == 2, "FORGOTTEN TASK", "gets",
                 (long)probe_count(PROBE_CONNECT), 0, 0);
    probe_expect(probe_asked[0] == lesson_path(0) &&
                     probe_asked[1] == lesson_path(1),
                 "WRONG ORDER", "paths", 0, 0, 0);
    probe_expect(probe_open_files() <= files, "LEFT OPEN", "files",
                 probe_open_files() - files, 2, 0);
    probe_expect(root.future.error == 0, "ERROR LOST", "spurious",
                 root.future.error, 0, 0);
}

static int probe_turn; /* a GET is READY at its poll of this number */

/* A GET of the learner's that waits for that poll, and then for its response.
 */
static enum poll_state probe_at_its_turn(struct future *get)
{
    enum poll_state state;

    if (--probe_turn > 0)
        return NOT_READY;
    state = http_get_poll(get);
    probe_quiet(true);
    while (state == NOT_READY)
        state = http_get_poll(get);
    probe_quiet(false);
    return READY;
}

/* Whichever poll it is that finds the response, async_main goes on from the
 * state that it is in. */
PROBE_CASE(turns)
{
    probe_get_poll = probe_at_its_turn;
    for (int turn = 1; turn <= 4; turn++) {
        struct async_main root;
        int polls = 0;

        probe_paths(probe_path(0), probe_path(0));
        probe_reset();
        probe_turn = turn;
        root = async_main(probe_port());
        while (probe_poll(&root.future) == NOT_READY) {
            polls++;
            probe_expect(polls <= PROBE_MOST_POLLS, "NEVER READY", "polls",
                         polls, 0, 0);
        }
        probe_expect(probe_count(PROBE_CONNECT) == 2, "FORGOTTEN TASK", "gets",
                     (long)probe_count(PROBE_CONNECT), 0, 0);
    }
}

/* After an error there is no second GET, and the error is async_main's. */
PROBE_CASE(failed)
{
    struct async_main root = async_main(probe_closed_port());

    probe_reset();
    for (int i = 1; probe_poll(&root.future) == NOT_READY; i++)
        probe_expect(i < 10, "ERROR LOST", "refused", i, 0, 0);
    probe_expect(probe_count(PROBE_CONNECT) <= 1, "ERROR LOST", "second GET",
                 (long)probe_count(PROBE_CONNECT), 0, 0);
    probe_expect(root.future.error == -ECONNREFUSED, "ERROR LOST", "value",
                 root.future.error, -ECONNREFUSED, 0);
}

/* --- the loop, with futures of the checker's --------------------------- */

static int probe_polled;
static int probe_ready_at;
static int probe_others;

static enum poll_state probe_task_poll(struct future *future)
{
    (void)future;
    probe_polled++;
    if (probe_polled > probe_ready_at)
        probe_fail("POLLED AFTER READY", "loop", probe_polled, probe_ready_at,
                   0);
    return probe_polled == probe_ready_at ? READY : NOT_READY;
}

static enum poll_state probe_other_poll(struct future *future)
{
    (void)future;
    probe_others++;
    return NOT_READY;
}

PROBE_CASE(loop)
{
    static const int ready_at[] = {10, 1, 2, 100};

    for (size_t i = 0; i < sizeof(ready_at) / sizeof(*ready_at); i++) {
        struct future task = {.poll = probe_task_poll};
        struct future other = {.poll = probe_other_poll};

        probe_polled = 0;
        probe_others = 0;
        probe_ready_at = ready_at[i];
        probe_reset();
        run(&task, &other, 0);
        probe_expect(probe_polled == probe_ready_at, "FORGOTTEN TASK", "loop",
                     probe_polled, probe_ready_at, 0);
        probe_expect(probe_others >= (probe_ready_at - 1) / 2, "STARVATION",
                     "other", probe_others, probe_polled, 0);
        probe_expect(probe_count(PROBE_SLEEP) + probe_count(PROBE_BLOCK) == 0,
                     "SLEEPS INSTEAD OF WAITING", "loop",
                     (long)probe_count(PROBE_SLEEP), probe_polled, 0);
    }
}

/* --sleep 1: after each NOT_READY it rests. */
PROBE_CASE(rest)
{
    struct future task = {.poll = probe_task_poll};
    struct future other = {.poll = probe_other_poll};

    probe_ready_at = 10;
    probe_reset();
    run(&task, &other, 1);
    probe_expect(probe_count(PROBE_SLEEP) + probe_count(PROBE_BLOCK) >= 5,
                 "BUSY LOOP: sleep_ms unused", "sleep_ms",
                 (long)probe_count(PROBE_SLEEP), probe_polled - 1, 0);
}
