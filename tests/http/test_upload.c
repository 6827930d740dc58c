/* SPDX-License-Identifier: MIT */
/* test_upload.c - handlers that receive the body of a request. */
#include <criterion/criterion.h>

#include <errno.h>
#include <reveil/async.h>
#include <reveil/combine.h>
#include <reveil/coro.h>
#include <stdio.h>

#include "serving.h"
#include "support/support.h"

RV_TEST_SUITE(http_upload);

/* --- handlers ------------------------------------------------------------ */

static int reply(struct rv_http_exchange *x, const char *text)
{
    return rv_http_reply(x, 200, "text/plain", text, strlen(text));
}

/* The results that handlers leave for the test. */
static _Atomic int seen;
static _Atomic bool canceled;
static sem_t over; /* posted by /patient */

static int32_t count(struct rv_http_exchange *x, void *data)
{
    const size_t step = data ? *(size_t *)data : 4096;
    char piece[4096];
    char text[64];
    uint64_t total = 0;
    uint64_t sum = 0;
    int n;

    while ((n = rv_http_recv(x, piece, step, RV_NEVER)) > 0) {
        total += (uint64_t)n;
        for (int i = 0; i < n; i++)
            sum += (unsigned char)piece[i];
    }
    atomic_store(&seen, n);
    if (n < 0)
        return n;
    snprintf(text, sizeof text, "%llu bytes, sum %llu.",
             (unsigned long long)total, (unsigned long long)sum);
    return reply(x, text);
}

static int32_t whole(struct rv_http_exchange *x, void *data)
{
    char body[16];
    size_t got;
    const int error = rv_http_recv_whole(x, body, sizeof body, &got, RV_NEVER);

    (void)data;
    atomic_store(&seen, error);
    if (error < 0)
        return error;
    return rv_http_reply(x, 200, "text/plain", body, got);
}

static int32_t ignore(struct rv_http_exchange *x, void *data)
{
    (void)data;
    return reply(x, "ignored");
}

static int32_t impatient(struct rv_http_exchange *x, void *data)
{
    char piece[8];
    int n;

    (void)data;
    n = rv_http_recv(x, piece, sizeof piece, 0);
    cr_assert_eq(n, -ETIMEDOUT, "a deadline in the past: %d", n);
    n = rv_http_recv(x, piece, sizeof piece, rv_after_ms(5));
    cr_assert_eq(n, -ETIMEDOUT, "nothing was sent: %d", n);
    return n;
}

/* Waits for a body that does not arrive, until it is canceled. */
static int32_t patient(struct rv_http_exchange *x, void *data)
{
    char piece[8];
    int n = rv_http_recv(x, piece, sizeof piece, RV_NEVER);

    (void)data;
    atomic_store(&seen, n);
    atomic_store(&canceled, n == -ECANCELED);
    sem_post(&over);
    cr_assert_eq(rv_http_recv(x, piece, sizeof piece, 0), n);
    if (n == -ECANCELED) {
        cr_assert_eq(reply(x, "late"), -ECANCELED);
        cr_assert_eq(rv_http_add_header(x, "X", "y"), -ECANCELED);
        cr_assert_eq(rv_http_begin(x, 200, NULL, 0), -ECANCELED);
    }
    return n;
}

static int32_t echo(struct rv_http_exchange *x, void *data)
{
    char piece[64];
    int error = rv_http_begin(x, 200, "text/plain", -1);
    int n = 0;

    (void)data;
    while (error == 0 &&
           (n = rv_http_recv(x, piece, sizeof piece, RV_NEVER)) > 0)
        error = rv_http_send(x, piece, (size_t)n, RV_NEVER);
    return error < 0 ? error : n;
}

/* --- a handler with a scope -------------------------------------------------
 */

static int32_t add_one(void *arg)
{
    int *count = *(int **)arg;
    const int error = rv_coro_sleep_until(rv_after_ms(1));

    *count += error == 0;
    return error;
}

