/* SPDX-License-Identifier: MIT */
/* test_state.c - limits and deadlines of the server in each state. */
#include <criterion/criterion.h>

#include <errno.h>
#include <reveil/async.h>
#include <stdio.h>

#include "serving.h"
#include "support/failing_alloc.h"
#include "support/support.h"

RV_TEST_SUITE(http_server_state);

enum { BIG_BYTES = 8 << 20 }; /* more than the kernel's buffers hold */

/* --- a handler: the path says what it does ------------------------------ */

struct answer {
    struct rv_future future;
    struct rv_http_exchange *x;
    struct rv_sleep nap;
    struct rv_stream_send send;
    char head[256];
};

static bool path_is(const struct answer *self, const char *path)
{
    return rv_http_slice_is(rv_http_path(self->x), self->x->bytes, path);
}

static void send_by_itself(struct answer *self, size_t len)
{
    const int head_len =
        rv_http_format_head(self->head, sizeof self->head, self->x, 200,
                            "text/plain", (int64_t)len);

    cr_assert_gt(head_len, 0);
    rv_stream_send_init(&self->send, self->x->stream, self->head,
                        (size_t)head_len);
}

static enum rv_poll answer_poll(struct rv_future *future, struct rv_cx *cx)
{
    struct answer *self = RV_CONTAINER_OF(future, struct answer, future);

    RV_BEGIN(future);
    if (path_is(self, "/reply"))
        RV_RETURN(future, rv_http_reply(self->x, 200, "text/plain",
                                        rv_test_zeros(BIG_BYTES), BIG_BYTES));
    if (path_is(self, "/for-ever")) {
        rv_sleep_init(&self->nap, RV_NEVER);
        RV_AWAIT(future, cx, &self->nap.future);
    }
    if (path_is(self, "/big")) {
        send_by_itself(self, BIG_BYTES);
        RV_AWAIT(future, cx, &self->send.future);
        rv_stream_send_init(&self->send, self->x->stream,
                            rv_test_zeros(BIG_BYTES), BIG_BYTES);
        RV_AWAIT(future, cx, &self->send.future);
        RV_RETURN(future, self->send.future.result);
    }
    if (path_is(self, "/pause")) { /* in the middle of its response */
        send_by_itself(self, 4);
        RV_AWAIT(future, cx, &self->send.future);
        rv_sleep_init(&self->nap, rv_after_ms(900));
        RV_AWAIT(future, cx, &self->nap.future);
        rv_stream_send_init(&self->send, self->x->stream, "done", 4);
        RV_AWAIT(future, cx, &self->send.future);
        RV_RETURN(future, self->send.future.result);
    }
    RV_RETURN(future, rv_http_reply(self->x, 200, "text/plain", "hello", 5));
    RV_END(future);
}

