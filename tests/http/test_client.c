/* SPDX-License-Identifier: MIT */
/* test_client.c - promises of the GET, answered by a peer with a script. */
#include <criterion/criterion.h>

#include <errno.h>
#include <reveil/http_client.h>
#include <reveil/runtime.h>
#include <stdio.h>

#include "scripted.h"
#include "support/failing_alloc.h"
#include "support/support.h"

RV_TEST_SUITE(http_client);

/* --- one GET ----------------------------------------------------------- */

/* The outcome, copied. */
struct outcome {
    int result;
    int status;
    size_t body_len;
    char body[4096];
    char head[1024];
    char heard[1024];
};

static void set_url(char url[64], uint16_t port)
{
    snprintf(url, 64, "http://127.0.0.1:%u/path?q", (unsigned)port);
}

static void keep(struct outcome *out, const struct rv_http_get *get)
{
    *out = (struct outcome){.result = get->future.result};
    if (out->result < 0)
        return;
    out->status = get->status;
    out->body_len = get->body_len_bytes;
    cr_assert_not_null(get->body, "also an empty one");
    cr_assert_eq(get->body[get->body_len_bytes], '\0', "it is a string");
    if (get->body_len_bytes < sizeof out->body)
        memcpy(out->body, get->body, get->body_len_bytes);
    snprintf(out->head, sizeof out->head, "%.*s", (int)get->head_len_bytes,
             get->head);
}

/* GET it from a peer; `max_body` 0 and `ms` 0 leave the defaults. */
static void get_from(struct outcome *out, struct scripted *peer,
                     uint64_t max_body, int64_t ms)
{
    struct rv_runtime *runtime;
    struct rv_http_get get;
    char url[64];

    scripted_start(peer);
    set_url(url, peer->port);
    cr_assert_eq(rv_test_runtime_start(&runtime), 0);
    cr_assert_eq(rv_http_get_init(&get, url), 0);
    if (max_body)
        get.max_body_bytes = max_body;
    if (ms)
        get.deadline_ns = rv_after_ms(ms);
    rv_runtime_block_on(runtime, &get.future);
    keep(out, &get);
    rv_drop(&get.future);
    rv_runtime_stop(runtime);
    scripted_stop(peer);
    strcpy(out->heard, peer->heard);
}

static void get_script(struct outcome *out, const char *says)
{
    struct scripted peer = {.says = says};

    get_from(out, &peer, 0, 0);
}

static int result_of(const char *says)
{
    struct outcome out;

    get_script(&out, says);
    return out.result;
}

/* --- good responses ---------------------------------------------------- */

RV_TEST(http_client, the_request_is_a_plain_get)
{
    struct scripted peer = {.says = "HTTP/1.1 204 No Content\r\n\r\n"};
    struct outcome out;
    char wanted[256];

    get_from(&out, &peer, 0, 0);

    snprintf(wanted, sizeof wanted,
             "GET /path?q HTTP/1.1\r\nHost: 127.0.0.1:%u\r\n"
             "User-Agent: reveil/0.1\r\nAccept: */*\r\n"
             "Connection: close\r\n\r\n",
             (unsigned)peer.port);
    cr_assert_str_eq(out.heard, wanted);
    cr_assert_eq(out.result, 0);
    cr_assert_eq(out.status, 204);
}

