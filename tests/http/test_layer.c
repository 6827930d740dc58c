/* SPDX-License-Identifier: MIT */
/*
 * test_layer.c - client and server with a layer between HTTP and the socket.
 *
 * The layer stands for TLS: it exchanges a greeting first, turns every bit,
 * passes at most a few bytes at a time, makes every second call wait, and ends
 * with a byte of its own.
 */
#include <criterion/criterion.h>

#include <errno.h>
#include <reveil/async.h>
#include <reveil/coro.h>
#include <reveil/http_client.h>
#include <stdio.h>

#include "serving.h"
#include "support/failing_alloc.h"
#include "support/support.h"

RV_TEST_SUITE(http_layer);

/* --- the layer ------------------------------------------------------------ */

enum { GREETING = 3, END = 0x55 }; /* END: not a turned byte of these tests */

struct turner {
    struct rv_http_layer layer;
    size_t step; /* bytes of a call, at most */
    int error;   /* of open */
    _Atomic int opened;
    _Atomic int closed;
    char host[64]; /* of the last open */
};

struct turned {
    struct rv_io io;
    struct rv_io *lower;
    struct turner *turner;
    int greeted; /* bytes of the greeting sent */
    int heard;   /* and received */
    bool read_waited;
    bool write_waited;
    bool ended;
};

static struct turned *turned_of(struct rv_io *io)
{
    return RV_CONTAINER_OF(io, struct turned, io);
}

/* Every second call of a direction has to wait. */
static bool must_wait(bool *waited, struct rv_cx *cx)
{
    *waited = !*waited;
    if (*waited)
        rv_waker_wake(&cx->waker);
    return *waited;
}

static int greet(struct turned *self, struct rv_cx *cx)
{
    ssize_t n = 1;
    char byte = '!';

    while (self->greeted < GREETING && n > 0) {
        n = rv_io_poll_write(self->lower, cx, &byte, 1);
        self->greeted += n > 0;
    }
    while (self->heard < GREETING && n > 0) {
        n = rv_io_poll_read(self->lower, cx, &byte, 1);
        self->heard += n > 0;
    }
    return n > 0 ? 0 : n == 0 ? -EPIPE : (int)n;
}

static ssize_t turned_read(struct rv_io *io, struct rv_cx *cx, void *buffer,
                           size_t len)
{
    struct turned *self = turned_of(io);
    unsigned char *bytes = buffer;
    const int error = greet(self, cx);
    ssize_t n;

    if (error < 0)
        return error;
    if (self->ended || must_wait(&self->read_waited, cx))
        return self->ended ? 0 : -EAGAIN;
    n = rv_io_poll_read(self->lower, cx, buffer,
                        len < self->turner->step ? len : self->turner->step);
    if (n == 0)
        return -EPIPE;
    for (ssize_t i = 0; i < n; i++) {
        if (bytes[i] == END) {
            self->ended = true;
            return i;
        }
        bytes[i] = (unsigned char)~bytes[i];
    }
    return n;
}

static ssize_t turned_write(struct rv_io *io, struct rv_cx *cx,
                            const void *data, size_t len)
{
    struct turned *self = turned_of(io);
    const unsigned char *bytes = data;
    unsigned char copy[4096];
    const int error = greet(self, cx);

    if (error < 0)
        return error;
    if (must_wait(&self->write_waited, cx))
        return -EAGAIN;
    if (len > self->turner->step)
        len = self->turner->step;
    for (size_t i = 0; i < len; i++)
        copy[i] = (unsigned char)~bytes[i];
    return rv_io_poll_write(self->lower, cx, copy, len);
}

static int turned_shutdown(struct rv_io *io, struct rv_cx *cx)
{
    struct turned *self = turned_of(io);
    const unsigned char end = END;
    const ssize_t n = rv_io_poll_write(self->lower, cx, &end, 1);

    return n < 0 ? (int)n : rv_io_poll_shutdown(self->lower, cx);
}

