/* SPDX-License-Identifier: MIT */
/*
 * client.c - a GET: dial, send, receive the answer (answer.c); once more when
 * an idle connection turned out to be closed, or when the answer leads on.
 *
 * Most answers take three polls: one starts to connect, one sends when that
 * is done, one finds the answer; on loopback the first two are one. A name to
 * be looked up takes one more.
 *
 * Threads: the executor's, as for every future.
 */
#include <errno.h>
#include <reveil/async.h>
#include <string.h>

#include "base/base_internal.h"
#include "http/client_internal.h"
#include "http/writer.h"

enum {
    HEAD_FIRST_BYTES = 512,
    REQUEST_BYTES = 128 /* at most, without target and host */
};

static const uint64_t max_body_default = UINT64_C(64) << 20;

/* --- time -------------------------------------------------------------- */

static int64_t limit_of(const struct rv_http_get *get)
{
    switch (get->phase) {
    case RV_HTTP_CONNECTING:
        return get->timeouts.connect_ns;
    case RV_HTTP_SENDING:
        return get->timeouts.send_ns;
    case RV_HTTP_ANSWERING:
        return get->timeouts.head_ns;
    case RV_HTTP_RECEIVING:
        return get->timeouts.body_ns;
    case RV_HTTP_STORING:
    case RV_HTTP_FINISHED:
        break;
    }
    return 0;
}

void rv_http_get_enter(struct rv_http_get *get, enum rv_http_phase phase)
{
    int64_t limit_ns;
    int64_t now_ns;

    get->phase = phase;
    get->phase_ns = RV_NEVER;
    limit_ns = limit_of(get);
    if (limit_ns <= 0)
        return;
    now_ns = rv_now_ns();
    if (limit_ns < RV_NEVER - now_ns)
        get->phase_ns = now_ns + limit_ns;
}

/* The timer is set again when it fires too early for the deadline of that
 * time: cheaper than to set it for each piece of a body. */
static bool out_of_time(struct rv_http_get *get, struct rv_cx *cx)
{
    const int64_t deadline_ns =
        get->deadline_ns < get->phase_ns ? get->deadline_ns : get->phase_ns;

    if (deadline_ns == RV_NEVER)
        return false;
    if (get->timer_ns > deadline_ns)
        rv_drop(&get->timer.future);
    if (get->timer_ns == 0 || get->timer_ns > deadline_ns) {
        get->timer_ns = deadline_ns;
        rv_sleep_init(&get->timer, deadline_ns);
    }
    while (rv_poll(&get->timer.future, cx) == RV_READY) {
        if (get->timer_ns == deadline_ns) {
            get->deadline_passed = deadline_ns == get->deadline_ns;
            return true;
        }
        get->timer_ns = deadline_ns;
        rv_sleep_init(&get->timer, deadline_ns);
    }
    return false;
}

/* --- the request ------------------------------------------------------- */

/*
 * The request and, behind it, the host to dial, with a 0.
 *
 * Returns: false when they did not fit.
 */
static bool format_request(struct rv_http_get *get,
                           const struct rv_http_url *url)
{
    struct rv_http_writer out = {.at = get->head,
                                 .end = get->head + get->head_room_bytes - 1};

    rv_http_put(&out, get->head_only ? "HEAD " : "GET ");
    rv_http_put(&out, url->target);
    rv_http_put(&out, " HTTP/1.1\r\nHost: ");
    rv_http_put_authority(&out, url);
    rv_http_put(&out, "\r\nUser-Agent: reveil/0.1\r\nAccept: */*\r\n");
    rv_http_put(&out, get->client ? "\r\n" : "Connection: close\r\n\r\n");
    get->filled_bytes = (size_t)(out.at - get->head);
    rv_http_put(&out, url->host);
    *out.at = '\0';
    return !out.full;
}

