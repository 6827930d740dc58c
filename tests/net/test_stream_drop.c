/* SPDX-License-Identifier: MIT */
/*
 * test_stream_drop.c - every future of the net part, dropped after each of its
 * polls: no descriptor, no waker and no byte may be left or lost.
 *
 * The futures are polled by hand, for a probe whose queue is freed with its
 * last waker; so the test sees a waker that was left somewhere.
 *
 * Threads: the test's and the reactor's.
 */
#include <criterion/criterion.h>

#include <errno.h>
#include <reveil/net.h>
#include <string.h>
#include <unistd.h>

#include "net/wire.h"
#include "support/failing_alloc.h"
#include "support/support.h"

RV_TEST_SUITE(stream_drop);

/* Drop before the first poll, after the first, ... until it is READY. */
enum { POLLS_AT_MOST = 1000 };

struct probed {
    struct rv_probe probe;
    int64_t live;
    uint32_t fds;
};

static void begin(struct probed *probed)
{
    probed->fds = rv_test_fds();
    probed->live = rv_alloc_live();
    rv_probe_init(&probed->probe);
}

/* The future was dropped: all that it had must have been released. */
static void check_nothing_left(struct probed *probed, int polls)
{
    const int64_t limit_ns = rv_after_ms(RV_TEST_WAIT_MS);

    cr_assert_eq(rv_test_fds(), probed->fds, "descriptors after %d polls",
                 polls);
    rv_probe_fini(&probed->probe);
    /* A wake that is on its way holds the queue for a moment longer. */
    while (rv_alloc_live() != probed->live && rv_now_ns() < limit_ns)
        ;
    cr_assert_eq(rv_alloc_live(), probed->live, "a waker after %d polls",
                 polls);
}

/* Poll up to `polls` times, each after a wake. Returns: true when READY. */
static bool poll_times(struct probed *probed, struct rv_future *future,
                       int polls)
{
    struct rv_cx cx = rv_probe_cx(&probed->probe);

    for (int i = 0; i < polls; i++) {
        if (rv_poll(future, &cx) == RV_READY)
            return true;
        if (i + 1 < polls)
            cr_assert(rv_probe_wait(&probed->probe), "no wake");
    }
    return false;
}

RV_TEST(stream_drop, a_connect_leaves_nothing_after_any_poll)
{
    struct rv_tcp_connect connect;
    struct probed probed;
    bool ready = false;
    struct wire wire;

    rv_count_allocs(0);
    wire_open_split(&wire,
                    "127.0.0.1"); /* the reactor has allocated its memory */
    rv_stream_close(&wire.client);
    for (int polls = 0; !ready; polls++) {
        cr_assert_leq(polls, POLLS_AT_MOST);
        begin(&probed);
        rv_tcp_connect_init(&connect, &wire.addr, &wire.client);
        ready = poll_times(&probed, &connect.future, polls);
        rv_drop(&connect.future);
        cr_assert_eq(rv_stream_fd(&wire.client) >= 0, ready);
        rv_stream_close(&wire.client);
        check_nothing_left(&probed, polls);
    }
    cr_assert_eq(connect.future.result, 0);
    wire_close(&wire);
    cr_assert_eq(rv_stop_counting_allocs(), 0);
}

/* A port whose listener has a full queue, so that the kernel ignores new
 * connections and a connect waits. Returns: the listener and the sockets in its
 * queue. */
