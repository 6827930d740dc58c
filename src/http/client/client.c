/* SPDX-License-Identifier: MIT */
/*
 * client.c - a GET: connect, send the request, receive the response
 * (response.c). It starts again with a new connection if an idle one turned out
 * to be closed, and with the next URL after a redirect.
 *
 * Most GETs take three polls: the first starts the connect, the second sends
 * the request, the third receives the response. On loopback the first two are
 * one. A name lookup adds one.
 *
 * Threads: the executor's, as for every future.
 */
#include <errno.h>
#include <reveil/async.h>
#include <string.h>
#include <strings.h>

#include "base/base_internal.h"
#include "http/client/client_internal.h"
#include "http/message/writer.h"

enum { URL_BYTES = 32 }; /* upper bound for "http://[]:65535/" */

static const uint64_t max_body_default = UINT64_C(64) << 20;

/* --- timeouts ---------------------------------------------------------- */

/* The timeouts of a state: for all of it, and without progress. 0: none. */
struct spans {
    int64_t whole_ns;
    int64_t silence_ns;
};

static struct spans spans_of(const struct rv_http_get *get)
{
    const struct rv_http_timeouts *timeouts = &get->timeouts;

    switch (get->state) {
    case RV_HTTP_CONNECTING:
        return (struct spans){.whole_ns = timeouts->connect_ns};
    case RV_HTTP_SENDING:
        if (get->send_at) /* the body: it may be long */
            return (struct spans){.silence_ns = timeouts->send_ns};
        return (struct spans){.whole_ns = timeouts->send_ns};
    case RV_HTTP_WAITING:
        return (struct spans){timeouts->head_ns, timeouts->head_stall_ns};
    case RV_HTTP_RECEIVING:
        return (struct spans){.silence_ns = timeouts->body_ns};
    case RV_HTTP_STORING:
    case RV_HTTP_FINISHED:
        break;
    }
    return (struct spans){0};
}

/* `span_ns` from now; RV_NEVER if there is no limit or it overflows. */
static int64_t end_of(int64_t span_ns)
{
    return span_ns > 0 ? rv_after_ns(span_ns) : RV_NEVER;
}

void rv_http_get_moved(struct rv_http_get *get)
{
    const int64_t silence_ns = end_of(spans_of(get).silence_ns);

    get->state_ns = silence_ns < get->whole_ns ? silence_ns : get->whole_ns;
}

void rv_http_get_enter(struct rv_http_get *get, enum rv_http_get_state state)
{
    get->state = state;
    get->whole_ns = end_of(spans_of(get).whole_ns);
    rv_http_get_moved(get);
}

/*
 * Has the deadline passed? If not, the timer is armed. A timer that fires
 * before the current deadline is armed again: that is cheaper than moving it
 * for each piece of a body.
 */
