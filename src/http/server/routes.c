/* SPDX-License-Identifier: MIT */
/*
 * routes.c - a handler that chooses the response from a table of paths.
 *
 * Threads: the executor's.
 */
#include <reveil/http_server.h>
#include <string.h>

#include "base/base_internal.h"
#include "http/message/target.h"
#include "http/message/writer.h"
#include "http/server/connection.h"

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

struct rv_http_slice rv_http_query(const struct rv_http_exchange *exchange)
{
    const struct rv_http_slice target = exchange->head->target;
    const char *start = exchange->bytes + target.at;
    const char *query = memchr(start, '?', target.len);
    struct rv_http_slice slice = {target.at + target.len, 0};

    if (query) {
        slice.at = target.at + (uint32_t)(query - start) + 1;
        slice.len = target.at + target.len - slice.at;
    }
    return slice;
}

bool rv_http_is_method(const struct rv_http_exchange *exchange,
                       const char *method)
{
    const struct rv_http_slice is = exchange->head->method;

    return is.len == strlen(method) &&
           memcmp(exchange->bytes + is.at, method, is.len) == 0;
}

struct rv_http_slice rv_http_param(const struct rv_http_exchange *exchange,
                                   const char *name)
{
    const size_t len = strlen(name);

    for (uint32_t i = 0; i < exchange->param_count; i++) {
        const struct rv_http_param *param = &exchange->params[i];

        if (param->name_len == len && memcmp(param->name, name, len) == 0)
            return param->value;
    }
    return (struct rv_http_slice){0, 0};
}

/* --- find the route ---------------------------------------------------- */

/* The bytes before the next slash or the end. */
static uint32_t part_len(const char *text, const char *end)
{
    const char *at = text;

    while (at < end && *at != '\0' && *at != '/')
        at++;
    return (uint32_t)(at - text);
}

static bool is_part(const char *path, const char *at)
{
    return *at == ':' && at > path && at[-1] == '/';
}

static void add_param(struct rv_http_exchange *exchange, const char *name,
                      uint32_t name_len, struct rv_http_slice value)
{
    exchange->params[exchange->param_count++] = (struct rv_http_param){
        .name = name, .name_len = name_len, .value = value};
}

/* Compare a path with that of a route, and store the parameters. */
static bool has_path(struct rv_http_exchange *exchange, const char *pattern,
                     struct rv_http_slice path)
{
    const char *start = exchange->bytes + path.at;
    const char *end = start + path.len;
    const char *text = start;

    exchange->param_count = 0;
    for (const char *at = pattern; *at != '\0';) {
        struct rv_http_slice rest = {path.at + (uint32_t)(text - start),
                                     (uint32_t)(end - text)};

        if (at[0] == '*' && at[1] == '\0') {
            add_param(exchange, at, 1, rest);
            return true;
        }
        if (is_part(pattern, at)) {
            const uint32_t name_len = part_len(at + 1, at + strlen(at));

            rest.len = part_len(text, end);
            if (rest.len == 0)
                return false;
            add_param(exchange, at + 1, name_len, rest);
            at += 1 + name_len;
            text += rest.len;
        } else if (text == end || *text++ != *at++) {
            return false;
        }
    }
    return text == end;
}

static bool has_method(const struct rv_http_route *route,
                       const struct rv_http_exchange *exchange)
{
    const bool fixed = !route->handler && !route->run;
    const char *method = fixed && !route->method ? "GET" : route->method;

    return !method || rv_http_is_method(exchange, method) ||
           (exchange->head_only && strcmp(method, "GET") == 0);
}

/* For a 405: the methods of all routes with the path. */
static void allow(struct rv_http_exchange *exchange,
                  const struct rv_http_route *routes, struct rv_http_slice path)
{
    char text[128];
    struct rv_http_writer out = {.at = text, .end = text + sizeof text - 1};

    for (; routes->path; routes++) {
        const char *method = routes->method ? routes->method : "GET";

        if (!has_path(exchange, routes->path, path))
            continue;
        rv_http_append(&out, out.at > text ? ", " : "");
        rv_http_append(&out, method);
        rv_http_append(&out, strcmp(method, "GET") == 0 ? ", HEAD" : "");
    }
    *out.at = '\0';
    /* Without memory, the response is sent without this header. */
    (void)rv_http_write_header(exchange->connection, "Allow", text);
}

static const struct rv_http_route *
find_route(const struct rv_http_route *routes,
           struct rv_http_exchange *exchange)
{
    const struct rv_http_slice path = rv_http_path(exchange);
    bool has = false;

    for (const struct rv_http_route *route = routes; route->path; route++) {
        if (!has_path(exchange, route->path, path))
            continue;
        if (has_method(route, exchange))
            return route;
        has = true;
    }
    if (has)
        allow(exchange, routes, path);
    return has ? &not_allowed : &not_found;
}

/* --- the handlers ------------------------------------------------------- */

static void fixed_init(struct rv_future *frame,
                       struct rv_http_exchange *exchange, void *data)
{
    static const struct rv_future_ops ops = {.name = "http-route",
                                             .poll = fixed_poll};
    struct fixed *self = RV_CONTAINER_OF(frame, struct fixed, future);

    (void)data;
    rv_future_init(frame, &ops);
    self->exchange = exchange;
    self->route = exchange->route;
}

static const struct rv_http_handler *choose(struct rv_http_exchange *exchange,
                                            void *data)
{
    static const struct rv_http_handler fixed = {.frame_bytes =
                                                     sizeof(struct fixed),
                                                 .init = fixed_init,
                                                 .takes_body = true};
    const struct rv_http_route *route = find_route(data, exchange);
    struct rv_http_handler *routed = &exchange->connection->routed;

    exchange->route = route;
    if (route->handler)
        return route->handler;
    if (!route->run)
        return &fixed;
    routed->run = route->run;
    routed->data = route->data;
    return routed;
}

static void check_path(const char *path)
{
    uint32_t params = 0;

    for (const char *at = path; *at != '\0'; at++)
        params += is_part(path, at) || (at[0] == '*' && at[1] == '\0');
    RV_CHECK(params <= RV_HTTP_PARAMS, "a route with too many parameters");
}

struct rv_http_handler rv_http_routes(const struct rv_http_route *routes)
{
    struct rv_http_handler handler = {.frame_bytes = sizeof(struct fixed),
                                      .choose = choose,
                                      .data = (void *)(uintptr_t)routes};

    for (; routes->path; routes++) {
        check_path(routes->path);
        if (routes->handler &&
            routes->handler->frame_bytes > handler.frame_bytes)
            handler.frame_bytes = routes->handler->frame_bytes;
    }
    return handler;
}