static int32_t fan_out(struct rv_http_exchange *x, void *data)
{
    struct rv_scope scope;
    int count = 0;
    int *at = &count;
    int error = 0;

    rv_scope_init(&scope, rv_executor_current());
    for (int i = 0; i < 10 && error == 0; i++)
        error = rv_scope_spawn_coro(&scope, add_one, &at, sizeof at, NULL);
    if (error == 0 && data) /* until it is canceled */
        error = rv_coro_sleep_until(RV_NEVER);
    if (error == 0)
        error = rv_scope_wait(&scope);
    else
        rv_scope_wait(&scope);
    atomic_store(&seen, error);
    return error < 0 ? error : reply(x, count == 10 ? "ten" : "other");
}

/* --- a handler that is a future ------------------------------------------ */

struct taker {
    struct rv_future future;
    struct rv_http_exchange *x;
    struct rv_http_recv recv;
    char piece[7];
    size_t total;
};

static enum rv_poll taker_poll(struct rv_future *future, struct rv_cx *cx)
{
    struct taker *self = RV_CONTAINER_OF(future, struct taker, future);
    char text[32];

    RV_BEGIN(future);
    do {
        rv_http_recv_init(&self->recv, self->x, self->piece,
                          sizeof self->piece);
        RV_AWAIT(future, cx, &self->recv.future);
        if (self->recv.future.result < 0)
            RV_RETURN(future, self->recv.future.result);
        self->total += (size_t)self->recv.future.result;
    } while (self->recv.future.result > 0);
    snprintf(text, sizeof text, "%zu taken", self->total);
    RV_RETURN(future, reply(self->x, text));
    RV_END(future);
}

static void taker_drop(struct rv_future *future)
{
    rv_drop(&RV_CONTAINER_OF(future, struct taker, future)->recv.future);
}

static void taker_init(struct rv_future *frame, struct rv_http_exchange *x,
                       void *data)
{
    static const struct rv_future_ops ops = {
        .name = "taker", .poll = taker_poll, .drop = taker_drop};

    (void)data;
    rv_future_init(frame, &ops);
    RV_CONTAINER_OF(frame, struct taker, future)->x = x;
}

/* --- the same without a future for each piece ------------------------------
 */

struct poller {
    struct rv_future future;
    struct rv_http_exchange *x;
    struct rv_http_send send;
    size_t total;
    char text[32];
};

static enum rv_poll poller_poll(struct rv_future *future, struct rv_cx *cx)
{
    struct poller *self = RV_CONTAINER_OF(future, struct poller, future);
    char piece[64];
    ssize_t n = -EAGAIN;

    RV_BEGIN(future);
    do {
        RV_AWAIT_UNTIL(
            future, (n = rv_http_poll_recv(self->x, cx, piece, sizeof piece)) !=
                        -EAGAIN);
        self->total += n > 0 ? (size_t)n : 0;
    } while (n > 0);
    if (n < 0)
        RV_RETURN(future, n);
    n = snprintf(self->text, sizeof self->text, "%zu polled", self->total);
    if (rv_http_begin(self->x, 200, "text/plain", n) < 0)
        RV_RETURN(future, -EIO);
    rv_http_send_init(&self->send, self->x, self->text, (size_t)n);
    RV_AWAIT(future, cx, &self->send.future);
    RV_RETURN(future, self->send.future.result);
    RV_END(future);
}

static void poller_drop(struct rv_future *future)
{
    rv_drop(&RV_CONTAINER_OF(future, struct poller, future)->send.future);
}

static void poller_init(struct rv_future *frame, struct rv_http_exchange *x,
                        void *data)
{
    static const struct rv_future_ops ops = {
        .name = "poller", .poll = poller_poll, .drop = poller_drop};

    (void)data;
    rv_future_init(frame, &ops);
    RV_CONTAINER_OF(frame, struct poller, future)->x = x;
}

static const struct rv_http_handler poller = {.frame_bytes =
                                                  sizeof(struct poller),
                                              .init = poller_init,
                                              .takes_body = true};
