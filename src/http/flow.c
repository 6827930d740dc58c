/* SPDX-License-Identifier: MIT */
/*
 * flow.c - does what is sent arrive?
 *
 * A handler that sends by itself fills the kernel's buffer; only the kernel
 * knows whether the peer takes anything out of it: tcp_info counts the bytes
 * that were acknowledged. A peer that does not read acknowledges nothing, once
 * its own buffer is full.
 *
 * Threads: the executor's.
 */
#include <linux/sockios.h>
#include <linux/tcp.h> /* not netinet/tcp.h, whose tcp_info ends too early */
#include <sys/ioctl.h>

#include "http/connection.h"

void rv_http_flow_start(struct rv_http_connection *conn)
{
    conn->acked_bytes = UINT64_MAX; /* whatever is seen first is news */
}

/* Returns: false when nothing waits to be taken, or that cannot be known. */
static bool look(int fd, uint64_t *acked_bytes)
{
    struct tcp_info info = {0};
    socklen_t len = sizeof info;
    int waiting = 0;

    if (ioctl(fd, SIOCOUTQ, &waiting) < 0 || waiting == 0)
        return false;
    if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len) < 0 ||
        len < offsetof(struct tcp_info, tcpi_bytes_acked) +
                  sizeof info.tcpi_bytes_acked)
        return false;
    *acked_bytes = info.tcpi_bytes_acked;
    return true;
}

bool rv_http_flow_is_stuck(struct rv_http_connection *conn, int64_t limit_ns)
{
    const int64_t now_ns = rv_now_ns();
    uint64_t acked_bytes = UINT64_MAX;

    if (!look(rv_tcp_fd(&conn->tcp), &acked_bytes) ||
        acked_bytes != conn->acked_bytes) {
        conn->acked_bytes = acked_bytes;
        conn->moved_ns = now_ns;
        return false;
    }
    return now_ns - conn->moved_ns >= limit_ns;
}
