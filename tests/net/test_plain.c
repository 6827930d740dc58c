/* SPDX-License-Identifier: MIT */
/*
 * test_plain.c - the try forms and the plain calls of streams: at once, after
 * waiting, with a deadline that is past or passes, with a peer that goes, and
 * canceled; in each host of coroutines.
 */
#include <unistd.h>

#include "net/pair.h"

RV_TEST_SUITE(plain);

static const char word[] = "hello";

enum { WORD = sizeof word };

/* --- try --------------------------------------------------------------- */

RV_HOST_TEST(plain, a_try_succeeds_at_once_or_says_eagain)
{
    struct rv_stream none = {0};
    struct rv_stream second;
    struct pair pair;
    char text[WORD] = "";

    HOST_CHECK(pair_open(&pair) == 0);

    HOST_CHECK(rv_stream_try_recv(&pair.server, text, WORD) == -EAGAIN);
    HOST_CHECK(rv_stream_try_accept(&pair.listener, &second, NULL) == -EAGAIN);
    HOST_CHECK(rv_stream_fd(&second) == -1);
    HOST_CHECK(rv_stream_try_send(&pair.client, word, WORD) == WORD);
    /* On loopback it has arrived, whether the reactor has reported it or not.
     */
    HOST_CHECK(rv_stream_try_recv(&pair.server, text, WORD) == WORD);
    HOST_CHECK(memcmp(text, word, WORD) == 0);

    rv_stream_close(&pair.client);
    HOST_CHECK(rv_stream_try_recv(&pair.server, text, WORD) == 0);
    HOST_CHECK(rv_stream_try_recv(&none, text, WORD) == -EBADF);
    HOST_CHECK(rv_stream_try_send(&none, text, WORD) == -EBADF);
    HOST_CHECK(rv_stream_try_accept(&none, &second, NULL) == -EBADF);
    pair_close(&pair);
    return 0;
}

RV_HOST_TEST(plain, a_try_to_send_pieces_sends_what_fits)
{
    const struct iovec pieces[] = {{(void *)"ab", 2}, {(void *)"cde", 3}};
    struct pair pair;
    char text[8] = "";

    HOST_CHECK(pair_open(&pair) == 0);

    HOST_CHECK(rv_stream_try_sendv(&pair.client, pieces, 2, 1) == 4);
    HOST_CHECK(rv_stream_try_sendv(&pair.client, pieces, 2, 5) == 0);
    HOST_CHECK(rv_stream_try_recv(&pair.server, text, sizeof text) == 4);
    HOST_CHECK(strcmp(text, "bcde") == 0);
    HOST_CHECK(pair_fill(&pair.client) == 0);
    HOST_CHECK(rv_stream_try_sendv(&pair.client, pieces, 2, 0) == -EAGAIN);
    pair_close(&pair);
    return 0;
}

/* A try must not leave the direction marked as ready, or the wait after it
 * would spin; nor clear a report that came meanwhile, or it would hang. */
RV_HOST_TEST(plain, a_wait_after_a_try_is_woken)
{
    struct pair pair;
    char byte = 0;

    HOST_CHECK(pair_open(&pair) == 0);
    for (int i = 0; i < 200; i++) {
        HOST_CHECK(rv_stream_try_recv(&pair.server, &byte, 1) == -EAGAIN);
        HOST_CHECK(rv_stream_send(&pair.client, "x", 1, RV_NEVER) == 0);
        HOST_CHECK(rv_stream_recv(&pair.server, &byte, 1, RV_NEVER) == 1);
    }
    pair_close(&pair);
    return 0;
}

/* --- a peer in a coroutine beside -------------------------------------- */

struct peer {
    struct rv_stream *stream;
    size_t send_bytes; /* after a nap */
    size_t recv_bytes; /* then this much is received, after another nap */
    bool close;        /* at the end */
};

static int nap(void)
{
    return rv_coro_sleep_until(rv_after_ms(3));
}

