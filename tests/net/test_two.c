/* SPDX-License-Identifier: MIT */
/*
 * test_two.c - two futures of two tasks that wait for one direction of one
 * descriptor: the program ends with a message. The first would wait for ever.
 *
 * Threads: the test's and the reactor's; a child that was forked.
 */
#include "net/wire.h"

#include <errno.h>
#include <fcntl.h>
#include <reveil/fd.h>
#include <reveil/io.h>
#include <reveil/reader.h>
#include <reveil/relay.h>
#include <reveil/signal.h>
#include <reveil/udp.h>
#include <reveil/unix.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

RV_TEST_SUITE(two);

enum kind {
    RECV,
    RECV_WHOLE,
    SEND,
    SENDV,
    ACCEPT,
    UDP,
    WATCH,
    SIGNAL,
    UNIX_RECV,
    UNIX_SEND,
    RELAY,
    IO_READ,
    IO_WRITE,
    LINE,
    KINDS
};

union wait {
    struct rv_future future;
    struct rv_stream_recv recv;
    struct rv_stream_recv_whole whole;
    struct rv_stream_send send;
    struct rv_stream_sendv sendv;
    struct rv_stream_accept accept;
    struct rv_udp_recv_from udp;
    struct rv_fd_ready ready;
    struct rv_signal_wait signal;
    struct rv_unix_recv unix_recv;
    struct rv_unix_send unix_send;
    struct rv_stream_relay relay;
    struct rv_io_read io_read;
    struct rv_io_write_all io_write;
    struct rv_reader_text line;
};

/* What the futures wait for, and two tasks that poll them. */
struct waits {
    struct rv_runtime *runtime;
    struct rv_stream pair[2];
    struct rv_stream unix_pair[2];
    struct rv_stream listener;
    struct rv_stream accepted;
    struct rv_udp udp;
    struct rv_fd_watch watch;
    int pipe[2]; /* of the watch */
    struct rv_signals signals;
    struct rv_stream_io io;
    struct rv_reader reader;
    char kept[64]; /* the reader's */
    struct iovec piece;
    struct rv_unix_message message;
    union wait wait[3];
    struct rv_probe probes[2];
};

static char bytes[4096];

/* The kind that is tested, for the functions without an argument. */
static int tested;

static enum rv_poll poll_as(struct rv_probe *probe, struct rv_future *future)
{
    struct rv_cx cx = rv_probe_cx(probe);

    return rv_poll(future, &cx);
}

/* So that a send waits. */
static void fill(struct rv_stream *stream)
{
    while (rv_stream_try_send(stream, bytes, sizeof bytes) > 0)
        ;
}

static void init_wait(struct waits *w, int kind, union wait *wait)
{
    struct rv_stream *stream = &w->pair[0];
    struct rv_relay_way way = {.from = &w->pair[0], .to = &w->unix_pair[0]};

    switch ((enum kind)kind) {
    case RECV:
        rv_stream_recv_init(&wait->recv, stream, bytes, 1);
        break;
    case RECV_WHOLE:
        rv_stream_recv_whole_init(&wait->whole, stream, bytes, 2);
        break;
    case SEND:
        rv_stream_send_init(&wait->send, stream, bytes, 1);
        break;
    case SENDV:
        rv_stream_sendv_init(&wait->sendv, stream, &w->piece, 1);
        break;
    case ACCEPT:
        rv_stream_accept_init(&wait->accept, &w->listener, &w->accepted);
        break;
    case UDP:
        rv_udp_recv_from_init(&wait->udp, &w->udp, bytes, 1);
        break;
    case WATCH:
        rv_fd_readable_init(&wait->ready, &w->watch);
        break;
    case SIGNAL:
        rv_signal_wait_init(&wait->signal, &w->signals);
        break;
    case UNIX_RECV:
        rv_unix_recv_init(&wait->unix_recv, &w->unix_pair[0], &w->message);
        break;
    case UNIX_SEND:
        rv_unix_send_init(&wait->unix_send, &w->unix_pair[0], &w->message);
        break;
    case RELAY:
        rv_stream_relay_ways_init(&wait->relay, &way, 1, bytes, sizeof bytes,
                                  RV_NEVER);
        break;
    case IO_READ:
        rv_io_read_init(&wait->io_read, &w->io.io, bytes, 1);
        break;
    case IO_WRITE:
        rv_io_write_all_init(&wait->io_write, &w->io.io, bytes, 1);
        break;
    case LINE:
        rv_reader_line_init(&wait->line, &w->reader);
        break;
    case KINDS:
        break;
    }
}

static void open_all(struct waits *w)
{
    struct rv_addr any_port;
    sigset_t set;

    memset(w, 0, sizeof *w);
    cr_assert_eq(rv_runtime_start(&w->runtime), 0); /* a probe is no executor */
    cr_assert_eq(rv_stream_pair(w->pair), 0);
    cr_assert_eq(rv_stream_pair(w->unix_pair), 0);
    cr_assert_eq(rv_addr_parse(&any_port, "127.0.0.1", 0), 0);
    cr_assert_eq(rv_tcp_listen(&w->listener, &any_port), 0);
    cr_assert_eq(rv_udp_bind(&w->udp, &any_port), 0);
    cr_assert_eq(pipe2(w->pipe, O_CLOEXEC), 0);
    cr_assert_eq(rv_fd_watch_open(&w->watch, w->pipe[0]), 0);
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    cr_assert_eq(rv_signals_open(&w->signals, &set), 0);
    rv_stream_io_init(&w->io, &w->pair[0]);
    rv_reader_init(&w->reader, &w->io.io, w->kept, sizeof w->kept);
    fill(&w->pair[0]);
    fill(&w->unix_pair[0]);
    w->piece = (struct iovec){bytes, 1};
    rv_unix_message_init(&w->message, bytes, 1);
    for (int i = 0; i < 2; i++)
        rv_probe_init(&w->probes[i]);
}