static const struct rv_http_handler taker = {.frame_bytes =
                                                 sizeof(struct taker),
                                             .init = taker_init,
                                             .takes_body = true};
static const struct rv_http_handler large = {.run = count,
                                             .body_bytes = UINT64_C(1) << 40};
static const struct rv_http_handler small = {.run = count, .body_bytes = 10};

static size_t three = 3;

static const struct rv_http_route routes[] = {
    {.path = "/count", .run = count},
    {.path = "/threes", .run = count, .data = &three},
    {.path = "/large", .handler = &large},
    {.path = "/small", .handler = &small},
    {.path = "/whole", .run = whole},
    {.path = "/ignore", .run = ignore},
    {.path = "/impatient", .run = impatient},
    {.path = "/patient", .run = patient},
    {.path = "/fan-out", .run = fan_out},
    {.path = "/fan-out-late", .run = fan_out, .data = &three},
    {.path = "/echo", .run = echo},
    {.path = "/taker", .handler = &taker},
    {.path = "/poller", .handler = &poller},
    {.path = "/fixed", .body = "fixed", .len_bytes = 5},
    {.path = NULL},
};

/* --- one request and its response ----------------------------------------- */

#define LENGTH(path, len) \
    "POST " path " HTTP/1.1\r\nHost: x\r\nContent-Length: " len "\r\n\r\n"
#define CHUNKED(path)                   \
    "POST " path " HTTP/1.1\r\nHost: x" \
    "\r\nTransfer-Encoding: chunked\r\n\r\n"
#define LAST "GET /fixed HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"

static void ends_with(const char *text, const char *end)
{
    cr_assert_geq(strlen(text), strlen(end), "got: %s", text);
    cr_assert_str_eq(text + strlen(text) - strlen(end), end, "got: %s", text);
}

static void starts_with(const char *text, const char *start)
{
    cr_assert_eq(strncmp(text, start, strlen(start)), 0, "got: %s", text);
}

/* Send it whole, then a byte at a time: the response is the same, but for the
 * date. */
static void both_ways(const char *request, const char *start, const char *end)
{
    struct serving serving = {.handler = rv_http_routes(routes)};
    char text[4096];
    int fd;

    serving_start(&serving);
    ask(serving.port, request, text, sizeof text);
    starts_with(text, start);
    ends_with(text, end);

    fd = dial(serving.port);
    for (const char *at = request; *at; at++) {
        if (send(fd, at, 1, MSG_NOSIGNAL) < 0)
            break; /* refused already */
    }
    listen_to_end(fd, text, sizeof text);
    starts_with(text, start);
    ends_with(text, end);
    serving_stop(&serving);
}

/* --- bodies that arrive --------------------------------------------------- */

RV_TEST(http_upload, a_body_of_known_length_is_received)
{
    both_ways(LENGTH("/count", "5") "hello" LAST, "HTTP/1.1 200 ", "fixed");
    both_ways("POST /count HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
              "Content-Length: 5\r\n\r\nhello",
              "HTTP/1.1 200 ", "5 bytes, sum 532.");
    both_ways("POST /taker HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
              "Content-Length: 20\r\n\r\n01234567890123456789",
              "HTTP/1.1 200 ", "20 taken");
}

RV_TEST(http_upload, a_body_in_chunks_is_received)
{
    both_ways("POST /threes HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
              "Transfer-Encoding: chunked\r\n\r\n"
              "2\r\nhe\r\n3;a=\"b\"\r\nllo\r\n0\r\nX: y\r\n\r\n",
              "HTTP/1.1 200 ", "5 bytes, sum 532.");
    both_ways("POST /taker HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
              "Transfer-Encoding: chunked\r\n\r\n"
              "a\r\n0123456789\r\n1\r\n0\r\n0\r\n\r\n",
              "HTTP/1.1 200 ", "11 taken");
    both_ways("POST /poller HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
              "Transfer-Encoding: chunked\r\n\r\n"
              "a\r\n0123456789\r\n1\r\n0\r\n0\r\n\r\n",
              "HTTP/1.1 200 ", "11 polled");
}

