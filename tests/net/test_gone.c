/* SPDX-License-Identifier: MIT */
/*
 * test_gone.c - a task that waits for something else notices that the peer has
 * closed.
 *
 * Threads: the test's and the reactor's.
 */
#include <criterion/criterion.h>

#include <errno.h>

#include "net/wire.h"
#include "support/support.h"

RV_TEST_SUITE(gone);

struct watch {
    struct wire wire;
    struct rv_probe probe;
    struct rv_cx cx;
};

static void watch_open(struct watch *watch)
{
    wire_open_split(&watch->wire, "127.0.0.1");
    rv_probe_init(&watch->probe);
    watch->cx = rv_probe_cx(&watch->probe);
    cr_assert_not(rv_stream_poll_gone(&watch->wire.server, &watch->cx));
}

static void watch_close(struct watch *watch)
{
    wire_close(&watch->wire);
    rv_probe_fini(&watch->probe);
}

/* Wait for a wake. Returns: whether the peer has closed. */
static bool wait_and_look(struct watch *watch)
{
    cr_assert(rv_probe_wait(&watch->probe), "no wake");
    return rv_stream_poll_gone(&watch->wire.server, &watch->cx);
}

RV_TEST(gone, a_reset_is_noticed)
{
    struct watch watch;

    watch_open(&watch);
    rv_tcp_reset(&watch.wire.client);

    cr_assert(wait_and_look(&watch));
    watch_close(&watch);
}

RV_TEST(gone, a_half_closed_peer_has_not_gone_until_it_resets)
{
    struct watch watch;

    watch_open(&watch);
    cr_assert_eq(rv_stream_shutdown_write(&watch.wire.client), 0);
    cr_assert_not(wait_and_look(&watch));
    rv_tcp_reset(&watch.wire.client);

    cr_assert(wait_and_look(&watch));
    watch_close(&watch);
}

/* Its data is not read, so reading stays ready all the time. */
RV_TEST(gone, nor_has_one_that_sends_on_before_it_resets)
{
    struct watch watch;

    watch_open(&watch);
    for (int i = 0; i < 3; i++) {
        cr_assert_eq(send_all(&watch.wire, &watch.wire.client, "more", 4), 0);
        cr_assert_not(wait_and_look(&watch));
    }
    rv_tcp_reset(&watch.wire.client);

    cr_assert(wait_and_look(&watch));
    watch_close(&watch);
}

RV_TEST(gone, once_both_have_said_their_last_it_has_gone)
{
    struct watch watch;

    watch_open(&watch);
    cr_assert_eq(rv_stream_shutdown_write(&watch.wire.server), 0);
    cr_assert_eq(rv_stream_shutdown_write(&watch.wire.client), 0);

    while (!wait_and_look(&watch))
        ;
    watch_close(&watch);
}
