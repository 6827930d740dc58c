/* SPDX-License-Identifier: MIT */
/*
 * writer.h - append pieces of text to a buffer of fixed size.
 *
 * With snprintf() a request would take twice the instructions.
 */
#ifndef RV_HTTP_WRITER_H
#define RV_HTTP_WRITER_H

#include <string.h>

#include "http/message/url.h"

struct rv_http_writer {
    char *at;
    char *end; /* the end of the buffer */
    bool full; /* a piece did not fit; nothing is appended any more */
};

static inline void rv_http_append_bytes(struct rv_http_writer *out,
                                        const char *text, size_t len)
{
    if (len > (size_t)(out->end - out->at))
        out->full = true;
    if (out->full)
        return;
    memcpy(out->at, text, len);
    out->at += len;
}

static inline void rv_http_append(struct rv_http_writer *out, const char *text)
{
    rv_http_append_bytes(out, text, strlen(text));
}

static inline void rv_http_append_number(struct rv_http_writer *out,
                                         uint64_t number)
{
    char digits[24];
    char *first = digits + sizeof digits - 1;

    *first = '\0';
    do {
        *--first = (char)('0' + number % 10);
        number /= 10;
    } while (number > 0);
    rv_http_append(out, first);
}

/* "host", "host:8080", "[::1]:8080" */
static inline void rv_http_append_authority(struct rv_http_writer *out,
                                            const struct rv_http_url_parts *url)
{
    rv_http_append(out, url->v6 ? "[" : "");
    rv_http_append_bytes(out, url->host, url->host_len);
    rv_http_append(out, url->v6 ? "]" : "");
    if (url->port == rv_http_default_port(url->https))
        return;
    rv_http_append(out, ":");
    rv_http_append_number(out, url->port);
}

/* "/path?query"; a slash is added if there is no path. */
static inline void rv_http_append_target(struct rv_http_writer *out,
                                         const struct rv_http_url_parts *url)
{
    if (url->target_len == 0 || *url->target != '/')
        rv_http_append(out, "/");
    rv_http_append_bytes(out, url->target, url->target_len);
}

/* "http://host:port/path?query", or https. */
static inline void rv_http_append_url(struct rv_http_writer *out,
                                      const struct rv_http_url_parts *url)
{
    rv_http_append(out, url->https ? "https://" : "http://");
    rv_http_append_authority(out, url);
    rv_http_append_target(out, url);
}

#endif /* RV_HTTP_WRITER_H */
