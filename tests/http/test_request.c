/* SPDX-License-Identifier: MIT */
/* test_request.c - requests with methods, headers and bodies. */
#include <criterion/criterion.h>

#include <errno.h>
#include <fcntl.h>
#include <reveil/async.h>
#include <reveil/coro.h>
#include <reveil/http_client.h>
#include <stdio.h>
#include <stdlib.h>

#include "serving.h"
#include "support/failing_alloc.h"
#include "support/support.h"
#include "talker.h"

RV_TEST_SUITE(http_request);

/* --- a server that tells what it has received -------------------------------
 */

/* "POST 5 bytes, sum 532, type text/plain" */
static int32_t tell(struct rv_http_exchange *x, void *data)
{
    const struct rv_http_slice *type =
        rv_http_find_header(x->head, x->bytes, "Content-Type");
    char piece[8192];
    char text[256];
    uint64_t total = 0;
    uint64_t sum = 0;
    int n;

    (void)data;
    while ((n = rv_http_recv(x, piece, sizeof piece, RV_NEVER)) > 0) {
        total += (uint64_t)n;
        for (int i = 0; i < n; i++)
            sum += (unsigned char)piece[i];
    }
    if (n < 0)
        return n;
    n = snprintf(text, sizeof text, "%.*s %llu bytes, sum %llu, type %.*s",
                 (int)x->head->method.len, x->bytes + x->head->method.at,
                 (unsigned long long)total, (unsigned long long)sum,
                 type ? (int)type->len : 0, type ? x->bytes + type->at : "");
    return rv_http_reply(x, 201, "text/plain", text, (size_t)n);
}

static int32_t redirect(struct rv_http_exchange *x, void *data)
{
    const int *status = data;

    rv_http_add_header(x, "Location", "/tell");
    return rv_http_reply(x, *status, "text/plain", "moved", 5);
}

/* The same after the whole body. */
static int32_t redirect_late(struct rv_http_exchange *x, void *data)
{
    char piece[1024];
    int n;

    while ((n = rv_http_recv(x, piece, sizeof piece, RV_NEVER)) > 0)
        ;
    return n < 0 ? n : redirect(x, data);
}

static int32_t too_large(struct rv_http_exchange *x, void *data)
{
    (void)data;
    return rv_http_reply(x, 413, "text/plain", "no", 2);
}

static int32_t pieces(struct rv_http_exchange *x, void *data)
{
    static const char much[100000];
    int error = rv_http_begin(x, 200, "text/plain", data ? 300000 : -1);

    for (int i = 0; i < 3 && error == 0; i++)
        error = rv_http_send(x, much, sizeof much, RV_NEVER);
    return error;
}

/* Half of a response, then nothing more; or the end. */
static int32_t half(struct rv_http_exchange *x, void *data)
{
    int error = rv_http_begin(x, 200, "text/plain", 10);

    if (error == 0)
        error = rv_http_send(x, "12345", 5, RV_NEVER);
    if (error == 0 && data)
        error = rv_coro_sleep_until(RV_NEVER);
    return error;
}

static int s301 = 301, s303 = 303, s307 = 307;

static const struct rv_http_route routes[] = {
    {.path = "/tell", .run = tell},
    {.path = "/301", .run = redirect_late, .data = &s301},
    {.path = "/303", .run = redirect_late, .data = &s303},
    {.path = "/307", .run = redirect_late, .data = &s307},
    {.path = "/too-large", .run = too_large},
    {.path = "/pieces", .run = pieces},
    {.path = "/pieces-length", .run = pieces, .data = &s301},
    {.path = "/cut", .run = half},
    {.path = "/stall", .run = half, .data = &s301},
    {.path = "/fixed", .body = "fixed", .len_bytes = 5},
    {.path = NULL},
};

static void allow_much(struct rv_http_server *server)
{
    server->limits.body_bytes = UINT64_C(1) << 40;
}

/* --- a coroutine that talks to it --------------------------------------------
 */

struct world {
    struct serving serving;
    struct rv_http_client client;
    struct rv_runtime *runtime;
    int32_t (*run)(struct world *world);
    struct rv_future future;
    struct rv_join join;
};

static int32_t enter(void *arg)
{
    struct world *world = arg;

    return world->run(world);
}

