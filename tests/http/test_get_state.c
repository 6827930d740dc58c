/* SPDX-License-Identifier: MIT */
/* test_get_state.c - each state of a GET has its own time limit. */
#include <criterion/criterion.h>

#include <errno.h>
#include <reveil/http_client.h>
#include <reveil/runtime.h>
#include <stdio.h>

#include "scripted.h"
#include "support/support.h"

RV_TEST_SUITE(http_get_state);

enum { MS = 30 /* long enough to be distinguished from 0 */ };

/* The outcome. */
struct outcome {
    int result;
    enum rv_http_get_state state;
    bool deadline_passed;
    int64_t took_ns;
};

struct limits {
    struct rv_http_timeouts timeouts;
    int64_t deadline_ms; /* 0: none */
    struct rv_http_sink *sink;
};

static void get_port(struct outcome *out, uint16_t port, struct limits limits)
{
    const int64_t start_ns = rv_now_ns();
    struct rv_runtime *runtime;
    struct rv_http_get get;
    char url[64];

    snprintf(url, sizeof url, "http://127.0.0.1:%u/", (unsigned)port);
    cr_assert_eq(rv_test_runtime_start(&runtime), 0);
    cr_assert_eq(rv_http_get_init(&get, url), 0);
    get.timeouts = limits.timeouts;
    if (limits.deadline_ms)
        get.deadline_ns = rv_after_ms(limits.deadline_ms);
    if (limits.sink)
        rv_http_get_into(&get, limits.sink);
    out->result = rv_runtime_block_on(runtime, &get.future);
    out->state = get.state;
    out->deadline_passed = get.deadline_passed;
    out->took_ns = rv_now_ns() - start_ns;
    rv_drop(&get.future);
    rv_runtime_stop(runtime);
}

/* GET it from a peer that sends this, then nothing. */
static void get_from(struct outcome *out, const char *says,
                     struct limits limits)
{
    struct scripted peer = {.says = says, .end = SCRIPTED_WAIT};

    scripted_start(&peer);
    get_port(out, peer.port, limits);
    scripted_stop(&peer);
}

static void check_late(const struct outcome *out, enum rv_http_get_state state,
                       bool deadline_passed)
{
    cr_assert_eq(out->result, -ETIMEDOUT, "%d", out->result);
    cr_assert_eq(out->state, state, "%d", (int)out->state);
    cr_assert_eq(out->deadline_passed, deadline_passed);
    cr_assert_geq(out->took_ns, MS * RV_NS_PER_MS);
}

/* The limits of all other states are far away. */
static struct limits limit(enum rv_http_get_state state)
{
    const int64_t far_ns = 3600 * RV_NS_PER_S;
    const int64_t near_ns = MS * RV_NS_PER_MS;

    return (struct limits){
        .timeouts = {.connect_ns =
                         state == RV_HTTP_CONNECTING ? near_ns : far_ns,
                     .send_ns = far_ns,
                     .head_ns = state == RV_HTTP_WAITING ? near_ns : far_ns,
                     .body_ns = state == RV_HTTP_RECEIVING ? near_ns : far_ns}};
}

