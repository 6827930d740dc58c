/* SPDX-License-Identifier: MIT */
/*
 * writer.h - text that is being written, piece by piece.
 *
 * With snprintf() a request would have twice the instructions.
 */
#ifndef RV_HTTP_WRITER_H
#define RV_HTTP_WRITER_H

#include <reveil/http.h>
#include <string.h>

struct rv_http_writer {
    char *at;
    char *end; /* behind the room */
    bool full; /* something did not fit, and nothing was added since */
};

static inline void rv_http_put(struct rv_http_writer *out, const char *text)
{
    const size_t len = strlen(text);

    if (len > (size_t)(out->end - out->at))
        out->full = true;
    if (out->full)
        return;
    memcpy(out->at, text, len);
    out->at += len;
}

static inline void rv_http_put_number(struct rv_http_writer *out,
                                      uint64_t number)
{
    char digits[24];
    char *first = digits + sizeof digits - 1;

    *first = '\0';
    do {
        *--first = (char)('0' + number % 10);
        number /= 10;
    } while (number > 0);
    rv_http_put(out, first);
}

/* "host", "host:8080", "[::1]:8080" */
static inline void rv_http_put_authority(struct rv_http_writer *out,
                                         const struct rv_http_url *url)
{
    const bool v6 = strchr(url->host, ':') != NULL;

    rv_http_put(out, v6 ? "[" : "");
    rv_http_put(out, url->host);
    rv_http_put(out, v6 ? "]" : "");
    if (url->port == 80)
        return;
    rv_http_put(out, ":");
    rv_http_put_number(out, url->port);
}

#endif /* RV_HTTP_WRITER_H */