static void open_full_port(struct rv_addr *addr, int fds[4])
{
    cr_assert_eq(rv_addr_parse(addr, "127.0.0.1", 0), 0);
    for (int i = 0; i < 4; i++) {
        fds[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
        if (i > 0) {
            cr_assert_eq(connect(fds[i], &addr->sa.base, addr->len_bytes), -1);
            continue;
        }
        cr_assert_eq(bind(fds[0], &addr->sa.base, addr->len_bytes), 0);
        cr_assert_eq(listen(fds[0], 0), 0);
        cr_assert_eq(getsockname(fds[0], &addr->sa.base, &addr->len_bytes), 0);
    }
}

RV_TEST(stream_drop, a_connect_that_waits_is_closed)
{
    struct rv_tcp_connect connect;
    struct probed probed;
    struct rv_addr addr;
    struct wire wire;
    int fds[4];

    rv_count_allocs(0);
    wire_open_split(&wire, "127.0.0.1");
    rv_stream_close(&wire.client);
    open_full_port(&addr, fds);
    begin(&probed);
    rv_tcp_connect_init(&connect, &addr, &wire.client);
    cr_assert_not(poll_times(&probed, &connect.future, 1));
    rv_drop(&connect.future);

    cr_assert_eq(rv_stream_fd(&wire.client), -1);
    rv_drop(&connect.future);
    check_nothing_left(&probed, 1);
    for (int i = 0; i < 4; i++)
        close(fds[i]);
    wire_close(&wire);
    cr_assert_eq(rv_stop_counting_allocs(), 0);
}

RV_TEST(stream_drop, an_accept_leaves_nothing_after_any_poll)
{
    struct rv_stream_accept accept;
    struct probed probed;
    struct wire wire;
    bool ready = false;

    rv_count_allocs(0);
    wire_open_split(&wire, "127.0.0.1");
    rv_stream_close(&wire.client);
    rv_stream_close(&wire.server);
    for (int polls = 0; !ready; polls++) {
        cr_assert_leq(polls, POLLS_AT_MOST);
        if (polls == 2) /* the second poll finds a connection */
            cr_assert_eq(connect_to(&wire, &wire.addr), 0);
        begin(&probed);
        rv_stream_accept_init(&accept, &wire.listener, &wire.server);
        ready = poll_times(&probed, &accept.future, polls);
        rv_drop(&accept.future);
        cr_assert_eq(rv_stream_fd(&wire.server) >= 0, ready);
        rv_stream_close(&wire.server);
        check_nothing_left(&probed, polls);
    }
    wire_close(&wire);
    cr_assert_eq(rv_stop_counting_allocs(), 0);
}

RV_TEST(stream_drop, a_recv_leaves_nothing_and_takes_nothing)
{
    struct rv_stream_recv recv;
    struct probed probed;
    struct wire wire;
    char text[8] = "";

    rv_count_allocs(0);
    wire_open_split(&wire, "127.0.0.1");
    for (int polls = 0; polls < 2; polls++) {
        begin(&probed);
        rv_stream_recv_init(&recv, &wire.server, text, sizeof text);
        cr_assert_not(poll_times(&probed, &recv.future, polls));
        rv_drop(&recv.future);
        rv_drop(&recv.future);
        check_nothing_left(&probed, polls);
    }
    /* A future that was woken, but dropped before its poll. */
    begin(&probed);
    rv_stream_recv_init(&recv, &wire.server, text, sizeof text);
    cr_assert_not(poll_times(&probed, &recv.future, 1));
    cr_assert_eq(send_all(&wire, &wire.client, "all", 3), 0);
    cr_assert(rv_probe_wait(&probed.probe));
    rv_drop(&recv.future);
    check_nothing_left(&probed, 1);

    cr_assert_eq(recv_some(&wire, &wire.server, text, sizeof text), 3);
    cr_assert_str_eq(text, "all");
    wire_close(&wire);
    cr_assert_eq(rv_stop_counting_allocs(), 0);
}

/* Read until the stream ends. Returns: the number of bytes. */
static size_t drain(struct wire *wire, struct rv_stream *stream)
{
    static char block[65536];
    size_t all = 0;
    int n;

    while ((n = recv_some(wire, stream, block, sizeof block)) > 0)
        all += (size_t)n;
    cr_assert_eq(n, 0);
    return all;
}

/* Read some, so that the peer can continue to send. */
static void make_room(const struct rv_stream *stream)
{
    static char block[65536];

    while (recv(rv_stream_fd(stream), block, sizeof block, 0) > 0)
        ;
}

enum { MORE_THAN_FITS = 8 << 20 };

RV_TEST(stream_drop, a_send_leaves_nothing_and_says_how_far_it_got)
{
    char *const data = rv_test_zeros(MORE_THAN_FITS);
    struct rv_stream_send send;
    struct probed probed;
    struct wire wire;

    rv_count_allocs(0);
    for (int polls = 0; polls < 2; polls++) {
        wire_open_split(&wire, "127.0.0.1");
        begin(&probed);
        rv_stream_send_init(&send, &wire.client, data, MORE_THAN_FITS);
        cr_assert_not(poll_times(&probed, &send.future, polls));
        rv_drop(&send.future);
        check_nothing_left(&probed, polls);

        cr_assert_eq(send.sent_bytes > 0, polls > 0);
        cr_assert_eq(rv_stream_shutdown_write(&wire.client), 0);
        cr_assert_eq(drain(&wire, &wire.server), send.sent_bytes);
        wire_close(&wire);
    }
    cr_assert_eq(rv_stop_counting_allocs(), 0);
}

RV_TEST(stream_drop, a_send_dropped_in_its_later_polls_leaves_nothing)
{
    char *const data = rv_test_zeros(MORE_THAN_FITS);
    struct rv_stream_send send;
    struct probed probed;
    struct wire wire;
    size_t before;
    struct rv_cx cx;

    rv_count_allocs(0);
    wire_open_split(&wire, "127.0.0.1");
    begin(&probed);
    rv_stream_send_init(&send, &wire.client, data, MORE_THAN_FITS);
    cr_assert_not(poll_times(&probed, &send.future, 1));
    before = send.sent_bytes;
    cx = rv_probe_cx(&probed.probe);
    while (send.sent_bytes == before) {
        make_room(&wire.server);
        cr_assert(rv_probe_wait(&probed.probe));
        if (rv_poll(&send.future, &cx) == RV_READY)
            break;
    }
    rv_drop(&send.future);
    check_nothing_left(&probed, 2);
    cr_assert_gt(send.sent_bytes, before);
    wire_close(&wire);
    cr_assert_eq(rv_stop_counting_allocs(), 0);
}

RV_TEST(stream_drop, a_socket_may_be_closed_before_its_futures_are_dropped)
{
    struct rv_stream_accept accept;
    struct rv_stream_recv recv;
    struct rv_stream other;
    struct probed probed;
    struct wire wire;
    char byte;

    rv_count_allocs(0);
    wire_open_split(&wire, "127.0.0.1");
    rv_probe_init(&probed.probe);
    rv_stream_recv_init(&recv, &wire.server, &byte, 1);
    rv_stream_accept_init(&accept, &wire.listener, &other);
    cr_assert_not(poll_times(&probed, &recv.future, 1));
    cr_assert_not(poll_times(&probed, &accept.future, 1));
    rv_stream_close(&wire.server);
    rv_stream_close(&wire.listener);
    rv_drop(&recv.future);
    rv_drop(&accept.future);

    rv_probe_fini(&probed.probe);
    wire_close(&wire);
    cr_assert_eq(rv_stop_counting_allocs(), 0);
}
