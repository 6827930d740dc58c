/* SPDX-License-Identifier: MIT */
/*
 * test_cancel.c - one task cancels the stream, UDP socket or descriptor that
 * another one waits for: the wait ends with -ESHUTDOWN, and nothing is lost.
 */
#include <reveil/fd.h>
#include <reveil/process.h>
#include <reveil/relay.h>
#include <reveil/serve.h>
#include <reveil/udp.h>
#include <reveil/unix.h>
#include <signal.h>

#include "net/pair.h"

RV_TEST_SUITE(cancel);

enum { MUCH = 4 << 20 };

enum what {
    RECV,
    SEND,
    ACCEPT,
    RELAY,
    UNIX_SEND,
    UNIX_RECV,
    DATAGRAM,
    UDP,
    READABLE,
    WRITABLE,
    LINE,
    WHATS
};

struct waiting {
    struct pair pair;
    struct rv_stream unix_pair[2];
    struct rv_stream datagrams;
    struct rv_udp udp;
    int fds[2];               /* a full socket pair */
    struct rv_fd_watch watch; /* of fds[0] */
    enum what what;
};

/* Returns: the result of the wait. */
static int32_t wait_for_it(void *arg)
{
    struct waiting *self = arg;
    struct rv_unix_message message;
    struct rv_stream_io io;
    struct rv_reader reader;
    struct rv_stream made;
    struct rv_text line;
    char text[64];

    switch (self->what) {
    case RECV:
        return rv_stream_recv(&self->pair.server, text, 8, RV_NEVER);
    case SEND:
        return rv_stream_send(&self->pair.server, rv_test_zeros(MUCH), MUCH,
                              RV_NEVER);
    case ACCEPT:
        return rv_stream_accept(&self->pair.listener, &made, NULL, RV_NEVER);
    case RELAY:
        return rv_stream_relay(&self->unix_pair[0], &self->pair.server, text,
                               sizeof text, RV_NEVER, RV_NEVER);
    case UNIX_SEND:
        rv_unix_message_init(&message, rv_test_zeros(MUCH), MUCH);
        return rv_unix_send(&self->unix_pair[0], &message, RV_NEVER);
    case UNIX_RECV:
        rv_unix_message_init(&message, text, sizeof text);
        return rv_unix_recv(&self->unix_pair[0], &message, RV_NEVER);
    case DATAGRAM:
        rv_unix_message_init(&message, text, sizeof text);
        return rv_unix_recv(&self->datagrams, &message, RV_NEVER);
    case UDP:
        return rv_udp_recv_from(&self->udp, text, sizeof text, NULL, RV_NEVER);
    case READABLE:
        return rv_fd_readable(&self->watch, RV_NEVER);
    case WRITABLE:
        return rv_fd_writable(&self->watch, RV_NEVER);
    default:
        rv_stream_io_init(&io, &self->pair.server);
        rv_reader_init(&reader, &io.io, text, sizeof text);
        return rv_reader_line(&reader, &line, RV_NEVER);
    }
}

static int cancel_it(struct waiting *self)
{
    switch (self->what) {
    case ACCEPT:
        return rv_stream_cancel(&self->pair.listener);
    case UNIX_SEND:
    case UNIX_RECV:
        return rv_stream_cancel(&self->unix_pair[0]);
    case DATAGRAM:
        return rv_stream_cancel(&self->datagrams);
    case UDP:
        return rv_udp_cancel(&self->udp);
    case READABLE:
    case WRITABLE:
        return rv_fd_watch_cancel(&self->watch);
    default:
        return rv_stream_cancel(&self->pair.server);
    }
}

static int open_all(struct waiting *self)
{
    const char *const much = rv_test_zeros(MUCH);
    struct rv_addr addr;
    int error = pair_open(&self->pair);

    if (!error)
        error = rv_stream_pair(self->unix_pair);
    if (!error)
        error = rv_unix_datagram_open(&self->datagrams, NULL);
    rv_addr_parse(&addr, "127.0.0.1", 0);
    if (!error)
        error = rv_udp_bind(&self->udp, &addr);
    if (!error &&
        socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, self->fds) < 0)
        error = -errno;
    while (!error && write(self->fds[0], much, MUCH) > 0)
        ;
    return error ? error : rv_fd_watch_open(&self->watch, self->fds[0]);
}

