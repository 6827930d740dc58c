/* SPDX-License-Identifier: MIT */
/*
 * addr.c - convert addresses and ports from and to text.
 *
 * Threads: any.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <reveil/net.h>
#include <stdio.h>
#include <string.h>

#include "net/net_internal.h"

static int parse_v4(struct rv_addr *out, const char *host, uint16_t port)
{
    out->sa.v4.sin_family = AF_INET;
    out->sa.v4.sin_port = htons(port);
    out->len_bytes = sizeof out->sa.v4;
    return inet_pton(AF_INET, host, &out->sa.v4.sin_addr) == 1 ? 0 : -EINVAL;
}

static int parse_v6(struct rv_addr *out, const char *host, uint16_t port)
{
    out->sa.v6.sin6_family = AF_INET6;
    out->sa.v6.sin6_port = htons(port);
    out->len_bytes = sizeof out->sa.v6;
    return inet_pton(AF_INET6, host, &out->sa.v6.sin6_addr) == 1 ? 0 : -EINVAL;
}

int rv_addr_parse(struct rv_addr *out, const char *host, uint16_t port)
{
    if (strcmp(host, "localhost") == 0)
        host = "127.0.0.1";
    *out = (struct rv_addr){0};
    return strchr(host, ':') ? parse_v6(out, host, port)
                             : parse_v4(out, host, port);
}

static int parse_port(const char *text, uint16_t *port)
{
    unsigned number = 0;

    if (!*text)
        return -EINVAL;
    for (; *text; text++) {
        if (*text < '0' || *text > '9')
            return -EINVAL;
        number = number * 10 + (unsigned)(*text - '0');
        if (number > UINT16_MAX)
            return -EINVAL;
    }
    *port = (uint16_t)number;
    return 0;
}

int rv_host_port_parse(const char *text, char *host, size_t host_bytes,
                       uint16_t *port)
{
    const bool brackets = text[0] == '[';
    const char *start = brackets ? text + 1 : text;
    const size_t len = strcspn(start, brackets ? "]" : ":");
    const char *end = start + len;

    if (brackets && *end++ != ']')
        return -EINVAL;
    if (*end != ':')
        return -EINVAL;
    if (len >= host_bytes)
        return -ENAMETOOLONG;
    memcpy(host, start, len);
    host[len] = '\0';
    return parse_port(end + 1, port);
}

void rv_addr_settle(struct rv_addr *addr)
{
    static const size_t v4_at = 12; /* in an address ::ffff:1.2.3.4 */
    const struct in6_addr *v6 = &addr->sa.v6.sin6_addr;
    struct sockaddr_in v4 = {.sin_family = AF_INET,
                             .sin_port = addr->sa.v6.sin6_port};

    if (addr->sa.base.sa_family == AF_INET)
        return;
    if (addr->sa.base.sa_family != AF_INET6) {
        *addr = (struct rv_addr){0};
        return;
    }
    if (!IN6_IS_ADDR_V4MAPPED(v6))
        return;
    memcpy(&v4.sin_addr, v6->s6_addr + v4_at, sizeof v4.sin_addr);
    *addr = (struct rv_addr){.sa.v4 = v4, .len_bytes = sizeof v4};
}

uint16_t rv_addr_port(const struct rv_addr *addr)
{
    return ntohs(addr->sa.base.sa_family == AF_INET6 ? addr->sa.v6.sin6_port
                                                     : addr->sa.v4.sin_port);
}

void rv_addr_format(const struct rv_addr *addr, char text[RV_ADDR_TEXT])
{
    char host[INET6_ADDRSTRLEN] = "?";

    if (addr->sa.base.sa_family == AF_INET6) {
        inet_ntop(AF_INET6, &addr->sa.v6.sin6_addr, host, sizeof host);
        snprintf(text, RV_ADDR_TEXT, "[%s]:%u", host, rv_addr_port(addr));
        return;
    }
    inet_ntop(AF_INET, &addr->sa.v4.sin_addr, host, sizeof host);
    snprintf(text, RV_ADDR_TEXT, "%s:%u", host, rv_addr_port(addr));
}
