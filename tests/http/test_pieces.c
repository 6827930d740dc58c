/* SPDX-License-Identifier: MIT */
/* test_pieces.c - responses in pieces, and their own headers. */
#include <criterion/criterion.h>

#include <errno.h>
#include <limits.h>
#include <reveil/async.h>
#include <reveil/coro.h>
#include <stdio.h>

#include "serving.h"
#include "support/failing_alloc.h"
#include "support/support.h"

RV_TEST_SUITE(http_pieces);

static _Atomic int seen;

static int piece(struct rv_http_exchange *x, const char *text)
{
    return rv_http_send(x, text, strlen(text), RV_NEVER);
}

/* --- handlers ------------------------------------------------------------ */

static int32_t three(struct rv_http_exchange *x, void *data)
{
    int error = rv_http_begin(x, 200, "text/plain", data ? 11 : -1);

    if (error == 0)
        error = piece(x, "Hello");
    if (error == 0)
        error = piece(x, "");
    if (error == 0)
        error = piece(x, ", ");
    return error == 0 ? piece(x, "you.") : error;
}

static int32_t none(struct rv_http_exchange *x, void *data)
{
    return rv_http_begin(x, 200, "text/plain", data ? 0 : -1);
}

static int32_t no_content(struct rv_http_exchange *x, void *data)
{
    const int error = rv_http_begin(x, 204, NULL, -1);

    (void)data;
    return error == 0 ? piece(x, "not sent") : error;
}

/* Sends the head, and the rest when the client has sent the next request. */
static sem_t go_on;

static int32_t stepwise(struct rv_http_exchange *x, void *data)
{
    int error = rv_http_begin(x, 200, "text/event-stream", -1);

    (void)data;
    if (error == 0)
        error = piece(x, "");
    while (error == 0 && sem_trywait(&go_on) < 0)
        error = rv_coro_sleep_until(rv_after_ms(1));
    return error == 0 ? piece(x, "event") : error;
}

static int32_t too_short(struct rv_http_exchange *x, void *data)
{
    const int error = rv_http_begin(x, 200, "text/plain", 10);

    (void)data;
    return error == 0 ? piece(x, "short") : error;
}

static int32_t too_long(struct rv_http_exchange *x, void *data)
{
    (void)data;
    cr_assert_eq(rv_http_begin(x, 200, "text/plain", 3), 0);
    cr_assert_eq(rv_http_begin(x, 200, "text/plain", 3), -EALREADY);
    cr_assert_eq(rv_http_reply(x, 200, "text/plain", "x", 1), -EALREADY);
    cr_assert_eq(piece(x, "four"), -EMSGSIZE);
    cr_assert_eq(piece(x, "abc"), 0);
    cr_assert_eq(piece(x, "d"), -EMSGSIZE);
    return 0;
}

static int32_t fails(struct rv_http_exchange *x, void *data)
{
    const int error = rv_http_begin(x, 200, "text/plain", -1);

    if (error == 0 && data)
        piece(x, "abc");
    return -EIO;
}

/* It begins its response while "100 Continue" waits for room in the socket,
 * which it has filled itself. What it receives then sends both. */
static int32_t fails_behind_a_continue(struct rv_http_exchange *x, void *data)
{
    char full[4096];
    char byte;

    memset(full, '.', sizeof full);
    while (send(rv_stream_fd(x->stream), full, sizeof full, MSG_DONTWAIT) > 0)
        ;
    cr_assert_eq(rv_http_recv(x, &byte, 1, rv_after_ms(5)), -ETIMEDOUT);
    cr_assert_eq(rv_http_begin(x, 200, "text/plain", -1), 0);
    sem_post(data);
    cr_assert_eq(rv_http_recv(x, &byte, 1, RV_NEVER), 1);
    return -EIO;
}

static int32_t is_short(struct rv_http_exchange *x, void *data)
{
    (void)data;
    cr_assert_eq(rv_http_begin(x, 200, "text/plain", -1), 0);
    return -ENOMEM;
}