static void close_all(struct waiting *self)
{
    rv_fd_watch_close(&self->watch);
    close(self->fds[0]);
    close(self->fds[1]);
    rv_udp_close(&self->udp);
    rv_stream_close(&self->datagrams);
    pair_close(&self->pair);
    rv_stream_close(&self->unix_pair[0]);
    rv_stream_close(&self->unix_pair[1]);
}

RV_HOST_TEST(cancel, ends_each_wait)
{
    struct rv_host_task task;
    struct waiting self;

    for (int i = 0; i < 2 * WHATS; i++) {
        self.what = (enum what)(i / 2);
        HOST_CHECK(open_all(&self) == 0);
        if (i % 2) /* before it waits */
            HOST_CHECK(cancel_it(&self) == 0);
        HOST_CHECK(rv_host_start(&task, wait_for_it, &self) == 0);
        HOST_CHECK(rv_coro_sleep_until(rv_after_ms(2)) == 0);
        HOST_CHECK(cancel_it(&self) == 0);
        HOST_CHECK(rv_host_join(&task) == -ESHUTDOWN);
        HOST_CHECK(wait_for_it(&self) == -ESHUTDOWN);
        close_all(&self);
    }
    return 0;
}

RV_HOST_TEST(cancel, loses_nothing)
{
    struct pair pair;
    struct rv_stream made;
    struct rv_stream again;
    char text[8];

    HOST_CHECK(pair_open(&pair) == 0);
    HOST_CHECK(rv_stream_send(&pair.client, "abc", 3, RV_NEVER) == 0);
    HOST_CHECK(rv_stream_cancel(&pair.server) == 0);
    HOST_CHECK(rv_stream_recv(&pair.server, text, 8, RV_NEVER) == -ESHUTDOWN);
    HOST_CHECK(rv_stream_recv(&pair.server, text, 8, 0) == -ESHUTDOWN);
    HOST_CHECK(rv_stream_try_recv(&pair.server, text, 8) == 3);
    HOST_CHECK(memcmp(text, "abc", 3) == 0);
    HOST_CHECK(rv_stream_try_recv(&pair.server, text, 8) == -ESHUTDOWN);
    HOST_CHECK(rv_stream_try_send(&pair.server, "bye", 3) == 3);
    HOST_CHECK(rv_stream_recv(&pair.client, text, 8, RV_NEVER) == 3);

    HOST_CHECK(rv_stream_cancel(&pair.listener) == 0);
    HOST_CHECK(rv_stream_try_accept(&pair.listener, &made, NULL) == -ESHUTDOWN);
    HOST_CHECK(rv_tcp_connect(&pair.addr, &made, RV_NEVER) == 0);
    HOST_CHECK(rv_stream_accept(&pair.listener, &again, NULL, RV_NEVER) ==
               -ESHUTDOWN);
    HOST_CHECK(rv_stream_try_accept(&pair.listener, &again, NULL) == 0);
    HOST_CHECK(rv_stream_try_recv(&again, text, 8) == -EAGAIN);
    rv_stream_close(&again);
    rv_stream_close(&made);
    pair_close(&pair);
    return 0;
}

