/* SPDX-License-Identifier: MIT */
/*
 * target.h - the target of a request, as a server looks at it.
 *
 * Threads: any.
 */
#ifndef RV_HTTP_TARGET_H
#define RV_HTTP_TARGET_H

#include <reveil/http.h>

/* The path and query of a target, without the "http://host" of an absolute one.
 * May be empty. */
struct rv_http_slice rv_http_origin(const char *bytes,
                                    struct rv_http_slice target);

#endif /* RV_HTTP_TARGET_H */