RV_TEST(http_upload, a_request_without_a_body_has_an_empty_one)
{
    both_ways("GET /count HTTP/1.0\r\n\r\n", "HTTP/1.1 200 ",
              "\r\n\r\n0 bytes, sum 0.");
    both_ways("POST /count HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
              "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
              "HTTP/1.1 200 ", "\r\n\r\n0 bytes, sum 0.");
}

RV_TEST(http_upload, the_next_request_begins_behind_the_body)
{
    struct serving serving = {.handler = rv_http_routes(routes)};
    char text[8192];

    serving_start(&serving);
    ask(serving.port,
        LENGTH("/count", "5") "GET /" CHUNKED(
            "/count") "5\r\nGET /\r\n"
                      "0\r\n\r\n" LENGTH(
                          "/whole",
                          "16") "0123456789abcdef" CHUNKED("/whole") "1\r\nx\r"
                                                                     "\n0\r\n\r"
                                                                     "\n" LAST,
        text, sizeof text);
    serving_stop(&serving);

    cr_assert_eq(count_of(text, "\r\n\r\n5 bytes, sum 303."), 2, "%s", text);
    cr_assert_eq(count_of(text, "\r\n\r\n0123456789abcdefHTTP"), 1);
    cr_assert_eq(count_of(text, "\r\n\r\nxHTTP"), 1, "%s", text);
    cr_assert_eq(count_of(text, "HTTP/1.1 200 "), 5);
    ends_with(text, "fixed");
}

RV_TEST(http_upload, what_a_handler_leaves_of_a_body_is_skipped)
{
    struct serving serving = {.handler = rv_http_routes(routes)};
    char text[8192];

    serving_start(&serving);
    ask(serving.port,
        LENGTH("/ignore", "5") "GET /" CHUNKED(
            "/ignore") "5\r\nGET /\r\n"
                       "0\r\n\r\n" LENGTH("/fixed", "3") "abc" LAST,
        text, sizeof text);
    serving_stop(&serving);

    cr_assert_eq(count_of(text, "\r\n\r\nignored"), 2, "%s", text);
    cr_assert_eq(count_of(text, "HTTP/1.1 405 "), 1, "%s", text);
    cr_assert_eq(count_of(text, "HTTP/1.1 "), 4, "%s", text);
    ends_with(text, "fixed");
}

RV_TEST(http_upload, a_handler_may_send_while_it_receives)
{
    struct serving serving = {.handler = rv_http_routes(routes)};
    char text[1024];
    int fd;

    serving_start(&serving);
    fd = dial(serving.port);
    say(fd, CHUNKED("/echo") "2\r\nab\r\n");
    listen_for(fd, text, sizeof text, "2\r\nab");
    say(fd, "3\r\ncde\r\n");
    listen_for(fd, text, sizeof text, "\r\n3\r\ncde");
    say(fd, "0\r\n\r\n");
    listen_for(fd, text, sizeof text, "\r\n0\r\n\r\n");
    say(fd, LAST);
    listen_to_end(fd, text, sizeof text);
    ends_with(text, "fixed");
    serving_stop(&serving);
}

/* --- in constant memory -----------------------------------------------------
 */

static long resident_kib(const char *field)
{
    char line[256];
    long kib = -1;
    FILE *file = fopen("/proc/self/status", "re");

    cr_assert(file);
    while (fgets(line, sizeof line, file))
        if (strncmp(line, field, strlen(field)) == 0)
            kib = strtol(line + strlen(field), NULL, 10);
    fclose(file);
    return kib;
}

static void flood(int fd, size_t total, bool chunked)
{
    static char data[64 * 1024];
    size_t sent = 0;

    memset(data, 1, sizeof data);
    while (sent < total) {
        size_t at = 0;

        if (chunked)
            say(fd, "10000\r\n");
        while (at < sizeof data) {
            const ssize_t n =
                send(fd, data + at, sizeof data - at, MSG_NOSIGNAL);

            cr_assert_gt(n, 0);
            at += (size_t)n;
        }
        if (chunked)
            say(fd, "\r\n");
        sent += sizeof data;
    }
    if (chunked)
        say(fd, "0\r\n\r\n");
}

