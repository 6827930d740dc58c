/* SPDX-License-Identifier: MIT */
/*
 * sockets.h - observe and change the sockets that the library makes. The
 * program of these tests is linked with --wrap=socket.
 *
 * Threads: the test's.
 */
#ifndef RV_TEST_SOCKETS_H
#define RV_TEST_SOCKETS_H

#include <reveil/net.h>

enum { SOCKETS_LOG = 32 };

struct sockets {
    const struct rv_addr
        *bind_to;              /* called with each new socket, if not NULL */
    int families[SOCKETS_LOG]; /* of the first sockets */
    uint32_t made;             /* since it was set to 0 */
};

extern struct sockets sockets;

int __real_socket(int family, int type, int protocol);
int __wrap_socket(int family, int type, int protocol);

#endif /* RV_TEST_SOCKETS_H */
