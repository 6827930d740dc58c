/* SPDX-License-Identifier: MIT */
/*
 * black_hole.h - an address that never responds: a listener whose queue is
 * full, so that the kernel ignores new connections.
 *
 * Threads: the test's.
 */
#ifndef RV_TEST_BLACK_HOLE_H
#define RV_TEST_BLACK_HOLE_H

#include <criterion/criterion.h>

#include <reveil/net.h>
#include <unistd.h>

#include "net/wire.h"

struct black_hole {
    struct rv_addr addr;
    int fds[4]; /* the listener, and those that fill its queue */
};

/* A socket on this port (0: a free one) of an IPv4 address. Returns: false if
 * the port is taken. */
static inline bool black_hole_open(struct black_hole *hole, const char *host,
                                   uint16_t port)
{
    struct rv_addr *addr = &hole->addr;

    cr_assert_eq(rv_addr_parse(addr, host, port), 0);
    for (int i = 0; i < 4; i++)
        hole->fds[i] =
            socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (bind(hole->fds[0], &addr->sa.base, addr->len_bytes) < 0)
        return false;
    cr_assert_eq(listen(hole->fds[0], 0), 0);
    cr_assert_eq(getsockname(hole->fds[0], &addr->sa.base, &addr->len_bytes),
                 0);
    for (int i = 1; i < 4; i++)
        cr_assert_eq(connect(hole->fds[i], &addr->sa.base, addr->len_bytes),
                     -1);
    return true;
}

static inline void black_hole_close(const struct black_hole *hole)
{
    for (int i = 0; i < 4; i++)
        close(hole->fds[i]);
}

/* Listen on ::1, behind a black hole on the same port of 127.0.0.1. Returns:
 * false: there is no IPv6. */
static inline bool listen_behind(struct wire *wire, struct black_hole *hole)
{
    while (wire_listen(wire, "::1") == 0) {
        if (black_hole_open(hole, "127.0.0.1", rv_addr_port(&wire->addr)))
            return true;
        black_hole_close(hole);
        wire_close(wire);
    }
    wire_close(wire);
    return false;
}

#endif /* RV_TEST_BLACK_HOLE_H */