RV_HOST_TEST(cancel, loses_no_datagram_and_no_readiness)
{
    struct rv_fd_watch watch;
    struct rv_udp udp;
    struct rv_addr addr;
    char text[8];
    int copy;

    HOST_CHECK(rv_addr_parse(&addr, "127.0.0.1", 0) == 0);
    HOST_CHECK(rv_udp_bind(&udp, &addr) == 0);
    HOST_CHECK(rv_udp_local_addr(&udp, &addr) == 0);
    HOST_CHECK(rv_udp_send_to(&udp, "abc", 3, &addr, RV_NEVER) == 0);
    HOST_CHECK(rv_fd_watch_open(&watch, dup(rv_udp_fd(&udp))) == 0);
    HOST_CHECK(rv_fd_readable(&watch, RV_NEVER) == 0);

    HOST_CHECK(rv_udp_cancel(&udp) == 0 && rv_udp_cancel(&udp) == 0);
    HOST_CHECK(rv_fd_watch_cancel(&watch) == 0);
    HOST_CHECK(rv_udp_recv_from(&udp, text, 8, NULL, RV_NEVER) == -ESHUTDOWN);
    HOST_CHECK(rv_udp_send_to(&udp, "x", 1, &addr, 0) == -ESHUTDOWN);
    HOST_CHECK(rv_fd_readable(&watch, RV_NEVER) == -ESHUTDOWN);
    HOST_CHECK(rv_fd_writable(&watch, RV_NEVER) == -ESHUTDOWN);
    HOST_CHECK(rv_fd_try_readable(&watch) == 0);
    HOST_CHECK(rv_udp_try_recv_from(&udp, text, 8, NULL) == 3);
    HOST_CHECK(rv_udp_try_recv_from(&udp, text, 8, NULL) == -ESHUTDOWN);
    HOST_CHECK(rv_fd_try_readable(&watch) == -ESHUTDOWN);
    HOST_CHECK(rv_udp_try_send_to(&udp, "x", 1, &addr) == 0);

    copy = watch.fd_plus_1 - 1;
    rv_fd_watch_close(&watch);
    close(copy);
    HOST_CHECK(rv_fd_watch_cancel(&watch) == -EBADF);
    rv_udp_close(&udp);
    HOST_CHECK(rv_udp_cancel(&udp) == -EBADF);
    HOST_CHECK(rv_udp_bind(&udp, &addr) == 0); /* the same struct, and slot */
    HOST_CHECK(rv_udp_recv_from(&udp, text, 8, NULL, 0) == -ETIMEDOUT);
    rv_udp_close(&udp);
    return 0;
}

static int32_t talk(void *arg)
{
    const char *const much = rv_test_zeros(MUCH);
    int error = 0;

    while (!error)
        error = rv_stream_send(arg, much, MUCH, RV_NEVER);
    return error == -EPIPE || error == -ECONNRESET ? 0 : error;
}

static int32_t listen_to(void *arg)
{
    static char text[65536];
    int n;

    do {
        n = rv_stream_recv(arg, text, sizeof text, RV_NEVER);
    } while (n > 0);
    return n;
}

RV_HOST_TEST(cancel, a_peer_that_never_pauses_cannot_prevent_it)
{
    struct rv_host_task talker;
    struct rv_host_task listener;
    struct pair pair;

    HOST_CHECK(pair_open(&pair) == 0);
    HOST_CHECK(rv_host_start(&talker, talk, &pair.client) == 0);
    HOST_CHECK(rv_host_start(&listener, listen_to, &pair.server) == 0);
    HOST_CHECK(rv_coro_sleep_until(rv_after_ms(5)) == 0);
    HOST_CHECK(rv_stream_cancel(&pair.server) == 0);
    HOST_CHECK(rv_host_join(&listener) == -ESHUTDOWN);
    rv_stream_close(&pair.server);
    HOST_CHECK(rv_host_join(&talker) == 0);
    pair_close(&pair);
    return 0;
}

RV_HOST_TEST(cancel, a_reader_keeps_its_lines)
{
    struct rv_stream_io io;
    struct rv_reader reader;
    struct rv_text line;
    struct pair pair;
    char memory[32];

    HOST_CHECK(pair_open(&pair) == 0);
    rv_stream_io_init(&io, &pair.server);
    rv_reader_init(&reader, &io.io, memory, sizeof memory);
    HOST_CHECK(rv_stream_send(&pair.client, "a\nb\nc", 5, RV_NEVER) == 0);
    HOST_CHECK(rv_reader_line(&reader, &line, RV_NEVER) == 1);
    HOST_CHECK(rv_stream_cancel(&pair.server) == 0);
    HOST_CHECK(rv_reader_line(&reader, &line, RV_NEVER) == 1);
    HOST_CHECK(strcmp(line.data, "b") == 0);
    HOST_CHECK(rv_reader_line(&reader, &line, RV_NEVER) == -ESHUTDOWN);
    HOST_CHECK(rv_reader_buffered(&reader).len_bytes == 1);
    pair_close(&pair);
    return 0;
}

