/* SPDX-License-Identifier: MIT */
/*
 * test_shortage.c - a server without descriptors, and clients that are slow to
 * receive.
 */
#include <errno.h>
#include <reveil/async.h>
#include <sched.h>
#include <sys/resource.h>

#include "cli/delay.h"
#include "serving.h"

RV_TEST_SUITE(http_shortage);

/* --- out of descriptors ------------------------------------------------ */

enum { CLIENTS = 3 };

#define GET(path_) "GET " path_ " HTTP/1.1\r\nHost: x\r\n\r\n"

/* Clients that were accepted: each has received a response. */
static void fill(int fds[CLIENTS], uint16_t port)
{
    char text[1024];

    for (int i = 0; i < CLIENTS; i++)
        fds[i] = dial(port);
    for (int i = 0; i < CLIENTS; i++) {
        say(fds[i], GET("/0/hello"));
        listen_for(fds[i], text, sizeof text, "hello");
    }
}

/* A client that comes late and is patient, but for less than the idle limit. */
static int dial_late(uint16_t port, const char *text)
{
    const struct timeval limit = {.tv_sec = 40};
    const int fd = dial(port);

    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    say(fd, text);
    return fd;
}

/* Leave no descriptors but one for the client's side of another connection.
 * Returns: the earlier limit. */
static struct rlimit take_descriptors(void)
{
    struct rlimit limit;
    struct rlimit tight;

    getrlimit(RLIMIT_NOFILE, &limit);
    tight = limit;
    tight.rlim_cur = (rlim_t)dup(0);
    close((int)tight.rlim_cur);
    tight.rlim_cur++;
    setrlimit(RLIMIT_NOFILE, &tight);
    return limit;
}

/* No client has to wait for the idle limit of others. */
RV_TEST(http_shortage, the_connection_idle_longest_makes_way)
{
    struct serving serving = {.handler = delay_handler()};
    struct rlimit limit;
    char text[1024];
    int fds[CLIENTS];
    int late;

    serving_start(&serving);
    fill(fds, serving.port);
    say(fds[0], GET("/0/again")); /* now the second one has been idle longest */
    listen_for(fds[0], text, sizeof text, "again");
    limit = take_descriptors();
    late = dial_late(serving.port, GET("/0/late"));
    listen_for(late, text, sizeof text, "late");

    cr_assert_eq(recv(fds[1], text, sizeof text, 0), 0, "it was closed");
    say(fds[0], GET("/0/first"));
    listen_for(fds[0], text, sizeof text, "first");
    say(fds[2], GET("/0/third"));
    listen_for(fds[2], text, sizeof text, "third");
    setrlimit(RLIMIT_NOFILE, &limit);
    close(late);
    for (int i = 0; i < CLIENTS; i++)
        close(fds[i]);
    serving_stop(&serving);
}

/* Clients come one after the other, and each is served. */
RV_TEST(http_shortage, clients_that_never_ask_do_not_shut_others_out)
{
    struct serving serving = {.handler = delay_handler()};
    struct rlimit limit;
    char text[1024];
    int fds[CLIENTS];

    serving_start(&serving);
    fill(fds, serving.port);
    limit = take_descriptors();
    for (int i = 0; i < CLIENTS + 2; i++) {
        const int late =
            dial_late(serving.port, "GET /0/late HTTP/1.1\r\nHost: x\r\n"
                                    "Connection: close\r\n\r\n");

        listen_to_end(late, text, sizeof text);
        cr_assert_str_eq(text + strlen(text) - 4, "late", "%d", i);
    }
    setrlimit(RLIMIT_NOFILE, &limit);
    for (int i = 0; i < CLIENTS; i++)
        close(fds[i]);
    serving_stop(&serving);
}

static long naps(void)
{
    struct rusage usage;

    getrusage(RUSAGE_SELF, &usage);
    return usage.ru_nvcsw;
}

/* Wait until the server has tried again a few times; it sleeps in between. The
 * caller does not sleep, and needs no descriptor. */
static void wait_for_naps(long count)
{
    const int64_t limit_ns = rv_after_ms(RV_TEST_WAIT_MS);
    const long before = naps();

    while (naps() < before + count) {
        cr_assert_lt(rv_now_ns(), limit_ns, "the server does nothing");
        sched_yield();
    }
}