RV_TEST(http_upload, a_hundred_megabytes_need_no_memory)
{
    enum { TOTAL = 1600 * 64 * 1024 };
    struct serving serving = {.handler = rv_http_routes(routes)};
    char text[1024];
    long before;
    int fd;

    serving_start(&serving);
    fd = dial(serving.port);
    say(fd, LENGTH("/large", "65536"));
    flood(fd, 65536, false);
    listen_for(fd, text, sizeof text, "sum 65536.");
    before = resident_kib("VmHWM:");

    say(fd, LENGTH("/large", "104857600"));
    flood(fd, TOTAL, false);
    listen_for(fd, text, sizeof text, "104857600 bytes, sum 104857600.");
    say(fd, CHUNKED("/large"));
    flood(fd, TOTAL, true);
    listen_for(fd, text, sizeof text, "104857600 bytes, sum 104857600.");
    close(fd);
    serving_stop(&serving);

    cr_assert_lt(resident_kib("VmHWM:") - before, RV_TEST_SLOW ? 4096 : 512);
}

/* --- back-pressure
 * ------------------------------------------------------------ */

/* Waits for a post, then receives. */
static sem_t begin_to_receive;

static int32_t slow(struct rv_http_exchange *x, void *data)
{
    while (sem_trywait(&begin_to_receive) < 0) {
        const int error = rv_coro_sleep_until(rv_after_ms(1));

        if (error < 0)
            return error;
    }
    return count(x, data);
}

RV_TEST(http_upload, a_handler_that_does_not_receive_holds_the_client_back)
{
    struct serving serving = {
        .handler = {.run = slow, .body_bytes = UINT64_C(1) << 30}};
    static char data[64 * 1024];
    char text[1024];
    size_t sent = 0;
    ssize_t n;
    int fd;

    sem_init(&begin_to_receive, 0, 0);
    serving_start(&serving);
    fd = dial(serving.port);
    say(fd, LENGTH("/", "104857600"));
    memset(data, 1, sizeof data);
    /* Both kernel buffers together hold a few MiB at most. */
    while ((n = send(fd, data, sizeof data, MSG_NOSIGNAL | MSG_DONTWAIT)) > 0)
        sent += (size_t)n;
    cr_assert_lt(sent, (size_t)64 << 20);
    sem_post(&begin_to_receive);
    for (; sent < 104857600; sent += (size_t)n) {
        const size_t left = 104857600 - sent;

        n = send(fd, data, left < sizeof data ? left : sizeof data,
                 MSG_NOSIGNAL);
        cr_assert_gt(n, 0);
    }
    listen_for(fd, text, sizeof text, "104857600 bytes, sum 104857600.");
    close(fd);
    serving_stop(&serving);
    sem_destroy(&begin_to_receive);
}

/* --- 100 Continue
 * --------------------------------------------------------------- */

#define EXPECTS(path)                                               \
    "POST " path " HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\n" \
    "Connection: close\r\nContent-Length: 5\r\n\r\n"

RV_TEST(http_upload, a_client_is_told_to_continue_when_the_body_is_wanted)
{
    static const char *const paths[] = {EXPECTS("/count"), EXPECTS("/taker")};
    struct serving serving = {.handler = rv_http_routes(routes)};
    char text[1024];

    serving_start(&serving);
    for (int i = 0; i < 2; i++) {
        const int fd = dial(serving.port);

        say(fd, paths[i]);
        listen_for(fd, text, sizeof text, "\r\n\r\n");
        cr_assert_str_eq(text, "HTTP/1.1 100 Continue\r\n\r\n");
        say(fd, "hello");
        listen_to_end(fd, text, sizeof text);
        starts_with(text, "HTTP/1.1 200 ");
        ends_with(text, i ? "5 taken" : "5 bytes, sum 532.");
    }
    serving_stop(&serving);
}

