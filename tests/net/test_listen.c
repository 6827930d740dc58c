/* SPDX-License-Identifier: MIT */
/*
 * test_listen.c - how long a listener's queue is, and ports that are shared.
 *
 * Threads: the test's and the reactor's.
 */
#include <criterion/criterion.h>

#include <errno.h>
#include <reveil/async.h>
#include <reveil/combine.h>
#include <reveil/errors.h>
#include <reveil/http_server.h>
#include <reveil/run.h>
#include <reveil/udp.h>
#include <reveil/unix.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "net/wire.h"
#include "support/support.h"

RV_TEST_SUITE(listening);

static const struct rv_listen_options first = {.reuse_port = true,
                                               .first = true};
static const struct rv_listen_options next = {.reuse_port = true};

static struct rv_runtime *start(struct rv_addr *any_port)
{
    struct rv_runtime *runtime;

    cr_assert_eq(rv_test_runtime_start(&runtime), 0);
    cr_assert_eq(rv_addr_parse(any_port, "127.0.0.1", 0), 0);
    return runtime;
}

/* What rv_exit_status() prints for the error. */
static const char *printed(int error)
{
    static char text[256];
    const int copy = dup(STDERR_FILENO);
    int ends[2];
    ssize_t n;

    cr_assert_eq(pipe(ends), 0);
    dup2(ends[1], STDERR_FILENO);
    cr_expect_eq(rv_exit_status("me", error), 1);
    dup2(copy, STDERR_FILENO);
    n = read(ends[0], text, sizeof text - 1);
    text[n > 0 ? n : 0] = '\0';
    close(copy);
    close(ends[0]);
    close(ends[1]);
    return text;
}

/* The first on a free port, whose address is in *addr then. */
static void listen_first(struct rv_stream *out, struct rv_addr *addr)
{
    cr_assert_eq(rv_tcp_listen_with(out, addr, &first), 0);
    cr_assert_eq(rv_tcp_local_addr(out, addr), 0);
}

RV_TEST(listening, without_options_it_is_a_plain_listener)
{
    struct rv_stream one = {0};
    struct rv_stream two = {0};
    struct rv_addr addr;
    struct rv_runtime *runtime = start(&addr);

    cr_assert_eq(rv_tcp_listen_with(&one, &addr, NULL), 0);
    cr_assert_eq(rv_tcp_local_addr(&one, &addr), 0);
    cr_assert_eq(rv_tcp_listen_with(&two, &addr, &next), -EADDRINUSE);
    cr_assert_eq(rv_stream_fd(&two), -1);
    rv_stream_close(&one);
    rv_runtime_stop(runtime);
}

