/* SPDX-License-Identifier: MIT */
/* net_internal.h - what the files of the net part share. */
#ifndef RV_NET_INTERNAL_H
#define RV_NET_INTERNAL_H

#include <reveil/net.h>

/*
 * Make a socket of a non-blocking descriptor: register it with the thread's
 * reactor. On error `fd` is closed. Returns: 0, -ENODEV, as rv_source_open().
 */
int rv_tcp_adopt(struct rv_tcp *out, int fd);

#endif /* RV_NET_INTERNAL_H */