RV_TEST(http_upload, a_client_is_not_told_to_continue_for_nothing)
{
    static const char *const cases[][2] = {
        {EXPECTS("/ignore"), "HTTP/1.1 200 OK\r\n"},
        {EXPECTS("/fixed"), "HTTP/1.1 405 Method Not Allowed\r\n"},
        {EXPECTS("/nothing"), "HTTP/1.1 404 Not Found\r\n"},
        {"POST /ignore HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\n"
         "Content-Length: 5\r\n\r\n",
         "HTTP/1.1 200 OK\r\n"},
        {"POST /small HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\n"
         "Content-Length: 11\r\n\r\n",
         "HTTP/1.1 413 "},
    };
    struct serving serving = {.handler = rv_http_routes(routes)};
    char text[1024];

    serving_start(&serving);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        ask(serving.port, cases[i][0], text, sizeof text);
        starts_with(text, cases[i][1]);
        cr_assert_eq(count_of(text, "HTTP/1.1 "), 1, "%s", text);
        cr_assert_eq(count_of(text, "\r\nConnection: close\r\n"), 1);
    }
    serving_stop(&serving);
}

RV_TEST(http_upload, a_body_that_is_sent_without_waiting_needs_no_continue)
{
    char request[256] = EXPECTS("/count");

    both_ways(strcat(request, "hello"), "HTTP/1.1 ", "5 bytes, sum 532.");
}

/* --- bodies that are refused
 * ------------------------------------------------------ */

RV_TEST(http_upload, a_body_that_is_malformed_ends_the_connection)
{
    both_ways(CHUNKED("/count") "1\r\nx\r\nzz\r\n" LAST, "HTTP/1.1 400 ",
              "400 Bad Request\n");
    cr_assert_eq(atomic_load(&seen), -EBADMSG);
    both_ways(CHUNKED("/count") "1\r\nxy\r\n0\r\n\r\n" LAST, "HTTP/1.1 400 ",
              "400 Bad Request\n");
    /* The response is there already; nothing that follows is a request. */
    both_ways(CHUNKED("/ignore") "1\r\nxy\r\n0\r\n\r\n" LAST, "HTTP/1.1 200 ",
              "ignored");
}

RV_TEST(http_upload, a_body_beyond_the_limit_is_refused)
{
    both_ways(LENGTH("/small", "11") "0123456789a", "HTTP/1.1 413 ", "\n");
    both_ways(LENGTH("/count", "1048577"), "HTTP/1.1 413 ", "\n");
    both_ways(CHUNKED("/small") "9\r\n012345678\r\n2\r\nab\r\n0\r\n\r\n",
              "HTTP/1.1 413 ", "\n");
    cr_assert_eq(atomic_load(&seen), -EMSGSIZE);
    both_ways("POST /small HTTP/1.0\r\nContent-Length: 10\r\n\r\n0123456789",
              "HTTP/1.1 200 ", "10 bytes, sum 525.");
}

RV_TEST(http_upload, a_body_larger_than_the_buffer_is_413)
{
    both_ways(LENGTH("/whole", "17") "0123456789abcdefg", "HTTP/1.1 413 ",
              "\n");
    cr_assert_eq(atomic_load(&seen), -EMSGSIZE);
    both_ways(CHUNKED("/whole") "11\r\n0123456789abcdefg\r\n0\r\n\r\n",
              "HTTP/1.1 413 ", "\n");
    cr_assert_eq(atomic_load(&seen), -EMSGSIZE);
    both_ways("POST /whole HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
              "Transfer-Encoding: chunked\r\n\r\n"
              "10\r\n0123456789abcdef\r\n0\r\n\r\n",
              "HTTP/1.1 200 ", "0123456789abcdef");
}

/* --- clients that stop
 * ------------------------------------------------------------- */

