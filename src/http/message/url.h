/* SPDX-License-Identifier: MIT */
/*
 * url.h - the parts of a URL, as slices of its text.
 *
 * Threads: any.
 */
#ifndef RV_HTTP_URL_H
#define RV_HTTP_URL_H

#include <reveil/http.h>

/* The parts of a URL. They refer to its text, and are not NUL-terminated. */
struct rv_http_url_parts {
    const char *host; /* without the brackets of an IPv6 address */
    size_t host_len;
    uint16_t port;
    bool v6;
    bool https;
    const char *target; /* path and query as written: may be empty, or begin */
    size_t target_len;  /* with "?" */
};

/*
 * Split a URL into its parts.
 *
 * https: such URLs are accepted too. Returns: as rv_http_url_parse().
 */
int rv_http_url_split(struct rv_http_url_parts *out, const char *text,
                      bool https);

/* rv_http_url_parse() and rv_http_url_join(), also for https. */
int rv_http_url_parse_any(struct rv_http_url *out, const char *text);
int rv_http_url_join_any(struct rv_http_url *out,
                         const struct rv_http_url *base, const char *reference,
                         bool https);

/* The port of a URL that has none. */
static inline uint16_t rv_http_default_port(bool https)
{
    return https ? 443 : 80;
}

/* The parts of a parsed URL. Borrows: they refer to *url. */
struct rv_http_url_parts rv_http_parts_of(const struct rv_http_url *url);

#endif /* RV_HTTP_URL_H */