static int32_t without_begin(struct rv_http_exchange *x, void *data)
{
    (void)data;
    cr_assert_eq(piece(x, "abc"), -EINVAL);
    cr_assert_eq(rv_http_reply(x, 200, "text/plain", "ok", 2), 0);
    cr_assert_eq(piece(x, "abc"), -EINVAL);
    return 0;
}

enum { MUCH = 32 << 20 };

/* The client does not read: the piece is not sent before the deadline. */
static int32_t blocked(struct rv_http_exchange *x, void *data)
{
    int error = rv_http_begin(x, 200, "text/plain", data ? MUCH : -1);

    cr_assert_eq(error, 0);
    error = rv_http_send(x, rv_test_zeros(MUCH), MUCH, rv_after_ms(20));
    cr_assert_eq(error, -ETIMEDOUT);
    cr_assert_eq(piece(x, "x"), data ? -EPIPE : -EPIPE);
    atomic_store(&seen, error);
    return 0;
}

/* Sends without end, until it is canceled. */
static int32_t endless(struct rv_http_exchange *x, void *data)
{
    enum { PIECE_BYTES = 1 << 20 };
    const char *const much = rv_test_zeros(PIECE_BYTES);
    int error = rv_http_begin(x, 200, "text/plain", -1);

    (void)data;
    while (error == 0)
        error = rv_http_send(x, much, PIECE_BYTES, RV_NEVER);
    atomic_store(&seen, error);
    return error;
}

static int32_t headers(struct rv_http_exchange *x, void *data)
{
    static const int no_status[] = {INT_MIN, -1, 0, 99, 100, 199, 1000};
    char long_value[17 * 1024];

    (void)data;
    memset(long_value, 'x', sizeof long_value);
    long_value[sizeof long_value - 1] = '\0';
    cr_assert_eq(rv_http_add_header(x, "Set-Cookie", "a=1"), 0);
    cr_assert_eq(rv_http_add_header(x, "Set-Cookie", "b=2; Path=/"), 0);
    cr_assert_eq(rv_http_add_header(x, "X-Empty", ""), 0);
    for (size_t i = 0; i < sizeof no_status / sizeof no_status[0]; i++)
        cr_assert_eq(rv_http_reply(x, no_status[i], NULL, "", 0), -EINVAL);
    cr_assert_eq(rv_http_add_header(x, "X", "a\r\nY: b"), -EINVAL);
    cr_assert_eq(rv_http_add_header(x, "X", "a\nb"), -EINVAL);
    cr_assert_eq(rv_http_add_header(x, "X: y\r\nZ", "a"), -EINVAL);
    cr_assert_eq(rv_http_add_header(x, "", "a"), -EINVAL);
    cr_assert_eq(rv_http_add_header(x, "a b", "a"), -EINVAL);
    cr_assert_eq(rv_http_add_header(x, "content-LENGTH", "5"), -EINVAL);
    cr_assert_eq(rv_http_add_header(x, "Transfer-Encoding", "x"), -EINVAL);
    cr_assert_eq(rv_http_add_header(x, "Connection", "x"), -EINVAL);
    cr_assert_eq(rv_http_add_header(x, "X-Long", long_value), -EMSGSIZE);
    long_value[900] = '\0';
    cr_assert_eq(rv_http_add_header(x, "X-Long", long_value), 0);
    cr_assert_eq(rv_http_reply(x, 200, "text/plain\r\nX: y", "", 0), -EINVAL);
    cr_assert_eq(rv_http_reply(x, 200, "text/plain", "ok", 2), 0);
    cr_assert_eq(rv_http_add_header(x, "Late", "x"), -EALREADY);
    return 0;
}

static int32_t bare(struct rv_http_exchange *x, void *data)
{
    (void)data;
    rv_http_add_header(x, "Location", "/elsewhere");
    return rv_http_reply(x, 303, NULL, "", 0);
}

