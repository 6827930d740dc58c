/* SPDX-License-Identifier: MIT */
/*
 * pipeline_server.c - a server whose handlers take all of a body, a part of it
 * or nothing. For test_pipeline.py; prints its port.
 *
 *     /whole   sends the body back        /pieces  as well, piece by piece
 *     /first   sends up to FIRST_BYTES of it, and leaves the rest
 *     /nothing does not look at it        /future  as well, in a future
 *     /fixed   is a route with a body of its own
 */
#include <reveil/reveil.h>
#include <stdio.h>
#include <stdlib.h>

enum { MOST_BYTES = 1 << 20, PIECE_BYTES = 777, FIRST_BYTES = 10 };

static int32_t whole(struct rv_http_exchange *x, void *data)
{
    char *body = malloc(MOST_BYTES);
    size_t len_bytes = 0;
    int error =
        body ? rv_http_recv_whole(x, body, MOST_BYTES, &len_bytes, RV_NEVER)
             : -ENOMEM;

    (void)data;
    if (error >= 0)
        error = rv_http_reply(x, 200, "text/plain", body, len_bytes);
    free(body);
    return error;
}

static int32_t pieces(struct rv_http_exchange *x, void *data)
{
    char piece[PIECE_BYTES];
    int n = rv_http_begin(x, 200, "text/plain", -1);

    (void)data;
    while (n >= 0 && (n = rv_http_recv(x, piece, sizeof piece, RV_NEVER)) > 0)
        n = rv_http_send(x, piece, (size_t)n, RV_NEVER);
    return n;
}

static int32_t first(struct rv_http_exchange *x, void *data)
{
    char piece[FIRST_BYTES];
    const int n = rv_http_recv(x, piece, sizeof piece, RV_NEVER);

    (void)data;
    return n < 0 ? n : rv_http_reply(x, 200, "text/plain", piece, (size_t)n);
}

static int32_t nothing(struct rv_http_exchange *x, void *data)
{
    (void)data;
    return rv_http_reply(x, 200, "text/plain", "nothing", 7);
}

struct at_once {
    struct rv_future future;
    struct rv_http_exchange *exchange;
};

static enum rv_poll at_once_poll(struct rv_future *future, struct rv_cx *cx)
{
    struct at_once *self = (struct at_once *)future;

    (void)cx;
    future->result =
        rv_http_reply(self->exchange, 200, "text/plain", "future", 6);
    return RV_READY;
}

static void at_once_init(struct rv_future *future, struct rv_http_exchange *x,
                         void *data)
{
    static const struct rv_future_ops ops = {.name = "at_once",
                                             .poll = at_once_poll};

    (void)data;
    rv_future_init(future, &ops);
    ((struct at_once *)future)->exchange = x;
}

static int32_t run(void *arg)
{
    static const struct rv_http_handler future = {
        .frame_bytes = sizeof(struct at_once), .init = at_once_init};
    static const struct rv_http_route routes[] = {
        {.path = "/whole", .run = whole},
        {.path = "/pieces", .run = pieces},
        {.path = "/first", .run = first},
        {.path = "/nothing", .run = nothing},
        {.path = "/future", .handler = &future},
        {.path = "/fixed", .method = "POST", .body = "fixed", .len_bytes = 5},
        {.path = NULL}};
    const struct rv_http_handler handler = rv_http_routes(routes);
    struct rv_http_server server;
    struct rv_addr addr;
    int error;

    (void)arg;
    rv_addr_parse(&addr, "127.0.0.1", 0);
    error = rv_http_server_init(&server, &addr, &handler);
    if (error < 0)
        return error;
    server.limits.line_bytes = 20000;
    server.limits.head_bytes = 30000;
    rv_http_server_addr(&server, &addr);
    printf("%d\n", rv_addr_port(&addr));
    fflush(stdout);
    return rv_http_serve(&server, 0);
}

int main(void)
{
    return rv_exit_status("pipeline_server", rv_run(run, NULL));
}
