/* SPDX-License-Identifier: MIT */
/* sockets.c - see sockets.h. */
#include "net/sockets.h"

struct sockets sockets;

int __wrap_socket(int family, int type, int protocol)
{
    const int fd = __real_socket(family, type, protocol);

    if (sockets.made < SOCKETS_LOG)
        sockets.families[sockets.made] = family;
    sockets.made++;
    if (fd >= 0 && sockets.bind_to)
        (void)bind(fd, &sockets.bind_to->sa.base, sockets.bind_to->len_bytes);
    return fd;
}
