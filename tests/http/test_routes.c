/* SPDX-License-Identifier: MIT */
/* test_routes.c - a table of paths as a handler. */
#include <criterion/criterion.h>

#include <errno.h>
#include <reveil/async.h>
#include <stdio.h>

#include "serving.h"
#include "support/support.h"

RV_TEST_SUITE(http_routes);

/* --- a handler that awaits, and says the path --------------------------- */

struct echo {
    struct rv_future future;
    struct rv_http_exchange *x;
    struct rv_sleep nap;
    char room[4096]; /* a frame larger than that of a fixed response */
};

static enum rv_poll echo_poll(struct rv_future *future, struct rv_cx *cx)
{
    struct echo *self = RV_CONTAINER_OF(future, struct echo, future);
    struct rv_http_slice path;

    RV_BEGIN(future);
    memset(self->room, 1, sizeof self->room);
    rv_sleep_init(&self->nap, rv_after_ms(1));
    RV_AWAIT(future, cx, &self->nap.future);
    path = rv_http_path(self->x);
    RV_RETURN(future, rv_http_reply(self->x, 200, "text/plain",
                                    self->x->bytes + path.at, path.len));
    RV_END(future);
}

static void echo_drop(struct rv_future *future)
{
    rv_drop(&RV_CONTAINER_OF(future, struct echo, future)->nap.future);
}

static void echo_init(struct rv_future *frame, struct rv_http_exchange *x,
                      void *data)
{
    static const struct rv_future_ops ops = {
        .name = "echo", .poll = echo_poll, .drop = echo_drop};

    cr_assert_str_eq(data, "the handler's own");
    rv_future_init(frame, &ops);
    RV_CONTAINER_OF(frame, struct echo, future)->x = x;
}

static char own[] = "the handler's own";
static const struct rv_http_handler echo = {
    .frame_bytes = sizeof(struct echo), .init = echo_init, .data = own};

static const struct rv_http_route routes[] = {
    {.path = "/", .body = "home", .len_bytes = 4},
    {.path = "/empty", .status = 204},
    {.path = "/same", .status = 304, .body = "unsent", .len_bytes = 6},
    {.path = "/data.json",
     .type = "application/json",
     .body = "{}",
     .len_bytes = 2},
    {.path = "/teapot", .status = 418, .body = "short", .len_bytes = 5},
    {.path = "/echo", .handler = &echo},
    {.path = NULL},
};

/* --- tests ------------------------------------------------------------- */

struct expected {
    const char *request; /* its first line, without the version */
    const char *start;   /* of the response */
    const char *end;
};

static void check_all(const struct expected *cases, size_t count)
{
    struct serving serving = {.handler = rv_http_routes(routes)};
    char request[256];
    char text[1024];

    serving_start(&serving);
    for (size_t i = 0; i < count; i++) {
        const struct expected *want = &cases[i];

        snprintf(request, sizeof request,
                 "%s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
                 want->request);
        ask(serving.port, request, text, sizeof text);
        cr_assert_eq(strncmp(text, want->start, strlen(want->start)), 0,
                     "%s: %s", want->request, text);
        cr_assert_geq(strlen(text), strlen(want->end));
        cr_assert_str_eq(text + strlen(text) - strlen(want->end), want->end,
                         "%s: %s", want->request, text);
    }
    serving_stop(&serving);
}

RV_TEST(http_routes, a_path_has_its_response)
{
    static const struct expected cases[] = {
        {"GET /", "HTTP/1.1 200 OK\r\n", "\r\n\r\nhome"},
        {"GET /?x=/y", "HTTP/1.1 200 OK\r\n", "\r\n\r\nhome"},
        {"GET http://x", "HTTP/1.1 200 OK\r\n", "\r\n\r\nhome"},
        {"GET http://x?y=/empty", "HTTP/1.1 200 OK\r\n", "\r\n\r\nhome"},
        {"GET HTTP://x/", "HTTP/1.1 200 OK\r\n", "\r\n\r\nhome"},
        {"GET http://x/", "HTTP/1.1 200 OK\r\n", "\r\n\r\nhome"},
        {"GET /empty", "HTTP/1.1 204 No Content\r\n", "\r\n\r\n"},
        {"HEAD /empty", "HTTP/1.1 204 No Content\r\n", "\r\n\r\n"},
        {"GET /teapot", "HTTP/1.1 418 ", "\r\n\r\nshort"},
        {"GET /data.json", "HTTP/1.1 200 OK\r\n",
         "Content-Type: application/json\r\nContent-Length: 2\r\n"
         "Connection: close\r\n\r\n{}"},
        {"HEAD /", "HTTP/1.1 200 OK\r\n", "\r\n\r\n"},
    };

    check_all(cases, sizeof cases / sizeof cases[0]);
}

