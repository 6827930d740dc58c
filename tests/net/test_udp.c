/* SPDX-License-Identifier: MIT */
/*
 * test_udp.c - datagrams over loopback, on ports that the kernel chose.
 *
 * Threads: the test's and the reactor's.
 */
#include <criterion/criterion.h>

#include <errno.h>
#include <reveil/combine.h>
#include <reveil/runtime.h>
#include <reveil/udp.h>
#include <string.h>
#include <unistd.h>

#include "support/failing_alloc.h"
#include "support/machine.h"
#include "support/support.h"

RV_TEST_SUITE(udp);

/* Two sockets that know each other's address. */
struct pair {
    struct rv_runtime *runtime;
    struct rv_executor *executor;
    struct rv_udp a;
    struct rv_udp b;
    struct rv_addr a_addr;
    struct rv_addr b_addr;
};

/* Returns: 0, or the error if there is no such address. */
static int pair_open(struct pair *pair, const char *host)
{
    struct rv_addr any_port;
    int error;

    *pair = (struct pair){.runtime = NULL};
    cr_assert_eq(rv_test_runtime_start(&pair->runtime), 0);
    pair->executor = rv_runtime_executor(pair->runtime);
    cr_assert_eq(rv_addr_parse(&any_port, host, 0), 0);
    error = rv_udp_bind(&pair->a, &any_port);
    if (error)
        return error;
    cr_assert_eq(rv_udp_bind(&pair->b, &any_port), 0);
    cr_assert_eq(rv_udp_local_addr(&pair->a, &pair->a_addr), 0);
    cr_assert_eq(rv_udp_local_addr(&pair->b, &pair->b_addr), 0);
    return 0;
}

static void pair_close(struct pair *pair)
{
    rv_udp_close(&pair->a);
    rv_udp_close(&pair->b);
    rv_runtime_stop(pair->runtime);
}

static int send_to(struct pair *pair, struct rv_udp *from, const char *text,
                   const struct rv_addr *to)
{
    struct rv_udp_send_to send;
    int result;

    rv_udp_send_to_init(&send, from, text, strlen(text), to);
    result = rv_test_block_on(pair->executor, &send.future);
    rv_drop(&send.future);
    return result;
}

/* from: NULL, or the expected sender. */
static int recv_from(struct pair *pair, struct rv_udp *udp, char *text,
                     size_t size, const struct rv_addr *from)
{
    struct rv_udp_recv_from recv;
    int result;

    memset(text, 0, size);
    rv_udp_recv_from_init(&recv, udp, text, size - 1);
    result = rv_test_block_on(pair->executor, &recv.future);
    if (result >= 0 && from) {
        cr_assert_eq(recv.from.len_bytes, from->len_bytes);
        cr_assert_eq(recv.from.sa.base.sa_family, from->sa.base.sa_family);
        cr_assert_eq(rv_addr_port(&recv.from), rv_addr_port(from));
    }
    rv_drop(&recv.future);
    return result;
}

/* --- what comes -------------------------------------------------------- */

static void exchange(const char *host)
{
    struct pair pair;
    char text[64];

    cr_assert_eq(pair_open(&pair, host), 0);
    cr_assert_eq(send_to(&pair, &pair.a, "ping", &pair.b_addr), 0);
    cr_assert_eq(recv_from(&pair, &pair.b, text, sizeof text, &pair.a_addr), 4);
    cr_assert_str_eq(text, "ping");
    cr_assert_eq(send_to(&pair, &pair.b, "pong!", &pair.a_addr), 0);
    cr_assert_eq(recv_from(&pair, &pair.a, text, sizeof text, &pair.b_addr), 5);
    cr_assert_str_eq(text, "pong!");
    pair_close(&pair);
}

RV_TEST(udp, datagrams_go_both_ways_and_say_who_sent_them)
{
    exchange("127.0.0.1");
}

RV_TEST(udp, ipv6_works_as_ipv4_does)
{
    if (!machine_has_ipv6())
        cr_skip_test("no IPv6 on this machine");
    exchange("::1");
}

