/* SPDX-License-Identifier: MIT */
/*
 * url_join.c - resolve a reference relative to a base URL.
 *
 * Many references do not follow the RFC. Blanks, non-ASCII characters and
 * backslashes are accepted and converted as browsers do it, so that the request
 * target is always valid.
 *
 * Everything is checked before the first byte is written. So *out can be *base,
 * and no temporary URL of 8 KiB is needed.
 *
 * Threads: everything here is a function of its arguments.
 * Source: RFC 3986, section 5.2; the URL standard of WHATWG, section 4.4.
 */
#include "http/message/message_internal.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

static bool is_slash(char byte)
{
    return byte == '/' || byte == '\\';
}

/* The reference without surrounding blanks. */
static struct rv_http_slice without_blanks(const char *text)
{
    struct rv_http_slice slice = {0, (uint32_t)strnlen(text, UINT32_MAX)};

    while (slice.len > 0 && text[slice.at] == ' ') {
        slice.at++;
        slice.len--;
    }
    while (slice.len > 0 && text[slice.at + slice.len - 1] == ' ')
        slice.len--;
    return slice;
}

/*
 * Remove "." and ".." segments from the path, in place: bytes only move towards
 * the front. RFC 3986, section 5.2.4.
 */
static void remove_dots(char *target)
{
    const char *end = target + strcspn(target, "?");
    const char *from = target;
    char *to = target;

    while (from < end) {
        const size_t len = 1 + strcspn(from + 1, "/?"); /* "/segment" */
        const bool up = len == 3 && memcmp(from, "/..", 3) == 0;

        if (up)
            while (to > target && *--to != '/')
                ;
        if (up || (len == 2 && from[1] == '.')) {
            if (from + len == end)
                *to++ = '/';
        } else {
            memmove(to, from, len);
            to += len;
        }
        from += len;
    }
    memmove(to, end, strlen(end) + 1);
}

/* How many bytes of the base's target to keep in front of `rest`. */
static size_t kept_len(const char *base, const char *rest, size_t len)
{
    size_t kept = strcspn(base, "?");

    if (len > 0 && is_slash(*rest))
        return 0;
    if (len > 0 && *rest == '?')
        return kept;
    if (len == 0)
        return strlen(base);
    while (base[kept - 1] != '/')
        kept--;
    return kept;
}

/* The encoded length of a byte in a target; 0: it is not allowed. */
static size_t target_bytes(char byte)
{
    const unsigned char value = (unsigned char)byte;

    if (value < 0x20 || value == 0x7f)
        return 0;
    return rv_http_in(byte, RV_HTTP_TARGET) ? 1 : 3;
}

/* Compute the encoded length of `rest`. Returns: false if it has a byte that is
 * not allowed. */
static bool measure(const char *rest, size_t len, size_t *out)
{
    bool query = false;

    *out = 0;
    for (size_t i = 0; i < len; i++) {
        const size_t bytes = target_bytes(rest[i]);

        if (bytes == 0)
            return false;
        query |= rest[i] == '?';
        *out += !query && rest[i] == '\\' ? 1 : bytes;
    }
    return true;
}

static void write_target(char *out, const char *rest, size_t len)
{
    static const char digits[] = "0123456789ABCDEF";
    bool query = false;

    for (size_t i = 0; i < len; i++) {
        const unsigned char value = (unsigned char)rest[i];

        query |= rest[i] == '?';
        if (!query && rest[i] == '\\') {
            *out++ = '/';
        } else if (rv_http_in(rest[i], RV_HTTP_TARGET)) {
            *out++ = rest[i];
        } else {
            *out++ = '%';
            *out++ = digits[value >> 4];
            *out++ = digits[value & 15];
        }
    }
    *out = '\0';
}

/* Replace host and port. */
static void write_host(struct rv_http_url *out,
                       const struct rv_http_url_parts *parts)
{
    memcpy(out->host, parts->host, parts->host_len);
    out->host[parts->host_len] = '\0';
    out->port = parts->port;
    out->https = parts->https;
}

/*
 * Parse the scheme and host at the front of the reference. parts->https is set
 * to the scheme of the base.
 *
 * Returns: their length; 0: there are none; negative errno.
 */
static ssize_t parse_front(struct rv_http_url_parts *parts, const char *text,
                           size_t len, bool https)
{
    const size_t scheme = rv_http_scheme_span(text, len);
    size_t at = 0;
    ssize_t host;

    if (scheme > 0 && scheme < len && text[scheme] == ':') {
        parts->https =
            https && scheme == 5 && strncasecmp(text, "https", 5) == 0;
        if (!parts->https && (scheme != 4 || strncasecmp(text, "http", 4) != 0))
            return -EPROTONOSUPPORT;
        at = scheme + 1;
    }
    if (len - at < 2 || !is_slash(text[at]) || !is_slash(text[at + 1]))
        return at > 0 ? -EINVAL : 0;
    host = rv_http_parse_authority(parts, text + at + 2, text + len);
    return host < 0 ? host : (ssize_t)at + 2 + host;
}

int rv_http_url_join_any(struct rv_http_url *out,
                         const struct rv_http_url *base, const char *reference,
                         bool https)
{
    const struct rv_http_slice trimmed = without_blanks(reference);
    const char *text = reference + trimmed.at;
    const size_t end = trimmed.len;
    const char *hash = memchr(text, '#', end);
    struct rv_http_url_parts parts = {.https = base->https};
    const ssize_t front = parse_front(&parts, text, end, https);
    const char *rest;
    size_t len;
    size_t kept;
    size_t target;

    if (front < 0)
        return (int)front;
    rest = text + front;
    len = (size_t)((hash ? hash : text + end) - rest);
    kept = front == 0 ? kept_len(base->target, rest, len)
                      : (len == 0 || !is_slash(*rest));
    if (!measure(rest, len, &target))
        return -EINVAL;
    if (kept + target >= sizeof out->target)
        return -ENAMETOOLONG;
    if (out != base)
        memcpy(out, base, offsetof(struct rv_http_url, target) + kept);
    if (front > 0) {
        write_host(out, &parts);
        out->target[0] = '/'; /* kept is 0 or 1 here */
    }
    write_target(out->target + kept, rest, len);
    remove_dots(out->target);
    return 0;
}

int rv_http_url_join(struct rv_http_url *out, const struct rv_http_url *base,
                     const char *reference)
{
    return rv_http_url_join_any(out, base, reference, false);
}