static void answer_drop(struct rv_future *future)
{
    struct answer *self = RV_CONTAINER_OF(future, struct answer, future);

    rv_drop(&self->nap.future);
    rv_drop(&self->send.future);
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

#define GET(path) "GET " path " HTTP/1.1\r\nHost: x\r\n\r\n"

/* --- a server in this thread --------------------------------------------- */

struct local {
    struct rv_runtime *runtime;
    struct rv_http_server *server; /* a task */
    uint16_t port;
};

static void local_start(struct local *self)
{
    struct rv_addr addr;

    self->server = rv_alloc(sizeof *self->server);
    cr_assert_eq(rv_test_runtime_start(&self->runtime), 0);
    cr_assert_eq(rv_addr_parse(&addr, "127.0.0.1", 0), 0);
    cr_assert_eq(rv_http_server_init(self->server, &addr, &handler), 0);
    cr_assert_eq(rv_http_server_addr(self->server, &addr), 0);
    self->port = rv_addr_port(&addr);
    cr_assert_eq(rv_spawn(rv_runtime_executor(self->runtime),
                          &self->server->future, NULL),
                 0);
}

static void run_for_ms(struct local *self, int64_t ms)
{
    struct rv_sleep nap;

    rv_sleep_init(&nap, rv_after_ms(ms));
    cr_assert_eq(rv_runtime_block_on(self->runtime, &nap.future), 0);
}

/* Run until so many connections are open. */
static void wait_for_open(struct local *self, uint32_t count)
{
    const int64_t limit_ns = rv_after_ms(RV_TEST_WAIT_MS);

    while (self->server->open != count) {
        cr_assert_lt(rv_now_ns(), limit_ns, "not %u are open", count);
        run_for_ms(self, 1);
    }
}

/* Run until something has arrived, or the connection has ended. */
static void wait_for_byte(struct local *self, int fd)
{
    const int64_t limit_ns = rv_after_ms(RV_TEST_WAIT_MS);
    char byte;

    while (recv(fd, &byte, 1, MSG_DONTWAIT | MSG_PEEK) < 0 && errno == EAGAIN) {
        cr_assert_lt(rv_now_ns(), limit_ns);
        run_for_ms(self, 1);
    }
}

/* --- deadlines --------------------------------------------------------- */

RV_TEST(http_server_state, a_client_that_says_nothing_is_let_go)
{
    struct local local;
    int fd;

    local_start(&local);
    local.server->idle_timeout_ns = 30 * RV_NS_PER_MS;
    fd = dial(local.port);
    wait_for_open(&local, 1);
    wait_for_open(&local, 0);
    close(fd);
    rv_runtime_stop(local.runtime);
}

/* Each byte is in time, but the body as a whole is not. */
RV_TEST(http_server_state, a_slow_body_is_a_408)
{
    struct serving serving = {.handler = handler,
                              .idle_timeout_ns = 500 * RV_NS_PER_MS};
    char text[1024];
    int fd;

    serving_start(&serving);
    fd = dial(serving.port);
    say(fd, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9999\r\n\r\n");
    while (send(fd, "G", 1, MSG_NOSIGNAL) == 1)
        usleep(5000); /* the pace, not a wait */
    listen_for(fd, text, sizeof text, "\n");
    close(fd);
    serving_stop(&serving);

    cr_assert_eq(strncmp(text, "HTTP/1.1 408 ", 13), 0, "got: %s", text);
}

/* Two requests fill the buffer for the input up to its end, and the body of the
 * second one is still to come. */
RV_TEST(http_server_state, a_body_behind_a_full_buffer_is_not_lost)
{
    static const char first[] = GET("/");
    static const char rest[] =
        "0123456789" /* the body */
        "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    enum { BUFFER_BYTES = 2048 };
    struct serving serving = {.handler = handler};
    char both[BUFFER_BYTES + 1];
    char text[1024];
    size_t len;
    int fd;

    len = (size_t)snprintf(both, sizeof both,
                           "%sPOST / HTTP/1.1\r\nHost: x\r\n"
                           "Content-Length: 10\r\nPad: ",
                           first);
    memset(both + len, 'x', BUFFER_BYTES - 4 - len);
    strcpy(both + BUFFER_BYTES - 4, "\r\n\r\n");
    serving_start(&serving);
    fd = dial(serving.port);
    say(fd, both);
    listen_for(fd, text, sizeof text, "hello");
    say(fd, rest);
    listen_to_end(fd, text, sizeof text);
    serving_stop(&serving);

    cr_assert_eq(count_of(text, "200 OK"), 2, "got: %s", text);
    cr_assert_eq(serving.requests, 3);
}

/* It gets a reset, so that the kernel does not retry for minutes. */
static void dont_read(const char *request)
{
    char *const text = rv_test_zeros(BIG_BYTES);
    struct local local;
    ssize_t n;
    int fd;

    local_start(&local);
    local.server->idle_timeout_ns = 40 * RV_NS_PER_MS;
    fd = dial(local.port);
    say(fd, request);
    wait_for_byte(&local, fd); /* the response begins */
    wait_for_open(&local, 0);
    while ((n = recv(fd, text, BIG_BYTES, MSG_DONTWAIT)) > 0)
        ;
    cr_assert(n < 0 && errno == ECONNRESET, "%zd, %s", n, strerror(errno));
    close(fd);
    rv_runtime_stop(local.runtime);
}

RV_TEST(http_server_state, a_client_that_does_not_read_its_response_is_let_go)
{
    dont_read(GET("/reply"));
}

RV_TEST(http_server_state, nor_does_a_handler_wait_for_it_that_sends_by_itself)
{
    dont_read(GET("/big"));
}

/* The handler pauses: there is nothing to send. */
RV_TEST(http_server_state, a_handler_may_pause_in_its_response)
{
    struct serving serving = {.handler = handler,
                              .idle_timeout_ns = 300 * RV_NS_PER_MS};
    char text[1024];
    int fd;

    serving_start(&serving);
    fd = dial(serving.port);
    say(fd, GET("/pause"));
    listen_for(fd, text, sizeof text, "done");
    close(fd);
    serving_stop(&serving);
}

/* Reads a little at a time, for more than twice the timeout. Returns: false if
 * it was disconnected. */
static bool read_slowly(int64_t timeout_ms)
{
    const size_t room = BIG_BYTES + 1024;
    char *const text = rv_test_zeros(room);
    struct local local;
    int64_t begin_ns;
    size_t len = 0;
    ssize_t n = -1;
    int small = 64 * 1024;
    int fd;

    local_start(&local);
    local.server->idle_timeout_ns = timeout_ms * RV_NS_PER_MS;
    fd = dial(local.port);
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
    say(fd, GET("/big"));
    wait_for_byte(&local, fd);
    begin_ns = rv_now_ns();
    while (len < BIG_BYTES) {
        const int64_t past_ns = rv_now_ns() - begin_ns;
        const bool slow = past_ns < timeout_ms * 7 / 3 * RV_NS_PER_MS;

        n = recv(fd, text + len, slow ? 100000 : room - len, MSG_DONTWAIT);
        if (n == 0 || (n < 0 && errno != EAGAIN))
            break;
        len += n > 0 ? (size_t)n : 0;
        run_for_ms(&local, slow ? timeout_ms / 15 : 1);
    }
    close(fd);
    rv_runtime_stop(local.runtime);
    return len >= BIG_BYTES;
}

/* On a busy machine a reader may wait for longer than the timeout: then again
 * with a longer one, for as long as the test may take. */
RV_TEST(http_server_state, a_slow_reader_gets_all)
{
    for (int64_t timeout_ms = 300; !read_slowly(timeout_ms);)
        timeout_ms *= 2;
}

RV_TEST(http_server_state, a_handler_that_is_late_is_a_503)
{
    struct local local;
    char text[1024];
    int fd;

    local_start(&local);
    local.server->handler_timeout_ns = 30 * RV_NS_PER_MS;
    fd = dial(local.port);
    say(fd, GET("/for-ever"));
    wait_for_byte(&local, fd);
    wait_for_open(&local, 1); /* it waits for the client to close */
    shutdown(fd, SHUT_WR);
    wait_for_open(&local, 0);
    listen_to_end(fd, text, sizeof text);
    cr_assert_eq(strncmp(text, "HTTP/1.1 503 ", 13), 0, "got: %s", text);
    cr_assert_eq(count_of(text, "Connection: close"), 1);
    rv_runtime_stop(local.runtime);
}

static void hurry(struct rv_http_server *server)
{
    server->handler_timeout_ns = 300 * RV_NS_PER_MS;
}

RV_TEST(http_server_state, a_handler_that_has_begun_its_response_is_in_time)
{
    struct serving serving = {.handler = handler, .adjust = hurry};
    char text[1024];
    int fd;

    serving_start(&serving);
    fd = dial(serving.port);
    say(fd, GET("/pause"));
    listen_for(fd, text, sizeof text, "done");
    close(fd);
    serving_stop(&serving);
}

/* --- how many ---------------------------------------------------------- */

RV_TEST(http_server_state, beyond_max_connections_clients_wait_for_their_turn)
{
    struct local local;
    char text[1024];
    int fds[4];

    local_start(&local);
    local.server->max_connections = 2;
    for (int i = 0; i < 4; i++) {
        fds[i] = dial(local.port);
        say(fds[i], GET("/"));
    }
    for (int i = 0; i < 4; i++) {
        wait_for_byte(&local, fds[i]);
        listen_for(fds[i], text, sizeof text, "hello");
        run_for_ms(&local, 10);
        cr_assert_leq(local.server->open, 2);
        close(fds[i]);
    }
    wait_for_open(&local, 0);
    rv_runtime_stop(local.runtime);
}

static void three_requests(struct rv_http_server *server)
{
    server->max_requests = 3;
}

RV_TEST(http_server_state, the_last_of_max_requests_says_so)
{
    struct serving serving = {.handler = handler, .adjust = three_requests};
    char text[2048];

    serving_start(&serving);
    for (int i = 0; i < 2; i++) { /* each connection has as many */
        ask(serving.port, GET("/") GET("/") GET("/") GET("/") GET("/"), text,
            sizeof text);
        cr_assert_eq(count_of(text, "HTTP/1.1 200 OK\r\n"), 3);
        cr_assert_eq(count_of(text, "Connection: close\r\n"), 1);
        cr_assert_str_eq(strstr(text, "Connection: close"),
                         "Connection: close\r\n\r\nhello");
    }
    serving_stop(&serving);
}

/* Requests sent ahead wait in the kernel: the server reads no more than
 * fits. */
RV_TEST(http_server_state, requests_sent_ahead_take_no_memory)
{
    static char many[200 * 1024];
    struct local local;
    char text[1024];
    int64_t live;
    int fd;

    rv_count_allocs(0);
    for (size_t len = 0; len + 100 < sizeof many; len = strlen(many))
        strcpy(many + len, GET("/for-ever"));
    local_start(&local);
    fd = dial(local.port);
    cr_assert_gt(send(fd, GET("/"), strlen(GET("/")), MSG_NOSIGNAL), 0);
    wait_for_byte(&local, fd);
    listen_for(fd, text, sizeof text, "hello");
    live = rv_alloc_live();
    cr_assert_gt(send(fd, many, strlen(many), MSG_NOSIGNAL | MSG_DONTWAIT), 0);
    run_for_ms(&local, 20);
    cr_assert_eq(rv_alloc_live(), live);
    cr_assert_lt(recv(fd, text, 1, MSG_DONTWAIT | MSG_PEEK), 0);
    close(fd);
    rv_runtime_stop(local.runtime);
    cr_assert_eq(rv_stop_counting_allocs(), 0);
}

static void few_headers(struct rv_http_server *server)
{
    server->limits.headers = 2;
    server->limits.line_bytes = 100;
    server->limits.body_bytes = 10;
}

RV_TEST(http_server_state, limits_of_a_message_are_the_servers)
{
    static const struct {
        const char *request;
        const char *start;
    } cases[] = {
        {"GET / HTTP/1.1\r\nHost: x\r\nA: b\r\nConnection: close\r\n\r\n",
         "HTTP/1.1 431 "},
        {"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
         "HTTP/1.1 200 "},
        {"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 11\r\n\r\n",
         "HTTP/1.1 413 "},
    };
    struct serving serving = {.handler = handler, .adjust = few_headers};
    char text[1024];

    serving_start(&serving);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        ask(serving.port, cases[i].request, text, sizeof text);
        cr_assert_eq(strncmp(text, cases[i].start, 13), 0, "got: %s", text);
    }
    serving_stop(&serving);
}

/* --- clients that go ---------------------------------------------------- */

/* It has half-closed before, as a client may that still wants its response. */
RV_TEST(http_server_state, a_half_closed_client_that_resets_is_let_go)
{
    const struct linger reset = {.l_onoff = 1};
    struct local local;
    int fd;

    local_start(&local);
    fd = dial(local.port);
    say(fd, GET("/for-ever"));
    shutdown(fd, SHUT_WR);
    wait_for_open(&local, 1);
    run_for_ms(&local, 20);
    cr_assert_eq(local.server->open, 1);
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
    close(fd);
    wait_for_open(&local, 0);
    rv_runtime_stop(local.runtime);
}

RV_TEST(http_server_state, a_client_that_resets_during_a_send_is_let_go)
{
    static const char *const requests[] = {GET("/reply"), GET("/big")};
    const struct linger reset = {.l_onoff = 1};

    for (int i = 0; i < 2; i++) {
        struct local local;
        int fd;

        local_start(&local);
        fd = dial(local.port);
        say(fd, requests[i]);
        wait_for_byte(&local, fd);
        setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
        close(fd);
        wait_for_open(&local, 0);
        rv_runtime_stop(local.runtime);
    }
}