static const struct rv_http_route routes[] = {
    {.path = "/three", .run = three},
    {.path = "/eleven", .run = three, .data = &seen},
    {.path = "/none", .run = none},
    {.path = "/zero", .run = none, .data = &seen},
    {.path = "/no-content", .run = no_content},
    {.path = "/stepwise", .run = stepwise},
    {.path = "/too-short", .run = too_short},
    {.path = "/too-long", .run = too_long},
    {.path = "/fails", .run = fails, .data = &seen},
    {.path = "/fails-at-once", .run = fails},
    {.path = "/fails-behind-a-continue",
     .run = fails_behind_a_continue,
     .data = &go_on},
    {.path = "/is-short-at-once", .run = is_short},
    {.path = "/without-begin", .run = without_begin},
    {.path = "/blocked", .run = blocked},
    {.path = "/blocked-length", .run = blocked, .data = &seen},
    {.path = "/endless", .run = endless},
    {.path = "/headers", .run = headers},
    {.path = "/bare", .run = bare},
    {.path = NULL},
};

/* --- one response -----------------------------------------------------------
 */

/* The response without its Date, in `text`. */
static void get(const char *request_line, const char *more, char *text,
                size_t size)
{
    struct serving serving = {.handler = rv_http_routes(routes)};
    char request[256];
    char *date;

    snprintf(request, sizeof request, "%s\r\nHost: x\r\n%s\r\n", request_line,
             more);
    serving_start(&serving);
    ask(serving.port, request, text, size);
    serving_stop(&serving);
    date = strstr(text, "Date: ");
    if (date) {
        const char *next = strstr(date, "\r\n") + 2;

        memmove(date, next, strlen(next) + 1);
    }
}

static void check(const char *request_line, const char *want)
{
    char text[4096];

    get(request_line, "Connection: close\r\n", text, sizeof text);
    cr_assert_str_eq(text, want);
}

#define OK_PLAIN "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n"
#define END      "Connection: close\r\n\r\n"

RV_TEST(http_pieces, a_body_of_unknown_length_is_sent_in_chunks)
{
    check("GET /three HTTP/1.1",
          OK_PLAIN "Transfer-Encoding: chunked\r\n" END
                   "5\r\nHello\r\n2\r\n, \r\n4\r\nyou.\r\n0\r\n\r\n");
    check("GET /none HTTP/1.1",
          OK_PLAIN "Transfer-Encoding: chunked\r\n" END "0\r\n\r\n");
    check("HEAD /three HTTP/1.1",
          OK_PLAIN "Transfer-Encoding: chunked\r\n" END);
}

RV_TEST(http_pieces, a_body_of_known_length_is_sent_as_it_is)
{
    check("GET /eleven HTTP/1.1",
          OK_PLAIN "Content-Length: 11\r\n" END "Hello, you.");
    check("GET /zero HTTP/1.1", OK_PLAIN "Content-Length: 0\r\n" END);
    check("HEAD /eleven HTTP/1.1", OK_PLAIN "Content-Length: 11\r\n" END);
}

RV_TEST(http_pieces, a_client_of_http_1_0_gets_the_body_until_the_close)
{
    check("GET /three HTTP/1.0", OK_PLAIN END "Hello, you.");
    check("GET /none HTTP/1.0", OK_PLAIN END);
}

RV_TEST(http_pieces, some_statuses_have_no_body)
{
    check("GET /no-content HTTP/1.1", "HTTP/1.1 204 No Content\r\n" END);
}

RV_TEST(http_pieces, a_connection_is_kept_after_them)
{
    struct serving serving = {.handler = rv_http_routes(routes)};
    char text[4096];
    int fd;

    serving_start(&serving);
    fd = dial(serving.port);
    for (int i = 0; i < 3; i++) {
        say(fd, "GET /three HTTP/1.1\r\nHost: x\r\n\r\n");
        listen_for(fd, text, sizeof text, "\r\n0\r\n\r\n");
        say(fd, "GET /eleven HTTP/1.1\r\nHost: x\r\n\r\n");
        listen_for(fd, text, sizeof text, "you.");
        say(fd, "HEAD /three HTTP/1.1\r\nHost: x\r\n\r\n");
        listen_for(fd, text, sizeof text, "\r\n\r\n");
    }
    close(fd);
    serving_stop(&serving);
    cr_assert_eq(serving.requests, 9);
}