/* All connections are busy: none is closed, and no client is forgotten. */
RV_TEST(http_shortage, where_all_are_busy_it_tries_again)
{
    const struct linger at_once = {.l_onoff = 1, .l_linger = 0};
    struct serving serving = {.handler = delay_handler()};
    struct rlimit limit;
    char text[1024];
    int fds[CLIENTS];
    int late;

    serving_start(&serving);
    fill(fds, serving.port);
    for (int i = 0; i < CLIENTS; i++)
        say(fds[i], GET("/never"));
    limit = take_descriptors();
    late = dial_late(serving.port, GET("/0/late"));
    wait_for_naps(8);
    for (int i = 0; i < CLIENTS; i++)
        cr_assert_eq(recv(fds[i], text, sizeof text, MSG_DONTWAIT), -1,
                     "it is not closed");
    cr_assert_eq(recv(late, text, sizeof text, MSG_DONTWAIT), -1);
    setsockopt(fds[0], SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    close(fds[0]);
    listen_for(late, text, sizeof text, "late");

    setrlimit(RLIMIT_NOFILE, &limit);
    close(late);
    close(fds[1]);
    close(fds[2]);
    serving_stop(&serving);
}

/* --- slow readers ------------------------------------------------------ */

enum { IDLE_MS = 250, LARGE = 8 << 20, TAKEN_BYTES = 200000, SILENCES = 3 };

/* One response of LARGE bytes, in the buffer of the connection. */
struct large {
    struct rv_future future;
    struct rv_http_exchange *exchange;
};

static enum rv_poll large_poll(struct rv_future *future, struct rv_cx *cx)
{
    (void)cx;
    RV_RETURN(
        future,
        rv_http_reply(RV_CONTAINER_OF(future, struct large, future)->exchange,
                      200, "text/plain", rv_test_zeros(LARGE), LARGE));
}

static void large_init(struct rv_future *frame,
                       struct rv_http_exchange *exchange, void *data)
{
    static const struct rv_future_ops ops = {.name = "large",
                                             .poll = large_poll};

    (void)data;
    rv_future_init(frame, &ops);
    RV_CONTAINER_OF(frame, struct large, future)->exchange = exchange;
}

static const struct rv_http_handler replies = {
    .frame_bytes = sizeof(struct large), .init = large_init};

/* Receive what is there, up to TAKEN_BYTES, or wait for some. Returns: bytes; 0
 * at the end; -1 after a reset. */
static ssize_t take_some(int fd)
{
    static char text[64 * 1024];
    ssize_t sum = recv(fd, text, sizeof text, 0);
    ssize_t n = sum;

    while (n > 0 && sum < TAKEN_BYTES) {
        n = recv(fd, text, sizeof text, MSG_DONTWAIT);
        sum += n > 0 ? n : 0;
    }
    return n < 0 && errno != EAGAIN ? -1 : sum;
}

/*
 * A client that is silent for four times the limit, then receives what is
 * there. To its server it looks like one of 20 kB/s under `--idle 2`, whose
 * window opens every six seconds.
 */
static bool survives(uint16_t port)
{
    const int fd = dial(port);
    ssize_t n = 1;

    say(fd, GET("/big/8192"));
    for (int i = 0; i < SILENCES && n > 0; i++) {
        usleep(4 * IDLE_MS * 1000);
        n = take_some(fd);
    }
    close(fd);
    return n > 0;
}

static void check_slow(struct rv_http_handler handler)
{
    struct serving serving = {.handler = handler,
                              .idle_timeout_ns = IDLE_MS * RV_NS_PER_MS};
    bool good = false;

    serving_start(&serving);
    /* On a busy machine a silence may be twice as long. */
    for (int tries = 0; tries < 3 && !good; tries++)
        good = survives(serving.port);
    serving_stop(&serving);
    cr_assert(good);
}

RV_TEST(http_shortage, a_slow_reader_is_not_cut)
{
    check_slow(delay_handler()); /* it sends without the server */
}

RV_TEST(http_shortage, a_slow_reader_of_a_reply_is_not_cut)
{
    check_slow(replies);
}

static void check_stuck(struct rv_http_handler handler)
{
    struct serving serving = {.handler = handler,
                              .idle_timeout_ns = IDLE_MS * RV_NS_PER_MS / 8};
    int fd;

    serving_start(&serving);
    fd = dial(serving.port);
    say(fd, GET("/big/8192"));
    for (int error = 0; error == 0; usleep(1000)) {
        socklen_t len = sizeof error;

        cr_assert_eq(getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len), 0);
    }
    close(fd);
    serving_stop(&serving);
}

RV_TEST(http_shortage, who_reads_nothing_is_cut)
{
    check_stuck(delay_handler());
    check_stuck(replies);
}
