/* SPDX-License-Identifier: MIT */
/*
 * target.c - check a request target, which has one of four forms.
 *
 *     origin     /path?query               any method but CONNECT
 *     absolute   http://host/path?query    any method but CONNECT
 *     authority  host:port                 CONNECT alone
 *     asterisk   *                         OPTIONS alone
 *
 * Anything else is refused: a proxy in front could see another host or path in
 * it than the handler does.
 *
 * Threads: everything here is a function of its arguments.
 * Source: RFC 9112, section 3.2.
 */
#include "http/message/target.h"
#include "http/message/message_internal.h"

#include <string.h>
#include <strings.h>

enum { MAX_PORT = 65535, HTTP_LEN = 7 }; /* "http://" */

static bool in_host(char byte)
{
    return rv_http_in(byte, RV_HTTP_HOST) && byte != '[' && byte != ']';
}

/* The length of the host at the start of the text; 0: there is none. */
static uint32_t host_span(const char *text, uint32_t len)
{
    const bool literal = len > 0 && text[0] == '[';
    uint32_t n = literal;

    while (n < len && in_host(text[n]) && (literal || text[n] != ':'))
        n++;
    if (!literal)
        return n;
    return n > 1 && n < len && text[n] == ']' ? n + 1 : 0;
}

/* Parse digits only. A number that is too large gives a *port above MAX_PORT.
 */
static bool read_port(const char *text, uint32_t len, uint32_t *port)
{
    *port = 0;
    for (uint32_t i = 0; i < len; i++) {
        if (!rv_http_is_digit(text[i]))
            return false;
        if (*port <= MAX_PORT)
            *port = *port * 10 + (uint32_t)(text[i] - '0');
    }
    return true;
}

bool rv_http_is_authority(const char *text, uint32_t len)
{
    const uint32_t host = host_span(text, len);
    uint32_t port;

    if (host == 0)
        return false;
    return host == len || (text[host] == ':' &&
                           read_port(text + host + 1, len - host - 1, &port));
}

/* host ":" port, neither of them empty: for CONNECT. */
static bool is_authority_form(const char *text, uint32_t len)
{
    const uint32_t host = host_span(text, len);
    uint32_t port;

    return host > 0 && host + 1 < len && text[host] == ':' &&
           read_port(text + host + 1, len - host - 1, &port) && port > 0 &&
           port <= MAX_PORT;
}

static uint32_t authority_span(const char *text, uint32_t len)
{
    uint32_t n = 0;

    while (n < len && text[n] != '/' && text[n] != '?')
        n++;
    return n;
}

/* A scheme, "://" and a host. Without the slashes it could be an authority. */
static bool is_absolute_form(const char *text, uint32_t len)
{
    const size_t scheme = rv_http_scheme_span(text, len);
    const char *host = text + scheme + 3;
    const uint32_t room = len - (uint32_t)scheme - 3;

    return scheme > 0 && len > scheme + 3 &&
           memcmp(text + scheme, "://", 3) == 0 &&
           rv_http_is_authority(host, authority_span(host, room));
}

bool rv_http_is_target(const char *method, uint32_t method_len,
                       const char *text, uint32_t len)
{
    if (method_len == 7 && memcmp(method, "CONNECT", 7) == 0)
        return is_authority_form(text, len);
    if (len == 1 && *text == '*')
        return method_len == 7 && memcmp(method, "OPTIONS", 7) == 0;
    return *text == '/' || is_absolute_form(text, len);
}

struct rv_http_slice rv_http_origin(const char *bytes,
                                    struct rv_http_slice target)
{
    const char *text = bytes + target.at;
    uint32_t skip;

    if (target.len <= HTTP_LEN || strncasecmp(text, "http://", HTTP_LEN) != 0)
        return target;
    skip = HTTP_LEN + authority_span(text + HTTP_LEN, target.len - HTTP_LEN);
    return (struct rv_http_slice){target.at + skip, target.len - skip};
}