/* Run it in a coroutine, with a server. */
static void with_server(int32_t (*run)(struct world *world))
{
    struct world world = {
        .serving = {.handler = rv_http_routes(routes), .adjust = allow_much},
        .run = run};

    serving_start(&world.serving);
    cr_assert_eq(rv_test_runtime_start(&world.runtime), 0);
    rv_http_client_init(&world.client);
    cr_assert_eq(
        rv_coro_spawn(rv_runtime_executor(world.runtime), enter, &world,
                      &(struct rv_coro_options){.stack_bytes = 1 << 18},
                      &world.join),
        0);
    cr_assert_eq(rv_runtime_block_on(world.runtime, &world.join.future), 0);
    rv_join_drop(&world.join);
    rv_http_client_fini(&world.client);
    rv_runtime_stop(world.runtime);
    serving_stop(&world.serving);
}

static void begin(struct world *world, struct rv_http_get *get,
                  const char *method, const char *path)
{
    char url[128];

    snprintf(url, sizeof url, "http://127.0.0.1:%u%s",
             (unsigned)world->serving.port, path);
    cr_assert_eq(rv_http_request_init(get, method, url), 0);
    get->client = &world->client;
}

/* The result is 0, and the body is `want`. */
static void ends_as(struct rv_http_get *get, int status, const char *want)
{
    const int error = rv_http_fetch(get, RV_NEVER);

    cr_assert_eq(error, 0, "error %d in state %d", error, (int)get->state);
    cr_assert_eq(get->status, status, "status %d", get->status);
    cr_assert_eq(get->body_len_bytes, strlen(want), "got: %.*s",
                 (int)get->body_len_bytes, get->body);
    cr_assert_str_eq(get->body, want);
    rv_drop(&get->future);
}

/* --- methods and bodies in memory
 * ---------------------------------------------- */

static int32_t methods(struct world *world)
{
    static const char *const names[] = {"GET",    "POST",    "PUT", "PATCH",
                                        "DELETE", "OPTIONS", "FROB"};
    struct rv_http_get get;

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char want[64];

        snprintf(want, sizeof want, "%s 0 bytes, sum 0, type ", names[i]);
        begin(world, &get, names[i], "/tell");
        ends_as(&get, 201, want);
        snprintf(want, sizeof want, "%s 5 bytes, sum 532, type ", names[i]);
        begin(world, &get, names[i], "/tell");
        rv_http_get_send(&get, "hello", 5);
        ends_as(&get, 201, want);
    }
    begin(world, &get, "HEAD", "/fixed");
    ends_as(&get, 200, "");
    cr_assert_eq(world->client.opened, 1);
    return 0;
}

RV_TEST(http_request, any_method_with_and_without_a_body)
{
    with_server(methods);
}

enum { BYTES = 3 << 20 };

/* BYTES bytes, each 1. */
static char *large_body(void)
{
    return memset(rv_test_zeros(BYTES), 1, BYTES);
}

static int32_t sizes(struct world *world)
{
    static const size_t sizes[] = {0,     1,     4095,  4096,   4097,   65535,
                                   65536, 65537, 99999, 131072, 3 << 20};
    char *const bytes = large_body();
    struct rv_http_get get;

    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        char want[64];

        snprintf(want, sizeof want, "POST %zu bytes, sum %zu, type ", sizes[i],
                 sizes[i]);
        for (int kept = 0; kept < 2; kept++) {
            begin(world, &get, "POST", "/tell");
            get.client = kept ? &world->client : NULL;
            rv_http_get_send(&get, bytes, sizes[i]);
            ends_as(&get, 201, want);
        }
    }
    cr_assert_eq(world->client.opened, 1);
    return 0;
}

RV_TEST(http_request, a_body_in_memory_of_any_size)
{
    with_server(sizes);
}

/* --- headers
 * ---------------------------------------------------------------------- */

static int32_t one_with_headers(struct world *world)
{
    struct rv_http_get get;

    begin(world, &get, "PUT", "/tell");
    cr_assert_eq(rv_http_get_add_header(&get, "Content-Type", "text/x"), 0);
    rv_http_get_send(&get, "a", 1);
    ends_as(&get, 201, "PUT 1 bytes, sum 97, type text/x");
    return 0;
}

RV_TEST(http_request, a_header_is_sent)
{
    with_server(one_with_headers);
}