RV_TEST(http_pieces, a_response_that_a_recv_has_sent_is_the_only_one)
{
    enum { TEXT_BYTES = 16 << 20 }; /* more than a socket holds */
    char *const text = rv_test_zeros(TEXT_BYTES);
    struct serving serving = {.handler = rv_http_routes(routes)};
    int fd;

    sem_init(&go_on, 0, 0);
    serving_start(&serving);
    fd = dial(serving.port);
    say(fd, "POST /fails-behind-a-continue HTTP/1.1\r\nHost: x\r\n"
            "Content-Length: 2\r\nExpect: 100-continue\r\n\r\n");
    sem_wait(&go_on);
    say(fd, "x");
    listen_to_end(fd, text, TEXT_BYTES);
    serving_stop(&serving);
    sem_destroy(&go_on);

    cr_assert_eq(count_of(text, "HTTP/1.1 100 Continue"), 1);
    cr_assert_eq(count_of(text, "HTTP/1.1 200 OK"), 1);
    cr_assert_eq(count_of(text, "HTTP/1.1 "), 2);
}

RV_TEST(http_pieces, an_empty_piece_sends_the_head)
{
    struct serving serving = {.handler = rv_http_routes(routes)};
    char text[1024];
    int fd;

    sem_init(&go_on, 0, 0);
    serving_start(&serving);
    fd = dial(serving.port);
    say(fd, "GET /stepwise HTTP/1.1\r\nHost: x\r\n\r\n");
    listen_for(fd, text, sizeof text, "\r\n\r\n");
    sem_post(&go_on);
    listen_for(fd, text, sizeof text, "\r\n0\r\n\r\n");
    cr_assert_str_eq(text, "5\r\nevent\r\n0\r\n\r\n");
    close(fd);
    serving_stop(&serving);
    sem_destroy(&go_on);
}

/* --- responses that are not complete ----------------------------------------
 */

RV_TEST(http_pieces, a_response_that_is_too_short_ends_the_connection)
{
    char text[1024];

    get("GET /too-short HTTP/1.1", "", text, sizeof text);
    cr_assert_str_eq(text, OK_PLAIN "Content-Length: 10\r\n\r\nshort");
}

RV_TEST(http_pieces, more_than_the_announced_length_is_not_sent)
{
    char text[1024];

    get("GET /too-long HTTP/1.1", "Connection: close\r\n", text, sizeof text);
    cr_assert_str_eq(text, OK_PLAIN "Content-Length: 3\r\n" END "abc");
}

RV_TEST(http_pieces, a_handler_that_fails_leaves_the_last_chunk_out)
{
    char text[1024];

    get("GET /fails HTTP/1.1", "", text, sizeof text);
    cr_assert_str_eq(text,
                     OK_PLAIN "Transfer-Encoding: chunked\r\n\r\n3\r\nabc");
}

RV_TEST(http_pieces, a_handler_that_fails_before_the_first_piece_is_a_500)
{
    char text[1024];

    get("GET /fails-at-once HTTP/1.1", "", text, sizeof text);
    cr_assert_eq(strncmp(text, "HTTP/1.1 500 ", 13), 0, "got: %s", text);
    cr_assert_eq(count_of(text, "HTTP/1.1"), 1);
}

RV_TEST(http_pieces, a_shortage_before_the_first_piece_is_a_503)
{
    char text[1024];

    get("GET /is-short-at-once HTTP/1.1", "", text, sizeof text);
    cr_assert_eq(strncmp(text, "HTTP/1.1 503 ", 13), 0, "got: %s", text);
    cr_assert_eq(count_of(text, "HTTP/1.1"), 1);
}

/* Only a reset shows that a response that ends with the connection is cut. */
RV_TEST(http_pieces, a_handler_that_fails_resets_a_client_of_http_1_0)
{
    struct serving serving = {.handler = rv_http_routes(routes)};
    char byte;
    ssize_t n;
    int fd;

    serving_start(&serving);
    fd = dial(serving.port);
    say(fd, "GET /fails HTTP/1.0\r\n\r\n");
    while ((n = recv(fd, &byte, 1, 0)) > 0)
        ;
    cr_assert(n < 0 && errno == ECONNRESET);
    close(fd);
    serving_stop(&serving);
}

