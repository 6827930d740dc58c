/* SPDX-License-Identifier: MIT */
/*
 * url.c - parse and format "http://host:port/path".
 *
 *     http://127.0.0.1:8080/600/Hello?x=1#here
 *            host      port target       dropped
 *
 * Threads: everything here is a function of its arguments.
 */
#include "http/message/message_internal.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

#include "http/message/writer.h"

enum { MAX_PORT = 65535 };

/* Skip "http://" or "https://", in any case of its letters. */
static int skip_scheme(const char **text, bool *https)
{
    const char *end = strstr(*text, "://");
    size_t len;

    if (end == NULL || end == *text)
        return -EINVAL;
    len = (size_t)(end - *text);
    for (size_t i = 0; i < len; i++)
        if (!rv_http_in((*text)[i], RV_HTTP_TOKEN))
            return -EINVAL;
    *https = len == 5 && strncasecmp(*text, "https", 5) == 0;
    if (!*https && (len != 4 || strncasecmp(*text, "http", 4) != 0))
        return -EPROTONOSUPPORT;
    *text = end + 3;
    return 0;
}

/* An IPv6 address in brackets. Whether it is valid, the connect finds out. */
static int parse_ipv6(struct rv_http_url_parts *out, const char **text)
{
    const char *host = *text + 1;
    const size_t len = strspn(host, "0123456789abcdefABCDEF:.");

    if (len == 0 || host[len] != ']')
        return -EINVAL;
    *text = host + len + 1;
    out->host = host;
    out->host_len = len;
    out->v6 = true;
    return 0;
}

static int parse_host(struct rv_http_url_parts *out, const char **text)
{
    const char *host = *text;
    const size_t len = strcspn(host, ":/\\?# ");

    if (*host == '[')
        return parse_ipv6(out, text);
    for (size_t i = 0; i < len; i++)
        if (!rv_http_in(host[i], RV_HTTP_HOST) || strchr("[]", host[i]))
            return -EINVAL;
    if (len == 0)
        return -EINVAL;
    *text = host + len;
    out->host = host;
    out->host_len = len;
    out->v6 = false;
    return 0;
}

/* ":8080". By RFC 3986 a colon without digits means the default port. */
static int parse_port(struct rv_http_url_parts *out, const char **text)
{
    const char *digit = *text;
    unsigned port = 0;

    out->port = rv_http_default_port(out->https);
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

ssize_t rv_http_parse_authority(struct rv_http_url_parts *out, const char *text,
                                const char *end)
{
    const char *start = text;
    int error = parse_host(out, &text);

    if (error == 0)
        error = parse_port(out, &text);
    if (error < 0)
        return error;
    if (text != end && !strchr("/\\?#", *text))
        return -EINVAL;
    if (out->host_len >= sizeof((struct rv_http_url *)0)->host)
        return -ENAMETOOLONG;
    return text - start;
}

/* What follows the authority: a path, a query, both or nothing. */
static int parse_target(struct rv_http_url_parts *out, const char *text)
{
    const size_t len = strcspn(text, "#");
    const size_t slash = *text == '/' ? 0 : 1;

    for (size_t i = 0; i < len; i++)
        if (!rv_http_in(text[i], RV_HTTP_TARGET))
            return -EINVAL;
    if (slash + len >= sizeof((struct rv_http_url *)0)->target)
        return -ENAMETOOLONG;
    out->target = text;
    out->target_len = len;
    return 0;
}

int rv_http_url_split(struct rv_http_url_parts *out, const char *text,
                      bool https)
{
    int error = skip_scheme(&text, &out->https);
    ssize_t len;

    if (error == 0 && out->https && !https)
        error = -EPROTONOSUPPORT;
    if (error < 0)
        return error;
    len = rv_http_parse_authority(out, text, text + strlen(text));
    return len < 0 ? (int)len : parse_target(out, text + len);
}

static int parse(struct rv_http_url *out, const char *text, bool https)
{
    struct rv_http_url_parts parts;
    struct rv_http_writer target = {.at = out->target,
                                    .end = out->target + sizeof out->target};
    const int error = rv_http_url_split(&parts, text, https);

    if (error < 0)
        return error;
    memcpy(out->host, parts.host, parts.host_len);
    out->host[parts.host_len] = '\0';
    out->port = parts.port;
    out->https = parts.https;
    rv_http_append_target(&target, &parts);
    *target.at = '\0';
    return 0;
}

int rv_http_url_parse(struct rv_http_url *out, const char *text)
{
    return parse(out, text, false);
}

int rv_http_url_parse_any(struct rv_http_url *out, const char *text)
{
    return parse(out, text, true);
}

struct rv_http_url_parts rv_http_parts_of(const struct rv_http_url *url)
{
    return (struct rv_http_url_parts){.host = url->host,
                                      .host_len = strlen(url->host),
                                      .port = url->port,
                                      .https = url->https,
                                      .v6 = strchr(url->host, ':') != NULL,
                                      .target = url->target,
                                      .target_len = strlen(url->target)};
}

size_t rv_http_url_format(const struct rv_http_url *url,
                          char text[RV_HTTP_URL_TEXT])
{
    const struct rv_http_url_parts parts = rv_http_parts_of(url);
    struct rv_http_writer out = {.at = text,
                                 .end = text + RV_HTTP_URL_TEXT - 1};

    rv_http_append_url(&out, &parts);
    *out.at = '\0';
    return (size_t)(out.at - text);
}
