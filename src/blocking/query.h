/* SPDX-License-Identifier: MIT */
/*
 * query.h - what other parts ask of a blocking pool.
 *
 * Threads: any.
 */
#ifndef RV_BLOCKING_QUERY_H
#define RV_BLOCKING_QUERY_H

#include <reveil/blocking.h>

/* The pool that this thread entered, or NULL. */
struct rv_blocking_pool *rv_blocking_current(void);

/* True in a child of fork(): the pool's threads are in the parent process. */
bool rv_blocking_is_copy(const struct rv_blocking_pool *pool);

#endif /* RV_BLOCKING_QUERY_H */