RV_TEST(http_request, headers_are_checked)
{
    static char value[17 * 1024];
    struct rv_http_get get;

    cr_assert_eq(rv_http_request_init(&get, "GE T", "http://x/"), -EINVAL);
    cr_assert_eq(rv_http_request_init(&get, "", "http://x/"), -EINVAL);
    cr_assert_eq(rv_http_request_init(&get, "A\r\nB", "http://x/"), -EINVAL);
    cr_assert_eq(rv_http_request_init(&get, "CONNECT", "http://x/"), -EINVAL);
    cr_assert_eq(rv_http_request_init(&get, "PUT", "ftp://x/"),
                 -EPROTONOSUPPORT);
    cr_assert_eq(rv_http_request_init(&get, "PUT", "http://x/"), 0);
    cr_assert_eq(rv_http_get_add_header(&get, "X", "a\r\nY: b"), -EINVAL);
    cr_assert_eq(rv_http_get_add_header(&get, "X:", "a"), -EINVAL);
    cr_assert_eq(rv_http_get_add_header(&get, "", "a"), -EINVAL);
    cr_assert_eq(rv_http_get_add_header(&get, "host", "a"), -EINVAL);
    cr_assert_eq(rv_http_get_add_header(&get, "Content-Length", "1"), -EINVAL);
    cr_assert_eq(rv_http_get_add_header(&get, "Transfer-Encoding", "chunked"),
                 -EINVAL);
    cr_assert_eq(rv_http_get_add_header(&get, "Expect", "100-continue"),
                 -EINVAL);
    memset(value, 'x', sizeof value - 1);
    cr_assert_eq(rv_http_get_add_header(&get, "X", value), -EMSGSIZE);
    rv_drop(&get.future);
}

/* What a peer hears. */
static void heard_by(struct talker *peer, int32_t (*run)(struct world *world),
                     struct world *world)
{
    talker_start(peer);
    world->serving.port = peer->port;
    world->run = run;
    cr_assert_eq(rv_test_runtime_start(&world->runtime), 0);
    rv_http_client_init(&world->client);
    cr_assert_eq(rv_coro_spawn(rv_runtime_executor(world->runtime), enter,
                               world, NULL, &world->join),
                 0);
    cr_assert_eq(rv_runtime_block_on(world->runtime, &world->join.future), 0);
    rv_join_drop(&world->join);
    rv_http_client_fini(&world->client);
    rv_runtime_stop(world->runtime);
    talker_stop(peer);
}

static int32_t own_agent(struct world *world)
{
    struct rv_http_get get;

    begin(world, &get, "DELETE", "/x?y");
    cr_assert_eq(rv_http_get_add_header(&get, "user-agent", "me"), 0);
    cr_assert_eq(rv_http_get_add_header(&get, "X-A", ""), 0);
    ends_as(&get, 200, "a");
    begin(world, &get, "POST", "/");
    get.client = NULL;
    cr_assert_eq(rv_http_get_add_header(&get, "Accept", "text/html"), 0);
    rv_http_get_send(&get, "hello", 5);
    ends_as(&get, 200, "b");
    return 0;
}

RV_TEST(http_request, a_request_is_what_was_asked_for)
{
    struct talker peer = {
        .talks = {{.says = {OK1("a")}, .end = SCRIPTED_WAIT},
                  {.says = {OK1("b")}, .end = SCRIPTED_WAIT}}};
    struct world world = {0};
    char want[512];

    /* The first connection is idle while the second one is used. */
    peer.talks[0].end = SCRIPTED_CLOSE;
    heard_by(&peer, own_agent, &world);
    snprintf(want, sizeof want,
             "DELETE /x?y HTTP/1.1\r\nHost: 127.0.0.1:%u\r\n"
             "Accept: */*\r\nuser-agent: me\r\nX-A: \r\n\r\n",
             (unsigned)peer.port);
    cr_assert_str_eq(peer.heard[0], want);
    snprintf(want, sizeof want,
             "POST / HTTP/1.1\r\nHost: 127.0.0.1:%u\r\n"
             "User-Agent: reveil/0.1\r\nAccept: text/html\r\n"
             "Content-Length: 5\r\nConnection: close\r\n\r\nhello",
             (unsigned)peer.port);
    cr_assert_str_eq(peer.heard[1], want);
}

/* --- bodies from a source
 * ------------------------------------------------------------ */

/* Gives `total` ones, `step` at a time, and waits between two of them. */
struct ones {
    struct rv_http_source source;
    struct rv_yield yield;
    bool waiting;
    size_t total;
    size_t step;
    size_t given;
    int error; /* at the end, instead of the end */
    int rewinds;
};

static ssize_t ones_read(struct rv_http_source *source, struct rv_cx *cx,
                         void *buffer, size_t len)
{
    struct ones *self = RV_CONTAINER_OF(source, struct ones, source);

    if (!self->waiting) {
        rv_yield_init(&self->yield);
        self->waiting = true;
    }
    if (rv_poll(&self->yield.future, cx) == RV_PENDING)
        return -EAGAIN;
    self->waiting = false;
    if (self->given == self->total)
        return self->error;
    if (len > self->step)
        len = self->step;
    if (len > self->total - self->given)
        len = self->total - self->given;
    memset(buffer, 1, len);
    self->given += len;
    return (ssize_t)len;
}