/* Returns: 0, -ENOMEM. */
static int store_request(struct rv_http_get *get, const struct rv_http_url *url)
{
    const size_t room =
        REQUEST_BYTES + strlen(url->target) + 2 * strlen(url->host);
    bool fits;
    int err = 0;

    if (room > get->head_room_bytes)
        err = rv_http_grow(&get->head, 0, &get->head_room_bytes,
                           room > HEAD_FIRST_BYTES ? room : HEAD_FIRST_BYTES);
    if (err < 0)
        return err;
    fits = format_request(get, url);
    RV_CHECK(fits, "a request without room");
    get->port = url->port;
    return 0;
}

/*
 * Ready to ask for get->url. Returns: 1 if there is a connection already, 0 if
 * one is to be made, -ENOMEM.
 */
static int prepare(struct rv_http_get *get)
{
    struct rv_http_url url;
    int err = rv_http_url_parse(&url, get->url);

    if (err == 0)
        err = store_request(get, &url);
    if (err < 0)
        return err;
    get->heard = false;
    get->reused = get->client && !get->retried &&
                  rv_http_client_take(get->client, &url, &get->tcp);
    if (get->client)
        *(get->reused ? &get->client->reused : &get->client->opened) += 1;
    return get->reused;
}

/* --- after the answer -------------------------------------------------- */

/* The connection is in the state of one on which nothing was asked yet. */
static bool is_reusable(const struct rv_http_get *get)
{
    return get->parser->done && get->parser->head.keep_alive && !get->surplus;
}

static void release(struct rv_http_get *get)
{
    struct rv_http_url url;

    if (!get->client || !is_reusable(get) ||
        rv_http_url_parse(&url, get->url) < 0)
        rv_tcp_close(&get->tcp);
    else
        rv_http_client_put(get->client, &url, &get->tcp);
}

/*
 * The server has closed an idle connection while the request was on its way.
 * It did not read it, as far as can be known, and if it did, no harm is done.
 */
static bool may_retry(const struct rv_http_get *get, int err)
{
    return get->reused && !get->heard && (err == -EPIPE || err == -ECONNRESET);
}

static bool is_redirect(int status)
{
    return status == 301 || status == 302 || status == 303 || status == 307 ||
           status == 308;
}

/* Returns: 0, negative errno. */
static int join(struct rv_http_url *out, const struct rv_http_get *get,
                struct rv_http_slice location)
{
    char text[RV_HTTP_URL_TEXT];
    int err;

    if (location.len >= sizeof text)
        return -ENAMETOOLONG;
    memcpy(text, get->head + location.at, location.len);
    text[location.len] = '\0';
    err = rv_http_url_parse(out, get->url);
    if (err == 0)
        err = rv_http_url_join(out, out, text);
    return err == -EINVAL ? -EBADMSG : err;
}

/* Owns: the caller, by rv_free(); NULL when there is no memory. */
static char *url_text(const struct rv_http_url *url)
{
    char text[RV_HTTP_URL_TEXT];
    const size_t len = rv_http_url_format(url, text);
    char *copy = rv_alloc(len + 1);

    if (copy)
        memcpy(copy, text, len + 1);
    return copy;
}

int rv_http_get_find_next(struct rv_http_get *get)
{
    const struct rv_http_slice *location;
    struct rv_http_url url;
    int err;

    if (get->max_redirects == 0 || !is_redirect(get->parser->head.status))
        return 0;
    location = rv_http_find_header(&get->parser->head, get->head, "Location");
    if (!location)
        return 0;
    if (get->redirects == get->max_redirects)
        return -ELOOP;
    err = join(&url, get, *location);
    if (err < 0)
        return err;
    get->next_url = url_text(&url);
    return get->next_url ? 0 : -ENOMEM;
}

/* Returns: false when the answer is the last one. */
static bool goes_on(struct rv_http_get *get)
{
    if (!get->next_url)
        return false;
    rv_free(get->url);
    get->url = get->next_url;
    get->next_url = NULL;
    get->redirects++;
    get->retried = false;
    return true;
}

/* --- the future -------------------------------------------------------- */