RV_TEST(http_routes, a_path_may_have_a_handler)
{
    static const struct expected cases[] = {
        {"GET /echo?q", "HTTP/1.1 200 OK\r\n", "\r\n\r\n/echo"},
        {"PUT /echo", "HTTP/1.1 200 OK\r\n", "\r\n\r\n/echo"},
        {"GET http://a.b:1/echo?q", "HTTP/1.1 200 OK\r\n", "\r\n\r\n/echo"},
        {"GET HtTp://[::1]:1/echo", "HTTP/1.1 200 OK\r\n", "\r\n\r\n/echo"},
    };

    check_all(cases, sizeof cases / sizeof cases[0]);
}

RV_TEST(http_routes, what_is_not_there_is_a_404_and_a_wrong_method_a_405)
{
    static const struct expected cases[] = {
        {"GET /nothing", "HTTP/1.1 404 ", "\r\n\r\n404 Not Found\n"},
        {"PUT /nothing", "HTTP/1.1 404 ", "\r\n\r\n404 Not Found\n"},
        {"GET /ech", "HTTP/1.1 404 ", "\n"},
        {"GET /echo/", "HTTP/1.1 404 ", "\n"},
        {"OPTIONS *", "HTTP/1.1 404 ", "\n"},
        {"CONNECT x:1", "HTTP/1.1 404 ", "\n"},
        {"GET ftp://x/echo", "HTTP/1.1 404 ", "\n"},
        {"POST /", "HTTP/1.1 405 ", "\r\n\r\n405 Method Not Allowed\n"},
        {"GETS /", "HTTP/1.1 405 ", "\n"},
    };

    check_all(cases, sizeof cases / sizeof cases[0]);
}

/* There is no body: neither bytes nor a length. */
RV_TEST(http_routes, some_responses_have_no_body)
{
    static const struct expected cases[] = {
        {"GET /empty", "HTTP/1.1 204 No Content\r\nDate: ",
         " GMT\r\nContent-Type: text/plain\r\nConnection: close\r\n\r\n"},
        {"GET /same", "HTTP/1.1 304 Not Modified\r\nDate: ",
         " GMT\r\nContent-Type: text/plain\r\nConnection: close\r\n\r\n"},
    };

    check_all(cases, sizeof cases / sizeof cases[0]);
}

/* --- parameters, prefixes, methods -----------------------------------------
 */

static size_t append_param(const struct rv_http_exchange *x, const char *name,
                           char *text, size_t at, size_t size)
{
    const struct rv_http_slice param = rv_http_param(x, name);

    return at + (size_t)snprintf(text + at, size - at, " %s=%.*s", name,
                                 (int)param.len, x->bytes + param.at);
}

/* What the handler sees: its name, and the parameters "id", "no" and "*". */
static int32_t tell(struct rv_http_exchange *x, void *data)
{
    const struct rv_http_slice query = rv_http_query(x);
    char text[256];
    size_t at = (size_t)snprintf(text, sizeof text, "[%s", (char *)data);

    at = append_param(x, "id", text, at, sizeof text);
    at = append_param(x, "no", text, at, sizeof text);
    at = append_param(x, "*", text, at, sizeof text);
    at += (size_t)snprintf(text + at, sizeof text - at, " ?%.*s]",
                           (int)query.len, x->bytes + query.at);
    return rv_http_reply(x, 200, "text/plain", text, at);
}

static int32_t is_put(struct rv_http_exchange *x, void *data)
{
    (void)data;
    cr_assert(rv_http_is_method(x, "PUT") && !rv_http_is_method(x, "PU"));
    return rv_http_reply(x, 200, "text/plain", "put", 3);
}

static const struct rv_http_route rest[] = {
    {.path = "/users", .method = "GET", .run = tell, .data = "list"},
    {.path = "/users", .method = "POST", .run = tell, .data = "add"},
    {.path = "/users/me", .run = tell, .data = "me"},
    {.path = "/users/:id", .method = "GET", .run = tell, .data = "one"},
    {.path = "/users/:id", .method = "PUT", .run = is_put},
    {.path = "/users/:id/posts/:no", .run = tell, .data = "post"},
    {.path = "/files/*", .method = "GET", .run = tell, .data = "file"},
    {.path = "/:id/x", .run = tell, .data = "x"},
    {.path = "/a:b", .body = "colon", .len_bytes = 5},
    {.path = "/form", .method = "POST", .body = "posted", .len_bytes = 6},
    {.path = NULL},
};

static void check_rest(const struct expected *cases, size_t count)
{
    struct serving serving = {.handler = rv_http_routes(rest)};
    char request[256];
    char text[1024];

    serving_start(&serving);
    for (size_t i = 0; i < count; i++) {
        snprintf(request, sizeof request,
                 "%s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
                 cases[i].request);
        ask(serving.port, request, text, sizeof text);
        cr_assert_eq(strncmp(text, cases[i].start, strlen(cases[i].start)), 0,
                     "%s: %s", cases[i].request, text);
        cr_assert(strstr(text, cases[i].end), "%s: %s", cases[i].request, text);
    }
    serving_stop(&serving);
}

