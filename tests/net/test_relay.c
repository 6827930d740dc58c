/* SPDX-License-Identifier: MIT */
/*
 * test_relay.c - a relay between two streams: both ways, half-closed, slow,
 * idle, broken, canceled and dropped.
 *
 *     left.client --- left.server ==relay== right.client --- right.server
 */
#include <reveil/relay.h>

#include "net/pair.h"

RV_TEST_SUITE(relay);

struct chain {
    struct pair left;
    struct pair right;
    char buffer[8192];
    int64_t idle_ns;
    struct rv_host_task task;
};

static int32_t run_relay(void *arg)
{
    struct chain *chain = arg;

    return rv_stream_relay(&chain->left.server, &chain->right.client,
                           chain->buffer, sizeof chain->buffer, chain->idle_ns,
                           RV_NEVER);
}

static int chain_start(struct chain *chain, int64_t idle_ns)
{
    int error = pair_open(&chain->left);

    chain->idle_ns = idle_ns;
    if (!error)
        error = pair_open(&chain->right);
    if (!error)
        error = rv_host_start(&chain->task, run_relay, chain);
    return error;
}

/* Returns: the result of the relay. */
static int chain_end(struct chain *chain)
{
    const int result = rv_host_join(&chain->task);

    pair_close(&chain->left);
    pair_close(&chain->right);
    return result;
}

RV_HOST_TEST(relay, carries_both_ways_and_passes_each_end_on)
{
    struct chain chain;
    char text[8];

    HOST_CHECK(chain_start(&chain, RV_NEVER) == 0);
    for (int i = 0; i < 50; i++) {
        HOST_CHECK(rv_stream_send(&chain.left.client, "ping", 4, RV_NEVER) ==
                   0);
        HOST_CHECK(rv_stream_recv(&chain.right.server, text, 8, RV_NEVER) == 4);
        HOST_CHECK(rv_stream_send(&chain.right.server, "pongs", 5, RV_NEVER) ==
                   0);
        HOST_CHECK(rv_stream_recv(&chain.left.client, text, 8, RV_NEVER) == 5);
    }
    HOST_CHECK(rv_stream_shutdown_write(&chain.left.client) == 0);
    HOST_CHECK(rv_stream_recv(&chain.right.server, text, 8, RV_NEVER) == 0);
    HOST_CHECK(rv_stream_send(&chain.right.server, "late", 4, RV_NEVER) == 0);
    HOST_CHECK(rv_stream_recv(&chain.left.client, text, 8, RV_NEVER) == 4);
    rv_stream_close(&chain.right.server);
    HOST_CHECK(rv_stream_recv(&chain.left.client, text, 8, RV_NEVER) == 0);
    HOST_CHECK(chain_end(&chain) == 0);
    return 0;
}

enum { MUCH = 4 << 20 };

static int32_t send_much(void *arg)
{
    char *const much = rv_test_zeros(MUCH);
    int error;

    for (size_t i = 0; i < MUCH; i++)
        much[i] = (char)(i / 3);
    error = rv_stream_send(arg, much, MUCH, RV_NEVER);
    return error ? error : rv_stream_shutdown_write(arg);
}

RV_HOST_TEST(relay, holds_a_fast_sender_back_and_loses_nothing)
{
    struct rv_host_task sender;
    struct chain chain;
    char text[4096];
    size_t got = 0;
    int n;

    HOST_CHECK(chain_start(&chain, RV_NEVER) == 0);
    HOST_CHECK(rv_host_start(&sender, send_much, &chain.left.client) == 0);
    HOST_CHECK(rv_coro_sleep_until(rv_after_ms(5)) == 0);
    while ((n = rv_stream_recv(&chain.right.server, text, sizeof text,
                               RV_NEVER)) > 0)
        for (int i = 0; i < n; i++, got++)
            HOST_CHECK(text[i] == (char)(got / 3));
    HOST_CHECK(n == 0 && got == MUCH);
    HOST_CHECK(rv_host_join(&sender) == 0);
    rv_stream_close(&chain.right.server);
    HOST_CHECK(chain_end(&chain) == 0);
    return 0;
}

RV_HOST_TEST(relay, ends_when_nothing_moves)
{
    struct chain chain;

    HOST_CHECK(chain_start(&chain, 20 * RV_NS_PER_MS) == 0);
    HOST_CHECK(rv_stream_send(&chain.left.client, "x", 1, RV_NEVER) == 0);
    HOST_CHECK(chain_end(&chain) == -ETIMEDOUT);
    return 0;
}

RV_HOST_TEST(relay, ends_with_the_error_of_a_stream)
{
    struct chain chain;

    HOST_CHECK(chain_start(&chain, RV_NEVER) == 0);
    rv_tcp_reset(&chain.right.server);
    HOST_CHECK(chain_end(&chain) == -ECONNRESET);
    return 0;
}

RV_HOST_TEST(relay, has_a_deadline)
{
    struct chain chain;

    HOST_CHECK(pair_open(&chain.left) == 0 && pair_open(&chain.right) == 0);
    for (int i = 0; i < 2; i++)
        HOST_CHECK(rv_stream_relay(&chain.left.server, &chain.right.client,
                                   chain.buffer, sizeof chain.buffer, RV_NEVER,
                                   i ? rv_after_ms(2) : 0) == -ETIMEDOUT);
    pair_close(&chain.left);
    pair_close(&chain.right);
    return 0;
}

static int32_t relay_for_ever(void *arg)
{
    struct chain chain;
    int result;

    (void)arg;
    HOST_CHECK(pair_open(&chain.left) == 0 && pair_open(&chain.right) == 0);
    chain.idle_ns = RV_NEVER;
    result = run_relay(&chain);
    pair_close(&chain.left);
    pair_close(&chain.right);
    return result;
}

RV_TEST(relay, a_canceled_relay_ends)
{
    for (int host = 0; host < RV_HOSTS; host++)
        cr_assert_eq(
            rv_host_run_canceled((enum rv_host)host, relay_for_ever, NULL),
            -ECANCELED);
}

RV_HOST_TEST(relay, a_dropped_relay_leaves_the_streams_usable)
{
    struct rv_stream_relay relay;
    struct rv_timeout limit;
    struct chain chain;
    char byte;

    HOST_CHECK(pair_open(&chain.left) == 0 && pair_open(&chain.right) == 0);
    rv_stream_relay_init(&relay, &chain.left.server, &chain.right.client,
                         chain.buffer, sizeof chain.buffer, RV_NEVER);
    rv_drop(&relay.future);
    rv_drop(&relay.future);
    rv_stream_relay_init(&relay, &chain.left.server, &chain.right.client,
                         chain.buffer, sizeof chain.buffer, RV_NEVER);
    HOST_CHECK(rv_stream_send(&chain.left.client, "abc", 3, RV_NEVER) == 0);
    rv_timeout_init(&limit, &relay.future, rv_after_ms(3));
    HOST_CHECK(rv_await(&limit.future) == -ETIMEDOUT);
    rv_drop(&limit.future);
    HOST_CHECK(relay.side[0].moved_bytes == 3);
    HOST_CHECK(rv_stream_send(&chain.left.client, "d", 1, RV_NEVER) == 0);
    HOST_CHECK(rv_stream_recv(&chain.left.server, &byte, 1, RV_NEVER) == 1);
    pair_close(&chain.left);
    pair_close(&chain.right);
    return 0;
}