RV_TEST(http_client, a_body_of_known_length_needs_no_close)
{
    struct scripted peer = {
        .says = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
        .end = SCRIPTED_WAIT};
    struct outcome out;

    get_from(&out, &peer, 0, 0);

    cr_assert_eq(out.result, 0);
    cr_assert_str_eq(out.body, "hello");
    cr_assert_str_eq(out.head, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n");
}

RV_TEST(http_client, a_body_may_last_until_the_close)
{
    struct outcome out;

    get_script(&out, "HTTP/1.0 200 OK\r\n\r\nuntil the end");

    cr_assert_eq(out.result, 0);
    cr_assert_str_eq(out.body, "until the end");
}

RV_TEST(http_client, an_empty_body_is_no_error)
{
    struct outcome out;

    get_script(&out, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    cr_assert_eq(out.result, 0);
    cr_assert_eq(out.body_len, 0);
    get_script(&out, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                     "0\r\n\r\n");
    cr_assert_eq(out.result, 0);
    cr_assert_eq(out.body_len, 0);
}

RV_TEST(http_client, an_error_status_is_a_response)
{
    struct outcome out;

    get_script(&out, "HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\nno");

    cr_assert_eq(out.result, 0);
    cr_assert_eq(out.status, 404);
    cr_assert_str_eq(out.body, "no");
}

RV_TEST(http_client, chunks_are_put_together_in_pieces_of_any_size)
{
    for (int piece = 0; piece < 9; piece++) {
        struct scripted peer = {
            .says = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                    "1\r\na\r\n00A;x=y\r\nbcdefghijk\r\n3\r\nl\r\n\r\n0\r\n"
                    "Trailer: t\r\n\r\n",
            .piece = piece};
        struct outcome out;

        get_from(&out, &peer, 0, 0);
        cr_assert_eq(out.result, 0, "in pieces of %d: %d", piece, out.result);
        cr_assert_str_eq(out.body, "abcdefghijkl\r\n");
    }
}

RV_TEST(http_client, interim_responses_are_passed_over)
{
    for (int piece = 0; piece < 2; piece++) {
        struct scripted peer = {
            .says = "HTTP/1.1 100 Continue\r\n\r\n"
                    "HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n"
                    "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
            .piece = piece};
        struct outcome out;

        get_from(&out, &peer, 0, 0);
        cr_assert_eq(out.status, 200);
        cr_assert_str_eq(out.body, "ok");
        cr_assert_str_eq(out.head,
                         "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n");
    }
}

/* `count` heads of 1xx, each with `filler` bytes in a header, before a 200. */
static int result_after_interim(int count, int filler)
{
    static const char ok[] = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
    char *says = calloc(1, (size_t)count * (size_t)(filler + 64) + 64);
    struct outcome out;
    size_t len = 0;

    for (int i = 0; i < count; i++)
        len +=
            (size_t)sprintf(says + len, "HTTP/1.1 1%02d X\r\nX: %0*d\r\n\r\n",
                            i % 2 ? 3 : 0, filler, 0);
    strcpy(says + len, ok);
    get_script(&out, says);
    free(says);
    cr_assert(out.result < 0 || strcmp(out.body, "ok") == 0);
    return out.result;
}

/* A server that sends interim responses forever is abandoned. */
RV_TEST(http_client, interim_responses_have_a_limit)
{
    cr_assert_eq(result_after_interim(16, 1), 0);
    cr_assert_eq(result_after_interim(17, 1), -EMSGSIZE);
    cr_assert_eq(result_after_interim(1000, 1), -EMSGSIZE);
    /* Together they are as large as one head may be. */
    cr_assert_eq(result_after_interim(4, 7000), 0);
    cr_assert_eq(result_after_interim(5, 7000), -EMSGSIZE);
}

/* The client has not asked for another protocol. */
RV_TEST(http_client, a_switch_of_protocols_is_refused)
{
    struct outcome out;

    get_script(&out, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n"
                     "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    cr_assert_eq(out.result, -EBADMSG);
}

/* Larger than each first buffer, in a head and in a body. */
RV_TEST(http_client, buffers_grow_as_they_must)
{
    static char says[16 * 1024] = "HTTP/1.1 200 OK\r\nX: ";
    struct outcome out;

    memset(says + strlen(says), 'h', 5000);
    strcat(says, "\r\n\r\n");
    memset(says + strlen(says), 'b', 4000);
    get_script(&out, says);

    cr_assert_eq(out.result, 0);
    cr_assert_eq(out.body_len, 4000);
    cr_assert_eq(strspn(out.body, "b"), 4000);
}

/* --- no good responses ------------------------------------------------- */

RV_TEST(http_client, a_response_that_is_cut_is_told_from_a_whole_one)
{
    cr_assert_eq(result_of(""), -EPIPE);
    cr_assert_eq(result_of("HTTP/1.1 200"), -EPIPE);
    cr_assert_eq(result_of("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhell"),
                 -EPIPE);
    cr_assert_eq(result_of("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n"
                           "\r\n5\r\nhello\r\n"),
                 -EPIPE);
}

RV_TEST(http_client, a_malformed_answer_is_an_error)
{
    cr_assert_eq(result_of("hello\r\n\r\n"), -EBADMSG);
    cr_assert_eq(result_of("HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n"),
                 -EBADMSG);
    cr_assert_eq(result_of("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n"
                           "\r\nzz\r\n"),
                 -EBADMSG);
    cr_assert_eq(result_of("HTTP/2.0 200 OK\r\n\r\n"), -ENOTSUP);
}

RV_TEST(http_client, a_body_above_the_limit_is_an_error)
{
    static const char *const says[] = {
        "HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\n01234567890",
        "HTTP/1.1 200 OK\r\n\r\n01234567890",
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
         "b\r\n01234567890\r\n0\r\n\r\n")};

    for (int i = 0; i < 3; i++) {
        struct scripted peer = {.says = says[i]};
        struct outcome out;

        get_from(&out, &peer, 10, 0);
        cr_assert_eq(out.result, -EMSGSIZE, "%s: %d", says[i], out.result);
    }
}

RV_TEST(http_client, a_reset_is_an_error)
{
    struct scripted peer = {.says = "HTTP/1.1 200 OK\r\n\r\nx",
                            .end = SCRIPTED_RESET};
    struct outcome out;

    get_from(&out, &peer, 0, 0);

    cr_assert_eq(out.result, -ECONNRESET);
}

RV_TEST(http_client, a_deadline_ends_the_wait)
{
    struct scripted peer = {.says = "HTTP/1.1 200 OK\r\n",
                            .end = SCRIPTED_WAIT};
    struct outcome out;
    const int64_t start_ns = rv_now_ns();

    get_from(&out, &peer, 0, 40);

    cr_assert_eq(out.result, -ETIMEDOUT);
    cr_assert_geq(rv_now_ns() - start_ns, 40 * RV_NS_PER_MS);
}

RV_TEST(http_client, a_port_without_a_listener_refuses)
{
    struct rv_runtime *runtime;
    struct rv_http_get get;
    uint16_t port;
    char url[64];

    close(scripted_listen(&port));
    set_url(url, port);
    cr_assert_eq(rv_test_runtime_start(&runtime), 0);
    cr_assert_eq(rv_http_get_init(&get, url), 0);

    cr_assert_eq(rv_runtime_block_on(runtime, &get.future), -ECONNREFUSED);

    rv_drop(&get.future);
    rv_runtime_stop(runtime);
}

RV_TEST(http_client, a_url_that_cannot_be_fetched_is_an_error_at_once)
{
    static const struct {
        const char *url;
        int error;
    } cases[] = {
        {"https://127.0.0.1/", -EPROTONOSUPPORT},
        {"127.0.0.1/", -EINVAL},
        {"http://127.0.0.1:70000/", -EINVAL},
        {"http://127.0.0.1/a b", -EINVAL},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct rv_http_get get;

        cr_assert_eq(rv_http_get_init(&get, cases[i].url), cases[i].error, "%s",
                     cases[i].url);
        rv_drop(&get.future);
    }
}

/* --- names ------------------------------------------------------------- */

/* GET it from a peer on 127.0.0.1 under this name. */
static int get_by_name(const char *host)
{
    struct scripted peer = {.says = "HTTP/1.1 204 No Content\r\n\r\n"};
    struct rv_runtime *runtime;
    struct rv_http_get get;
    char line[64];
    char url[64];
    int result;

    scripted_start(&peer);
    snprintf(url, sizeof url, "http://%s:%u/", host, (unsigned)peer.port);
    snprintf(line, sizeof line, "\r\nHost: %s:%u\r\n", host,
             (unsigned)peer.port);
    cr_assert_eq(rv_test_runtime_start(&runtime), 0);
    cr_assert_eq(rv_http_get_init(&get, url), 0);
    result = rv_runtime_block_on(runtime, &get.future);
    rv_drop(&get.future);
    rv_runtime_stop(runtime);
    if (result < 0)
        scripted_give_up(&peer);
    scripted_stop(&peer);
    if (result == 0)
        cr_assert_not_null(strstr(peer.heard, line), "%s", peer.heard);
    return result;
}

RV_TEST(http_client, a_name_is_looked_up_and_sent_as_the_host)
{
    cr_assert_eq(get_by_name("localhost"), 0);
    cr_assert_eq(get_by_name("127.1"), 0); /* uses a look-up */
}

RV_TEST(http_client, a_name_that_is_none_is_an_error)
{
    const int result = get_by_name("no.such.name.invalid");

    cr_assert(result == -ENXIO || result == -EREMOTEIO, "%d", result);
}

/* The request alone fits into the first buffer; with the host it does not. */
RV_TEST(http_client, a_request_as_long_as_the_first_buffer_is_sent)
{
    static const char rest[] = " HTTP/1.1\r\nHost: 127.0.0.1:12345\r\n"
                               "User-Agent: reveil/0.1\r\nAccept: */*\r\n"
                               "Connection: close\r\n\r\n";
    struct scripted peer = {.says = "HTTP/1.1 204 No Content\r\n\r\n"};
    struct rv_runtime *runtime;
    struct rv_http_get get;
    char url[1100] = {0};

    scripted_start(&peer);
    snprintf(url, sizeof url, "http://127.0.0.1:%u/", (unsigned)peer.port);
    memset(url + strlen(url), 'p', 1020 - strlen("GET /") - strlen(rest));
    cr_assert_eq(rv_test_runtime_start(&runtime), 0);
    cr_assert_eq(rv_http_get_init(&get, url), 0);
    cr_assert_eq(rv_runtime_block_on(runtime, &get.future), 0);
    rv_drop(&get.future);
    rv_runtime_stop(runtime);
    scripted_stop(&peer);
}

/* --- dropped ----------------------------------------------------------- */

/* Polls a GET a few times, then is READY while the GET is still in progress. */
struct impatient {
    struct rv_future future;
    struct rv_http_get get;
    int polls;
};

static enum rv_poll impatient_poll(struct rv_future *future, struct rv_cx *cx)
{
    struct impatient *self = RV_CONTAINER_OF(future, struct impatient, future);

    cr_assert_eq(rv_poll(&self->get.future, cx), RV_PENDING);
    rv_waker_wake(&cx->waker);
    return --self->polls > 0 ? RV_PENDING : RV_READY;
}

RV_TEST(http_client, dropped_at_any_time_it_closes)
{
    static const struct rv_future_ops ops = {.name = "impatient",
                                             .poll = impatient_poll};

    for (int polls = 0; polls < 6; polls++) {
        struct scripted peer = {.says = "HTTP/1.1 200 OK\r\n",
                                .end = SCRIPTED_WAIT};
        struct impatient impatient = {.polls = polls};
        struct rv_runtime *runtime;
        char url[64];

        scripted_start(&peer);
        set_url(url, peer.port);
        cr_assert_eq(rv_test_runtime_start(&runtime), 0);
        rv_future_init(&impatient.future, &ops);
        cr_assert_eq(rv_http_get_init(&impatient.get, url), 0);
        if (polls > 0)
            rv_runtime_block_on(runtime, &impatient.future);
        rv_drop(&impatient.get.future);
        rv_drop(&impatient.get.future);
        rv_runtime_stop(runtime);
        scripted_give_up(&peer); /* it may not have connected */
        scripted_stop(&peer);
    }
}

/* --- out of memory ----------------------------------------------------- */

/* One whole GET, by a runtime of its own. */
static int one_get(void *arg)
{
    struct scripted peer = {
        .says = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                "5\r\nhello\r\n0\r\n\r\n",
        .piece = 40};
    struct rv_runtime *runtime;
    struct rv_http_get get;
    char url[64];
    int error;

    (void)arg;
    scripted_start(&peer);
    set_url(url, peer.port);
    error = rv_test_runtime_start(&runtime);
    if (error == 0) {
        error = rv_http_get_init(&get, url);
        if (error == 0)
            error = rv_runtime_block_on(runtime, &get.future);
        rv_drop(&get.future);
        rv_runtime_stop(runtime);
    }
    if (error < 0) /* it may not have connected */
        scripted_give_up(&peer);
    scripted_stop(&peer);
    return error;
}

RV_TEST(http_client, every_allocation_of_a_get_may_fail)
{
    cr_assert_geq(rv_fail_each_alloc_strictly(one_get, NULL), 3);
}