RV_TEST(http_pieces, a_piece_needs_a_begin)
{
    char text[1024];

    get("GET /without-begin HTTP/1.1", "Connection: close\r\n", text,
        sizeof text);
    cr_assert_str_eq(text, OK_PLAIN "Content-Length: 2\r\n" END "ok");
}

RV_TEST(http_pieces, a_piece_that_was_not_sent_to_its_end_breaks_the_response)
{
    static const char *const requests[] = {
        "GET /blocked HTTP/1.1\r\nHost: x\r\n\r\n",
        "GET /blocked-length HTTP/1.1\r\nHost: x\r\n\r\n"};
    struct serving serving = {.handler = rv_http_routes(routes)};
    char *const text = rv_test_zeros(MUCH);

    serving_start(&serving);
    for (int i = 0; i < 2; i++) {
        const int fd = dial(serving.port);
        size_t total = 0;
        ssize_t n;

        atomic_store(&seen, 0);
        say(fd, requests[i]);
        while (atomic_load(&seen) == 0)
            sched_yield(); /* it does not read until then */
        while ((n = recv(fd, text, MUCH, 0)) > 0)
            total += (size_t)n;
        cr_assert_lt(total, (size_t)MUCH);
        close(fd);
    }
    serving_stop(&serving);
}

RV_TEST(http_pieces, a_client_that_goes_cancels_an_endless_response)
{
    struct serving serving = {.handler = rv_http_routes(routes)};
    static char text[1 << 16];
    int fd;

    serving_start(&serving);
    fd = dial(serving.port);
    say(fd, "GET /endless HTTP/1.1\r\nHost: x\r\n\r\n");
    cr_assert_gt(recv(fd, text, sizeof text, 0), 0);
    close(fd); /* with unread input: a reset */
    while (atomic_load(&seen) == 0)
        sched_yield();
    serving_stop(&serving);
    cr_assert(seen == -ECANCELED || seen == -EPIPE || seen == -ECONNRESET);
}

RV_TEST(http_pieces, a_server_that_is_dropped_cancels_a_send)
{
    struct serving serving = {.handler = rv_http_routes(routes)};
    char byte;
    int fd;

    serving_start(&serving);
    fd = dial(serving.port);
    say(fd, "GET /endless HTTP/1.1\r\nHost: x\r\n\r\n");
    cr_assert_eq(recv(fd, &byte, 1, 0), 1);
    serving_stop(&serving);
    close(fd);
    cr_assert_eq(atomic_load(&seen), -ECANCELED);
}

/* --- headers
 * ------------------------------------------------------------------ */

RV_TEST(http_pieces, a_handler_adds_headers)
{
    char text[4096];

    get("GET /headers HTTP/1.1", "Connection: close\r\n", text, sizeof text);
    cr_assert_eq(strncmp(text,
                         OK_PLAIN "Set-Cookie: a=1\r\n"
                                  "Set-Cookie: b=2; Path=/\r\n"
                                  "X-Empty: \r\nX-Long: xxx",
                         100),
                 0, "got: %s", text);
    cr_assert(strstr(text, "xxx\r\nContent-Length: 2\r\n" END "ok"));
    check("GET /bare HTTP/1.1",
          "HTTP/1.1 303 See Other\r\nLocation: /elsewhere\r\n"
          "Content-Length: 0\r\n" END);
}

/* Headers belong to one response. */
RV_TEST(http_pieces, the_next_response_has_none_of_them)
{
    struct serving serving = {.handler = rv_http_routes(routes)};
    char text[4096];

    serving_start(&serving);
    ask(serving.port,
        "GET /bare HTTP/1.1\r\nHost: x\r\n\r\n"
        "GET /eleven HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
        text, sizeof text);
    serving_stop(&serving);
    cr_assert_eq(count_of(text, "Location:"), 1);
    cr_assert_eq(count_of(text, "HTTP/1.1 "), 2);
}