static int ones_rewind(struct rv_http_source *source)
{
    struct ones *self = RV_CONTAINER_OF(source, struct ones, source);

    self->given = 0;
    self->rewinds++;
    return 0;
}

static const struct rv_http_source_ops ones_ops = {.poll_read = ones_read,
                                                   .rewind = ones_rewind};
static const struct rv_http_source_ops once_ops = {.poll_read = ones_read};

static int32_t from_source(struct world *world)
{
    static const size_t sizes[] = {0, 1, 1000, 65536, 65537, 1000000};
    struct rv_http_get get;

    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++)
        for (int chunked = 0; chunked < 2; chunked++) {
            struct ones ones = {.source.ops = &ones_ops,
                                .total = sizes[i],
                                .step = sizes[i] > 2000 ? 30000 : 7};
            char want[64];

            snprintf(want, sizeof want, "PUT %zu bytes, sum %zu, type ",
                     sizes[i], sizes[i]);
            begin(world, &get, "PUT", "/tell");
            rv_http_get_send_from(&get, &ones.source,
                                  chunked ? -1 : (int64_t)sizes[i]);
            ends_as(&get, 201, want);
        }
    cr_assert_eq(world->client.opened, 1);
    return 0;
}

RV_TEST(http_request, a_body_comes_from_a_source)
{
    with_server(from_source);
}

static int32_t failing_source(struct world *world)
{
    struct rv_http_get get;
    struct ones ones = {.source.ops = &ones_ops, .total = 10, .step = 10};

    begin(world, &get, "PUT", "/tell"); /* too short */
    rv_http_get_send_from(&get, &ones.source, 11);
    cr_assert_eq(rv_http_fetch(&get, RV_NEVER), -EPIPE);
    cr_assert_eq(get.state, RV_HTTP_SENDING);
    rv_drop(&get.future);

    ones = (struct ones){
        .source.ops = &ones_ops, .total = 10, .step = 10, .error = -ECONNRESET};
    begin(world, &get, "PUT", "/tell"); /* its own error; not sent again */
    rv_http_get_send_from(&get, &ones.source, -1);
    cr_assert_eq(rv_http_fetch(&get, RV_NEVER), -ECONNRESET);
    cr_assert_eq(get.state, RV_HTTP_SENDING);
    cr_assert_eq(ones.rewinds, 0);
    rv_drop(&get.future);

    ones = (struct ones){.source.ops = &ones_ops, .total = 20, .step = 20};
    begin(world, &get, "PUT", "/tell"); /* more than was announced */
    rv_http_get_send_from(&get, &ones.source, 11);
    ends_as(&get, 201, "PUT 11 bytes, sum 11, type ");
    return 0;
}

RV_TEST(http_request, a_source_that_fails_ends_the_request)
{
    with_server(failing_source);
}

/* --- a file
 * ------------------------------------------------------------------------------
 */

static int32_t from_files(struct world *world)
{
    char *const bytes = large_body();
    struct rv_http_reader reader;
    struct rv_http_get get;
    FILE *file = tmpfile();
    int ends[2];

    cr_assert(file);
    cr_assert_eq(fwrite(bytes, 1, 200000, file), 200000);
    fflush(file);
    cr_assert_eq(lseek(fileno(file), 50000, SEEK_SET), 50000);
    cr_assert_eq(rv_http_reader_init(&reader, fileno(file)), 0);
    cr_assert_eq(reader.len_bytes, 150000);
    begin(world, &get, "PUT", "/307"); /* sent twice */
    get.max_redirects = 1;
    rv_http_get_send_from(&get, &reader.source, reader.len_bytes);
    ends_as(&get, 201, "PUT 150000 bytes, sum 150000, type ");
    rv_http_reader_drop(&reader);
    rv_http_reader_drop(&reader);
    fclose(file);

    cr_assert_eq(pipe(ends), 0);
    cr_assert_eq(write(ends[1], bytes, 1234), 1234);
    close(ends[1]);
    cr_assert_eq(rv_http_reader_init(&reader, ends[0]), 0);
    close(ends[0]);
    cr_assert_eq(reader.len_bytes, -1);
    begin(world, &get, "PUT", "/tell");
    rv_http_get_send_from(&get, &reader.source, reader.len_bytes);
    ends_as(&get, 201, "PUT 1234 bytes, sum 1234, type ");
    rv_http_reader_drop(&reader);

    cr_assert_eq(rv_http_reader_init(&reader, -1), -EBADF);
    rv_http_reader_drop(&reader);
    return 0;
}

RV_TEST(http_request, a_body_is_read_from_a_descriptor)
{
    with_server(from_files);
}

