/* SPDX-License-Identifier: MIT */
/*
 * request.c - what a request sends: its head, and its body from memory or from
 * a source.
 *
 * A short body in memory is copied behind the head, so that both are one
 * packet. A longer one is sent from where it is. What a source gives passes
 * through a buffer, with room for the size of a chunk in front of it:
 *
 *     chunk: [      1f40\r\n][data][\r\n]
 *                  ^send_at             ^send_end
 *
 * The server may respond before it has the whole body, and close the connection
 * then: so a body that cannot be sent further also looks for the response.
 *
 * Threads: the executor's.
 */
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/base_internal.h"
#include "http/client/client_internal.h"
#include "http/message/own_header.h"
#include "http/message/writer.h"

enum {
    HEAD_FIRST_BYTES = 512,
    REQUEST_BYTES = 192, /* upper bound, without what the caller gives */
    HEADERS_MAX_BYTES = 16 * 1024,
    JOINED_BYTES = 4096, /* a body up to this size is sent with the head */
    CHUNK_BYTES = 64 * 1024,
    SIZE_BYTES = 8, /* "10000\r\n" */
    STEPS_A_POLL = 64
};

/* --- the head ---------------------------------------------------------- */

static const char *method_of(const struct rv_http_get *get)
{
    if (get->method)
        return get->method;
    return get->head_only ? "HEAD" : "GET";
}

static bool is_method(const struct rv_http_get *get, const char *method)
{
    return strcmp(method_of(get), method) == 0;
}

/* The next header of those that were added, without its line end. Returns:
 * false if there is none. */
static bool next_header(const char **at, const char *end, size_t *len)
{
    if (*at == end)
        return false;
    *len = (size_t)((const char *)memchr(*at, '\r', (size_t)(end - *at)) - *at);
    return true;
}

static bool has_name(const char *header, const char *name)
{
    const size_t len = strlen(name);

    return strncasecmp(header, name, len) == 0 && header[len] == ':';
}

static bool has_header(const struct rv_http_get *get, const char *name)
{
    const char *end = get->headers + get->headers_len_bytes;
    size_t len;

    for (const char *at = get->headers; next_header(&at, end, &len);
         at += len + 2)
        if (has_name(at, name))
            return true;
    return false;
}

static void append_body_headers(struct rv_http_writer *out,
                                const struct rv_http_get *get)
{
    const bool chunked = get->source && get->source_len_bytes < 0;
    const bool usual = is_method(get, "POST") || is_method(get, "PUT") ||
                       is_method(get, "PATCH");

    if (chunked) {
        rv_http_append(out, "Transfer-Encoding: chunked\r\n");
    } else if (get->sends || usual) {
        rv_http_append(out, "Content-Length: ");
        rv_http_append_number(out, get->source ? (uint64_t)get->source_len_bytes
                                               : get->data_len_bytes);
        rv_http_append(out, "\r\n");
    }
}

static bool is_joined(const struct rv_http_get *get)
{
    return get->sends && !get->source && get->data_len_bytes <= JOINED_BYTES;
}

/*
 * Write the request to `head`, with a short body, and after it the host to
 * dial, NUL-terminated.
 *
 * Returns: false if they do not fit.
 */
static bool format_request(struct rv_http_get *get,
                           const struct rv_http_url_parts *url)
{
    struct rv_http_writer out = {.at = get->head,
                                 .end = get->head + get->head_room_bytes - 1};

    rv_http_append(&out, method_of(get));
    rv_http_append(&out, " ");
    rv_http_append_target(&out, url);
    rv_http_append(&out, " HTTP/1.1\r\nHost: ");
    rv_http_append_authority(&out, url);
    rv_http_append(&out, "\r\n");
    if (get->headers_len_bytes == 0 || !has_header(get, "User-Agent"))
        rv_http_append(&out, "User-Agent: reveil/0.1\r\n");
    if (get->headers_len_bytes == 0 || !has_header(get, "Accept"))
        rv_http_append(&out, "Accept: */*\r\n");
    if (get->headers_len_bytes > 0)
        rv_http_append_bytes(&out, get->headers, get->headers_len_bytes);
    if (get->method)
        append_body_headers(&out, get);
    rv_http_append(&out, get->client ? "\r\n" : "Connection: close\r\n\r\n");
    if (is_joined(get) && get->data_len_bytes > 0)
        rv_http_append_bytes(&out, get->data, get->data_len_bytes);
    get->filled_bytes = (size_t)(out.at - get->head);
    rv_http_append_bytes(&out, url->host, url->host_len);
    *out.at = '\0';
    return !out.full;
}

