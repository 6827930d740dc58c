/* SPDX-License-Identifier: MIT */
/* test_server.c - promises of the server, with plain sockets as clients. */
#include <criterion/criterion.h>

#include <errno.h>
#include <reveil/async.h>
#include <stdio.h>

#include "serving.h"
#include "support/support.h"

RV_TEST_SUITE(http_server);

/* --- a handler: the path says what it does ------------------------------ */

struct answer {
    struct rv_future future;
    struct rv_http_exchange *x;
    struct rv_sleep nap;
};

static bool path_is(const struct rv_http_exchange *x, const char *path)
{
    return rv_http_slice_is(x->head->target, x->bytes, path);
}

static int reply(struct rv_http_exchange *x, const char *text)
{
    return rv_http_reply(x, 200, "text/plain", text, strlen(text));
}

/* How long the response to /slow takes. */
static int64_t slow_ms = 30;

static enum rv_poll answer_poll(struct rv_future *future, struct rv_cx *cx)
{
    struct answer *self = RV_CONTAINER_OF(future, struct answer, future);

    RV_BEGIN(future);
    if (path_is(self->x, "/slow")) {
        rv_sleep_init(&self->nap, rv_after_ms(slow_ms));
        RV_AWAIT(future, cx, &self->nap.future);
        RV_RETURN(future, reply(self->x, "slow"));
    }
    if (path_is(self->x, "/for-ever")) {
        rv_sleep_init(&self->nap, RV_NEVER);
        RV_AWAIT(future, cx, &self->nap.future);
    }
    if (path_is(self->x, "/silent"))
        RV_RETURN(future, 0);
    if (path_is(self->x, "/error"))
        RV_RETURN(future, -EIO);
    if (path_is(self->x, "/short"))
        RV_RETURN(future, -EMFILE);
    if (path_is(self->x, "/hang-up"))
        RV_RETURN(future, RV_HTTP_HANG_UP);
    if (path_is(self->x, "/last"))
        self->x->keep_alive = false;
    if (path_is(self->x, "/twice")) {
        reply(self->x, "once");
        RV_RETURN(future, reply(self->x, "twice") == -EALREADY ? 0 : -EIO);
    }
    RV_RETURN(future, reply(self->x, "hello"));
    RV_END(future);
}

static void answer_drop(struct rv_future *future)
{
    rv_drop(&RV_CONTAINER_OF(future, struct answer, future)->nap.future);
}

static void response_init(struct rv_future *frame, struct rv_http_exchange *x,
                          void *data)
{
    static const struct rv_future_ops ops = {
        .name = "answer", .poll = answer_poll, .drop = answer_drop};

    (void)data;
    rv_future_init(frame, &ops);
    RV_CONTAINER_OF(frame, struct answer, future)->x = x;
}

static const struct rv_http_handler handler = {
    .frame_bytes = sizeof(struct answer), .init = response_init};

/* A request and the response to it, on a server with nothing special. */
static void serve_once(const char *request, char *text, size_t size)
{
    struct serving serving = {.handler = handler};

    serving_start(&serving);
    ask(serving.port, request, text, size);
    serving_stop(&serving);
}

#define ENDS_WITH(text, end)                                             \
    cr_assert(strlen(text) >= strlen(end) &&                             \
                  strcmp((text) + strlen(text) - strlen(end), end) == 0, \
              "got: %s", text)
#define STARTS_WITH(text, start) \
    cr_assert(strncmp(text, start, strlen(start)) == 0, "got: %s", text)

/* --- answers ----------------------------------------------------------- */

RV_TEST(http_server, a_response_is_complete)
{
    char text[1024];

    serve_once("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", text,
               sizeof text);

    STARTS_WITH(text, "HTTP/1.1 200 OK\r\nDate: ");
    cr_assert(strstr(text, " GMT\r\n"), "got: %s", text);
    ENDS_WITH(text, "\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n"
                    "Connection: close\r\n\r\nhello");
}

RV_TEST(http_server, a_connection_is_kept_for_the_next_request)
{
    struct serving serving = {.handler = handler};
    char text[1024];
    int fd;

    serving_start(&serving);
    fd = dial(serving.port);
    for (int i = 0; i < 3; i++) {
        say(fd, "GET / HTTP/1.1\r\nHost: x\r\n\r\n");
        listen_for(fd, text, sizeof text, "hello");
        cr_assert_eq(strstr(text, "Connection:"), NULL);
    }
    close(fd);
    serving_stop(&serving);

    cr_assert_eq(serving.requests, 3);
}

