/* SPDX-License-Identifier: MIT */
/*
 * test_packets.c - packets that are saved.
 *
 * Threads: the test's, and the reactor's.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <linux/tcp.h> /* not netinet/tcp.h, whose tcp_info ends too early */

#include "net/wire.h"
#include "support/support.h"

RV_TEST_SUITE(packets);

static struct tcp_info info_of(const struct rv_stream *stream)
{
    struct tcp_info info = {0};
    socklen_t len = sizeof info;

    cr_assert_eq(
        getsockopt(rv_stream_fd(stream), IPPROTO_TCP, TCP_INFO, &info, &len),
        0);
    return info;
}

/* Returns: the number of bytes sent, or the error. */
static int connect_with(struct wire *wire, const void *data, size_t len_bytes)
{
    struct rv_tcp_connect connect;
    int result;

    rv_tcp_connect_init(&connect, &wire->addr, &wire->client);
    connect.first = data;
    connect.first_len_bytes = len_bytes;
    result = rv_test_block_on(wire->executor, &connect.future);
    rv_drop(&connect.future);
    return result < 0 ? result : (int)connect.first_sent_bytes;
}

RV_TEST(packets, the_first_data_complete_the_handshake)
{
    struct wire wire;
    char text[8];

    cr_assert_eq(wire_listen(&wire, "127.0.0.1"), 0);
    cr_assert_eq(connect_to(&wire, &wire.addr), 0);
    cr_assert_eq(info_of(&wire.client).tcpi_segs_out, 2, "SYN, ACK");
    rv_stream_close(&wire.client);
    cr_assert_eq(accept_one(&wire), 0);
    rv_stream_close(&wire.server);

    cr_assert_eq(connect_with(&wire, "hello", 5), 5);
    cr_assert_eq(info_of(&wire.client).tcpi_segs_out, 2, "SYN, data");
    cr_assert_eq(accept_one(&wire), 0);
    cr_assert_eq(recv_some(&wire, &wire.server, text, sizeof text), 5);
    cr_assert_eq(memcmp(text, "hello", 5), 0);
    wire_close(&wire);
}

RV_TEST(packets, what_does_not_fit_is_the_callers_to_send)
{
    enum { BLOCK_BYTES = 64 << 20 };
    struct wire wire;
    int sent;

    cr_assert_eq(wire_listen(&wire, "127.0.0.1"), 0);
    sent = connect_with(&wire, rv_test_zeros(BLOCK_BYTES), BLOCK_BYTES);
    cr_assert_gt(sent, 0);
    cr_assert_lt(sent, BLOCK_BYTES);
    wire_close(&wire);
}

/* The queue of the listener is full: the kernel does not respond, and the
 * client's kernel retries after a second. */
RV_TEST(packets, first_data_wait_for_a_slow_connection)
{
    enum { CROWD = 4 };
    struct rv_tcp_connect crowd[CROWD];
    struct rv_tcp_connect connect;
    struct rv_stream clients[CROWD];
    struct rv_probe probe;
    struct wire wire;
    struct rv_cx cx;
    char text[8];

    cr_assert_eq(wire_listen_on(&wire, "127.0.0.1", rv_runtime_start), 0);
    cr_assert_eq(listen(rv_stream_fd(&wire.listener), 0), 0); /* from now on */
    rv_probe_init(&probe);
    cx = rv_probe_cx(&probe);
    for (int i = 0; i < CROWD; i++) {
        rv_tcp_connect_init(&crowd[i], &wire.addr, &clients[i]);
        rv_poll(&crowd[i].future, &cx);
    }
    rv_tcp_connect_init(&connect, &wire.addr, &wire.client);
    connect.first = "hello";
    connect.first_len_bytes = 5;
    cr_assert_eq(rv_poll(&connect.future, &cx), RV_PENDING);

    for (int i = 0; i < CROWD; i++) {
        rv_drop(&crowd[i].future);
        rv_stream_close(&clients[i]);
    }
    cr_assert_eq(accept_one(&wire), 0); /* one of the crowd */
    rv_stream_close(&wire.server);
    while (rv_poll(&connect.future, &cx) == RV_PENDING)
        cr_assert(rv_probe_wait(&probe));
    cr_assert_eq(connect.future.result, 0);
    cr_assert_eq(connect.first_sent_bytes, 5);
    do {
        rv_stream_close(&wire.server);
        cr_assert_eq(accept_one(&wire), 0);
    } while (recv_some(&wire, &wire.server, text, sizeof text) <= 0);
    cr_assert_eq(memcmp(text, "hello", 5), 0);
    rv_probe_fini(&probe);
    wire_close(&wire);
}

RV_TEST(packets, first_data_that_nobody_takes_are_not_sent)
{
    struct wire wire;

    cr_assert_eq(wire_listen(&wire, "127.0.0.1"), 0);
    rv_stream_close(&wire.listener);
    cr_assert_eq(connect_with(&wire, "hello", 5), -ECONNREFUSED);
    cr_assert_eq(rv_stream_fd(&wire.client), -1);
    wire_close(&wire);
}

RV_TEST(packets, the_last_data_and_the_end_are_one)
{
    static const char last[] = "good-bye";
    struct rv_probe probe;
    struct wire wire;
    struct rv_cx cx;
    char buffer[16];
    uint32_t before;

    wire_open_split(&wire, "127.0.0.1");
    rv_probe_init(&probe);
    cx = rv_probe_cx(&probe);
    before = info_of(&wire.client).tcpi_segs_in;

    cr_assert_eq(rv_stream_poll_send_last(&wire.server, &cx, last, sizeof last),
                 sizeof last);
    cr_assert_eq(info_of(&wire.client).tcpi_segs_in, before, "kept back");
    cr_assert_eq(rv_stream_shutdown_write(&wire.server), 0);
    cr_assert_eq(recv_some(&wire, &wire.client, buffer, sizeof buffer),
                 sizeof last);
    cr_assert_str_eq(buffer, last);
    cr_assert_eq(recv_some(&wire, &wire.client, buffer, sizeof buffer), 0);
    cr_assert_eq(info_of(&wire.client).tcpi_segs_in, before + 1);
    rv_probe_fini(&probe);
    wire_close(&wire);
}

RV_TEST(packets, finish_sends_what_was_kept_back)
{
    struct rv_probe probe;
    struct wire wire;
    struct rv_cx cx;
    char buffer[16];

    wire_open_split(&wire, "127.0.0.1");
    rv_probe_init(&probe);
    cx = rv_probe_cx(&probe);
    cr_assert_eq(send_all(&wire, &wire.client, "unread", 6), 0);
    cr_assert_eq(rv_stream_poll_send_last(&wire.server, &cx, "bye", 3), 3);
    rv_stream_finish(&wire.server);
    cr_assert_eq(rv_stream_fd(&wire.server), -1);
    rv_stream_finish(&wire.server);
    cr_assert_eq(recv_some(&wire, &wire.client, buffer, sizeof buffer), 3);
    cr_assert_eq(memcmp(buffer, "bye", 3), 0);
    rv_probe_fini(&probe);
    wire_close(&wire);
}
