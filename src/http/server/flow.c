/* SPDX-License-Identifier: MIT */
/*
 * flow.c - is the peer reading what is sent?
 *
 * Whether send() accepts data says little: it only fills the kernel's buffer,
 * and the socket becomes writable long after the peer has read. But tcp_info
 * counts the acknowledged bytes, and a peer that does not read acknowledges
 * nothing once its receive buffer is full.
 *
 * A slow peer acknowledges nothing for a while either: its window stays closed
 * until it has read a good part of its buffer, and then opens by all of that at
 * once (100 KiB and more on loopback). Therefore each acknowledged step extends
 * the deadline by the time to read it at SLOW_BYTES_PER_S.
 *
 * Threads: the executor's.
 */
#include <linux/sockios.h>
#include <linux/tcp.h> /* not netinet/tcp.h, whose tcp_info ends too early */
#include <sys/ioctl.h>

#include "base/base_internal.h"
#include "http/server/connection.h"

enum {
    SLOW_BYTES_PER_S = 10000,
    STEP_BYTES_MAX =
        256 * 1024, /* of a larger step, the rest was surely read */
    LIMITS_MAX = 8  /* the extension is at most 8 times the limit */
};

void rv_http_flow_start(struct rv_http_connection *conn)
{
    conn->taken_bytes = UINT64_MAX; /* the first check counts as progress */
    conn->due_ns = 0;
}

/*
 * The number of bytes that the peer has acknowledged. Where the kernel does not
 * count them (an old kernel, a Unix socket), the length of the send queue,
 * which changes when the peer reads.
 *
 * Returns: true if *out is a count of bytes.
 */
static bool count_taken(int fd, int waiting, uint64_t *out)
{
    struct tcp_info info = {0};
    socklen_t len = sizeof info;

    *out = (uint64_t)waiting;
    if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len) < 0 ||
        len < offsetof(struct tcp_info, tcpi_bytes_acked) +
                  sizeof info.tcpi_bytes_acked)
        return false;
    *out = info.tcpi_bytes_acked;
    return true;
}

/* The time that a slow peer needs to read this much. */
static int64_t time_to_read(uint64_t bytes)
{
    if (bytes > STEP_BYTES_MAX)
        bytes = STEP_BYTES_MAX;
    return (int64_t)bytes * (RV_NS_PER_S / SLOW_BYTES_PER_S);
}

/* The peer has acknowledged `bytes` more: the next deadline for progress. */
static int64_t next_due(int64_t due_ns, uint64_t bytes, int64_t limit_ns)
{
    const int64_t now_ns = rv_now_ns();
    const int64_t most_ns = time_to_read(STEP_BYTES_MAX);
    int64_t left_ns = due_ns > now_ns ? due_ns - now_ns : 0;

    left_ns += time_to_read(bytes);
    if (left_ns > most_ns)
        left_ns = most_ns;
    if (left_ns / LIMITS_MAX >= limit_ns)
        left_ns = LIMITS_MAX * limit_ns;
    return rv_after_ns(left_ns > limit_ns ? left_ns : limit_ns);
}

bool rv_http_flow_is_stuck(struct rv_http_connection *conn, int64_t limit_ns)
{
    const int fd = rv_stream_fd(&conn->stream);
    const uint64_t before =
        conn->taken_bytes == UINT64_MAX ? 0 : conn->taken_bytes;
    uint64_t now_taken;
    uint64_t more = 0;
    int waiting = 0;

    if (ioctl(fd, SIOCOUTQ, &waiting) < 0 || waiting == 0) {
        rv_http_flow_start(conn);
        return false;
    }
    if (count_taken(fd, waiting, &now_taken))
        more = now_taken - before;
    if (now_taken == conn->taken_bytes)
        return rv_now_ns() >= conn->due_ns;
    conn->taken_bytes = now_taken;
    conn->due_ns = next_due(conn->due_ns, more, limit_ns);
    return false;
}
