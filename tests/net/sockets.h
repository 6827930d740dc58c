/* SPDX-License-Identifier: MIT */
/*
 * sockets.h - a look at the sockets that the library makes, and a hand on them:
 * the program of these tests is linked with --wrap=socket.
 *
 * Threads: the test's.
 */
#ifndef RV_TEST_SOCKETS_H
#define RV_TEST_SOCKETS_H

#include <reveil/net.h>

enum { SOCKETS_LOG = 32 };

struct sockets {
    const struct rv_addr *bind_to; /* each new one, if it is not NULL */
    int families[SOCKETS_LOG];     /* of the first ones */
    uint32_t made;                 /* since it was set to 0 */
};

extern struct sockets sockets;

int __real_socket(int family, int type, int protocol);
int __wrap_socket(int family, int type, int protocol);

#endif /* RV_TEST_SOCKETS_H */