static enum rv_poll fetch(struct rv_http_get *get, struct rv_cx *cx)
{
    struct rv_future *future = &get->future;
    size_t sent; /* of the request; it need not live through an await */
    int err;

    RV_BEGIN(future);
    do {
        sent = 0;
        err = prepare(get);
        if (err < 0)
            RV_RETURN(future, err);
        if (err == 0) {
            rv_http_get_enter(get, RV_HTTP_CONNECTING);
            rv_dial_init(&get->step.dial, get->head + get->filled_bytes,
                         get->port, RV_NEVER, &get->tcp);
            get->step.dial.first = get->head;
            get->step.dial.first_len_bytes = get->filled_bytes;
            RV_AWAIT(future, cx, &get->step.dial.future);
            err = get->step.dial.future.result;
            if (err < 0)
                RV_RETURN(future, err);
            sent = get->step.dial.first_sent_bytes;
        }
        rv_http_get_enter(get, RV_HTTP_SENDING);
        rv_tcp_send_init(&get->step.send, &get->tcp, get->head + sent,
                         get->filled_bytes - sent);
        RV_AWAIT(future, cx, &get->step.send.future);
        err = get->step.send.future.result;
        if (err == 0) {
            rv_http_get_enter(get, RV_HTTP_ANSWERING);
            rv_http_answer_start(get);
            RV_AWAIT_UNTIL(future,
                           (err = rv_http_answer_poll(get, cx)) != -EAGAIN);
        }
        get->retried = may_retry(get, err);
        if (get->retried) {
            rv_tcp_close(&get->tcp);
            continue;
        }
        if (err < 0)
            RV_RETURN(future, err);
        release(get);
    } while (get->retried || goes_on(get));
    rv_http_get_enter(get, RV_HTTP_FINISHED);
    RV_RETURN(future, 0);
    RV_END(future);
}

/* Close what needs no memory to be read: the connection and the timer. */
static void let_go(struct rv_http_get *get)
{
    rv_drop(&get->step.dial.future); /* or send: both start the same */
    rv_drop(&get->timer.future);
    rv_tcp_close(&get->tcp);
    rv_free(get->next_url);
    get->next_url = NULL;
    if (get->sink) { /* its buffer is not the body */
        rv_free(get->body);
        get->body = NULL;
    }
}

static enum rv_poll get_poll(struct rv_future *future, struct rv_cx *cx)
{
    struct rv_http_get *get =
        RV_CONTAINER_OF(future, struct rv_http_get, future);

    /* I/O before the clock: an answer that is there is taken. */
    if (fetch(get, cx) == RV_PENDING) {
        if (!out_of_time(get, cx))
            return RV_PENDING;
        future->result = -ETIMEDOUT;
    }
    let_go(get);
    return RV_READY;
}

static void get_drop(struct rv_future *future)
{
    struct rv_http_get *get =
        RV_CONTAINER_OF(future, struct rv_http_get, future);

    let_go(get);
    rv_free(get->parser);
    rv_free(get->head);
    rv_free(get->body);
    rv_free(get->url);
    get->parser = NULL;
    get->head = NULL;
    get->body = NULL;
    get->url = NULL;
}

static const struct rv_future_ops get_ops = {
    .name = "http-get", .poll = get_poll, .drop = get_drop};

int rv_http_get_init(struct rv_http_get *get, const char *text)
{
    struct rv_http_url url;
    int err;

    memset(get, 0, sizeof *get);
    rv_future_init(&get->future, &get_ops);
    get->deadline_ns = RV_NEVER;
    get->phase_ns = RV_NEVER;
    get->max_body_bytes = max_body_default;

    err = rv_http_url_parse(&url, text);
    if (err < 0)
        return err;
    get->url = url_text(&url);
    return get->url ? 0 : -ENOMEM;
}

void rv_http_get_into(struct rv_http_get *get, struct rv_http_sink *sink)
{
    get->sink = sink;
    get->max_body_bytes = UINT64_MAX;
}