RV_TEST(udp, a_datagram_that_is_cut_says_so_and_the_next_is_whole)
{
    struct pair pair;
    char text[5];

    cr_assert_eq(pair_open(&pair, "127.0.0.1"), 0);
    cr_assert_eq(send_to(&pair, &pair.a, "0123456789", &pair.b_addr), 0);
    cr_assert_eq(send_to(&pair, &pair.a, "next", &pair.b_addr), 0);

    cr_assert_eq(recv_from(&pair, &pair.b, text, sizeof text, NULL), 10);
    cr_assert_str_eq(text, "0123");
    cr_assert_eq(recv_from(&pair, &pair.b, text, sizeof text, NULL), 4);
    cr_assert_str_eq(text, "next");
    pair_close(&pair);
}

RV_TEST(udp, an_empty_datagram_is_one_too)
{
    struct pair pair;
    char text[8];

    cr_assert_eq(pair_open(&pair, "127.0.0.1"), 0);
    cr_assert_eq(send_to(&pair, &pair.a, "", &pair.b_addr), 0);
    cr_assert_eq(send_to(&pair, &pair.a, "x", &pair.b_addr), 0);

    cr_assert_eq(recv_from(&pair, &pair.b, text, sizeof text, NULL), 0);
    cr_assert_eq(recv_from(&pair, &pair.b, text, sizeof text, NULL), 1);
    pair_close(&pair);
}

RV_TEST(udp, a_recv_waits_for_a_datagram)
{
    struct rv_udp_recv_from recv;
    struct rv_udp_send_to send;
    struct rv_future *both[2] = {&recv.future, &send.future};
    struct rv_try_all all;
    struct pair pair;
    char text[8] = "";

    cr_assert_eq(pair_open(&pair, "127.0.0.1"), 0);
    rv_udp_recv_from_init(&recv, &pair.b, text, sizeof text);
    rv_udp_send_to_init(&send, &pair.a, "late", 4, &pair.b_addr);
    rv_try_all_init(&all, both, 2); /* the first poll finds nothing */

    cr_assert_eq(rv_test_block_on(pair.executor, &all.future), 0);
    cr_assert_eq(recv.future.result, 4);
    cr_assert_str_eq(text, "late");
    rv_drop(&all.future);
    pair_close(&pair);
}

/* --- connected --------------------------------------------------------- */

RV_TEST(udp, a_connected_socket_needs_no_address_and_hears_its_peer_alone)
{
    struct rv_udp c = {0};
    struct pair pair;
    struct rv_addr c_addr;
    char text[8];

    cr_assert_eq(pair_open(&pair, "127.0.0.1"), 0);
    cr_assert_eq(rv_udp_connect(&c, &pair.a_addr), 0); /* from nothing */
    cr_assert_eq(rv_udp_local_addr(&c, &c_addr), 0);
    cr_assert_gt(rv_addr_port(&c_addr), 0);

    cr_assert_eq(send_to(&pair, &c, "hi", NULL), 0);
    cr_assert_eq(recv_from(&pair, &pair.a, text, sizeof text, &c_addr), 2);
    cr_assert_eq(send_to(&pair, &pair.b, "other", &c_addr), 0);
    cr_assert_eq(send_to(&pair, &pair.a, "peer", &c_addr), 0);
    cr_assert_eq(recv_from(&pair, &c, text, sizeof text, &pair.a_addr), 4);

    cr_assert_eq(rv_udp_connect(&c, &pair.b_addr), 0); /* another peer */
    cr_assert_eq(send_to(&pair, &c, "you", NULL), 0);
    cr_assert_eq(recv_from(&pair, &pair.b, text, sizeof text, &c_addr), 3);
    rv_udp_close(&c);
    pair_close(&pair);
}

RV_TEST(udp, nobody_at_the_other_end_is_an_error_that_passes)
{
    struct rv_udp c = {0};
    struct pair pair;
    char text[8];

    cr_assert_eq(pair_open(&pair, "127.0.0.1"), 0);
    cr_assert_eq(rv_udp_connect(&c, &pair.b_addr), 0);
    rv_udp_close(&pair.b);
    cr_assert_eq(send_to(&pair, &c, "anybody", NULL), 0);

    cr_assert_eq(recv_from(&pair, &c, text, sizeof text, NULL), -ECONNREFUSED);
    cr_assert_eq(rv_udp_connect(&c, &pair.a_addr), 0); /* it continues */
    cr_assert_eq(send_to(&pair, &c, "word", NULL), 0);
    cr_assert_eq(recv_from(&pair, &pair.a, text, sizeof text, NULL), 4);
    rv_udp_close(&c);
    pair_close(&pair);
}

