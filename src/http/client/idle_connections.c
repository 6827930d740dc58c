/* SPDX-License-Identifier: MIT */
/*
 * idle_connections.c - open connections without a request.
 *
 * All are in one list, ordered by the time at which they became idle, the
 * oldest first. A search starts at the end: the connection used last is the
 * least likely to have been closed by the server.
 *
 * Threads: the executor's.
 */
#include <errno.h>
#include <string.h>
#include <strings.h>

#include "http/client/client_internal.h"

enum { MAX_IDLE = 64, MAX_IDLE_PER_HOST = 8, MAX_IDLE_S = 60 };

struct idle {
    struct rv_list node;
    struct rv_stream stream;
    struct rv_http_link *link;   /* or this, which has the socket */
    struct rv_http_layer *layer; /* of the link */
    int64_t since_ns;
    uint16_t port;
    size_t host_len;
    char host[]; /* as in the URL, not NUL-terminated */
};

static struct idle *idle_of(struct rv_list *node)
{
    return RV_CONTAINER_OF(node, struct idle, node);
}

static void forget(struct rv_http_client *client, struct idle *idle)
{
    rv_list_remove(&idle->node);
    client->idle_count--;
    rv_http_link_close(idle->link);
    rv_stream_close(&idle->stream);
    rv_free(idle);
}

static void forget_oldest(struct rv_http_client *client)
{
    forget(client, idle_of(client->idle.next));
}

static void forget_expired(struct rv_http_client *client)
{
    const int64_t now_ns = rv_now_ns();

    while (client->idle_count > 0 &&
           now_ns - idle_of(client->idle.next)->since_ns >= client->max_idle_ns)
        forget_oldest(client);
}

static bool leads_to(const struct idle *idle, const struct rv_http_peer *peer)
{
    return idle->port == peer->port && idle->layer == peer->layer &&
           idle->host_len == peer->host_len &&
           strncasecmp(idle->host, peer->host, peer->host_len) == 0;
}

/* An idle connection has nothing to receive. The end of the stream, an error or
 * unrequested data makes it unusable. */
static bool is_usable(const struct idle *idle)
{
    const struct rv_stream *stream =
        idle->link ? &idle->link->stream : &idle->stream;
    char byte;

    return recv(rv_stream_fd(stream), &byte, 1, MSG_PEEK | MSG_DONTWAIT) < 0 &&
           errno == EAGAIN;
}

bool rv_http_client_reuse(struct rv_http_client *client,
                          const struct rv_http_peer *peer,
                          struct rv_stream *stream, struct rv_http_link **link)
{
    struct rv_list *node;
    struct rv_list *before;

    forget_expired(client);
    for (node = client->idle.prev; node != &client->idle; node = before) {
        struct idle *idle = idle_of(node);

        before = node->prev;
        if (!leads_to(idle, peer))
            continue;
        if (is_usable(idle)) {
            *stream = idle->stream;
            *link = idle->link;
            idle->stream = (struct rv_stream){0};
            idle->link = NULL;
        }
        forget(client, idle);
        if (*link || rv_stream_fd(stream) >= 0)
            return true;
    }
    return false;
}

static uint32_t count_to(const struct rv_http_client *client,
                         const struct rv_http_peer *peer)
{
    const struct rv_list *node;
    uint32_t count = 0;

    for (node = client->idle.next; node != &client->idle; node = node->next)
        count += leads_to(RV_CONTAINER_OF(node, struct idle, node), peer);
    return count;
}

void rv_http_client_keep(struct rv_http_client *client,
                         const struct rv_http_peer *peer,
                         struct rv_stream *stream, struct rv_http_link **link)
{
    struct rv_stream *socket = *link ? &(*link)->stream : stream;
    struct idle *idle = NULL;

    forget_expired(client);
    if (client->max_idle > 0 &&
        count_to(client, peer) < client->max_idle_per_host)
        idle = rv_alloc(sizeof *idle + peer->host_len);
    if (!idle) {
        rv_http_link_close(*link);
        *link = NULL;
        rv_stream_close(stream);
        return;
    }
    while (client->idle_count >= client->max_idle)
        forget_oldest(client);
    rv_source_forget(socket->source, RV_READ);
    rv_source_forget(socket->source, RV_WRITE);
    idle->stream = *stream;
    idle->link = *link;
    idle->layer = peer->layer;
    *stream = (struct rv_stream){0};
    *link = NULL;
    idle->since_ns = rv_now_ns();
    idle->port = peer->port;
    idle->host_len = peer->host_len;
    memcpy(idle->host, peer->host, peer->host_len);
    rv_list_push(&client->idle, &idle->node);
    client->idle_count++;
}

void rv_http_client_init(struct rv_http_client *client)
{
    *client = (struct rv_http_client){.max_idle = MAX_IDLE,
                                      .max_idle_per_host = MAX_IDLE_PER_HOST,
                                      .max_idle_ns = MAX_IDLE_S * RV_NS_PER_S};
    rv_list_init(&client->idle);
}

void rv_http_client_fini(struct rv_http_client *client)
{
    while (client->idle_count > 0)
        forget_oldest(client);
}

uint32_t rv_http_client_idle(const struct rv_http_client *client)
{
    return client->idle_count;
}