static int32_t run_peer(void *arg)
{
    struct peer *peer = arg;
    char block[4096] = "hello";
    size_t got;
    int error = nap();

    if (!error && peer->send_bytes)
        error = rv_stream_send(peer->stream, block, peer->send_bytes, RV_NEVER);
    if (!error && peer->recv_bytes)
        error = nap();
    while (!error && peer->recv_bytes) {
        const size_t most =
            sizeof block < peer->recv_bytes ? sizeof block : peer->recv_bytes;

        error = rv_stream_recv_whole(peer->stream, block, most, &got, RV_NEVER);
        peer->recv_bytes -= got;
    }
    if (peer->close)
        rv_stream_close(peer->stream);
    return error;
}

/* --- recv -------------------------------------------------------------- */

RV_HOST_TEST(plain, recv_waits_for_data_and_for_the_end)
{
    struct pair pair;
    struct peer peer = {.stream = &pair.client, .send_bytes = 5, .close = true};
    struct rv_host_task task;
    char text[64];

    HOST_CHECK(pair_open(&pair) == 0);
    HOST_CHECK(rv_host_start(&task, run_peer, &peer) == 0);

    HOST_CHECK(rv_stream_recv(&pair.server, text, sizeof text,
                              rv_after_ms(60000)) == 5);
    HOST_CHECK(memcmp(text, word, 5) == 0);
    HOST_CHECK(rv_stream_recv(&pair.server, text, sizeof text, RV_NEVER) == 0);
    HOST_CHECK(rv_host_join(&task) == 0);
    pair_close(&pair);
    return 0;
}

RV_HOST_TEST(plain, recv_with_a_deadline_in_the_past_tries_once)
{
    struct pair pair;
    char byte;

    HOST_CHECK(pair_open(&pair) == 0);

    HOST_CHECK(rv_stream_recv(&pair.server, &byte, 1, 0) == -ETIMEDOUT);
    HOST_CHECK(rv_stream_try_send(&pair.client, "x", 1) == 1);
    HOST_CHECK(rv_stream_recv(&pair.server, &byte, 1, 0) == 1);
    HOST_CHECK(rv_stream_recv(&pair.server, &byte, 1, INT64_MIN) == -ETIMEDOUT);
    pair_close(&pair);
    return 0;
}

RV_HOST_TEST(plain, recv_after_a_time_out_loses_nothing)
{
    struct pair pair;
    char text[WORD] = "";

    HOST_CHECK(pair_open(&pair) == 0);

    HOST_CHECK(rv_stream_recv(&pair.server, text, WORD, rv_after_ms(2)) ==
               -ETIMEDOUT);
    HOST_CHECK(rv_stream_send(&pair.client, word, WORD, RV_NEVER) == 0);
    HOST_CHECK(rv_stream_recv(&pair.server, text, WORD, RV_NEVER) == WORD);
    HOST_CHECK(memcmp(text, word, WORD) == 0);
    pair_close(&pair);
    return 0;
}

RV_HOST_TEST(plain, recv_from_a_peer_that_resets_is_an_error)
{
    struct pair pair;
    char byte;

    HOST_CHECK(pair_open(&pair) == 0);
    rv_tcp_reset(&pair.client);

    HOST_CHECK(rv_stream_recv(&pair.server, &byte, 1, RV_NEVER) == -ECONNRESET);
    pair_close(&pair);
    return 0;
}

/* --- recv whole -------------------------------------------------------- */

RV_HOST_TEST(plain, recv_whole_goes_on_after_a_time_out)
{
    struct pair pair;
    char text[WORD] = "";
    size_t got;

    HOST_CHECK(pair_open(&pair) == 0);
    HOST_CHECK(rv_stream_send(&pair.client, word, 2, RV_NEVER) == 0);

    HOST_CHECK(rv_stream_recv_whole(&pair.server, text, WORD, &got,
                                    rv_after_ms(2)) == -ETIMEDOUT);
    HOST_CHECK(got == 2);
    HOST_CHECK(rv_stream_send(&pair.client, word + 2, WORD - 2, RV_NEVER) == 0);
    HOST_CHECK(
        rv_stream_recv_whole(&pair.server, text + 2, WORD - 2, &got, 0) == 0);
    HOST_CHECK(got == WORD - 2 && strcmp(text, word) == 0);
    HOST_CHECK(rv_stream_recv_whole(&pair.server, text, 0, &got, 0) == 0);
    pair_close(&pair);
    return 0;
}