/* --- errors ------------------------------------------------------------ */

RV_TEST(udp, no_socket_may_be_closed)
{
    struct rv_udp none = {0};

    cr_assert_eq(rv_udp_fd(&none), -1);
    rv_udp_close(&none);
    rv_udp_close(&none);
}

RV_TEST(udp, failures_are_values)
{
    static char large[70000];
    struct rv_udp_send_to send;
    struct rv_udp other = {0};
    struct rv_addr addr;
    struct pair pair;

    cr_assert_eq(rv_addr_parse(&addr, "127.0.0.1", 0), 0);
    cr_assert_eq(rv_udp_bind(&other, &addr), -ENODEV); /* no reactor */
    cr_assert_eq(pair_open(&pair, "127.0.0.1"), 0);
    cr_assert_eq(rv_udp_bind(&other, &pair.a_addr), -EADDRINUSE);
    cr_assert_eq(rv_udp_fd(&other), -1);
    cr_assert_eq(send_to(&pair, &pair.a, "x", NULL), -EDESTADDRREQ);
    rv_udp_send_to_init(&send, &pair.a, large, sizeof large, &pair.b_addr);
    cr_assert_eq(rv_test_block_on(pair.executor, &send.future), -EMSGSIZE);
    cr_assert_eq(rv_addr_parse(&addr, "::1", 9), 0);
    cr_assert_eq(rv_udp_connect(&pair.a, &addr), -EAFNOSUPPORT);
    pair_close(&pair);
}

static int whole_life(void *arg)
{
    struct rv_udp udp = {0};
    struct rv_runtime *runtime;
    struct rv_udp_send_to send;
    struct rv_addr addr;
    int error = rv_test_runtime_start(&runtime);

    (void)arg;
    if (error)
        return error;
    rv_addr_parse(&addr, "127.0.0.1", 0);
    error = rv_udp_bind(&udp, &addr);
    if (!error)
        error = rv_udp_local_addr(&udp, &addr);
    if (!error) {
        rv_udp_send_to_init(&send, &udp, "self", 4, &addr);
        error = rv_runtime_block_on(runtime, &send.future);
    }
    rv_udp_close(&udp);
    rv_runtime_stop(runtime);
    return error;
}

RV_TEST(udp, each_failing_allocation_leaves_nothing)
{
    cr_assert_gt(rv_fail_each_alloc_strictly(whole_life, NULL), 4);
}

/* --- without a future; the budget -------------------------------------- */

/* Send this many, then count how many one poll receives. */
RV_TEST(udp, a_poll_takes_no_more_than_its_budget)
{
    struct rv_probe probe;
    struct rv_addr from;
    struct pair pair;
    struct rv_cx cx;
    char text[8];
    int taken = 0;

    cr_assert_eq(pair_open(&pair, "127.0.0.1"), 0);
    rv_probe_init(&probe);
    cx = rv_probe_cx(&probe);
    for (int i = 0; i < RV_IO_BUDGET / 2; i++)
        cr_assert_eq(rv_udp_poll_send_to(&pair.a, &cx, "x", 1, &pair.b_addr),
                     0);
    cx = rv_probe_cx(&probe);
    for (int i = 0; i < RV_IO_BUDGET / 2 + 1; i++)
        cr_assert_eq(rv_udp_poll_send_to(&pair.a, &cx, "y", 1, &pair.b_addr),
                     0);
    cx = rv_probe_cx(&probe);
    while (rv_udp_poll_recv_from(&pair.b, &cx, text, sizeof text, &from) == 1)
        taken++;

    cr_assert_eq(taken, RV_IO_BUDGET);
    cr_assert(rv_probe_take(&probe)); /* its next poll receives the last one */
    cx = rv_probe_cx(&probe);
    cr_assert_eq(rv_udp_poll_recv_from(&pair.b, &cx, text, sizeof text, NULL),
                 1);
    cr_assert_eq(rv_udp_poll_recv_from(&pair.b, &cx, text, sizeof text, NULL),
                 -EAGAIN);
    cr_assert_not(rv_probe_take(&probe));
    rv_probe_fini(&probe);
    pair_close(&pair);
}