int rv_http_request_store(struct rv_http_get *get,
                          const struct rv_http_url_parts *url)
{
    const size_t room = REQUEST_BYTES + url->target_len + 2 * url->host_len +
                        (get->method ? strlen(get->method) : 0) +
                        get->headers_len_bytes +
                        (is_joined(get) ? get->data_len_bytes : 0);
    bool fits;
    int error = 0;

    if (room > get->head_room_bytes)
        error = rv_http_grow(&get->head, 0, &get->head_room_bytes,
                             room > HEAD_FIRST_BYTES ? room : HEAD_FIRST_BYTES);
    if (error < 0)
        return error;
    fits = format_request(get, url);
    RV_CHECK(fits, "a request without room");
    get->port = url->port;
    return 0;
}

/* --- send it again ------------------------------------------------------ */

bool rv_http_request_is_idempotent(const struct rv_http_get *get)
{
    static const char *const methods[] = {"GET", "HEAD",   "OPTIONS",
                                          "PUT", "DELETE", "TRACE"};

    for (size_t i = 0; i < sizeof methods / sizeof methods[0]; i++)
        if (is_method(get, methods[i]))
            return true;
    return false;
}

bool rv_http_request_rewind(struct rv_http_get *get)
{
    if (!get->source || get->source_left == (uint64_t)get->source_len_bytes)
        return true;
    return get->source->ops->rewind &&
           get->source->ops->rewind(get->source) == 0;
}

/* Take the headers with one of these names out; a list that ends with NULL. */
static void forget(struct rv_http_get *get, const char *const *names)
{
    const char *end = get->headers + get->headers_len_bytes;
    const char *at = get->headers;
    char *to = get->headers;
    size_t len;

    for (; next_header(&at, end, &len); at += len + 2) {
        bool found = false;

        for (const char *const *name = names; *name; name++)
            found |= has_name(at, *name);
        if (found)
            continue;
        memmove(to, at, len + 2);
        to += len + 2;
    }
    get->headers_len_bytes = (size_t)(to - get->headers);
}

bool rv_http_request_redirect(struct rv_http_get *get, int status)
{
    static const char *const of_the_body[] = {
        "Content-Encoding", "Content-Language", "Content-Location",
        "Content-Type", NULL};
    const bool to_get =
        (status == 303 && !is_method(get, "HEAD")) ||
        ((status == 301 || status == 302) && is_method(get, "POST"));

    if (!to_get)
        return !get->sends || rv_http_request_rewind(get);
    get->method = NULL;
    get->head_only = false;
    get->sends = false;
    get->source = NULL;
    forget(get, of_the_body);
    return true;
}

void rv_http_request_forget_secrets(struct rv_http_get *get)
{
    static const char *const secrets[] = {"Authorization", "Cookie",
                                          "Proxy-Authorization", NULL};

    forget(get, secrets);
}

/* --- the body ---------------------------------------------------------- */