RV_HOST_TEST(plain, recv_whole_says_when_the_stream_ends_inside)
{
    struct pair pair;
    struct peer peer = {.stream = &pair.client, .send_bytes = 4, .close = true};
    struct rv_host_task task;
    char text[64];
    size_t got;

    HOST_CHECK(pair_open(&pair) == 0);
    HOST_CHECK(rv_host_start(&task, run_peer, &peer) == 0);

    HOST_CHECK(rv_stream_recv_whole(&pair.server, text, sizeof text, &got,
                                    RV_NEVER) == -ENOMSG);
    HOST_CHECK(got == 4);
    HOST_CHECK(rv_stream_recv_whole(&pair.server, text, 1, &got, 0) == -ENOMSG);
    HOST_CHECK(got == 0);
    HOST_CHECK(rv_host_join(&task) == 0);
    pair_close(&pair);
    return 0;
}

/* --- send -------------------------------------------------------------- */

enum { MUCH = 8 << 20 };

RV_HOST_TEST(plain, send_waits_until_the_peer_has_received)
{
    char *const much = rv_test_zeros(MUCH);
    const struct iovec pieces[] = {{much, MUCH / 2}, {much, MUCH / 2}};
    struct pair pair;
    struct peer peer = {.stream = &pair.server, .recv_bytes = 2 * MUCH};
    struct rv_host_task task;

    HOST_CHECK(pair_open(&pair) == 0);
    HOST_CHECK(rv_host_start(&task, run_peer, &peer) == 0);

    HOST_CHECK(rv_stream_send(&pair.client, much, MUCH, RV_NEVER) == 0);
    HOST_CHECK(rv_stream_sendv(&pair.client, pieces, 2, rv_after_ms(600000)) ==
               0);
    HOST_CHECK(rv_host_join(&task) == 0);
    HOST_CHECK(peer.recv_bytes == 0);
    pair_close(&pair);
    return 0;
}

RV_HOST_TEST(plain, send_to_a_peer_that_does_not_receive_times_out)
{
    const struct iovec piece = {(void *)word, WORD};
    struct pair pair;

    HOST_CHECK(pair_open(&pair) == 0);
    HOST_CHECK(pair_fill(&pair.client) == 0);

    HOST_CHECK(rv_stream_send(&pair.client, word, WORD, 0) == -ETIMEDOUT);
    HOST_CHECK(rv_stream_send(&pair.client, word, WORD, rv_after_ms(2)) ==
               -ETIMEDOUT);
    HOST_CHECK(rv_stream_sendv(&pair.client, &piece, 1, rv_after_ms(2)) ==
               -ETIMEDOUT);
    pair_close(&pair);
    return 0;
}

RV_HOST_TEST(plain, send_to_a_peer_that_goes_is_an_error)
{
    char *const much = rv_test_zeros(MUCH);
    struct pair pair;
    struct peer peer = {.stream = &pair.server, .close = true};
    struct rv_host_task task;
    int error;

    HOST_CHECK(pair_open(&pair) == 0);
    HOST_CHECK(rv_host_start(&task, run_peer, &peer) == 0);

    error = rv_stream_send(&pair.client, much, MUCH, RV_NEVER);
    HOST_CHECK(error == -ECONNRESET || error == -EPIPE);
    HOST_CHECK(rv_host_join(&task) == 0);
    pair_close(&pair);
    return 0;
}

/* --- connect, accept, dial --------------------------------------------- */

RV_HOST_TEST(plain, accept_stores_the_address_of_the_peer)
{
    struct rv_addr client;
    struct rv_addr peer;
    struct pair pair;

    HOST_CHECK(pair_open(&pair) == 0);

    HOST_CHECK(rv_tcp_local_addr(&pair.client, &client) == 0);
    HOST_CHECK(rv_addr_port(&pair.peer) == rv_addr_port(&client));
    HOST_CHECK(rv_stream_peer_addr(&pair.server, &peer) == 0);
    HOST_CHECK(peer.len_bytes == client.len_bytes &&
               memcmp(&peer.sa, &client.sa, client.len_bytes) == 0);
    HOST_CHECK(rv_stream_peer_addr(&pair.listener, &peer) == -ENOTCONN);
    pair_close(&pair);
    return 0;
}