static int turner_open(struct rv_http_layer *layer, struct rv_io *lower,
                       const char *host, struct rv_io **out)
{
    static const struct rv_io_ops ops = {.name = "turned",
                                         .poll_read = turned_read,
                                         .poll_write = turned_write,
                                         .poll_shutdown = turned_shutdown};
    struct turner *turner = RV_CONTAINER_OF(layer, struct turner, layer);
    struct turned *self;

    if (turner->error < 0)
        return turner->error;
    self = rv_alloc(sizeof *self);
    if (!self)
        return -ENOMEM;
    *self = (struct turned){.io.ops = &ops, .lower = lower, .turner = turner};
    if (host)
        snprintf(turner->host, sizeof turner->host, "%s", host);
    turner->opened++;
    *out = &self->io;
    return 0;
}

static void turner_close(struct rv_http_layer *layer, struct rv_io *io)
{
    RV_CONTAINER_OF(layer, struct turner, layer)->closed++;
    rv_free(turned_of(io));
}

static const struct rv_http_layer_ops turner_ops = {
    .name = "turner", .open = turner_open, .close = turner_close};

static struct turner there = {.layer.ops = &turner_ops, .step = 4096};
static struct turner here = {.layer.ops = &turner_ops, .step = 4096};

/* --- the server ------------------------------------------------------------
 */

static int32_t copy(struct rv_http_exchange *x, void *data)
{
    char piece[3000];
    int error = rv_http_begin(x, 200, "text/plain", -1);
    int n = 0;

    (void)data;
    cr_assert_eq(x->stream, NULL);
    while (error == 0 &&
           (n = rv_http_recv(x, piece, sizeof piece, RV_NEVER)) > 0)
        error = rv_http_send(x, piece, (size_t)n, RV_NEVER);
    return error < 0 ? error : n;
}

static int32_t move(struct rv_http_exchange *x, void *data)
{
    rv_http_add_header(x, "Location", data);
    return rv_http_reply(x, 302, NULL, "", 0);
}

static int32_t hang_up(struct rv_http_exchange *x, void *data)
{
    (void)x;
    (void)data;
    return RV_HTTP_HANG_UP;
}

static char elsewhere[128]; /* the URL of another server */

static const struct rv_http_route routes[] = {
    {.path = "/copy", .run = copy},
    {.path = "/fixed", .body = "fixed", .len_bytes = 5},
    {.path = "/moved", .run = move, .data = "/fixed"},
    {.path = "/elsewhere", .run = move, .data = elsewhere},
    {.path = "/hang-up", .run = hang_up},
    {.path = NULL},
};

static void use_layer(struct rv_http_server *server)
{
    server->layer = &there.layer;
    server->limits.body_bytes = 1 << 24;
}

static struct serving serving;
static struct serving plain;
static struct rv_http_client client;

static int32_t (*body)(void);

static int32_t enter(void *arg)
{
    (void)arg;
    return body();
}

/* Run it in a coroutine, with both servers. */
static void with_servers(int32_t (*run)(void))
{
    struct rv_runtime *runtime;
    struct rv_join join;

    serving = (struct serving){.handler = rv_http_routes(routes),
                               .adjust = use_layer};
    plain = (struct serving){.handler = rv_http_routes(routes)};
    serving_start(&serving);
    serving_start(&plain);
    snprintf(elsewhere, sizeof elsewhere, "http://127.0.0.1:%u/fixed",
             (unsigned)plain.port);
    cr_assert_eq(rv_test_runtime_start(&runtime), 0);
    rv_http_client_init(&client);
    body = run;
    cr_assert_eq(
        rv_coro_spawn(rv_runtime_executor(runtime), enter, NULL, NULL, &join),
        0);
    cr_assert_eq(rv_runtime_block_on(runtime, &join.future), 0);
    rv_join_drop(&join);
    rv_http_client_fini(&client);
    rv_runtime_stop(runtime);
    serving_stop(&serving);
    serving_stop(&plain);
    cr_assert_eq(here.opened, here.closed);
    cr_assert_eq(there.opened, there.closed);
}

