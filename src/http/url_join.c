/* SPDX-License-Identifier: MIT */
/*
 * url_join.c - from a URL and a reference in its document to another URL.
 *
 * Threads: everything here is a function of its arguments.
 */
#include "http/http_internal.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "http/writer.h"

/* The length of "scheme" in "scheme:...", or 0: it is a relative reference. */
static size_t scheme_len(const char *text)
{
    const size_t len = strcspn(text, ":/?#");

    return text[len] == ':' ? len : 0;
}

/*
 * Take "." and ".." out of the path, in place: what is kept only moves towards
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

/* How much of the base's target stays in front of the reference. */
static size_t kept_len(const char *base, const char *reference)
{
    size_t len = strcspn(base, "?");

    if (*reference == '/')
        return 0;
    if (*reference == '?')
        return len;
    if (*reference == '\0' || *reference == '#')
        return strlen(base);
    while (base[len - 1] != '/')
        len--;
    return len;
}

static int join_path(struct rv_http_url *out, const struct rv_http_url *base,
                     const char *reference)
{
    const size_t kept = kept_len(base->target, reference);
    const size_t len = strcspn(reference, "#");

    if (kept + len >= sizeof out->target)
        return -ENAMETOOLONG;
    for (size_t i = 0; i < len; i++)
        if (!rv_http_in(reference[i], RV_HTTP_TARGET))
            return -EINVAL;
    *out = *base;
    memcpy(out->target + kept, reference, len);
    out->target[kept + len] = '\0';
    return 0;
}

/* "//host/path": a URL without its scheme. */
static int join_host(struct rv_http_url *out, const char *reference)
{
    char text[RV_HTTP_URL_TEXT];
    const int len = snprintf(text, sizeof text, "http:%s", reference);

    if ((size_t)len >= sizeof text)
        return -ENAMETOOLONG;
    return rv_http_url_parse(out, text);
}

int rv_http_url_join(struct rv_http_url *out, const struct rv_http_url *base,
                     const char *reference)
{
    const size_t scheme = scheme_len(reference);
    struct rv_http_url url;
    int err;

    if (scheme > 0 && (scheme != 4 || strncasecmp(reference, "http", 4) != 0))
        return -EPROTONOSUPPORT;
    if (scheme > 0)
        err = rv_http_url_parse(&url, reference);
    else if (strncmp(reference, "//", 2) == 0)
        err = join_host(&url, reference);
    else
        err = join_path(&url, base, reference);
    if (err < 0)
        return err;
    remove_dots(url.target);
    *out = url;
    return 0;
}

size_t rv_http_url_format(const struct rv_http_url *url,
                          char text[RV_HTTP_URL_TEXT])
{
    struct rv_http_writer out = {.at = text,
                                 .end = text + RV_HTTP_URL_TEXT - 1};

    rv_http_put(&out, "http://");
    rv_http_put_authority(&out, url);
    rv_http_put(&out, url->target);
    *out.at = '\0';
    return (size_t)(out.at - text);
}
