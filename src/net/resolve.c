/* SPDX-License-Identifier: MIT */
/*
 * resolve.c - getaddrinfo() on the blocking pool.
 *
 * Threads: the executor's. look_up() runs on a pool thread; free_lookup() may
 * run on either.
 *
 * The name and the list of addresses are in one block of memory, which is lent
 * to the call while it runs: if the future is dropped, getaddrinfo() still runs
 * and writes there. An address in text and "localhost" need no such block.
 */
#include <errno.h>
#include <netdb.h>
#include <reveil/resolve.h>
#include <string.h>
#include <strings.h>

struct rv_lookup {
    char host[RV_RESOLVE_NAME];
    uint16_t port;
    struct rv_addr addrs[RV_RESOLVE_ADDRS];
};

/* --- on a pool thread -------------------------------------------------- */

/* Translate an error of getaddrinfo() into the errno that resolve.h names. */
static int32_t error_of(int eai, int error)
{
    switch (eai) {
    case EAI_NONAME:
    case EAI_NODATA:
    case EAI_ADDRFAMILY:
    case EAI_SERVICE:
        return -ENXIO;
    case EAI_MEMORY:
        return -ENOMEM;
    case EAI_OVERFLOW:
        return -ENAMETOOLONG;
    case EAI_SYSTEM:
        return error > 0 && error != EAGAIN ? -error : -EREMOTEIO;
    default:
        return -EREMOTEIO;
    }
}

static void set_port(struct rv_addr *addr, uint16_t port)
{
    if (addr->sa.base.sa_family == AF_INET6)
        addr->sa.v6.sin6_port = htons(port);
    else
        addr->sa.v4.sin_port = htons(port);
}

/* Returns: how many addresses were copied. */
static int32_t copy_addrs(struct rv_lookup *lookup, const struct addrinfo *info)
{
    int32_t count = 0;

    for (; info && count < RV_RESOLVE_ADDRS; info = info->ai_next) {
        struct rv_addr *addr = &lookup->addrs[count];

        if (info->ai_family != AF_INET && info->ai_family != AF_INET6)
            continue;
        memcpy(&addr->sa, info->ai_addr, info->ai_addrlen);
        addr->len_bytes = info->ai_addrlen;
        set_port(addr, lookup->port);
        count++;
    }
    return count;
}

static int32_t look_up(void *arg)
{
    /* One entry per address: without this, one for each socket type. */
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
    struct rv_lookup *lookup = arg;
    struct addrinfo *info;
    int32_t count;
    int eai = getaddrinfo(lookup->host, NULL, &hints, &info);

    if (eai)
        return error_of(eai, errno);
    count = copy_addrs(lookup, info);
    freeaddrinfo(info);
    return count > 0 ? count : -ENXIO;
}

static void free_lookup(void *arg)
{
    rv_free(arg);
}

/* --- on the executor's thread ------------------------------------------ */

/* Fill in the addresses that need no lookup. Returns: how many there are; 0 if
 * the host is a name. */
static int32_t known_addrs(struct rv_resolve *self)
{
    bool local = strcasecmp(self->host, "localhost") == 0;

    if (rv_addr_parse(&self->own[0], local ? "127.0.0.1" : self->host,
                      self->port) < 0)
        return 0;
    if (local)
        rv_addr_parse(&self->own[1], "::1", self->port);
    self->addrs = self->own;
    return local ? 2 : 1;
}

/* Set up the call on the pool.
 * Returns: 0, -EINVAL, -ENAMETOOLONG, -ENOMEM. */
static int32_t prepare_lookup(struct rv_resolve *self)
{
    const size_t len = strlen(self->host);

    if (len == 0 || len >= RV_RESOLVE_NAME)
        return len == 0 ? -EINVAL : -ENAMETOOLONG;
    self->lookup = rv_alloc(sizeof *self->lookup);
    if (!self->lookup)
        return -ENOMEM;
    memcpy(self->lookup->host, self->host, len + 1);
    self->lookup->port = self->port;
    rv_blocking_init_slow(&self->call, look_up, self->lookup, free_lookup);
    return 0;
}

static enum rv_poll resolve_poll(struct rv_future *future, struct rv_cx *cx)
{
    struct rv_resolve *self =
        RV_CONTAINER_OF(future, struct rv_resolve, future);

    if (!self->lookup) {
        future->result = known_addrs(self);
        if (future->result == 0)
            future->result = prepare_lookup(self);
        if (future->result != 0)
            return RV_READY;
    }
    if (rv_poll(&self->call.future, cx) == RV_PENDING)
        return RV_PENDING;
    future->result = self->call.future.result;
    if (future->result == -EAGAIN) /* no pool thread could be created */
        future->result = -ENOMEM;
    self->addrs = self->lookup->addrs;
    return RV_READY;
}

/* While the call is queued or running, the lookup belongs to it, and its drop
 * frees it. Otherwise the lookup is this future's. */
static void resolve_drop(struct rv_future *future)
{
    struct rv_resolve *self =
        RV_CONTAINER_OF(future, struct rv_resolve, future);

    if (self->lookup && self->call.future.at != RV_AT_END)
        rv_drop(&self->call.future);
    else
        rv_free(self->lookup);
    self->lookup = NULL;
    self->addrs = NULL;
}

void rv_resolve_init(struct rv_resolve *resolve, const char *host,
                     uint16_t port)
{
    static const struct rv_future_ops ops = {
        .name = "rv_resolve", .poll = resolve_poll, .drop = resolve_drop};

    *resolve = (struct rv_resolve){.host = host, .port = port};
    rv_future_init(&resolve->future, &ops);
}
