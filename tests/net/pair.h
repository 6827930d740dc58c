/* SPDX-License-Identifier: MIT */
/*
 * pair.h - two ends of a connection, made by plain calls in a coroutine.
 *
 *     struct pair pair;
 *
 *     HOST_CHECK(pair_open(&pair) == 0);
 *     ... pair.client, pair.server ...
 *     pair_close(&pair);
 */
#ifndef RV_TEST_PAIR_H
#define RV_TEST_PAIR_H

#include <errno.h>
#include <reveil/reveil.h>
#include <string.h>

#include "support/hosts.h"

struct pair {
    struct rv_stream listener;
    struct rv_stream client;
    struct rv_stream server;
    struct rv_addr addr;
    struct rv_addr peer; /* as accept has stored it */
};

static inline void pair_close(struct pair *pair)
{
    rv_stream_close(&pair->client);
    rv_stream_close(&pair->server);
    rv_stream_close(&pair->listener);
}

/* Returns: 0, or an error; then nothing is open. */
static inline int pair_open(struct pair *pair)
{
    int error;

    memset(pair, 0, sizeof *pair);
    error = rv_tcp_listen_at(&pair->listener, "127.0.0.1", 0);
    if (!error)
        error = rv_tcp_local_addr(&pair->listener, &pair->addr);
    if (!error)
        error = rv_tcp_connect(&pair->addr, &pair->client, RV_NEVER);
    if (!error)
        error = rv_stream_accept(&pair->listener, &pair->server, &pair->peer,
                                 RV_NEVER);
    if (error)
        pair_close(pair);
    return error;
}

/* Send until the kernel accepts no more. Returns: 0, negative errno. */
static inline int pair_fill(struct rv_stream *stream)
{
    static const char block[65536];
    ssize_t n;

    while ((n = rv_stream_try_send(stream, block, sizeof block)) > 0)
        ;
    return n == -EAGAIN ? 0 : (int)n;
}

#endif /* RV_TEST_PAIR_H */
