/* SPDX-License-Identifier: MIT */
/*
 * wire.h - a runtime, a listener on a free loopback port, and two ends of a
 * connection, for the tests of the net part.
 *
 *     struct wire wire;
 *
 *     wire_open(&wire, "127.0.0.1");
 *     ... wire.client, wire.server ...
 *     wire_close(&wire);
 *
 * Threads: the test's.
 */
#ifndef RV_TEST_WIRE_H
#define RV_TEST_WIRE_H

#include <criterion/criterion.h>

#include <reveil/runtime.h>

#include "support/support.h"

struct wire {
    struct rv_runtime *runtime;
    struct rv_executor *executor;
    struct rv_addr addr;
    struct rv_stream listener;
    struct rv_stream client;
    struct rv_stream server;
};

/* --- one future at a time, until it is READY --------------------------- */

static inline int connect_to(struct wire *wire, const struct rv_addr *addr)
{
    struct rv_tcp_connect connect;
    int result;

    rv_tcp_connect_init(&connect, addr, &wire->client);
    result = rv_test_block_on(wire->executor, &connect.future);
    rv_drop(&connect.future);
    return result;
}

static inline int accept_one(struct wire *wire)
{
    struct rv_stream_accept accept;
    int result;

    rv_stream_accept_init(&accept, &wire->listener, &wire->server);
    result = rv_test_block_on(wire->executor, &accept.future);
    rv_drop(&accept.future);
    return result;
}

static inline int recv_some(struct wire *wire, struct rv_stream *stream,
                            void *buffer, size_t len_bytes)
{
    struct rv_stream_recv recv;
    int result;

    rv_stream_recv_init(&recv, stream, buffer, len_bytes);
    result = rv_test_block_on(wire->executor, &recv.future);
    rv_drop(&recv.future);
    return result;
}

static inline int send_all(struct wire *wire, struct rv_stream *stream,
                           const void *data, size_t len_bytes)
{
    struct rv_stream_send send;
    int result;

    rv_stream_send_init(&send, stream, data, len_bytes);
    result = rv_test_block_on(wire->executor, &send.future);
    if (result == 0)
        cr_assert_eq(send.sent_bytes, len_bytes);
    rv_drop(&send.future);
    return result;
}

/* --- the wire ---------------------------------------------------------- */

/* A runtime, started by `start`, and a listener. */
static inline int wire_listen_on(struct wire *wire, const char *host,
                                 int (*start)(struct rv_runtime **out))
{
    struct rv_addr any_port;
    int error;

    *wire = (struct wire){.runtime = NULL};
    cr_assert_eq(start(&wire->runtime), 0);
    wire->executor = rv_runtime_executor(wire->runtime);
    cr_assert_eq(rv_addr_parse(&any_port, host, 0), 0);
    error = rv_tcp_listen(&wire->listener, &any_port);
    if (!error)
        cr_assert_eq(rv_tcp_local_addr(&wire->listener, &wire->addr), 0);
    return error;
}

/* Returns: 0, or the error of the listen. */
static inline int wire_listen(struct wire *wire, const char *host)
{
    return wire_listen_on(wire, host, rv_test_runtime_start);
}

static inline void wire_open(struct wire *wire, const char *host)
{
    cr_assert_eq(wire_listen(wire, host), 0);
    cr_assert_eq(connect_to(wire, &wire->addr), 0);
    cr_assert_eq(accept_one(wire), 0);
}

/* With a reactor thread in any mode: for tests that wait with a probe, without
 * an executor that could sleep in epoll. */
static inline void wire_open_split(struct wire *wire, const char *host)
{
    cr_assert_eq(wire_listen_on(wire, host, rv_runtime_start), 0);
    cr_assert_eq(connect_to(wire, &wire->addr), 0);
    cr_assert_eq(accept_one(wire), 0);
}

static inline void wire_close(struct wire *wire)
{
    rv_stream_close(&wire->client);
    rv_stream_close(&wire->server);
    rv_stream_close(&wire->listener);
    rv_runtime_stop(wire->runtime);
}

#endif /* RV_TEST_WIRE_H */