static int32_t connect_later(void *arg)
{
    struct pair *pair = arg;
    const int error = nap();

    return error ? error : rv_tcp_connect(&pair->addr, &pair->client, RV_NEVER);
}

RV_HOST_TEST(plain, accept_waits_and_times_out)
{
    struct rv_host_task task;
    struct pair pair;

    HOST_CHECK(pair_open(&pair) == 0);
    rv_stream_close(&pair.client);
    rv_stream_close(&pair.server);

    HOST_CHECK(rv_stream_accept(&pair.listener, &pair.server, NULL, 0) ==
               -ETIMEDOUT);
    HOST_CHECK(rv_stream_accept(&pair.listener, &pair.server, NULL,
                                rv_after_ms(1)) == -ETIMEDOUT);
    HOST_CHECK(rv_stream_fd(&pair.server) == -1);
    HOST_CHECK(rv_host_start(&task, connect_later, &pair) == 0);
    HOST_CHECK(rv_stream_accept(&pair.listener, &pair.server, NULL, RV_NEVER) ==
               0);
    HOST_CHECK(rv_host_join(&task) == 0);
    pair_close(&pair);
    return 0;
}

RV_HOST_TEST(plain, connect_and_dial_say_why_they_fail)
{
    struct rv_stream stream;
    struct pair pair;

    HOST_CHECK(pair_open(&pair) == 0);
    rv_stream_close(&pair.listener);

    HOST_CHECK(rv_tcp_connect(&pair.addr, &stream, RV_NEVER) == -ECONNREFUSED);
    HOST_CHECK(rv_stream_fd(&stream) == -1);
    HOST_CHECK(rv_dial("127.0.0.1", rv_addr_port(&pair.addr), &stream,
                       rv_after_ms(60000)) == -ECONNREFUSED);
    HOST_CHECK(rv_dial("", 1, &stream, RV_NEVER) == -EINVAL);
    pair_close(&pair);
    return 0;
}

RV_HOST_TEST(plain, dial_connects_by_name_and_resolve_lists_addresses)
{
    struct rv_addr addrs[RV_RESOLVE_ADDRS];
    struct pair pair;

    HOST_CHECK(pair_open(&pair) == 0);
    rv_stream_close(&pair.client);

    HOST_CHECK(rv_dial("localhost", rv_addr_port(&pair.addr), &pair.client,
                       rv_after_ms(60000)) == 0);
    HOST_CHECK(rv_resolve("localhost", 80, addrs, RV_RESOLVE_ADDRS, RV_NEVER) ==
               2);
    HOST_CHECK(rv_addr_port(&addrs[0]) == 80);
    HOST_CHECK(rv_resolve("localhost", 80, addrs, 1, 0) == 1);
    HOST_CHECK(rv_resolve("127.0.0.1", 80, addrs, 0, 0) == 0);
    pair_close(&pair);
    return 0;
}

/* --- listen by name ---------------------------------------------------- */

/* Connect to the listener at this address. Returns: 0, negative errno. */
static int reach(struct rv_stream *listener, const char *host,
                 struct rv_addr *peer)
{
    struct rv_stream client;
    struct rv_stream server = {0};
    struct rv_addr addr;
    int error = rv_tcp_local_addr(listener, &addr);

    if (!error)
        error = rv_addr_parse(&addr, host, rv_addr_port(&addr));
    if (!error)
        error = rv_tcp_connect(&addr, &client, RV_NEVER);
    if (error)
        return error;
    error = rv_stream_accept(listener, &server, peer, RV_NEVER);
    rv_stream_close(&client);
    rv_stream_close(&server);
    return error;
}

