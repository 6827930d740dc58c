/* SPDX-License-Identifier: MIT */
/*
 * test_itself.c - a connect to a port without a listener that gets the same
 * port as its source port: TCP connects the socket to itself.
 *
 * The kernel does so by chance, once in some thousand connects; here each
 * socket of the library is bound to the port before it connects.
 *
 * Threads: the test's and the reactor's.
 */
#include <criterion/criterion.h>

#include <errno.h>
#include <reveil/resolve.h>
#include <unistd.h>

#include "net/sockets.h"
#include "net/wire.h"
#include "support/support.h"

RV_TEST_SUITE(itself);

/* A port of `host` without a listener. Returns: false: there is no such
 * address. */
static bool find_free(struct rv_addr *addr, const char *host)
{
    int fd;
    bool bound;

    cr_assert_eq(rv_addr_parse(addr, host, 0), 0);
    fd = socket(addr->sa.base.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bound = fd >= 0 && bind(fd, &addr->sa.base, addr->len_bytes) == 0 &&
            getsockname(fd, &addr->sa.base, &addr->len_bytes) == 0;
    close(fd);
    return bound;
}

/* Whether this machine connects a socket to itself. */
static bool happens_here(const struct rv_addr *addr)
{
    const int fd =
        socket(addr->sa.base.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const struct linger at_once = {.l_onoff = 1};
    bool happens;

    happens = bind(fd, &addr->sa.base, addr->len_bytes) == 0 &&
              connect(fd, &addr->sa.base, addr->len_bytes) == 0;
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    close(fd);
    return happens;
}

static int connect_with(struct wire *wire, const struct rv_addr *addr,
                        const char *first)
{
    struct rv_tcp_connect connect;
    int result;

    rv_tcp_connect_init(&connect, addr, &wire->client);
    connect.first = first;
    connect.first_len_bytes = first ? strlen(first) : 0;
    result = rv_test_block_on(wire->executor, &connect.future);
    if (result < 0)
        cr_assert_eq(connect.first_sent_bytes, 0);
    rv_drop(&connect.future);
    return result;
}

RV_TEST(itself, nobody_is_there)
{
    static const char *const hosts[] = {"127.0.0.1", "127.9.9.9", "::1"};
    struct rv_addr addr;
    struct wire wire;

    cr_assert_eq(wire_listen(&wire, "127.0.0.1"), 0);
    for (size_t i = 0; i < sizeof hosts / sizeof hosts[0]; i++) {
        if (!find_free(&addr, hosts[i]))
            continue; /* no IPv6 */
        cr_assert(happens_here(&addr));
        sockets.bind_to = &addr;
        for (int j = 0; j < 2; j++) {
            cr_assert_eq(connect_with(&wire, &addr, j ? "word" : NULL),
                         -ECONNREFUSED, "%s", hosts[i]);
            cr_assert_eq(rv_stream_fd(&wire.client), -1);
        }
        sockets.bind_to = NULL;
        cr_assert(happens_here(&addr)); /* the port was released */
    }
    wire_close(&wire);
}

/* 0.0.0.0 means this machine. */
RV_TEST(itself, not_at_the_address_that_means_any_either)
{
    struct rv_addr own;
    struct rv_addr any;
    struct wire wire;

    cr_assert_eq(wire_listen(&wire, "127.0.0.1"), 0);
    cr_assert(find_free(&own, "127.0.0.1"));
    cr_assert_eq(rv_addr_parse(&any, "0.0.0.0", rv_addr_port(&own)), 0);
    sockets.bind_to = &own;
    cr_assert_eq(connect_with(&wire, &any, NULL), -ECONNREFUSED);
    sockets.bind_to = NULL;
    wire_close(&wire);
}

RV_TEST(itself, a_dial_is_refused_too)
{
    struct rv_addr addr;
    struct rv_dial dial;
    struct wire wire;

    cr_assert_eq(wire_listen(&wire, "127.0.0.1"), 0);
    cr_assert(find_free(&addr, "127.0.0.1"));
    rv_dial_init(&dial, "127.0.0.1", rv_addr_port(&addr), RV_NEVER,
                 &wire.client);
    sockets.bind_to = &addr;
    cr_assert_eq(rv_test_block_on(wire.executor, &dial.future), -ECONNREFUSED);
    sockets.bind_to = NULL;
    rv_drop(&dial.future);
    wire_close(&wire);
}

/* The same port of another address is another peer. */
RV_TEST(itself, the_same_port_alone_is_no_reason)
{
    struct rv_addr own;
    struct wire wire;

    cr_assert_eq(wire_listen(&wire, "127.0.0.1"), 0);
    cr_assert_eq(rv_addr_parse(&own, "127.9.9.9", rv_addr_port(&wire.addr)), 0);
    sockets.bind_to = &own;
    cr_assert_eq(connect_with(&wire, &wire.addr, "word"), 0);
    sockets.bind_to = NULL;
    cr_assert_eq(accept_one(&wire), 0);
    wire_close(&wire);
}