RV_TEST(http_server, requests_sent_together_are_answered_in_order)
{
    char text[2048];

    serve_once("GET /slow HTTP/1.1\r\nHost: x\r\n\r\n"
               "GET / HTTP/1.1\r\nHost: x\r\n\r\n"
               "GET /slow HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
               text, sizeof text);

    cr_assert_eq(count_of(text, "HTTP/1.1 200 OK"), 3);
    cr_assert_lt(strstr(text, "\r\n\r\nslow"), strstr(text, "\r\n\r\nhello"));
    ENDS_WITH(text, "\r\n\r\nslow");
}

/* More requests than fit into one poll and the first buffer. */
RV_TEST(http_server, five_hundred_requests_at_once_are_answered)
{
    static const char request[] = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";
    static char many[500 * sizeof request];
    static char text[500 * 200];

    for (int i = 0; i < 500; i++)
        strcat(many + (size_t)i * (sizeof request - 1), request);
    strcpy(many + 499 * (sizeof request - 1),
           "GET /last HTTP/1.1\r\nHost: x\r\n\r\n");
    serve_once(many, text, sizeof text);

    cr_assert_eq(count_of(text, "\r\n\r\nhello"), 500);
}

RV_TEST(http_server, a_request_may_come_byte_by_byte)
{
    static const char request[] = "GET /last HTTP/1.1\r\nHost: x\r\n\r\n";
    struct serving serving = {.handler = handler};
    char text[1024];
    int fd;

    serving_start(&serving);
    fd = dial(serving.port);
    for (const char *at = request; *at; at++)
        cr_assert_eq(send(fd, at, 1, MSG_NOSIGNAL), 1);
    listen_to_end(fd, text, sizeof text);
    serving_stop(&serving);

    ENDS_WITH(text, "\r\n\r\nhello");
}

RV_TEST(http_server, a_head_request_gets_no_body)
{
    char text[1024];

    serve_once("HEAD /last HTTP/1.1\r\nHost: x\r\n\r\n", text, sizeof text);

    cr_assert(strstr(text, "Content-Length: 5\r\n"), "got: %s", text);
    ENDS_WITH(text, "\r\n\r\n");
}

RV_TEST(http_server, an_old_client_is_closed_unless_it_asks_otherwise)
{
    char text[1024];

    serve_once("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"
               "GET / HTTP/1.0\r\n\r\n",
               text, sizeof text);

    cr_assert_eq(count_of(text, "Connection: keep-alive\r\n"), 1);
    cr_assert_eq(count_of(text, "Connection: close\r\n"), 1);
}

RV_TEST(http_server, a_half_closed_client_gets_its_response)
{
    struct serving serving = {.handler = handler};
    char text[1024];
    int fd;

    serving_start(&serving);
    fd = dial(serving.port);
    say(fd, "GET /slow HTTP/1.1\r\nHost: x\r\n\r\n");
    shutdown(fd, SHUT_WR);
    listen_to_end(fd, text, sizeof text);
    serving_stop(&serving);

    ENDS_WITH(text, "\r\n\r\nslow");
}

/* --- handlers that err ------------------------------------------------- */

RV_TEST(http_server, a_handler_without_a_response_is_a_500)
{
    char text[1024];

    serve_once("GET /silent HTTP/1.1\r\nHost: x\r\n\r\n", text, sizeof text);
    STARTS_WITH(text, "HTTP/1.1 500 ");
    serve_once("GET /error HTTP/1.1\r\nHost: x\r\n\r\n", text, sizeof text);
    STARTS_WITH(text, "HTTP/1.1 500 ");
}

RV_TEST(http_server, a_handler_that_ends_with_a_shortage_is_a_503)
{
    char text[1024];

    serve_once("GET /short HTTP/1.1\r\nHost: x\r\n\r\n", text, sizeof text);
    STARTS_WITH(text, "HTTP/1.1 503 ");
}

RV_TEST(http_server, a_handler_that_hangs_up_answers_nothing)
{
    char text[1024];

    serve_once("GET /hang-up HTTP/1.1\r\nHost: x\r\n\r\n", text, sizeof text);

    cr_assert_str_eq(text, "");
}

RV_TEST(http_server, a_second_response_is_refused)
{
    char text[1024];

    serve_once("GET /twice HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
               text, sizeof text);

    STARTS_WITH(text, "HTTP/1.1 200 ");
    ENDS_WITH(text, "\r\n\r\nonce");
}

/* --- bodies of requests ------------------------------------------------ */

RV_TEST(http_server, a_body_is_passed_over)
{
    char text[2048];

    serve_once("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n"
               "GET /slowPOST / HTTP/1.1\r\nHost: x\r\n"
               "Transfer-Encoding: chunked\r\n\r\n"
               "4\r\nGET \r\n0\r\n\r\nGET /last HTTP/1.1\r\nHost: x\r\n\r\n",
               text, sizeof text);

    cr_assert_eq(count_of(text, "\r\n\r\nhello"), 3, "got: %s", text);
}