bool rv_http_get_out_of_time(struct rv_http_get *get, struct rv_cx *cx)
{
    const int64_t deadline_ns =
        get->deadline_ns < get->state_ns ? get->deadline_ns : get->state_ns;

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

/* Is the URL one of https? */
static bool is_https(const char *url)
{
    return strncasecmp(url, "https:", 6) == 0;
}

/* The layer for the URL: none for plain HTTP. */
static struct rv_http_layer *layer_of(const struct rv_http_get *get)
{
    return is_https(get->url) ? get->layer : NULL;
}

/* The server of get->url, as prepare_request() has found it. */
static struct rv_http_peer peer_of(const struct rv_http_get *get)
{
    return (struct rv_http_peer){.host = get->url + get->host.at,
                                 .host_len = get->host.len,
                                 .port = get->port,
                                 .layer = layer_of(get)};
}

/*
 * Write the request for get->url, and look for an idle connection.
 *
 * Returns: 1: get->stream is an idle connection; 0: there is none; -ENOMEM.
 */
static int prepare_request(struct rv_http_get *get)
{
    struct rv_http_peer peer;
    struct rv_http_url_parts url;
    int error = rv_http_url_split(&url, get->url, get->layer);

    if (error == 0)
        error = rv_http_request_store(get, &url);
    if (error < 0)
        return error;
    get->host.at = (uint32_t)(url.host - get->url);
    get->host.len = (uint32_t)url.host_len;
    peer = peer_of(get);
    get->heard = false;
    get->reused =
        get->client && !get->retried &&
        rv_http_client_reuse(get->client, &peer, &get->stream, &get->link);
    if (get->client)
        *(get->reused ? &get->client->reused : &get->client->opened) += 1;
    return get->reused;
}

/* --- after the response ------------------------------------------------ */

/* The response is complete, nothing follows it, and the server keeps the
 * connection open. */
static bool is_reusable(const struct rv_http_get *get)
{
    return get->parser->done && get->parser->head.keep_alive && !get->surplus &&
           !get->cut;
}

void rv_http_get_leave(struct rv_http_get *get)
{
    const struct rv_http_peer peer = peer_of(get);

    if (get->client && is_reusable(get))
        rv_http_client_keep(get->client, &peer, &get->stream, &get->link);
    else
        rv_http_get_hang_up(get);
}

/*
 * Did the server close an idle connection while the request was in transit? It
 * has most likely not read the request; and if it has, repeating an idempotent
 * one does no harm. An error of the source is not one of the connection.
 */
static bool may_retry(struct rv_http_get *get, int error)
{
    return get->reused && !get->heard &&
           (error == -EPIPE || error == -ECONNRESET) && !get->source_failed &&
           rv_http_request_is_idempotent(get) && rv_http_request_rewind(get);
}

/* Format a URL in new memory. Owns: the caller frees it with rv_free().
 * Returns: NULL if out of memory. */
static char *url_text(const struct rv_http_url_parts *url)
{
    const size_t room = URL_BYTES + url->host_len + url->target_len;
    struct rv_http_writer out = {.at = rv_alloc(room)};
    char *text = out.at;

    if (!text)
        return NULL;
    out.end = text + room - 1;
    rv_http_append_url(&out, url);
    *out.at = '\0';
    return text;
}

/* Set next_url: the reference `text` relative to get->url. Returns: 0, negative
 * errno. */
static int set_next_url(struct rv_http_get *get, const char *text)
{
    /* 8 KiB: too large for a coroutine's stack. */
    struct rv_http_url *url = rv_alloc(sizeof *url);
    int error;

    if (!url)
        return -ENOMEM;
    error = rv_http_url_parse_any(url, get->url);
    if (error == 0)
        error = rv_http_url_join_any(url, url, text, get->layer != NULL);
    if (error == 0) {
        const struct rv_http_url_parts parts = rv_http_parts_of(url);

        get->next_url = url_text(&parts);
        error = get->next_url ? 0 : -ENOMEM;
    }
    rv_free(url);
    return error == -EINVAL ? -EBADMSG : error;
}

int rv_http_get_find_next(struct rv_http_get *get)
{
    const struct rv_http_slice *location;
    char *end;
    char behind;
    int error;

    if (get->max_redirects == 0 ||
        !rv_http_is_redirect(get->parser->head.status))
        return 0;
    location = rv_http_find_header(&get->parser->head, get->head, "Location");
    if (!location)
        return 0;
    if (get->redirects == get->max_redirects)
        return -ELOOP;
    if (!rv_http_request_redirect(get, get->parser->head.status))
        return 0;
    /* Make the value a string for the call: at least a CR follows it. */
    end = get->head + location->at + location->len;
    behind = *end;
    *end = '\0';
    error = set_next_url(get, get->head + location->at);
    *end = behind;
    return error;
}

/* Does next_url lead to the server of the URL? */
static bool is_same_server(const struct rv_http_get *get)
{
    struct rv_http_url_parts next;

    return rv_http_url_split(&next, get->next_url, true) == 0 &&
           next.https == is_https(get->url) && next.port == get->port &&
           next.host_len == get->host.len &&
           strncasecmp(next.host, get->url + get->host.at, next.host_len) == 0;
}

/* Make next_url the current URL. Returns: false if there is none. */
static bool follow_redirect(struct rv_http_get *get)
{
    if (!get->next_url)
        return false;
    if (get->headers_len_bytes > 0 && !is_same_server(get))
        rv_http_request_forget_secrets(get);
    rv_free(get->url);
    get->url = get->next_url;
    get->next_url = NULL;
    get->status = 0;
    get->redirects++;
    get->retried = false;
    return true;
}

/* --- the future -------------------------------------------------------- */

/* Without a layer the dial sends the first bytes of the request, in the poll
 * in which it has connected. */
static void start_dial(struct rv_http_get *get)
{
    struct rv_dial *dial = &get->step.dial;

    rv_http_get_enter(get, RV_HTTP_CONNECTING);
    rv_dial_init(dial, get->head + get->filled_bytes, get->port, RV_NEVER,
                 &get->stream);
    if (layer_of(get))
        return;
    dial->first = get->head;
    dial->first_len_bytes = get->filled_bytes;
}

/* *sent: the bytes of the request that the dial has sent. Returns: 0, negative
 * errno. */
static int end_dial(struct rv_http_get *get, size_t *sent)
{
    int error = get->step.dial.future.result;

    *sent = get->step.dial.first_sent_bytes;
    if (error == 0 && layer_of(get))
        error = rv_http_link_take(&get->link, get->layer, &get->stream,
                                  get->head + get->filled_bytes);
    return error;
}

/* What the dial has not sent. */
static void start_send(struct rv_http_get *get, size_t sent)
{
    rv_http_get_enter(get, RV_HTTP_SENDING);
    rv_stream_send_init(&get->step.send, &get->stream, get->head + sent,
                        get->filled_bytes - sent);
}

static enum rv_poll fetch(struct rv_http_get *get, struct rv_cx *cx)
{
    struct rv_future *future = &get->future;
    size_t sent; /* bytes of the request; not needed after the next await */
    int error;

    RV_BEGIN(future);
    do {
        sent = 0;
        error = prepare_request(get);
        if (error < 0)
            RV_RETURN(future, error);
        if (error == 0) {
            start_dial(get);
            RV_AWAIT(future, cx, &get->step.dial.future);
            error = end_dial(get, &sent);
            if (error < 0)
                RV_RETURN(future, error);
        }
        if (get->link) {
            rv_http_get_enter(get, RV_HTTP_SENDING);
            rv_io_write_all_init(&get->step.write, get->link->io, get->head,
                                 get->filled_bytes);
            RV_AWAIT(future, cx, &get->step.write.future);
            error = get->step.write.future.result;
        } else if (sent < get->filled_bytes) {
            start_send(get, sent);
            RV_AWAIT(future, cx, &get->step.send.future);
            error = get->step.send.future.result;
        }
        if (error == 0) {
            rv_http_response_start(get);
            error = rv_http_body_start(get);
        }
        if (error > 0) {
            rv_http_get_enter(get, RV_HTTP_SENDING);
            RV_AWAIT_UNTIL(future,
                           (error = rv_http_body_poll(get, cx)) != -EAGAIN);
        }
        if (error == 0 && !get->answered) {
            if (!get->head_done)
                rv_http_get_enter(get, RV_HTTP_WAITING);
            RV_AWAIT_UNTIL(future,
                           (error = rv_http_response_poll(get, cx)) != -EAGAIN);
        }
        get->retried = may_retry(get, error);
        if (get->retried) {
            rv_http_get_hang_up(get);
            continue;
        }
        if (error < 0)
            RV_RETURN(future, error);
        if (get->in_pieces && !get->next_url)
            RV_RETURN(future, 0);
        rv_http_get_leave(get);
    } while (get->retried || follow_redirect(get));
    rv_http_get_enter(get, RV_HTTP_FINISHED);
    RV_RETURN(future, 0);
    RV_END(future);
}

void rv_http_get_hang_up(struct rv_http_get *get)
{
    rv_http_link_close(get->link);
    get->link = NULL;
    rv_stream_close(&get->stream);
}

void rv_http_get_disarm(struct rv_http_get *get)
{
    rv_drop(&get->timer.future);
    get->timer_ns = 0;
}

/* Release all that the caller does not read after the end. */
static void release_inner(struct rv_http_get *get, bool keep_stream)
{
    rv_drop(&get->step.dial.future); /* or send or write: all begin with one */
    rv_http_get_disarm(get);
    rv_free(get->chunk);
    get->chunk = NULL;
    if (!keep_stream)
        rv_http_get_hang_up(get);
    rv_free(get->next_url);
    get->next_url = NULL;
    if (get->sink) { /* then `body` is only a buffer */
        rv_free(get->body);
        get->body = NULL;
    }
}

static enum rv_poll get_poll(struct rv_future *future, struct rv_cx *cx)
{
    struct rv_http_get *get =
        RV_CONTAINER_OF(future, struct rv_http_get, future);

    /* I/O before the clock: a response that is complete counts, even if the
     * deadline has passed too. */
    if (fetch(get, cx) == RV_PENDING) {
        if (!rv_http_get_out_of_time(get, cx))
            return RV_PENDING;
        future->result = -ETIMEDOUT;
    }
    release_inner(get, get->in_pieces && future->result == 0);
    return RV_READY;
}

static void get_drop(struct rv_future *future)
{
    struct rv_http_get *get =
        RV_CONTAINER_OF(future, struct rv_http_get, future);

    release_inner(get, false);
    rv_free(get->parser);
    rv_free(get->head);
    rv_free(get->headers);
    rv_free(get->body);
    rv_free(get->url);
    get->parser = NULL;
    get->head = NULL;
    get->headers = NULL;
    get->body = NULL;
    get->url = NULL;
}

static const struct rv_future_ops get_ops = {
    .name = "http-get", .poll = get_poll, .drop = get_drop};

int rv_http_get_init(struct rv_http_get *get, const char *text)
{
    return rv_http_get_init_any(get, text, NULL);
}

int rv_http_get_init_any(struct rv_http_get *get, const char *text,
                         struct rv_http_layer *layer)
{
    struct rv_http_url_parts url;
    int error;

    memset(get, 0, sizeof *get);
    rv_future_init(&get->future, &get_ops);
    get->deadline_ns = RV_NEVER;
    get->state_ns = RV_NEVER;
    get->max_body_bytes = max_body_default;
    get->layer = layer;

    error = rv_http_url_split(&url, text, layer);
    if (error < 0)
        return error;
    get->url = url_text(&url);
    return get->url ? 0 : -ENOMEM;
}

void rv_http_get_into(struct rv_http_get *get, struct rv_http_sink *sink)
{
    get->sink = sink;
    get->max_body_bytes = UINT64_MAX;
}
