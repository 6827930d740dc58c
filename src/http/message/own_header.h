/* SPDX-License-Identifier: MIT */
/* own_header.h - may a program add this header to a message? */
#ifndef RV_HTTP_OWN_HEADER_H
#define RV_HTTP_OWN_HEADER_H

#include <stdbool.h>

/* True if the text can be the value of a header: no line end, no control
 * character but the tab. */
bool rv_http_is_value(const char *text);

/* True if the text can be a method or the name of a header. */
bool rv_http_is_token(const char *text);

/*
 * reserved: names that are refused, ending with NULL.
 * Returns: 0, -EINVAL.
 */
int rv_http_check_header(const char *name, const char *value,
                         const char *const *reserved);

#endif /* RV_HTTP_OWN_HEADER_H */