RV_TEST(http_routes, a_path_has_parameters)
{
    static const struct expected cases[] = {
        {"GET /users", "HTTP/1.1 200 ", "[list id= no= *= ?]"},
        {"GET /users?a=b", "HTTP/1.1 200 ", "[list id= no= *= ?a=b]"},
        {"POST /users", "HTTP/1.1 200 ", "[add id="},
        {"GET /users/7", "HTTP/1.1 200 ", "[one id=7 no= *= ?]"},
        {"GET /users/7?x=/y", "HTTP/1.1 200 ", "[one id=7 no= *= ?x=/y]"},
        {"GET http://h/users/7", "HTTP/1.1 200 ", "[one id=7 no= *= ?]"},
        {"GET /users/a%2Fb", "HTTP/1.1 200 ", "[one id=a%2Fb no="},
        {"GET /users/me", "HTTP/1.1 200 ", "[me id= no="},
        {"PUT /users/7", "HTTP/1.1 200 ", "\r\n\r\nput"},
        {"GET /users/7/posts/12", "HTTP/1.1 200 ", "[post id=7 no=12 *= ?]"},
        {"GET /7/x", "HTTP/1.1 200 ", "[x id=7 no="},
        {"GET /a:b", "HTTP/1.1 200 ", "colon"},
        {"GET /users/", "HTTP/1.1 404 ", "404"},
        {"GET /users/7/", "HTTP/1.1 404 ", "404"},
        {"GET /users/7/posts", "HTTP/1.1 404 ", "404"},
        {"GET //x", "HTTP/1.1 404 ", "404"},
        {"GET /axb", "HTTP/1.1 404 ", "404"},
    };

    check_rest(cases, sizeof cases / sizeof cases[0]);
}

RV_TEST(http_routes, a_path_is_a_prefix)
{
    static const struct expected cases[] = {
        {"GET /files/", "HTTP/1.1 200 ", "[file id= no= *= ?]"},
        {"GET /files/a/b.c?d", "HTTP/1.1 200 ", "[file id= no= *=a/b.c ?d]"},
        {"GET /files/../x", "HTTP/1.1 200 ", "*=../x ?]"},
        {"GET /files", "HTTP/1.1 404 ", "404"},
        {"GET /filesx", "HTTP/1.1 404 ", "404"},
    };

    check_rest(cases, sizeof cases / sizeof cases[0]);
}

RV_TEST(http_routes, a_405_names_the_methods)
{
    static const struct expected cases[] = {
        {"DELETE /users", "HTTP/1.1 405 ", "\r\nAllow: GET, HEAD, POST\r\n"},
        {"DELETE /users/7", "HTTP/1.1 405 ", "\r\nAllow: GET, HEAD, PUT\r\n"},
        {"GET /form", "HTTP/1.1 405 ", "\r\nAllow: POST\r\n"},
        {"HEAD /form", "HTTP/1.1 405 ", "\r\nAllow: POST\r\n"},
        {"POST /form", "HTTP/1.1 200 ", "posted"},
        {"POST /a:b", "HTTP/1.1 405 ", "\r\nAllow: GET, HEAD\r\n"},
        {"HEAD /users", "HTTP/1.1 200 ", "\r\nContent-Length: 19\r\n"},
    };

    check_rest(cases, sizeof cases / sizeof cases[0]);
}

RV_TEST(http_routes, parameters_are_decoded)
{
    static const struct {
        const char *text;
        bool plus;
        ssize_t result;
        const char *want;
    } cases[] = {
        {"", false, 0, ""},
        {"abc", false, 3, "abc"},
        {"a%2Fb", false, 3, "a/b"},
        {"%41%62", false, 2, "Ab"},
        {"a+b", false, 3, "a+b"},
        {"a+b", true, 3, "a b"},
        {"%2B", true, 1, "+"},
        {"%", false, -EINVAL, NULL},
        {"%4", false, -EINVAL, NULL},
        {"%4g", false, -EINVAL, NULL},
        {"a%00", false, -EINVAL, NULL},
        {"12345678", false, -EMSGSIZE, NULL},
        {"1234567", false, 7, "1234567"},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char out[8];
        const ssize_t result =
            rv_http_decode(out, sizeof out, cases[i].text,
                           strlen(cases[i].text), cases[i].plus);

        cr_assert_eq(result, cases[i].result, "%s: %zd", cases[i].text, result);
        if (result >= 0)
            cr_assert_str_eq(out, cases[i].want);
    }
    cr_assert_eq(rv_http_decode(NULL, 0, "", 0, false), -EMSGSIZE);
}