/* A read that never ends is left behind. */
static int32_t from_silence(struct world *world)
{
    struct rv_http_reader reader;
    struct rv_http_get get;
    int ends[2];

    cr_assert_eq(pipe(ends), 0);
    cr_assert_eq(rv_http_reader_init(&reader, ends[0]), 0);
    begin(world, &get, "PUT", "/tell");
    rv_http_get_send_from(&get, &reader.source, -1);
    cr_assert_eq(rv_http_fetch(&get, rv_after_ms(20)), -ETIMEDOUT);
    cr_assert(get.deadline_passed && get.state == RV_HTTP_SENDING);
    rv_drop(&get.future);
    rv_http_reader_drop(&reader);
    close(ends[1]); /* the read ends now */
    close(ends[0]);
    return 0;
}

RV_TEST(http_request, a_read_that_takes_long_may_be_dropped)
{
    with_server(from_silence);
}

/* --- redirects
 * ------------------------------------------------------------------------------
 */

static int32_t redirected(struct world *world)
{
    static const struct {
        const char *method;
        const char *path;
        const char *want;
    } cases[] = {
        {"POST", "/307", "POST 5 bytes, sum 532, type "},
        {"PUT", "/301", "PUT 5 bytes, sum 532, type "},
        {"POST", "/301", "GET 0 bytes, sum 0, type "},
        {"POST", "/303", "GET 0 bytes, sum 0, type "},
        {"PUT", "/303", "GET 0 bytes, sum 0, type "},
    };
    struct rv_http_get get;
    struct ones ones = {.source.ops = &once_ops, .total = 9, .step = 9};

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        begin(world, &get, cases[i].method, cases[i].path);
        get.max_redirects = 2;
        rv_http_get_send(&get, "hello", 5);
        ends_as(&get, 201, cases[i].want);
    }
    begin(world, &get, "POST", "/307"); /* it cannot be sent again */
    get.max_redirects = 2;
    rv_http_get_send_from(&get, &ones.source, 9);
    ends_as(&get, 307, "moved");
    ones = (struct ones){.source.ops = &ones_ops, .total = 9, .step = 9};
    begin(world, &get, "POST", "/307");
    get.max_redirects = 2;
    rv_http_get_send_from(&get, &ones.source, -1);
    ends_as(&get, 201, "POST 9 bytes, sum 9, type ");
    cr_assert_eq(ones.rewinds, 1);
    return 0;
}

RV_TEST(http_request, a_redirect_keeps_the_method_and_the_body_or_becomes_a_get)
{
    with_server(redirected);
}

static int32_t with_secrets(struct world *world)
{
    struct rv_http_get get;

    begin(world, &get, "GET", "/a");
    get.max_redirects = 2;
    cr_assert_eq(rv_http_get_add_header(&get, "Authorization", "secret"), 0);
    cr_assert_eq(rv_http_get_add_header(&get, "X-Kept", "yes"), 0);
    cr_assert_eq(rv_http_get_add_header(&get, "COOKIE", "secret"), 0);
    ends_as(&get, 200, "a");
    return 0;
}

RV_TEST(http_request, secrets_stay_with_their_server)
{
    struct talker peer = {
        .talks = {{.says = {"HTTP/1.1 302 X\r\nLocation: /b\r\n"
                            "Content-Length: 0\r\n\r\n",
                            NULL, OK1("a")}}}};
    struct world world = {0};
    struct talker other = {.talks = {{.says = {OK1("a")}}}};
    char elsewhere[256];

    talker_start(&other);
    snprintf(elsewhere, sizeof elsewhere,
             "HTTP/1.1 302 X\r\nLocation: http://127.0.0.1:%u/c\r\n"
             "Content-Length: 0\r\n\r\n",
             (unsigned)other.port);
    peer.talks[0].says[1] = elsewhere;
    heard_by(&peer, with_secrets, &world);
    talker_stop(&other);
    cr_assert_eq(peer.requests, 2);
    cr_assert(strstr(peer.heard[1], "Authorization: secret\r\n"));
    cr_assert(strstr(peer.heard[1], "COOKIE: secret\r\n"));
    cr_assert_eq(strstr(other.heard[0], "secret"), NULL, "%s", other.heard[0]);
    cr_assert(strstr(other.heard[0], "X-Kept: yes\r\n"));
}

static int32_t with_a_type(struct world *world)
{
    struct rv_http_get get;

    begin(world, &get, "POST", "/a");
    get.max_redirects = 2;
    rv_http_get_send(&get, "{}", 2);
    cr_assert_eq(rv_http_get_add_header(&get, "content-type", "a/json"), 0);
    cr_assert_eq(rv_http_get_add_header(&get, "X-Kept", "yes"), 0);
    ends_as(&get, 200, "a");
    return 0;
}