RV_TEST(http_server, a_client_that_waits_to_send_its_body_is_told_to)
{
    struct serving serving = {.handler = handler};
    char text[1024];
    int fd;

    serving_start(&serving);
    fd = dial(serving.port);
    say(fd, "POST /last HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\n"
            "Content-Length: 4\r\n\r\n");
    listen_for(fd, text, sizeof text, "\r\n\r\n");
    cr_assert_str_eq(text, "HTTP/1.1 100 Continue\r\n\r\n");
    say(fd, "body");
    listen_to_end(fd, text, sizeof text);
    serving_stop(&serving);

    STARTS_WITH(text, "HTTP/1.1 200 ");
}

/* --- refusals ---------------------------------------------------------- */

static void refused(const char *request, const char *start)
{
    char text[1024];

    serve_once(request, text, sizeof text);
    STARTS_WITH(text, start);
    cr_assert(strstr(text, "\r\nConnection: close\r\n"), "got: %s", text);
}

RV_TEST(http_server, what_is_malformed_is_refused)
{
    refused("GET /\r\n\r\n", "HTTP/1.1 400 ");
    refused("GET / HTTP/1.1\r\n\r\n", "HTTP/1.1 400 ");
    refused("GET / HTTP/1.1\nHost: x\n\n", "HTTP/1.1 400 ");
    refused("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n"
            "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            "HTTP/1.1 400 ");
    refused("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
            "zz\r\n",
            "HTTP/1.1 400 ");
}

RV_TEST(http_server, what_is_not_supported_is_refused)
{
    refused("GET / HTTP/2.0\r\nHost: x\r\n\r\n", "HTTP/1.1 505 ");
    refused("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip\r\n\r\n",
            "HTTP/1.1 501 ");
}

RV_TEST(http_server, what_is_too_large_is_refused)
{
    struct serving serving = {.handler = handler, .head_bytes = 300};
    char request[600] = "GET / HTTP/1.1\r\nHost: x\r\nX: ";
    char text[1024];

    refused("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1048577\r\n\r\n",
            "HTTP/1.1 413 ");
    refused("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
            "100001\r\n",
            "HTTP/1.1 413 ");

    serving_start(&serving);
    memset(request + strlen(request), 'x', 400);
    ask(serving.port, request, text, sizeof text);
    STARTS_WITH(text, "HTTP/1.1 431 ");
    memset(request + 5, 'x', 400);
    ask(serving.port, request, text, sizeof text);
    STARTS_WITH(text, "HTTP/1.1 414 ");
    serving_stop(&serving);
}

/* The close comes with unread input; the response must arrive all the same. */
RV_TEST(http_server, a_refusal_reaches_a_client_that_sends_on)
{
    struct serving serving = {.handler = handler};
    static char flood[200 * 1024];
    char text[1024];
    int fd;

    memset(flood, 'x', sizeof flood);
    serving_start(&serving);
    fd = dial(serving.port);
    say(fd, "bad\r\n\r\n");
    cr_assert_gt(send(fd, flood, sizeof flood, MSG_NOSIGNAL), 0);
    shutdown(fd, SHUT_WR);
    listen_to_end(fd, text, sizeof text);
    serving_stop(&serving);

    STARTS_WITH(text, "HTTP/1.1 400 ");
}

/* --- time -------------------------------------------------------------- */

RV_TEST(http_server, an_idle_connection_is_closed)
{
    struct serving serving = {.handler = handler,
                              .idle_timeout_ns = 300 * RV_NS_PER_MS};
    char text[1024];

    serving_start(&serving);
    ask(serving.port, "GET / HTTP/1.1\r\nHost: x\r\n\r\n", text, sizeof text);
    serving_stop(&serving);

    ENDS_WITH(text, "\r\n\r\nhello");
}

/* Each byte is in time, but the head as a whole is not. */
RV_TEST(http_server, a_slow_head_is_a_408)
{
    struct serving serving = {.handler = handler,
                              .idle_timeout_ns = 500 * RV_NS_PER_MS};
    char text[1024];
    int fd;

    serving_start(&serving);
    fd = dial(serving.port);
    while (send(fd, "G", 1, MSG_NOSIGNAL) == 1)
        usleep(5000); /* the pace, not a wait */
    listen_for(fd, text, sizeof text, "\n");
    close(fd);
    serving_stop(&serving);

    STARTS_WITH(text, "HTTP/1.1 408 ");
}

RV_TEST(http_server, a_handler_may_take_longer_than_the_idle_timeout)
{
    struct serving serving = {.handler = handler,
                              .idle_timeout_ns = 300 * RV_NS_PER_MS};
    char text[1024];

    slow_ms = 900;
    serving_start(&serving);
    ask(serving.port, "GET /slow HTTP/1.1\r\nHost: x\r\n\r\n", text,
        sizeof text);
    serving_stop(&serving);

    ENDS_WITH(text, "\r\n\r\nslow");
}

/* --- the end ----------------------------------------------------------- */

RV_TEST(http_server, dropping_the_server_closes_its_connections)
{
    struct serving serving = {.handler = handler};
    char text[1024];
    int idle;
    int busy;
    int begun;

    serving_start(&serving);
    idle = dial(serving.port);
    busy = dial(serving.port);
    begun = dial(serving.port);
    say(busy, "GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    listen_for(busy, text, sizeof text, "hello"); /* all were accepted */
    say(busy, "GET /for-ever HTTP/1.1\r\nHost: x\r\n\r\n");
    say(begun, "GET / HT");
    serving_stop(&serving);

    cr_assert_leq(recv(idle, text, 1, 0), 0);
    cr_assert_leq(recv(busy, text, 1, 0), 0);
    cr_assert_leq(recv(begun, text, 1, 0), 0);
    close(idle);
    close(busy);
    close(begun);
}

/* Run until the executor has `count` tasks. */
static void wait_for_tasks(struct rv_runtime *runtime, uint32_t count)
{
    const int64_t limit_ns = rv_after_ms(RV_TEST_WAIT_MS);
    struct rv_sleep nap;

    while (rv_executor_tasks(rv_runtime_executor(runtime)) != count) {
        cr_assert_lt(rv_now_ns(), limit_ns, "not %u tasks", count);
        rv_sleep_init(&nap, rv_after_ms(1));
        cr_assert_eq(rv_runtime_block_on(runtime, &nap.future), 0);
    }
}

/* A server that is a task of its own, dropped in the executor's order. */
RV_TEST(http_server, the_executor_may_go_first)
{
    struct rv_runtime *runtime;
    struct rv_http_server *server = rv_alloc(sizeof *server);
    struct rv_addr addr;
    int fd;

    cr_assert_eq(rv_test_runtime_start(&runtime), 0);
    cr_assert_eq(rv_addr_parse(&addr, "127.0.0.1", 0), 0);
    cr_assert_eq(rv_http_server_init(server, &addr, &handler), 0);
    cr_assert_eq(rv_http_server_addr(server, &addr), 0);
    cr_assert_eq(rv_spawn(rv_runtime_executor(runtime), &server->future, NULL),
                 0);
    fd = dial(rv_addr_port(&addr));
    say(fd, "GET /for-ever HTTP/1.1\r\nHost: x\r\n\r\n");
    wait_for_tasks(runtime, 2);

    rv_runtime_stop(runtime);
    close(fd);
}

/* It does nothing before its first poll, and may move until then. */
RV_TEST(http_server, it_may_be_moved_before_its_first_poll)
{
    struct rv_runtime *runtime;
    struct rv_http_server first;
    struct rv_http_server *server = rv_alloc(sizeof *server);
    struct rv_http_server unused;
    struct rv_addr addr;
    int fd;

    cr_assert_eq(rv_test_runtime_start(&runtime), 0);
    cr_assert_eq(rv_addr_parse(&addr, "127.0.0.1", 0), 0);
    for (int i = 0; i < 2; i++) {
        cr_assert_eq(rv_http_server_init(&first, &addr, &handler), 0);
        *(i ? server : &unused) = first;
        memset(&first, 0xa5, sizeof first);
    }
    cr_assert_eq(rv_http_server_shutdown(&unused, 0), 0);
    rv_drop(&unused.future);
    cr_assert_eq(rv_http_server_addr(server, &addr), 0);
    cr_assert_eq(rv_spawn(rv_runtime_executor(runtime), &server->future, NULL),
                 0);
    fd = dial(rv_addr_port(&addr));
    say(fd, "GET /for-ever HTTP/1.1\r\nHost: x\r\n\r\n");
    wait_for_tasks(runtime, 2);

    rv_runtime_stop(runtime);
    close(fd);
}

RV_TEST(http_server, a_client_that_resets_while_a_handler_waits_is_let_go)
{
    const struct linger reset = {.l_onoff = 1};
    struct rv_runtime *runtime;
    struct rv_http_server *server = rv_alloc(sizeof *server);
    struct rv_addr addr;
    int fd;

    cr_assert_eq(rv_test_runtime_start(&runtime), 0);
    cr_assert_eq(rv_addr_parse(&addr, "127.0.0.1", 0), 0);
    cr_assert_eq(rv_http_server_init(server, &addr, &handler), 0);
    cr_assert_eq(rv_http_server_addr(server, &addr), 0);
    cr_assert_eq(rv_spawn(rv_runtime_executor(runtime), &server->future, NULL),
                 0);
    fd = dial(rv_addr_port(&addr));
    say(fd, "GET /for-ever HTTP/1.1\r\nHost: x\r\n\r\n");
    wait_for_tasks(runtime, 2);

    setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
    close(fd);
    wait_for_tasks(runtime, 1);
    rv_runtime_stop(runtime);
}