static void begin(struct rv_http_get *get, const char *method, const char *path)
{
    char url[128];

    snprintf(url, sizeof url, "https://127.0.0.1:%u%s", (unsigned)serving.port,
             path);
    cr_assert_eq(rv_https_request_init(get, method, url, &here.layer), 0);
    get->client = &client;
}

static char much[50000];

/* --- both sides
 * --------------------------------------------------------------- */

static int32_t both_sides(void)
{
    static const size_t steps[] = {1, 7, 4096};
    struct rv_http_get get;

    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        const size_t len = steps[i] == 1 ? 300 : sizeof much;

        here.step = there.step = steps[i];
        begin(&get, "GET", "/fixed");
        cr_assert_eq(rv_http_fetch(&get, RV_NEVER), 0);
        cr_assert_eq(get.body_len_bytes, 5);
        cr_assert_str_eq(here.host, "127.0.0.1");
        rv_drop(&get.future);
        for (int kept = 0; kept < 2; kept++) {
            begin(&get, "POST", "/copy");
            get.client = kept ? &client : NULL;
            rv_http_get_send(&get, much, len);
            cr_assert_eq(rv_http_fetch(&get, RV_NEVER), 0);
            cr_assert_eq(get.body_len_bytes, len);
            cr_assert_eq(memcmp(get.body, much, len), 0);
            rv_drop(&get.future);
        }
    }
    cr_assert_eq(client.opened, 1);
    cr_assert_eq(client.reused, 5);
    return 0;
}

RV_TEST(http_layer, requests_pass_through_it)
{
    memset(much, 'x', sizeof much);
    with_servers(both_sides);
}

static int32_t redirects(void)
{
    struct rv_http_get get;

    begin(&get, "GET", "/moved");
    get.max_redirects = 1;
    cr_assert_eq(rv_http_fetch(&get, RV_NEVER), 0);
    cr_assert_eq(strncmp(get.url, "https://127.0.0.1:", 18), 0);
    cr_assert_eq(get.body_len_bytes, 5);
    rv_drop(&get.future);

    begin(&get, "GET", "/elsewhere"); /* to http */
    get.max_redirects = 1;
    cr_assert_eq(rv_http_fetch(&get, RV_NEVER), 0);
    cr_assert_str_eq(get.url, elsewhere);
    cr_assert_eq(get.body_len_bytes, 5);
    rv_drop(&get.future);

    /* And back: each needs a layer or none, on the same client. */
    cr_assert_eq(rv_https_request_init(&get, "GET", elsewhere, &here.layer), 0);
    get.client = &client;
    cr_assert_eq(rv_http_fetch(&get, RV_NEVER), 0);
    rv_drop(&get.future);
    cr_assert_eq(client.opened, 2);
    return 0;
}

RV_TEST(http_layer, redirects_change_between_http_and_https)
{
    with_servers(redirects);
}

static int32_t failures(void)
{
    struct rv_http_get get;

    cr_assert_eq(rv_http_request_init(&get, "GET", "https://x/"),
                 -EPROTONOSUPPORT);
    cr_assert_eq(rv_https_request_init(&get, "GET", "ftp://x/", &here.layer),
                 -EPROTONOSUPPORT);

    here.error = -EKEYREJECTED;
    begin(&get, "GET", "/fixed");
    cr_assert_eq(rv_http_fetch(&get, RV_NEVER), -EKEYREJECTED);
    rv_drop(&get.future);
    here.error = 0;

    begin(&get, "GET", "/hang-up");
    cr_assert_eq(rv_http_fetch(&get, RV_NEVER), -EPIPE);
    rv_drop(&get.future);

    there.error = -EIO; /* the server closes at once */
    begin(&get, "GET", "/fixed");
    cr_assert_lt(rv_http_fetch(&get, RV_NEVER), 0);
    rv_drop(&get.future);
    there.error = 0;

    begin(&get, "GET", "/fixed"); /* the deadline, in the greeting */
    cr_assert_eq(rv_http_fetch(&get, 0), -ETIMEDOUT);
    rv_drop(&get.future);
    return 0;
}

RV_TEST(http_layer, an_error_of_it_ends_the_connection)
{
    with_servers(failures);
}