/* RFC 9110, 15.4: what described the body goes with it. */
RV_TEST(http_request, a_redirect_that_becomes_a_get_has_no_type)
{
    struct talker peer = {
        .talks = {{.says = {"HTTP/1.1 307 X\r\nLocation: /b\r\n"
                            "Content-Length: 0\r\n\r\n",
                            "HTTP/1.1 303 X\r\nLocation: /c\r\n"
                            "Content-Length: 0\r\n\r\n",
                            OK1("a")}}}};
    struct world world = {0};

    heard_by(&peer, with_a_type, &world);
    cr_assert_eq(peer.requests, 3);
    cr_assert(strstr(peer.heard[1], "a/json\r\n"), "%s", peer.heard[1]);
    cr_assert(strncmp(peer.heard[2], "GET /c", 6) == 0, "%s", peer.heard[2]);
    cr_assert_eq(strstr(peer.heard[2], "a/json"), NULL, "%s", peer.heard[2]);
    cr_assert(strstr(peer.heard[2], "X-Kept: yes\r\n"));
}

/* --- sent again
 * ---------------------------------------------------------------------------------
 */

static const char *again_method;
static int again_result;

/* The second request is sent on a connection that the server closes. */
static int32_t twice(struct world *world)
{
    struct rv_http_get get;

    begin(world, &get, "GET", "/");
    ends_as(&get, 200, "a");
    begin(world, &get, again_method, "/");
    rv_http_get_send(&get, "x", 1);
    again_result = rv_http_fetch(&get, RV_NEVER);
    cr_assert(again_result < 0 || get.body[0] == 'b');
    rv_drop(&get.future);
    return 0;
}

RV_TEST(http_request, only_what_does_no_harm_is_sent_again)
{
    static const struct {
        const char *method;
        bool again;
    } cases[] = {{"POST", false}, {"PATCH", false}, {"FROB", false},
                 {"PUT", true},   {"DELETE", true}, {"OPTIONS", true}};

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct talker peer = {
            .talks = {{.says = {OK1("a"), ""}}, {.says = {OK1("b")}}}};
        struct world world = {0};

        again_method = cases[i].method;
        heard_by(&peer, twice, &world);
        if (cases[i].again)
            cr_assert_eq(again_result, 0, "%s", again_method);
        else
            cr_assert(again_result == -EPIPE || again_result == -ECONNRESET);
        cr_assert_eq(peer.requests, cases[i].again ? 3 : 2, "%s", again_method);
    }
}

/* --- a server that does not want the body
 * ------------------------------------------------------- */

static int32_t unwanted(struct world *world)
{
    struct ones ones = {
        .source.ops = &ones_ops, .total = 1 << 30, .step = 1 << 20};
    struct rv_http_get get;

    begin(world, &get, "PUT", "/too-large");
    rv_http_get_send_from(&get, &ones.source, 1 << 30);
    ends_as(&get, 413, "no");
    cr_assert_lt(ones.given, 1 << 30);
    cr_assert_eq(rv_http_client_idle(&world->client), 0);

    /* The connection is reset while the client would send. */
    begin(world, &get, "PUT", "/too-large");
    rv_http_get_send(&get, ones.total ? "x" : "", 1);
    ends_as(&get, 413, "no");
    return 0;
}

RV_TEST(http_request, a_response_ends_the_sending_of_the_body)
{
    with_server(unwanted);
}

/* --- the body of the response in pieces
 * ----------------------------------------------------------- */

static int32_t receive(struct world *world)
{
    static const char *const paths[] = {"/pieces", "/pieces-length", "/fixed"};
    struct rv_http_get get;
    char buffer[3000];
    int n;

    for (int i = 0; i < 3; i++) {
        size_t total = 0;

        begin(world, &get, "GET", paths[i]);
        cr_assert_eq(rv_http_get_recv(&get, buffer, 1, 0), -EINVAL);
        rv_http_get_in_pieces(&get);
        cr_assert_eq(rv_http_fetch(&get, RV_NEVER), 0);
        cr_assert_eq(get.status, 200);
        cr_assert_eq(rv_http_client_idle(&world->client), 0);
        while ((n = rv_http_get_recv(&get, buffer, sizeof buffer, RV_NEVER)) >
               0)
            total += (size_t)n;
        cr_assert_eq(n, 0);
        cr_assert_eq(total, i < 2 ? 300000 : 5);
        cr_assert_eq(rv_http_get_recv(&get, buffer, 1, RV_NEVER), 0);
        cr_assert_eq(rv_http_client_idle(&world->client), 1);
        rv_drop(&get.future);
    }
    cr_assert_eq(world->client.opened, 1);
    begin(world, &get, "GET", "/pieces"); /* dropped in the middle */
    rv_http_get_in_pieces(&get);
    cr_assert_eq(rv_http_fetch(&get, RV_NEVER), 0);
    cr_assert_gt(rv_http_get_recv(&get, buffer, 100, RV_NEVER), 0);
    rv_drop(&get.future);
    cr_assert_eq(rv_http_client_idle(&world->client), 0);
    return 0;
}

