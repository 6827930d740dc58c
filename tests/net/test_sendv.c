/* SPDX-License-Identifier: MIT */
/*
 * test_sendv.c - several pieces sent with one future, through small buffers.
 *
 * Threads: the test's and the reactor's.
 */
#include <criterion/criterion.h>

#include <errno.h>
#include <reveil/combine.h>
#include <reveil/unix.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "net/wire.h"
#include "support/support.h"

RV_TEST_SUITE(sendv);

enum { PIECES = 300, LONGEST = 3000 };

/* The data: pieces of 0, 1, 2, ... bytes, all different. */
struct load {
    struct iovec pieces[PIECES];
    struct iovec before[PIECES]; /* a copy */
    char bytes[PIECES * LONGEST / 2 + LONGEST];
    size_t len_bytes;
};

static struct load load;

static void load_make(void)
{
    char *at = load.bytes;

    for (size_t i = 0; i < sizeof load.bytes; i++)
        load.bytes[i] = (char)(i * 7 + i / 251);
    for (size_t i = 0; i < PIECES; i++) {
        /* Some pieces are empty, also the first and the last. */
        const size_t len = i % 5 && i < PIECES - 1 ? i * 9 % LONGEST : 0;

        load.pieces[i] = (struct iovec){.iov_base = at, .iov_len = len};
        at += len;
    }
    load.len_bytes = (size_t)(at - load.bytes);
    cr_assert_leq(load.len_bytes, sizeof load.bytes);
    memcpy(load.before, load.pieces, sizeof load.before);
}

/* Receives a little at a time, and compares. */
struct reader {
    struct rv_future future;
    struct rv_stream *stream;
    size_t heard_bytes;
};

static enum rv_poll reader_poll(struct rv_future *future, struct rv_cx *cx)
{
    struct reader *self = RV_CONTAINER_OF(future, struct reader, future);
    char text[777];

    while (self->heard_bytes < load.len_bytes) {
        const ssize_t n =
            rv_stream_poll_recv(self->stream, cx, text, sizeof text);

        if (n == -EAGAIN)
            return RV_PENDING;
        cr_assert_gt(n, 0);
        cr_assert_leq(self->heard_bytes + (size_t)n, load.len_bytes);
        cr_assert_eq(memcmp(text, load.bytes + self->heard_bytes, (size_t)n), 0,
                     "other bytes behind %zu", self->heard_bytes);
        self->heard_bytes += (size_t)n;
    }
    return RV_READY;
}

/* The smallest that the kernel allows. (Not the receive buffer: TCP waits for
 * its timers when the window closes.) */
static void shrink_buffer(struct rv_stream *from)
{
    const int least = 1;

    cr_assert_eq(setsockopt(rv_stream_fd(from), SOL_SOCKET, SO_SNDBUF, &least,
                            sizeof least),
                 0);
}

static void send_load(struct rv_executor *executor, struct rv_stream *from,
                      struct rv_stream *to)
{
    static const struct rv_future_ops ops = {.name = "reader",
                                             .poll = reader_poll};
    struct reader reader = {.stream = to};
    struct rv_stream_sendv send;
    struct rv_future *both[2] = {&send.future, &reader.future};
    struct rv_try_all all;

    load_make();
    shrink_buffer(from);
    rv_future_init(&reader.future, &ops);
    rv_stream_sendv_init(&send, from, load.pieces, PIECES);
    rv_try_all_init(&all, both, 2);

    cr_assert_eq(rv_test_block_on(executor, &all.future), 0);
    cr_assert_eq(send.sent_bytes, load.len_bytes);
    cr_assert_eq(reader.heard_bytes, load.len_bytes);
    cr_assert_eq(memcmp(load.pieces, load.before, sizeof load.before), 0);
    rv_drop(&all.future);
}

RV_TEST(sendv, all_pieces_come_in_order_through_small_buffers)
{
    struct wire wire;

    wire_open(&wire, "127.0.0.1");
    send_load(wire.executor, &wire.client, &wire.server);
    wire_close(&wire);
}

RV_TEST(sendv, unix_sockets_send_pieces_too)
{
    struct rv_unix_connect connect;
    struct rv_stream listener = {0};
    struct wire wire;
    char name[48];

    snprintf(name, sizeof name, "@reveil-sendv-%d", (int)getpid());
    cr_assert_eq(wire_listen(&wire, "127.0.0.1"), 0);
    cr_assert_eq(rv_unix_listen(&listener, name), 0);
    rv_stream_close(&wire.listener);
    wire.listener = listener;
    rv_unix_connect_init(&connect, name, &wire.client);
    cr_assert_eq(rv_test_block_on(wire.executor, &connect.future), 0);
    cr_assert_eq(accept_one(&wire), 0);
    send_load(wire.executor, &wire.client, &wire.server);
    wire_close(&wire);
}

RV_TEST(sendv, nothing_is_sent_at_once)
{
    static const struct iovec empty[3];
    struct rv_stream_sendv send;
    struct rv_cx cx = {.io_calls = 0};
    struct wire wire;

    wire_open(&wire, "127.0.0.1");
    rv_stream_sendv_init(&send, &wire.client, empty, 3);
    cr_assert_eq(rv_poll(&send.future, &cx), RV_READY);
    cr_assert_eq(send.future.result, 0);
    rv_stream_sendv_init(&send, &wire.client, NULL, 0);
    cr_assert_eq(rv_poll(&send.future, &cx), RV_READY);
    cr_assert_eq(cx.io_calls, 0);
    rv_drop(&send.future);
    wire_close(&wire);
}

RV_TEST(sendv, an_error_says_how_far_it_got)
{
    struct rv_stream_sendv send;
    struct wire wire;

    load_make();
    wire_open(&wire, "127.0.0.1");
    shrink_buffer(&wire.client);
    rv_tcp_reset(&wire.server);
    rv_stream_sendv_init(&send, &wire.client, load.pieces, PIECES);
    cr_assert_lt(rv_test_block_on(wire.executor, &send.future), 0);
    cr_assert_lt(send.sent_bytes, load.len_bytes);
    rv_drop(&send.future);
    wire_close(&wire);
}

/* One call takes what fits; the next call continues there. */
RV_TEST(sendv, poll_sendv_goes_on_where_it_is_told)
{
    const struct iovec pieces[] = {{.iov_base = "one ", .iov_len = 4},
                                   {.iov_base = "two ", .iov_len = 4},
                                   {.iov_base = "three", .iov_len = 5}};
    struct rv_probe probe;
    struct wire wire;
    struct rv_cx cx;
    char text[16] = "";

    wire_open(&wire, "127.0.0.1");
    rv_probe_init(&probe);
    cx = rv_probe_cx(&probe);
    cr_assert_eq(rv_stream_poll_sendv(&wire.client, &cx, pieces, 3, 0), 13);
    cr_assert_eq(recv_some(&wire, &wire.server, text, sizeof text), 13);
    cr_assert_str_eq(text, "one two three");
    cr_assert_eq(rv_stream_poll_sendv(&wire.client, &cx, pieces, 3, 6), 7);
    cr_assert_eq(recv_some(&wire, &wire.server, text, sizeof text), 7);
    cr_assert_eq(strncmp(text, "o three", 7), 0);
    cr_assert_eq(rv_stream_poll_sendv(&wire.client, &cx, pieces, 3, 13), 0);
    cr_assert_eq(cx.io_calls, 2);
    rv_probe_fini(&probe);
    wire_close(&wire);
}