RV_HOST_TEST(plain, a_listener_at_a_star_has_all_addresses)
{
    struct rv_stream listener;
    struct rv_addr peer;
    char text[RV_ADDR_TEXT];

    for (int i = 0; i < 2; i++) {
        HOST_CHECK(rv_tcp_listen_at(&listener, i ? "" : "*", 0) == 0);
        HOST_CHECK(reach(&listener, "127.0.0.1", &peer) == 0);
        rv_addr_format(&peer, text);
        HOST_CHECK(strncmp(text, "127.0.0.1:", 10) == 0);
        if (machine_has_ipv6())
            HOST_CHECK(reach(&listener, "::1", &peer) == 0);
        rv_stream_close(&listener);
    }
    return 0;
}

RV_HOST_TEST(plain, a_listener_at_a_name_has_its_address)
{
    struct rv_stream listener;
    char name[RV_RESOLVE_NAME];
    int error;

    HOST_CHECK(rv_tcp_listen_at(&listener, "localhost", 0) == 0);
    HOST_CHECK(reach(&listener, "127.0.0.1", NULL) == 0);
    rv_stream_close(&listener);

    /* The machine's own name is usually in /etc/hosts. */
    HOST_CHECK(gethostname(name, sizeof name) == 0);
    error = rv_tcp_listen_at(&listener, name, 0);
    HOST_CHECK(error == 0 || error == -ENXIO || error == -EREMOTEIO ||
               error == -EADDRNOTAVAIL);
    rv_stream_close(&listener);
    HOST_CHECK(rv_tcp_listen_at(&listener, "no such name", 0) < 0);
    HOST_CHECK(rv_stream_fd(&listener) == -1);
    return 0;
}

RV_TEST(plain, outside_of_a_coroutine_a_listener_needs_an_address)
{
    struct rv_runtime *runtime;
    struct rv_stream listener;

    cr_assert_eq(rv_runtime_start(&runtime), 0);
    cr_assert_eq(rv_tcp_listen_at(&listener, "localhost", 0), 0);
    rv_stream_close(&listener);
    cr_assert_eq(rv_tcp_listen_at(&listener, "some.name", 0), -EINVAL);
    cr_assert_eq(rv_stream_fd(&listener), -1);
    rv_runtime_stop(runtime);
}

/* --- canceled while they wait ------------------------------------------ */

/* Each waits for ever in the operation `number`. Returns: what that returned,
 * if a second one says -ECANCELED at once too. */
static int32_t wait_for_ever(void *arg)
{
    const int *number = arg;
    struct rv_stream out = {0};
    struct pair pair;
    char byte;
    size_t got;
    int result = 0;
    int error = pair_open(&pair);

    if (error)
        return error;
    for (int again = 0; again < 2; again++)
        switch (*number) {
        case 0:
            result = rv_stream_recv(&pair.server, &byte, 1, RV_NEVER);
            break;
        case 1:
            result =
                rv_stream_recv(&pair.server, &byte, 1, rv_after_ms(1 << 30));
            break;
        case 2:
            result =
                rv_stream_recv_whole(&pair.server, &byte, 1, &got, RV_NEVER);
            break;
        case 3:
            result = rv_stream_accept(&pair.listener, &out, NULL, RV_NEVER);
            break;
        case 4:
            if (pair_fill(&pair.client) == 0)
                result = rv_stream_send(&pair.client, "x", 1, RV_NEVER);
            break;
        default:
            result = rv_coro_sleep_until(RV_NEVER);
        }
    pair_close(&pair);
    return result;
}

static void cancel_each(enum rv_host host)
{
    for (int number = 0; number < 5; number++)
        cr_assert_eq(rv_host_run_canceled(host, wait_for_ever, &number),
                     -ECANCELED, "operation %d", number);
}

RV_TEST(plain, a_canceled_wait_ends_split)
{
    cancel_each(RV_HOST_SPLIT);
}

RV_TEST(plain, a_canceled_wait_ends_fused)
{
    cancel_each(RV_HOST_FUSED);
}

RV_TEST(plain, a_canceled_wait_ends_sched)
{
    cancel_each(RV_HOST_SCHED);
}