/* A server without a layer hears no HTTP, and one with it no greeting. */
static int32_t strangers(void)
{
    struct rv_http_get get;
    char url[128];

    snprintf(url, sizeof url, "https://127.0.0.1:%u/fixed",
             (unsigned)plain.port);
    cr_assert_eq(rv_https_request_init(&get, "GET", url, &here.layer), 0);
    cr_assert_lt(rv_http_fetch(&get, rv_after_ms(50)), 0);
    rv_drop(&get.future);
    return 0;
}

RV_TEST(http_layer, a_peer_without_it_is_an_error)
{
    with_servers(strangers);
}

/* --- dropped anywhere
 * ------------------------------------------------------------ */

struct cut {
    struct rv_future future;
    struct rv_http_get *get;
    int polls;
    bool over;
};

static enum rv_poll cut_poll(struct rv_future *future, struct rv_cx *cx)
{
    struct cut *self = RV_CONTAINER_OF(future, struct cut, future);

    if (self->polls-- == 0)
        return RV_READY;
    self->over = rv_poll(&self->get->future, cx) == RV_READY;
    return self->over ? RV_READY : RV_PENDING;
}

static int32_t cut_everywhere(void)
{
    static const struct rv_future_ops ops = {.name = "cut", .poll = cut_poll};
    struct cut cut = {.over = false};
    struct rv_http_get get;

    for (int polls = 0; !cut.over; polls++) {
        cut = (struct cut){.get = &get, .polls = polls};
        rv_future_init(&cut.future, &ops);
        begin(&get, "POST", "/copy");
        rv_http_get_send(&get, much, 10000);
        rv_await(&cut.future);
        rv_drop(&get.future);
        cr_assert_lt(polls, 10000);
    }
    return 0;
}

RV_TEST(http_layer, a_request_is_dropped_after_each_of_its_polls)
{
    with_servers(cut_everywhere);
}

/* --- without memory
 * ----------------------------------------------------------------- */

struct both {
    struct rv_future future;
    struct rv_http_server server;
    struct rv_http_get get;
};

static enum rv_poll both_poll(struct rv_future *future, struct rv_cx *cx)
{
    struct both *self = RV_CONTAINER_OF(future, struct both, future);

    if (rv_poll(&self->server.future, cx) == RV_READY) {
        future->result = self->server.future.result;
        return RV_READY;
    }
    if (rv_poll(&self->get.future, cx) == RV_PENDING)
        return RV_PENDING;
    future->result = self->get.future.result;
    return RV_READY;
}

static int in_one_thread(void *arg)
{
    static const struct rv_future_ops ops = {.name = "both", .poll = both_poll};
    const struct rv_http_handler handler = rv_http_routes(routes);
    struct both self = {.get.url = NULL};
    struct rv_runtime *runtime;
    struct rv_addr addr;
    char url[128];
    int error = rv_test_runtime_start(&runtime);

    (void)arg;
    if (error < 0)
        return error;
    rv_future_init(&self.future, &ops);
    cr_assert_eq(rv_addr_parse(&addr, "127.0.0.1", 0), 0);
    error = rv_http_server_init(&self.server, &addr, &handler);
    if (error == 0)
        error = rv_http_server_addr(&self.server, &addr);
    if (error == 0) {
        self.server.layer = &there.layer;
        snprintf(url, sizeof url, "https://127.0.0.1:%u/copy",
                 (unsigned)rv_addr_port(&addr));
        error = rv_https_request_init(&self.get, "POST", url, &here.layer);
    }
    if (error == 0) {
        rv_http_get_send(&self.get, much, 5000);
        self.get.deadline_ns = rv_after_ms(RV_TEST_WAIT_MS);
        error = rv_runtime_block_on(runtime, &self.future);
    }
    rv_drop(&self.get.future);
    rv_drop(&self.server.future);
    rv_runtime_stop(runtime);
    rv_coro_trim();
    cr_assert_eq(here.opened, here.closed);
    return error;
}

RV_TEST(http_layer, every_allocation_may_fail)
{
    cr_assert_geq(rv_fail_each_alloc_alone(in_one_thread, NULL), 8);
}
