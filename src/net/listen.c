/* SPDX-License-Identifier: MIT */
/*
 * listen.c - open a listening TCP socket, by address or by name.
 *
 * Threads: the executor's.
 */
#include <errno.h>
#include <limits.h>
#include <reveil/coro.h>
#include <reveil/resolve.h>
#include <stdio.h>
#include <unistd.h>

#include "base/base_internal.h"
#include "coro/host.h"
#include "net/net_internal.h"

enum { BACKLOG = 4096 }; /* cut to net.core.somaxconn by the kernel */

static int switch_on(int fd, int option)
{
    const int yes = 1;

    return setsockopt(fd, SOL_SOCKET, option, &yes, sizeof yes) < 0 ? -errno
                                                                    : 0;
}

/*
 * The first of several listeners that share a port binds without SO_REUSEPORT,
 * so that bind() fails if any other socket uses the port. Then it sets the
 * option, which lets the others bind as well.
 *
 * Returns: 0, negative errno.
 */
static int bind_and_listen(int fd, const struct rv_addr *addr,
                           const struct rv_listen_options *options)
{
    const uint32_t backlog = options->backlog ? options->backlog : BACKLOG;
    int error = switch_on(fd, SO_REUSEADDR);

    if (!error && options->reuse_port && !options->first)
        error = switch_on(fd, SO_REUSEPORT);
    if (!error && bind(fd, &addr->sa.base, addr->len_bytes) < 0)
        error = -errno;
    if (!error && options->reuse_port && options->first)
        error = switch_on(fd, SO_REUSEPORT);
    if (!error && listen(fd, backlog < INT_MAX ? (int)backlog : INT_MAX) < 0)
        error = -errno;
    return error;
}

int rv_tcp_socket(const struct rv_addr *addr)
{
    return rv_fd_above_stdio(socket(addr->sa.base.sa_family,
                                    SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC,
                                    IPPROTO_TCP));
}

int rv_tcp_listen_with(struct rv_stream *out, const struct rv_addr *addr,
                       const struct rv_listen_options *options)
{
    static const struct rv_listen_options standard;
    const int fd = rv_tcp_socket(addr);
    char text[RV_ADDR_TEXT];
    int error;

    if (fd < 0)
        return fd;
    error = bind_and_listen(fd, addr, options ? options : &standard);
    rv_addr_format(addr, text);
    if (rv_coro_note(error, text)) {
        close(fd);
        return error;
    }
    return rv_stream_adopt_plain(out, fd);
}

int rv_tcp_listen(struct rv_stream *out, const struct rv_addr *addr)
{
    return rv_tcp_listen_with(out, addr, NULL);
}

/* --- by name ----------------------------------------------------------- */

/* Both families on one socket: net.ipv6.bindv6only is overridden. Returns: 0;
 * -EAFNOSUPPORT, -EADDRNOTAVAIL: the machine has no IPv6; negative errno. */
static int listen_on_both(struct rv_stream *out, uint16_t port)
{
    static const struct rv_listen_options standard;
    const int no = 0;
    struct rv_addr addr;
    char text[RV_ADDR_TEXT];
    int error;
    int fd;

    rv_addr_parse(&addr, "::", port);
    snprintf(text, sizeof text, "*:%d", port);
    fd = rv_tcp_socket(&addr);
    if (fd < 0)
        return fd;
    if (setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &no, sizeof no) < 0)
        error = -errno;
    else
        error = bind_and_listen(fd, &addr, &standard);
    if (!rv_coro_note(error, text))
        return rv_stream_adopt_plain(out, fd);
    close(fd);
    return error;
}

/* Listen on the first address of a name that belongs to this machine. Returns:
 * 0; the error of the first address, or of the lookup. */
static int listen_on_name(struct rv_stream *out, const char *host,
                          uint16_t port)
{
    struct rv_resolve resolve;
    int first_error = 0;
    int count;

    rv_resolve_init(&resolve, host, port);
    count = rv_await(&resolve.future);
    for (int i = 0; i < count; i++) {
        const int error = rv_tcp_listen(out, &resolve.addrs[i]);

        if (!error) {
            rv_drop(&resolve.future);
            return 0;
        }
        if (!first_error)
            first_error = error;
    }
    rv_drop(&resolve.future);
    return count < 0 ? count : first_error;
}

int rv_tcp_listen_at(struct rv_stream *out, const char *host, uint16_t port)
{
    struct rv_addr addr;
    int error;

    *out = (struct rv_stream){0};
    if (host[0] == '\0' || strcmp(host, "*") == 0) {
        error = listen_on_both(out, port);
        if (error != -EAFNOSUPPORT && error != -EADDRNOTAVAIL)
            return error;
        host = "0.0.0.0";
    }
    if (rv_addr_parse(&addr, host, port) == 0)
        return rv_tcp_listen(out, &addr);
    if (!rv_coro_current())
        return -EINVAL;
    return listen_on_name(out, host, port);
}