RV_TEST(http_request, a_response_is_received_in_pieces)
{
    with_server(receive);
}

static int32_t receive_half(struct world *world)
{
    struct rv_http_get get;
    char buffer[100];

    begin(world, &get, "GET", "/cut");
    rv_http_get_in_pieces(&get);
    cr_assert_eq(rv_http_fetch(&get, RV_NEVER), 0);
    cr_assert_eq(rv_http_get_recv(&get, buffer, 100, RV_NEVER), 5);
    cr_assert_eq(rv_http_get_recv(&get, buffer, 100, RV_NEVER), -EPIPE);
    cr_assert_eq(rv_http_get_recv(&get, buffer, 100, RV_NEVER), -EPIPE);
    rv_drop(&get.future);

    begin(world, &get, "GET", "/stall");
    rv_http_get_in_pieces(&get);
    cr_assert_eq(rv_http_fetch(&get, RV_NEVER), 0);
    cr_assert_eq(rv_http_get_recv(&get, buffer, 100, RV_NEVER), 5);
    cr_assert_eq(rv_http_get_recv(&get, buffer, 100, 0), -ETIMEDOUT);
    cr_assert_eq(rv_http_get_recv(&get, buffer, 100, rv_after_ms(5)),
                 -ETIMEDOUT);
    get.timeouts.body_ns = 5 * RV_NS_PER_MS; /* ends it */
    cr_assert_eq(rv_http_get_recv(&get, buffer, 100, RV_NEVER), -ETIMEDOUT);
    cr_assert_eq(rv_http_get_recv(&get, buffer, 100, 0), -ETIMEDOUT);
    rv_drop(&get.future);

    begin(world, &get, "GET", "/stall"); /* the deadline of the whole */
    rv_http_get_in_pieces(&get);
    cr_assert_eq(rv_http_fetch(&get, rv_after_ms(30)), 0);
    cr_assert_eq(rv_http_get_recv(&get, buffer, 100, RV_NEVER), 5);
    cr_assert_eq(rv_http_get_recv(&get, buffer, 100, RV_NEVER), -ETIMEDOUT);
    cr_assert(get.deadline_passed);
    rv_drop(&get.future);
    return 0;
}

RV_TEST(http_request, a_response_that_stops_is_noticed_piece_by_piece)
{
    with_server(receive_half);
}

/* --- plain calls
 * -------------------------------------------------------------------------------------
 */

static int32_t deadlines(struct world *world)
{
    struct rv_http_get get;

    begin(world, &get, "GET", "/stall");
    cr_assert_eq(rv_http_fetch(&get, rv_after_ms(10)), -ETIMEDOUT);
    cr_assert(get.deadline_passed);
    rv_drop(&get.future);
    begin(world, &get, "GET", "/stall");
    cr_assert_eq(rv_http_fetch(&get, 0), -ETIMEDOUT);
    rv_drop(&get.future);
    begin(world, &get, "GET", "/stall");
    get.deadline_ns = 0; /* the earlier one */
    cr_assert_eq(rv_http_fetch(&get, RV_NEVER), -ETIMEDOUT);
    rv_drop(&get.future);
    return 0;
}

RV_TEST(http_request, a_deadline_ends_a_fetch)
{
    with_server(deadlines);
}

/* --- the same as futures
 * ------------------------------------------------------------------------------
 */

/* A response in pieces: with a future for each piece, or polled. */
struct receiver {
    struct rv_future future;
    struct rv_http_get get;
    struct rv_http_get_recv recv;
    bool polls;
    char piece[1000];
    size_t total;
};

static enum rv_poll receiver_poll(struct rv_future *future, struct rv_cx *cx)
{
    struct receiver *self = RV_CONTAINER_OF(future, struct receiver, future);
    ssize_t n = -EAGAIN;

    RV_BEGIN(future);
    RV_AWAIT(future, cx, &self->get.future);
    if (self->get.future.result < 0)
        RV_RETURN(future, self->get.future.result);
    do {
        if (self->polls) {
            RV_AWAIT_UNTIL(future, (n = rv_http_get_poll_recv(
                                        &self->get, cx, self->piece,
                                        sizeof self->piece)) != -EAGAIN);
        } else {
            rv_http_get_recv_init(&self->recv, &self->get, self->piece,
                                  sizeof self->piece);
            RV_AWAIT(future, cx, &self->recv.future);
            n = self->recv.future.result;
        }
        self->total += n > 0 ? (size_t)n : 0;
    } while (n > 0);
    RV_RETURN(future, n < 0 ? n : (ssize_t)self->total);
    RV_END(future);
}

