/* SPDX-License-Identifier: MIT */
/*
 * check.h - feed.h for Criterion: a message is fed whole, byte by byte, and
 * in two pieces cut at every place, and must give the same each time.
 */
#ifndef RV_TESTS_CHECK_H
#define RV_TESTS_CHECK_H

#include <criterion/criterion.h>

#include "feed.h"

#include <stdio.h>

enum { REQ = RV_HTTP_REQUEST, RES = RV_HTTP_RESPONSE };

/* The slice as a C string; the next call overwrites it. */
static inline const char *text_of(struct rv_http_slice slice, const char *bytes)
{
    static char text[256];

    snprintf(text, sizeof(text), "%.*s", (int)slice.len, bytes + slice.at);
    return text;
}

/* Feed a message in every way; *out is the outcome. */
static inline void run_bytes(struct outcome *out, int kind, const char *bytes,
                             size_t len, const struct rv_http_limits *limits)
{
    const struct feed in = {.kind = (enum rv_http_kind)kind,
                            .limits = limits,
                            .bytes = bytes,
                            .len = len};
    const size_t cut = feed_every_way(out, &in);

    cr_assert_eq(cut, 0, "cut at %zu it differs: %s", cut, bytes);
}

/* Feed a text in every way, with the default limits. */
static inline void run(struct outcome *out, int kind, const char *text)
{
    run_bytes(out, kind, text, strlen(text), NULL);
}

/* The error that the head was rejected with; 0 if it was accepted. */
static inline int head_error(int kind, const char *text)
{
    struct outcome out;

    run(&out, kind, text);
    return out.head < 0 ? (int)out.head : 0;
}

#endif /* RV_TESTS_CHECK_H */
