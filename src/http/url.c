/* SPDX-License-Identifier: MIT */
/*
 * url.c - take "http://host:port/path" apart.
 *
 *     http://127.0.0.1:8080/600/Hello?x=1#here
 *            host      port target       left off
 *
 * Threads: everything here is a function of its arguments.
 */
#include "http/http_internal.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

enum { HTTP_PORT = 80, MAX_PORT = 65535 };

/* Copy `len` bytes behind the `at` that are there, and end the text. */
static int put(char *out, size_t size, size_t at, const char *text, size_t len)
{
    if (len >= size - at)
        return -ENAMETOOLONG;
    memcpy(out + at, text, len);
    out[at + len] = '\0';
    return 0;
}

/* Step over "http://" in any case of its letters. */
static int skip_scheme(const char **text)
{
    const char *end = strstr(*text, "://");
    size_t len;

    if (end == NULL || end == *text)
        return -EINVAL;
    len = (size_t)(end - *text);
    for (size_t i = 0; i < len; i++)
        if (!rv_http_in((*text)[i], RV_HTTP_TOKEN))
            return -EINVAL;
    if (len != 4 || strncasecmp(*text, "http", 4) != 0)
        return -EPROTONOSUPPORT;
    *text = end + 3;
    return 0;
}

/* An IPv6 address up to its bracket; whether it is a good one shows later. */
static int take_ipv6(struct rv_http_url *out, const char **text)
{
    const char *host = *text + 1;
    const size_t len = strspn(host, "0123456789abcdefABCDEF:.");

    if (len == 0 || host[len] != ']')
        return -EINVAL;
    *text = host + len + 1;
    return put(out->host, sizeof(out->host), 0, host, len);
}

static int take_host(struct rv_http_url *out, const char **text)
{
    const char *host = *text;
    size_t len;

    if (*host == '[')
        return take_ipv6(out, text);
    len = strcspn(host, ":/?#");
    for (size_t i = 0; i < len; i++)
        if (!rv_http_in(host[i], RV_HTTP_HOST) || strchr("[]", host[i]))
            return -EINVAL;
    if (len == 0)
        return -EINVAL;
    *text = host + len;
    return put(out->host, sizeof(out->host), 0, host, len);
}

/* ":8080"; a colon with nothing behind it means the default, says the RFC. */
static int take_port(struct rv_http_url *out, const char **text)
{
    const char *digit = *text;
    unsigned port = 0;

    out->port = HTTP_PORT;
    if (*digit != ':')
        return 0;
    for (digit++; rv_http_is_digit(*digit); digit++) {
        port = port * 10 + (unsigned)(*digit - '0');
        if (port > MAX_PORT)
            return -EINVAL;
    }
    if (digit - *text > 1) {
        if (port == 0)
            return -EINVAL;
        out->port = (uint16_t)port;
    }
    *text = digit;
    return 0;
}

/* The rest: a path, a query, both or nothing. */
static int take_target(struct rv_http_url *out, const char *text)
{
    const size_t len = strcspn(text, "#");
    const size_t slash = *text == '/' ? 0 : 1;

    if (len > 0 && *text != '/' && *text != '?')
        return -EINVAL;
    for (size_t i = 0; i < len; i++)
        if (!rv_http_in(text[i], RV_HTTP_TARGET))
            return -EINVAL;
    out->target[0] = '/';
    return put(out->target, sizeof(out->target), slash, text, len);
}

int rv_http_url_parse(struct rv_http_url *out, const char *text)
{
    int err = skip_scheme(&text);

    if (err == 0)
        err = take_host(out, &text);
    if (err == 0)
        err = take_port(out, &text);
    if (err == 0)
        err = take_target(out, text);
    return err;
}