static int32_t receive_by_futures(struct world *world)
{
    static const struct rv_future_ops ops = {.name = "receiver",
                                             .poll = receiver_poll};

    for (int i = 0; i < 2; i++) {
        struct receiver self = {.polls = i == 1};

        rv_future_init(&self.future, &ops);
        begin(world, &self.get, "GET", "/pieces");
        rv_http_get_in_pieces(&self.get);
        cr_assert_eq(rv_await(&self.future), 300000);
        rv_drop(&self.recv.future);
        rv_drop(&self.get.future);
    }
    cr_assert_eq(world->client.opened, 1);
    return 0;
}

RV_TEST(http_request, a_future_receives_in_pieces)
{
    with_server(receive_by_futures);
}

/* --- dropped anywhere
 * ------------------------------------------------------------------------------------
 */

/* Polls the receiver this many times. */
struct cut {
    struct rv_future future;
    struct receiver *receiver;
    int polls;
    bool over;
};

static enum rv_poll cut_poll(struct rv_future *future, struct rv_cx *cx)
{
    struct cut *self = RV_CONTAINER_OF(future, struct cut, future);

    if (self->polls-- == 0)
        return RV_READY;
    self->over = rv_poll(&self->receiver->future, cx) == RV_READY;
    return self->over ? RV_READY : RV_PENDING;
}

static int cut_way;

static int32_t cut_everywhere(struct world *world)
{
    static const struct rv_future_ops ops = {.name = "receiver",
                                             .poll = receiver_poll};
    static const struct rv_future_ops cut_ops = {.name = "cut",
                                                 .poll = cut_poll};
    char *const bytes = large_body();
    struct cut cut = {.over = false};

    for (int polls = 0; !cut.over; polls++) {
        struct receiver self = {.polls = polls % 2};
        struct ones ones = {
            .source.ops = &ones_ops, .total = 300000, .step = 65536};

        cut = (struct cut){.receiver = &self, .polls = polls};
        rv_future_init(&cut.future, &cut_ops);
        rv_future_init(&self.future, &ops);
        begin(world, &self.get, "POST", cut_way ? "/307" : "/tell");
        self.get.max_redirects = 1;
        rv_http_get_in_pieces(&self.get);
        if (cut_way < 2)
            rv_http_get_send(&self.get, bytes, BYTES);
        else
            rv_http_get_send_from(&self.get, &ones.source, -1);
        rv_await(&cut.future);
        rv_drop(&self.recv.future);
        rv_drop(&self.get.future);
        cr_assert_lt(polls, 10000);
    }
    return 0;
}

RV_TEST(http_request, a_request_is_dropped_after_each_of_its_polls)
{
    for (cut_way = 0; cut_way < 3; cut_way++)
        with_server(cut_everywhere);
}

/* --- without memory
 * ----------------------------------------------------------------------------------------
 */

/* The peer is a thread: the library's allocations are those of the client. */
static int post_without_memory(void *arg)
{
    struct talker peer = {
        .talks = {{.says = {"HTTP/1.1 307 X\r\nLocation: /b\r\n"
                            "Content-Length: 1\r\n\r\nx",
                            OK1("a")},
                   .end = SCRIPTED_WAIT},
                  {.says = {OK1("a")}}}}; /* if the first is not kept */
    struct rv_runtime *runtime;
    struct rv_http_client client;
    struct rv_http_get get;
    char url[128];
    int error;

    (void)arg;
    talker_start(&peer);
    rv_http_client_init(&client);
    error = rv_test_runtime_start(&runtime);
    if (error == 0) {
        error = rv_http_request_init(&get, "POST", talker_url(url, &peer, "/"));
        if (error == 0)
            error = rv_http_get_add_header(&get, "X", "y");
        if (error == 0) {
            get.client = &client;
            get.max_redirects = 1;
            rv_http_get_send(&get, "hello", 5);
            error = rv_runtime_block_on(runtime, &get.future);
        }
        rv_drop(&get.future);
        rv_http_client_fini(&client);
        rv_runtime_stop(runtime);
    }
    talker_stop(&peer);
    return error;
}

RV_TEST(http_request, every_allocation_may_fail)
{
    cr_assert_geq(rv_fail_each_alloc(post_without_memory, NULL), 6);
}