int rv_http_body_start(struct rv_http_get *get)
{
    const int yes = 1;

    get->answered = false;
    get->cut = false;
    get->source_failed = false;
    get->send_at = NULL;
    get->send_end = NULL;
    if (!get->sends || is_joined(get))
        return 0;
    /* The end of the body must not wait for the server to acknowledge what
     * precedes it. */
    setsockopt(rv_stream_fd(get->link ? &get->link->stream : &get->stream),
               IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    if (!get->source) {
        get->send_at = get->data;
        get->send_end = get->data + get->data_len_bytes;
        return 1;
    }
    get->source_done = get->source_len_bytes == 0;
    get->source_left = (uint64_t)get->source_len_bytes;
    if (!get->chunk)
        get->chunk = rv_alloc(SIZE_BYTES + CHUNK_BYTES + 2);
    return get->chunk ? 1 : -ENOMEM;
}

/* Put the size in front of the data, and a line end behind it. */
static void frame_chunk(struct rv_http_get *get, size_t len)
{
    char size[SIZE_BYTES + 1];
    const size_t size_len = (size_t)snprintf(size, sizeof size, "%zx\r\n", len);
    char *data = get->chunk + SIZE_BYTES;

    memcpy(data - size_len, size, size_len);
    memcpy(data + len, "\r\n", 2);
    get->send_at = data - size_len;
    get->send_end = data + len + 2;
}

/* Read the next piece from the source. Returns: 0; -EAGAIN; negative errno. */
static int fill(struct rv_http_get *get, struct rv_cx *cx)
{
    const bool chunked = get->source_len_bytes < 0;
    char *data = get->chunk + SIZE_BYTES;
    size_t room = CHUNK_BYTES;
    ssize_t len;

    if (!chunked && get->source_left < room)
        room = (size_t)get->source_left;
    len = get->source->ops->poll_read(get->source, cx, data, room);
    if (len < 0)
        return (int)len;
    RV_CHECK((size_t)len <= room, "a source stored more than there was room");
    if (len == 0 && !chunked)
        return -EPIPE;
    get->source_left -= (uint64_t)len;
    get->source_done = len == 0 || get->source_left == 0;
    if (chunked) {
        frame_chunk(get, (size_t)len);
        get->source_done = len == 0;
    } else {
        get->send_at = data;
        get->send_end = data + len;
    }
    return 0;
}

/* The body cannot be sent now. Has the server answered? Returns: 0: yes;
 * -EAGAIN: no; negative errno. */
static int look_for_response(struct rv_http_get *get, struct rv_cx *cx)
{
    const int error = rv_http_response_poll(get, cx);

    if (error < 0)
        return error;
    get->answered = true;
    get->cut = true;
    return 0;
}

int rv_http_body_poll(struct rv_http_get *get, struct rv_cx *cx)
{
    for (int n = 0; n < STEPS_A_POLL; n++) {
        const size_t left = (size_t)(get->send_end - get->send_at);
        ssize_t len;

        if (left == 0) {
            int error;

            if (!get->source || get->source_done)
                return 0;
            error = fill(get, cx);
            get->source_failed = error < 0 && error != -EAGAIN;
            if (error == -EAGAIN)
                return look_for_response(get, cx);
            if (error < 0)
                return error;
            continue;
        }
        len =
            rv_http_link_send(get->link, &get->stream, cx, get->send_at, left);
        if (len == -EAGAIN)
            return look_for_response(get, cx);
        if (len == -EPIPE || len == -ECONNRESET) {
            get->cut = true; /* a response may have arrived before that */
            return 0;
        }
        if (len < 0)
            return (int)len;
        get->send_at += len;
        rv_http_get_moved(get);
    }
    rv_waker_wake(&cx->waker);
    return -EAGAIN;
}

/* --- what the caller sets ----------------------------------------------- */

static int set_method(struct rv_http_get *get, const char *method)
{
    if (!rv_http_is_token(method) || strcmp(method, "CONNECT") == 0) {
        rv_drop(&get->future);
        return -EINVAL;
    }
    get->method = method;
    get->head_only = strcmp(method, "HEAD") == 0;
    return 0;
}

int rv_http_request_init(struct rv_http_get *get, const char *method,
                         const char *url)
{
    const int error = rv_http_get_init(get, url);

    return error < 0 ? error : set_method(get, method);
}

int rv_https_request_init(struct rv_http_get *get, const char *method,
                          const char *url, struct rv_http_layer *layer)
{
    const int error = rv_http_get_init_any(get, url, layer);

    return error < 0 ? error : set_method(get, method);
}

int rv_http_get_add_header(struct rv_http_get *get, const char *name,
                           const char *value)
{
    static const char *const own[] = {"Connection", "Content-Length",
                                      "Expect",     "Host",
                                      "Keep-Alive", "TE",
                                      "Trailer",    "Transfer-Encoding",
                                      "Upgrade",    NULL};
    const size_t len = strlen(name) + strlen(value) + strlen(": \r\n");
    const size_t wanted = get->headers_len_bytes + len;
    struct rv_http_writer out;
    int error = 0;

    if (rv_http_check_header(name, value, own) < 0)
        return -EINVAL;
    if (wanted > HEADERS_MAX_BYTES)
        return -EMSGSIZE;
    if (wanted > get->headers_room_bytes)
        error = rv_http_grow(&get->headers, get->headers_len_bytes,
                             &get->headers_room_bytes, 2 * wanted);
    if (error < 0)
        return error;
    out = (struct rv_http_writer){.at = get->headers + get->headers_len_bytes,
                                  .end = get->headers + wanted};
    rv_http_append(&out, name);
    rv_http_append(&out, ": ");
    rv_http_append(&out, value);
    rv_http_append(&out, "\r\n");
    get->headers_len_bytes = wanted;
    return 0;
}

void rv_http_get_send(struct rv_http_get *get, const void *data,
                      size_t len_bytes)
{
    get->sends = true;
    get->data = data;
    get->data_len_bytes = len_bytes;
    get->source = NULL;
}

void rv_http_get_send_from(struct rv_http_get *get,
                           struct rv_http_source *source, int64_t len_bytes)
{
    get->sends = true;
    get->source = source;
    get->source_len_bytes = len_bytes;
    get->source_left = (uint64_t)len_bytes;
}