/* The first future waits, in the first task. */
static void begin(struct waits *w, int kind)
{
    open_all(w);
    for (int i = 0; i < 3; i++)
        init_wait(w, kind, &w->wait[i]);
    cr_assert_eq(poll_as(&w->probes[0], &w->wait[0].future), RV_PENDING);
}

static void end(struct waits *w)
{
    for (int i = 0; i < 2; i++)
        rv_probe_fini(&w->probes[i]);
    rv_signals_close(&w->signals);
    rv_fd_watch_close(&w->watch);
    for (int i = 0; i < 2; i++)
        close(w->pipe[i]);
    rv_udp_close(&w->udp);
    rv_stream_close(&w->listener);
    for (int i = 0; i < 2; i++) {
        rv_stream_close(&w->pair[i]);
        rv_stream_close(&w->unix_pair[i]);
    }
    rv_runtime_stop(w->runtime);
}

static void wait_twice(void)
{
    struct waits w;

    begin(&w, tested);
    poll_as(&w.probes[1], &w.wait[1].future);
}

RV_TEST(two, futures_of_two_tasks_are_stopped)
{
    for (tested = 0; tested < KINDS; tested++)
        rv_test_aborts(wait_twice,
                       "two futures wait for one direction of a descriptor");
}

/* One future that another task polls, as after a time-out; and a second future
 * after the first was dropped, in either task. */
RV_TEST(two, futures_in_turn_are_allowed)
{
    for (int kind = 0; kind < KINDS; kind++) {
        struct waits w;

        begin(&w, kind);
        cr_assert_eq(poll_as(&w.probes[1], &w.wait[0].future), RV_PENDING);
        rv_drop(&w.wait[0].future);
        cr_assert_eq(poll_as(&w.probes[0], &w.wait[1].future), RV_PENDING);
        rv_drop(&w.wait[1].future);
        cr_assert_eq(poll_as(&w.probes[1], &w.wait[2].future), RV_PENDING);
        rv_drop(&w.wait[2].future);
        end(&w);
    }
}

/* Both are polled at each wake of the task, so none waits for ever. */
RV_TEST(two, futures_of_one_task_are_allowed)
{
    for (int kind = 0; kind < KINDS; kind++) {
        struct waits w;

        begin(&w, kind);
        cr_assert_eq(poll_as(&w.probes[0], &w.wait[1].future), RV_PENDING);
        cr_assert_eq(poll_as(&w.probes[0], &w.wait[0].future), RV_PENDING);
        rv_drop(&w.wait[0].future);
        rv_drop(&w.wait[1].future);
        end(&w);
    }
}

/* A reader and a writer wait for different things. */
RV_TEST(two, directions_are_two)
{
    struct waits w;

    begin(&w, RECV);
    init_wait(&w, SEND, &w.wait[1]);
    cr_assert_eq(poll_as(&w.probes[1], &w.wait[1].future), RV_PENDING);
    rv_drop(&w.wait[0].future);
    rv_drop(&w.wait[1].future);
    end(&w);
}

/* A future that has ended was moved to another task before: its second task has
 * replaced the first one's waker. The next future does not wait: it has used up
 * its budget. */
RV_TEST(two, futures_that_have_ended_wait_no_more)
{
    struct waits w;
    struct rv_cx cx;

    begin(&w, RECV);
    cr_assert_eq(poll_as(&w.probes[1], &w.wait[0].future), RV_PENDING);
    cr_assert_eq(rv_stream_try_send(&w.pair[1], "ab", 2), 2);
    cr_assert(rv_probe_wait(&w.probes[1]));
    cr_assert_eq(poll_as(&w.probes[1], &w.wait[0].future), RV_READY);
    cx = rv_probe_cx(&w.probes[0]);
    cx.io_calls = RV_IO_BUDGET;
    cr_assert_eq(rv_poll(&w.wait[1].future, &cx), RV_PENDING);
    cr_assert_eq(poll_as(&w.probes[0], &w.wait[1].future), RV_READY);
    rv_drop(&w.wait[0].future);
    rv_drop(&w.wait[1].future);
    end(&w);
}

/* A poll without a future replaces the waker silently: only its caller knows
 * how long it waits. The future that was replaced is dropped, and the next one
 * does not wait: it has used up its budget. */
RV_TEST(two, a_poll_without_a_future_is_not_counted)
{
    struct waits w;
    struct rv_cx cx;

    begin(&w, RECV);
    cx = rv_probe_cx(&w.probes[1]);
    cr_assert_eq(rv_stream_poll_recv(&w.pair[0], &cx, bytes, 1), -EAGAIN);
    cr_assert_eq(rv_stream_try_send(&w.pair[1], "a", 1), 1);
    cr_assert(rv_probe_wait(&w.probes[1]));
    rv_drop(&w.wait[0].future);
    cx.io_calls = RV_IO_BUDGET;
    cr_assert_eq(rv_poll(&w.wait[1].future, &cx), RV_PENDING);
    cr_assert_eq(poll_as(&w.probes[0], &w.wait[1].future), RV_READY);
    cx.io_calls = 0;
    cr_assert_eq(rv_stream_poll_recv(&w.pair[0], &cx, bytes, 1), -EAGAIN);
    cr_assert_eq(poll_as(&w.probes[0], &w.wait[2].future), RV_PENDING);
    rv_drop(&w.wait[2].future);
    end(&w);
}