static int start_none(struct rv_accept_loop *loop, struct rv_stream *stream,
                      struct rv_cx *cx)
{
    (void)loop, (void)stream, (void)cx;
    return -EIO;
}

static int32_t run_loop(void *arg)
{
    static const struct rv_accept_loop_ops ops = {.start = start_none};
    struct rv_accept_loop loop;

    rv_accept_loop_init(&loop, arg, &ops);
    return rv_await_and_drop(&loop.future, RV_NEVER);
}

RV_HOST_TEST(cancel, ends_an_accept_loop)
{
    struct rv_host_task task;
    struct pair pair;

    HOST_CHECK(pair_open(&pair) == 0);
    HOST_CHECK(rv_host_start(&task, run_loop, &pair.listener) == 0);
    HOST_CHECK(rv_coro_sleep_until(rv_after_ms(2)) == 0);
    HOST_CHECK(rv_stream_cancel(&pair.listener) == 0);
    HOST_CHECK(rv_host_join(&task) == -ESHUTDOWN);
    pair_close(&pair);
    return 0;
}

RV_HOST_TEST(cancel, ends_a_wait_for_a_pipe)
{
    char *argv[] = {(char *)"sleep", (char *)"1000", NULL};
    struct rv_process child;
    struct rv_stream in;
    struct rv_stream out;
    const struct rv_process_options options = {.pipe_in = &in,
                                               .pipe_out = &out};
    struct rv_host_task task;

    HOST_CHECK(rv_process_spawn_with(&child, argv, &options) == 0);
    HOST_CHECK(rv_host_start(&task, listen_to, &out) == 0);
    HOST_CHECK(rv_coro_sleep_until(rv_after_ms(2)) == 0);
    HOST_CHECK(rv_stream_cancel(&out) == 0);
    HOST_CHECK(rv_host_join(&task) == -ESHUTDOWN);
    HOST_CHECK(rv_host_start(&task, talk, &in) == 0);
    HOST_CHECK(rv_coro_sleep_until(rv_after_ms(2)) == 0);
    HOST_CHECK(rv_stream_cancel(&in) == 0);
    HOST_CHECK(rv_host_join(&task) == -ESHUTDOWN);
    rv_stream_close(&in);
    rv_stream_close(&out);
    HOST_CHECK(rv_process_kill(&child, SIGKILL) == 0);
    HOST_CHECK(rv_process_wait(&child, NULL, NULL, RV_NEVER) == 0);
    rv_process_close(&child);
    return 0;
}

RV_HOST_TEST(cancel, is_over_with_a_close)
{
    struct rv_stream pair[2];
    char byte;

    HOST_CHECK(rv_stream_pair(pair) == 0);
    HOST_CHECK(rv_stream_cancel(&pair[0]) == 0);
    rv_stream_close(&pair[0]);
    rv_stream_close(&pair[1]);
    HOST_CHECK(rv_stream_cancel(&pair[0]) == -EBADF);
    HOST_CHECK(rv_stream_pair(pair) == 0); /* the same slots */
    HOST_CHECK(rv_stream_send(&pair[1], "x", 1, RV_NEVER) == 0);
    HOST_CHECK(rv_stream_recv(&pair[0], &byte, 1, RV_NEVER) == 1);
    HOST_CHECK(rv_stream_recv(&pair[0], &byte, 1, 0) == -ETIMEDOUT);
    rv_stream_close(&pair[0]);
    rv_stream_close(&pair[1]);
    return 0;
}
