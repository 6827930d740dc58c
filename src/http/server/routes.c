/* SPDX-License-Identifier: MIT */
/*
 * routes.c - a handler that chooses the response from a table of paths.
 *
 * Threads: the executor's.
 */
#include <reveil/http_server.h>
#include <string.h>

#include "http/message/target.h"

/* A handler that sends the fixed response of a route. */
struct fixed {
    struct rv_future future;
    struct rv_http_exchange *exchange;
    const struct rv_http_route *route;
};

static const struct rv_http_route not_found = {
    .status = 404, .body = "404 Not Found\n", .len_bytes = 14};
static const struct rv_http_route not_allowed = {
    .status = 405, .body = "405 Method Not Allowed\n", .len_bytes = 23};

static enum rv_poll fixed_poll(struct rv_future *future, struct rv_cx *cx)
{
    struct fixed *self = RV_CONTAINER_OF(future, struct fixed, future);
    const struct rv_http_route *route = self->route;

    (void)cx;
    future->result =
        rv_http_reply(self->exchange, route->status ? route->status : 200,
                      route->type ? route->type : "text/plain", route->body,
                      route->len_bytes);
    return RV_READY;
}

struct rv_http_slice rv_http_path(const struct rv_http_exchange *exchange)
{
    const struct rv_http_slice target = exchange->head->target;
    struct rv_http_slice path = rv_http_origin(exchange->bytes, target);
    const char *start = exchange->bytes + path.at;
    const char *query = memchr(start, '?', path.len);

    if (query)
        path.len = (uint32_t)(query - start);
    /* "http://host" requests "/": use the second slash of "http://" as the
     * path, since the slice must refer to the request. */
    if (path.len == 0)
        path = (struct rv_http_slice){target.at + sizeof "http:/" - 1, 1};
    return path;
}

static bool is_path(const struct rv_http_route *route, const char *path,
                    size_t len)
{
    return strlen(route->path) == len && memcmp(route->path, path, len) == 0;
}

static const struct rv_http_route *
find_route(const struct rv_http_route *routes,
           const struct rv_http_exchange *exchange)
{
    const struct rv_http_slice path = rv_http_path(exchange);

    for (; routes->path; routes++)
        if (is_path(routes, exchange->bytes + path.at, path.len))
            return routes;
    return &not_found;
}

static bool is_get(const struct rv_http_exchange *exchange)
{
    const struct rv_http_slice method = exchange->head->method;

    return exchange->head_only ||
           (method.len == 3 &&
            memcmp(exchange->bytes + method.at, "GET", 3) == 0);
}

static void routes_init(struct rv_future *frame,
                        struct rv_http_exchange *exchange, void *data)
{
    static const struct rv_future_ops ops = {.name = "http-route",
                                             .poll = fixed_poll};
    const struct rv_http_route *route = find_route(data, exchange);
    struct fixed *self = RV_CONTAINER_OF(frame, struct fixed, future);

    if (route->handler) {
        route->handler->init(frame, exchange, route->handler->data);
        return;
    }
    if (route != &not_found && !is_get(exchange))
        route = &not_allowed;
    rv_future_init(frame, &ops);
    self->exchange = exchange;
    self->route = route;
}

struct rv_http_handler rv_http_routes(const struct rv_http_route *routes)
{
    struct rv_http_handler handler = {.frame_bytes = sizeof(struct fixed),
                                      .init = routes_init,
                                      .data = (void *)(uintptr_t)routes};

    for (; routes->path; routes++)
        if (routes->handler &&
            routes->handler->frame_bytes > handler.frame_bytes)
            handler.frame_bytes = routes->handler->frame_bytes;
    return handler;
}