/* Fill the queue of a listener, so that the next client has to wait. */
static void crowd(int fds[4], uint16_t port)
{
    struct sockaddr_in addr = {.sin_family = AF_INET, .sin_port = htons(port)};

    addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    for (int i = 0; i < 4; i++) {
        fds[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        cr_assert_geq(fds[i], 0);
        connect(fds[i], (struct sockaddr *)&addr, sizeof addr);
    }
}

RV_TEST(http_get_state, to_connect_has_a_limit)
{
    struct outcome out;
    uint16_t port;
    const int listener = scripted_listen(&port);
    int fds[4];

    cr_assert_eq(listen(listener, 0), 0); /* from now on */
    crowd(fds, port);
    get_port(&out, port, limit(RV_HTTP_CONNECTING));
    check_late(&out, RV_HTTP_CONNECTING, false);
    for (int i = 0; i < 4; i++)
        close(fds[i]);
    close(listener);
}

RV_TEST(http_get_state, the_head_has_a_limit)
{
    struct outcome out;

    get_from(&out, "", limit(RV_HTTP_WAITING));
    check_late(&out, RV_HTTP_WAITING, false);
    get_from(&out, "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n",
             limit(RV_HTTP_WAITING));
    check_late(&out, RV_HTTP_WAITING, false);
}

RV_TEST(http_get_state, a_body_that_stops_has_a_limit)
{
    struct outcome out;

    get_from(&out, "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n1234",
             limit(RV_HTTP_RECEIVING));
    check_late(&out, RV_HTTP_RECEIVING, false);
}

enum { DRIPS = 25, SILENT_DRIPS = 20 };

/* A peer whose response is sent in drips from the byte `slow_at` on: together
 * they take longer than SILENT_DRIPS pauses, but each alone takes much less. */
struct dripper {
    int listener;
    const char *says;
    size_t slow_at;
    uint32_t pause_us;
};

static void *drip(void *arg)
{
    const struct dripper *self = arg;
    const int fd = accept(self->listener, NULL, NULL);
    const char *at = self->says + self->slow_at;

    send(fd, self->says, self->slow_at, MSG_NOSIGNAL);
    for (; *at; at++) {
        usleep(self->pause_us);
        send(fd, at, 1, MSG_NOSIGNAL);
    }
    close(fd);
    return NULL;
}

static int64_t *body_silence(struct limits *limits)
{
    return &limits->timeouts.body_ns;
}

static int64_t *head_silence(struct limits *limits)
{
    return &limits->timeouts.head_stall_ns;
}

/* silence_of: the limit to be tried. */
static void check_moves(const char *says, size_t slow_at,
                        int64_t *(*silence_of)(struct limits *limits))
{
    struct dripper peer = {.says = says, .slow_at = slow_at, .pause_us = 10000};
    struct outcome out = {.result = -ETIMEDOUT};
    struct limits limits = {.deadline_ms = 0};
    pthread_t thread;
    uint16_t port;

    cr_assert_geq(strlen(says) - slow_at, (size_t)DRIPS);
    peer.listener = scripted_listen(&port);
    /* On a busy machine a drip may be late by itself: then with longer pauses,
     * for as long as the test may take. */
    while (out.result == -ETIMEDOUT) {
        peer.pause_us *= 2;
        *silence_of(&limits) =
            INT64_C(1000) * SILENT_DRIPS * (int64_t)peer.pause_us;
        cr_assert_eq(pthread_create(&thread, NULL, drip, &peer), 0);
        get_port(&out, port, limits);
        pthread_join(thread, NULL);
    }
    cr_assert_eq(out.result, 0);
    cr_assert_eq(out.state, RV_HTTP_FINISHED);
    cr_assert_gt(out.took_ns, *silence_of(&limits));
    close(peer.listener);
}

RV_TEST(http_get_state, a_body_that_moves_may_take_longer)
{
    static const char head[] = "HTTP/1.1 200 OK\r\nContent-Length: 25\r\n\r\n";
    static const char says[] = "HTTP/1.1 200 OK\r\nContent-Length: 25\r\n\r\n"
                               "1234567890123456789012345";

    check_moves(says, sizeof head - 1, body_silence);
}

RV_TEST(http_get_state, a_head_that_moves_may_take_longer)
{
    static const char says[] = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";

    check_moves(says, 10, head_silence);
}

RV_TEST(http_get_state, a_head_that_stops_has_a_limit)
{
    static const struct limits limits = {.timeouts.head_stall_ns =
                                             MS * RV_NS_PER_MS};
    struct outcome out;

    get_from(&out, "", limits);
    check_late(&out, RV_HTTP_WAITING, false);
    get_from(&out, "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n", limits);
    check_late(&out, RV_HTTP_WAITING, false);
    get_from(&out, "HTTP/1.1 100 Continue\r\n\r\n", limits);
    check_late(&out, RV_HTTP_WAITING, false);
}

/* The limit of the whole GET applies in addition to that of a silence. */
RV_TEST(http_get_state, all_of_a_head_has_a_limit_however_it_moves)
{
    struct dripper peer = {.says = "HTTP/1.1 200 OK\r\nX: 0123456789\r\n\r\n",
                           .slow_at = 10,
                           .pause_us = 20000};
    const struct limits limits = {
        .timeouts = {.head_ns = MS * RV_NS_PER_MS,
                     .head_stall_ns = 3600 * RV_NS_PER_S}};
    struct outcome out;
    pthread_t thread;
    uint16_t port;

    peer.listener = scripted_listen(&port);
    cr_assert_eq(pthread_create(&thread, NULL, drip, &peer), 0);
    get_port(&out, port, limits);
    pthread_join(thread, NULL);
    check_late(&out, RV_HTTP_WAITING, false);
    close(peer.listener);
}

/* A deadline that passes in this state. The machine decides how long it
 * takes to reach the state, so the deadline grows, for as long as the test
 * may take. */
static void late_in(enum rv_http_get_state state, const char *says,
                    struct limits limits)
{
    struct outcome out = {.state = RV_HTTP_CONNECTING};

    limits.deadline_ms = MS;
    while (out.state < state) {
        limits.deadline_ms *= 2;
        get_from(&out, says, limits);
    }
    check_late(&out, state, true);
}

RV_TEST(http_get_state, the_deadline_is_told_from_a_limit)
{
    struct limits limits = limit(RV_HTTP_CONNECTING);

    limits.timeouts.connect_ns = 3600 * RV_NS_PER_S;
    late_in(RV_HTTP_WAITING, "", limits);
    late_in(RV_HTTP_RECEIVING,
            "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n1234", limits);
}

static ssize_t never_write(struct rv_http_sink *sink, struct rv_cx *cx,
                           const void *data, size_t len)
{
    (void)sink;
    (void)cx;
    (void)data;
    (void)len;
    return -EAGAIN;
}

/* Not the server's fault: the limit of the body does not apply. */
RV_TEST(http_get_state, a_sink_that_is_slow_has_the_deadline_alone)
{
    static const struct rv_http_sink_ops ops = {.poll_write = never_write};
    struct rv_http_sink sink = {.ops = &ops};
    struct limits limits = {.timeouts.body_ns = RV_NS_PER_MS, .sink = &sink};

    late_in(RV_HTTP_STORING, "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n1234",
            limits);
}

RV_TEST(http_get_state, an_error_says_in_which_state)
{
    struct scripted peer = {.says = "HTTP/1.1 200 OK\r\nContent-Length: 9"
                                    "\r\n\r\n1234"};
    struct outcome out;
    uint16_t port;

    close(scripted_listen(&port));
    get_port(&out, port, (struct limits){.deadline_ms = 0});
    cr_assert_eq(out.result, -ECONNREFUSED);
    cr_assert_eq(out.state, RV_HTTP_CONNECTING);

    scripted_start(&peer);
    get_port(&out, peer.port, (struct limits){.deadline_ms = 0});
    scripted_stop(&peer);
    cr_assert_eq(out.result, -EPIPE);
    cr_assert_eq(out.state, RV_HTTP_RECEIVING);
}
