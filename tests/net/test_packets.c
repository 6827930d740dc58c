/* SPDX-License-Identifier: MIT */
/*
 * test_packets.c - what need not be a packet of its own.
 *
 * Threads: the test's, and the reactor's.
 */
#include <criterion/criterion.h>
#include <linux/tcp.h> /* not netinet/tcp.h, whose tcp_info ends too early */

#include "net/wire.h"
#include "support/support.h"

RV_TEST_SUITE(packets);

static struct tcp_info info_of(const struct rv_tcp *tcp)
{
    struct tcp_info info = {0};
    socklen_t len = sizeof info;

    cr_assert_eq(getsockopt(rv_tcp_fd(tcp), IPPROTO_TCP, TCP_INFO, &info, &len),
                 0);
    return info;
}

static int connect_to_send(struct wire *wire)
{
    struct rv_tcp_connect connect;
    int result;

    rv_tcp_connect_init(&connect, &wire->addr, &wire->client);
    connect.sends_first = true;
    result = rv_test_block_on(wire->executor, &connect.future);
    rv_drop(&connect.future);
    return result;
}

RV_TEST(packets, the_first_data_complete_the_handshake)
{
    struct wire wire;
    char byte;

    cr_assert_eq(wire_listen(&wire, "127.0.0.1"), 0);
    cr_assert_eq(connect_to(&wire, &wire.addr), 0);
    cr_assert_eq(info_of(&wire.client).tcpi_segs_out, 2, "SYN, ACK");
    rv_tcp_close(&wire.client);
    cr_assert_eq(accept_one(&wire), 0);
    rv_tcp_close(&wire.server);

    cr_assert_eq(connect_to_send(&wire), 0);
    cr_assert_eq(info_of(&wire.client).tcpi_segs_out, 1, "SYN");
    cr_assert_eq(send_all(&wire, &wire.client, "x", 1), 0);
    cr_assert_eq(info_of(&wire.client).tcpi_segs_out, 2, "SYN, data");
    cr_assert_eq(accept_one(&wire), 0);
    cr_assert_eq(recv_some(&wire, &wire.server, &byte, 1), 1);
    cr_assert_eq(byte, 'x');
    wire_close(&wire);
}

RV_TEST(packets, who_wanted_to_send_first_and_does_not_is_accepted)
{
    struct wire wire;
    char byte;

    cr_assert_eq(wire_listen(&wire, "127.0.0.1"), 0);
    cr_assert_eq(connect_to_send(&wire), 0);
    cr_assert_eq(accept_one(&wire), 0);
    cr_assert_eq(send_all(&wire, &wire.server, "x", 1), 0);
    cr_assert_eq(recv_some(&wire, &wire.client, &byte, 1), 1);
    cr_assert_eq(byte, 'x');
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

    cr_assert_eq(rv_tcp_poll_send_last(&wire.server, &cx, last, sizeof last),
                 sizeof last);
    cr_assert_eq(info_of(&wire.client).tcpi_segs_in, before, "kept back");
    cr_assert_eq(rv_tcp_shutdown_write(&wire.server), 0);
    cr_assert_eq(recv_some(&wire, &wire.client, buffer, sizeof buffer),
                 sizeof last);
    cr_assert_str_eq(buffer, last);
    cr_assert_eq(recv_some(&wire, &wire.client, buffer, sizeof buffer), 0);
    cr_assert_eq(info_of(&wire.client).tcpi_segs_in, before + 1);
    rv_probe_fini(&probe);
    wire_close(&wire);
}