RV_TEST(listening, those_that_share_a_port_all_get_connections)
{
    struct rv_stream listeners[4] = {{0}};
    struct rv_addr addr;
    struct rv_runtime *runtime = start(&addr);
    int clients[200];
    int fd;

    listen_first(&listeners[0], &addr);
    for (int i = 1; i < 4; i++)
        cr_assert_eq(rv_tcp_listen_with(&listeners[i], &addr, &next), 0);
    for (int i = 0; i < 200; i++) {
        clients[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        cr_assert_eq(connect(clients[i], &addr.sa.base, addr.len_bytes), 0);
    }

    for (int i = 0; i < 4; i++) {
        int taken = 0;

        /* The kernel chooses at random; that one of four gets none has a
         * probability of 10^-25. */
        for (; (fd = accept(rv_stream_fd(&listeners[i]), NULL, NULL)) >= 0;
             taken++)
            close(fd);
        cr_assert_gt(taken, 0, "listener %d", i);
        rv_stream_close(&listeners[i]);
    }
    for (int i = 0; i < 200; i++)
        close(clients[i]);
    rv_runtime_stop(runtime);
}

RV_TEST(listening, the_first_refuses_a_port_that_somebody_shares_already)
{
    struct rv_stream one = {0};
    struct rv_stream two = {0};
    struct rv_addr addr;
    struct rv_runtime *runtime = start(&addr);

    listen_first(&one, &addr);
    cr_assert_eq(rv_tcp_listen_with(&two, &addr, &first), -EADDRINUSE);
    cr_assert_eq(rv_tcp_listen(&two, &addr), -EADDRINUSE);
    rv_stream_close(&one);
    cr_assert_eq(rv_tcp_listen_with(&two, &addr, &first), 0);
    rv_stream_close(&two);
    rv_runtime_stop(runtime);
}

RV_TEST(listening, the_backlog_is_what_was_asked_for)
{
    const struct rv_listen_options one_waits = {.backlog = 1};
    struct rv_stream listener = {0};
    struct rv_addr addr;
    struct rv_runtime *runtime = start(&addr);
    int clients[8];
    int there = 0;

    cr_assert_eq(rv_tcp_listen_with(&listener, &addr, &one_waits), 0);
    cr_assert_eq(rv_tcp_local_addr(&listener, &addr), 0);
    for (int i = 0; i < 8; i++) {
        clients[i] =
            socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        (void)connect(clients[i], &addr.sa.base, addr.len_bytes);
        there += connect(clients[i], &addr.sa.base, addr.len_bytes) == 0 ||
                 errno == EISCONN;
    }

    cr_assert_geq(there, 1);
    cr_assert_lt(there, 8);
    for (int i = 0; i < 8; i++)
        close(clients[i]);
    rv_stream_close(&listener);
    rv_runtime_stop(runtime);
}

/* --- a server on such a listener --------------------------------------- */

struct hello {
    struct rv_future future;
    struct rv_http_exchange *exchange;
};

static enum rv_poll hello_poll(struct rv_future *future, struct rv_cx *cx)
{
    struct hello *self = RV_CONTAINER_OF(future, struct hello, future);

    (void)cx;
    future->result =
        rv_http_reply(self->exchange, 200, "text/plain", "hello\n", 6);
    return RV_READY;
}

static void hello_init(struct rv_future *frame, struct rv_http_exchange *x,
                       void *data)
{
    static const struct rv_future_ops ops = {.name = "hello",
                                             .poll = hello_poll};

    (void)data;
    rv_future_init(frame, &ops);
    RV_CONTAINER_OF(frame, struct hello, future)->exchange = x;
}

static const struct rv_http_handler handler = {
    .frame_bytes = sizeof(struct hello), .init = hello_init};

RV_TEST(listening, a_server_takes_the_listener_over)
{
    struct rv_http_server server;
    struct rv_stream listener = {0};
    struct rv_addr addr;
    struct rv_addr same;
    struct rv_runtime *runtime = start(&addr);

    listen_first(&listener, &addr);
    rv_http_server_init_on(&server, &listener, &handler);

    cr_assert_eq(rv_stream_fd(&listener), -1);
    cr_assert_eq(rv_http_server_addr(&server, &same), 0);
    cr_assert_eq(rv_addr_port(&same), rv_addr_port(&addr));
    rv_drop(&server.future);
    rv_runtime_stop(runtime);
}

/* Connects over a Unix socket. */
struct client {
    struct rv_future future;
    const char *path;
    struct rv_stream stream;
    struct rv_unix_connect connect;
    struct rv_stream_send send;
    struct rv_stream_recv recv;
    char text[1024];
};

static enum rv_poll client_poll(struct rv_future *future, struct rv_cx *cx)
{
    static const char request[] = "GET / HTTP/1.0\r\n\r\n";
    struct client *self = RV_CONTAINER_OF(future, struct client, future);

    RV_BEGIN(future);
    rv_unix_connect_init(&self->connect, self->path, &self->stream);
    RV_AWAIT(future, cx, &self->connect.future);
    cr_assert_eq(self->connect.future.result, 0);
    rv_stream_send_init(&self->send, &self->stream, request,
                        sizeof request - 1);
    RV_AWAIT(future, cx, &self->send.future);
    rv_stream_recv_init(&self->recv, &self->stream, self->text,
                        sizeof self->text - 1);
    RV_AWAIT(future, cx, &self->recv.future);
    RV_RETURN(future, self->recv.future.result);
    RV_END(future);
}

RV_TEST(listening, an_error_names_the_address)
{
    struct rv_stream listener = {0};
    struct rv_stream other = {0};
    struct rv_udp udp = {0};
    struct rv_udp udp_too = {0};
    struct rv_addr addr;
    struct rv_runtime *runtime = start(&addr);
    const uint16_t any_port = 0;
    char text[RV_ADDR_TEXT];
    char want[256];
    int error;

    cr_assert_eq(rv_tcp_listen(&listener, &addr), 0);
    cr_assert_eq(rv_tcp_local_addr(&listener, &addr), 0);
    error = rv_tcp_listen_at(&other, "localhost", rv_addr_port(&addr));
    cr_assert_eq(error, -EADDRINUSE);
    rv_addr_format(&addr, text);
    snprintf(want, sizeof want, "me: %s: the address is in use\n", text);
    cr_assert_str_eq(printed(error), want);
    cr_assert_str_eq(printed(-EPIPE), "me: the other end is closed\n");

    cr_assert_eq(rv_tcp_listen_at(&other, "*", rv_addr_port(&addr)), error);
    snprintf(want, sizeof want, "me: *:%d: the address is in use\n",
             rv_addr_port(&addr));
    cr_assert_str_eq(printed(error), want);

    cr_assert_eq(rv_unix_listen(&other, "/dev/null"), error);
    cr_assert_str_eq(printed(error), "me: /dev/null: the address is in use\n");
    cr_assert_eq(rv_unix_datagram_open(&other, "/no/such/x"), -ENOENT);
    cr_assert_str_eq(printed(-ENOENT),
                     "me: /no/such/x: no such file or directory\n");

    cr_assert_eq(rv_addr_parse(&addr, "127.0.0.1", any_port), 0);
    cr_assert_eq(rv_udp_bind(&udp, &addr), 0);
    cr_assert_str_eq(printed(-ENOENT), "me: no such file or directory\n",
                     "one has succeeded since");
    cr_assert_eq(rv_udp_local_addr(&udp, &addr), 0);
    cr_assert_eq(rv_udp_bind(&udp_too, &addr), error);
    rv_addr_format(&addr, text);
    snprintf(want, sizeof want, "me: %s: the address is in use\n", text);
    cr_assert_str_eq(printed(error), want);
    rv_udp_close(&udp);
    rv_stream_close(&listener);
    rv_runtime_stop(runtime);
}

/* --- what the program does after a listen that has failed -------------- */

static const char path_in_use[] = "/dev/null"; /* no socket can be there */
static const char with_path[] = "me: /dev/null: the address is in use\n";
static const char without[] = "me: the address is in use\n";

static int fail_to_listen(void)
{
    struct rv_stream none = {0};

    return rv_unix_listen(&none, path_in_use);
}

static int32_t fail_and_return(void *arg)
{
    (void)arg;
    return fail_to_listen();
}

static int32_t fail_and_wait(void *arg)
{
    const int error = fail_to_listen();

    (void)arg;
    rv_coro_yield();
    return error;
}

static int32_t fail_and_go_on(void *arg)
{
    (void)arg;
    return fail_to_listen() ? 0 : -EPROTO;
}

static int32_t join_one_that_fails(void *entry)
{
    struct rv_join join;
    int error = rv_coro_spawn(rv_executor_current(), *(rv_coro_entry *)entry,
                              NULL, NULL, &join);

    if (!error)
        error = rv_await(&join.future);
    rv_join_drop(&join);
    return error;
}

RV_TEST(listening, an_error_that_comes_later_has_no_address)
{
    rv_coro_entry entry = fail_and_return;

    cr_assert_str_eq(printed(rv_run(fail_and_return, NULL)), with_path);
    cr_assert_str_eq(printed(rv_run(join_one_that_fails, &entry)), with_path);
    cr_assert_str_eq(printed(rv_run(fail_and_wait, NULL)), without);
    entry = fail_and_wait;
    cr_assert_str_eq(printed(rv_run(join_one_that_fails, &entry)), without);
    cr_assert_eq(rv_run(fail_and_go_on, NULL), 0);
    cr_assert_str_eq(printed(-EADDRINUSE), without);
}

struct late {
    struct rv_future future;
    struct rv_sleep nap;
    bool naps;
    int error;
};

static enum rv_poll late_poll(struct rv_future *future, struct rv_cx *cx)
{
    struct late *self = RV_CONTAINER_OF(future, struct late, future);

    RV_BEGIN(future);
    self->error = fail_to_listen();
    if (self->naps) {
        rv_sleep_init(&self->nap, rv_after_ms(1));
        RV_AWAIT(future, cx, &self->nap.future);
    }
    RV_RETURN(future, self->error);
    RV_END(future);
}

static int run_late(struct rv_runtime *runtime, bool naps)
{
    static const struct rv_future_ops ops = {.name = "late", .poll = late_poll};
    struct late late = {.naps = naps};

    rv_future_init(&late.future, &ops);
    return rv_runtime_block_on(runtime, &late.future);
}

RV_TEST(listening, nor_has_one_outside_of_coroutines)
{
    struct rv_addr addr;
    struct rv_runtime *runtime = start(&addr);
    struct rv_yield yield;
    int error;

    error = fail_to_listen();
    cr_assert_str_eq(printed(error), with_path);
    rv_yield_init(&yield);
    cr_assert_eq(rv_runtime_block_on(runtime, &yield.future), 0);
    cr_assert_str_eq(printed(error), without);
    cr_assert_str_eq(printed(run_late(runtime, false)), with_path);
    rv_clock_freeze(RV_NS_PER_S); /* or the nap may be over before it begins */
    error = run_late(runtime, true);
    rv_clock_thaw();
    cr_assert_str_eq(printed(error), without);
    rv_runtime_stop(runtime);
}

RV_TEST(listening, a_server_answers_on_a_unix_socket)
{
    static const struct rv_future_ops ops = {.name = "client",
                                             .poll = client_poll};
    static struct client client;
    struct rv_http_server server;
    struct rv_future *both[2] = {&server.future, &client.future};
    struct rv_select select = {.children = {0}};
    struct rv_stream listener = {0};
    struct rv_addr addr;
    struct rv_runtime *runtime = start(&addr);
    char name[48];

    snprintf(name, sizeof name, "@reveil-listen-%d", (int)getpid());
    cr_assert_eq(rv_unix_listen(&listener, name), 0);
    rv_http_server_init_on(&server, &listener, &handler);
    rv_future_init(&client.future, &ops);
    client.path = name;
    rv_select_init(&select, both, 2);

    cr_assert_eq(rv_test_block_on(rv_runtime_executor(runtime), &select.future),
                 1);
    cr_assert_eq(strncmp(client.text, "HTTP/1.", 7), 0, "%s", client.text);
    cr_assert_not_null(strstr(client.text, "\r\n\r\nhello\n"), "%s",
                       client.text);
    rv_stream_close(&client.stream);
    rv_drop(&server.future);
    rv_runtime_stop(runtime);
}