RV_TEST(http_upload, a_body_that_does_not_arrive_is_408)
{
    struct serving serving = {.handler = rv_http_routes(routes),
                              .idle_timeout_ns = 30 * RV_NS_PER_MS};
    char text[1024];

    serving_start(&serving);
    ask(serving.port, LENGTH("/count", "5") "he", text, sizeof text);
    starts_with(text, "HTTP/1.1 408 ");
    cr_assert_eq(atomic_load(&seen), -ETIMEDOUT);
    ask(serving.port, LENGTH("/taker", "5") "he", text, sizeof text);
    starts_with(text, "HTTP/1.1 408 ");
    serving_stop(&serving);
}

RV_TEST(http_upload, a_deadline_of_the_handler_ends_a_receive)
{
    struct serving serving = {.handler = rv_http_routes(routes)};
    char text[1024];

    serving_start(&serving);
    ask(serving.port, LENGTH("/impatient", "5"), text, sizeof text);
    serving_stop(&serving);

    starts_with(text, "HTTP/1.1 408 ");
}

RV_TEST(http_upload, an_end_inside_of_the_body_is_seen)
{
    struct serving serving = {.handler = rv_http_routes(routes)};
    char text[1024];
    int fd;

    serving_start(&serving);
    fd = dial(serving.port);
    say(fd, LENGTH("/count", "5") "he");
    shutdown(fd, SHUT_WR);
    listen_to_end(fd, text, sizeof text);
    cr_assert_eq(atomic_load(&seen), -EPIPE);
    cr_assert_str_eq(text, "");
    serving_stop(&serving);
}

RV_TEST(http_upload, a_reset_inside_of_the_body_ends_the_handler)
{
    const struct linger at_once = {.l_onoff = 1, .l_linger = 0};
    struct serving serving = {.handler = rv_http_routes(routes)};
    int fd;

    sem_init(&over, 0, 0);
    serving_start(&serving);
    fd = dial(serving.port);
    say(fd, LENGTH("/patient", "5"));
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    close(fd);
    sem_wait(&over);
    serving_stop(&serving);
    sem_destroy(&over);
    cr_assert(atomic_load(&seen) == -ECONNRESET ||
              atomic_load(&seen) == -ECANCELED);
}

static void limit_handlers(struct rv_http_server *server)
{
    server->handler_timeout_ns = 20 * RV_NS_PER_MS;
}

RV_TEST(http_upload, a_handler_that_is_too_late_is_canceled)
{
    struct serving serving = {.handler = rv_http_routes(routes),
                              .adjust = limit_handlers};
    char text[1024];

    serving_start(&serving);
    ask(serving.port, LENGTH("/patient", "5"), text, sizeof text);
    serving_stop(&serving);

    starts_with(text, "HTTP/1.1 503 ");
    cr_assert_eq(count_of(text, "HTTP/1.1 "), 1);
    cr_assert(atomic_load(&canceled));
}

RV_TEST(http_upload, a_handler_may_have_tasks_in_a_scope)
{
    struct serving serving = {.handler = rv_http_routes(routes),
                              .adjust = limit_handlers};
    char text[1024];

    serving_start(&serving);
    ask(serving.port,
        "GET /fan-out-late HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
        text, sizeof text);
    starts_with(text, "HTTP/1.1 503 ");
    cr_assert_eq(atomic_load(&seen), -ECANCELED);
    serving_stop(&serving);

    serving = (struct serving){.handler = rv_http_routes(routes)};
    serving_start(&serving);
    ask(serving.port, "GET /fan-out HTTP/1.0\r\n\r\n", text, sizeof text);
    ends_with(text, "\r\n\r\nten");
    serving_stop(&serving);
}

RV_TEST(http_upload, a_server_that_is_dropped_cancels_its_handlers)
{
    struct serving serving = {.handler = rv_http_routes(routes)};
    char text[1024];
    int fd;

    serving_start(&serving);
    fd = dial(serving.port);
    say(fd, "POST /patient HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\n"
            "Content-Length: 5\r\n\r\n");
    listen_for(fd, text, sizeof text, "\r\n\r\n"); /* it is receiving now */
    serving_stop(&serving);
    close(fd);

    cr_assert(atomic_load(&canceled));
}
