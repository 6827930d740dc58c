/* SPDX-License-Identifier: MIT */
/*
 * query.h - what other parts ask of a reactor and its sources.
 *
 * Threads: any.
 */
#ifndef RV_REACTOR_QUERY_H
#define RV_REACTOR_QUERY_H

#include <reveil/future.h>
#include <reveil/reactor.h>

/* The reactor runs on an executor's own thread. Only that executor may use it.
 */
bool rv_reactor_is_fused(const struct rv_reactor *reactor);

/* A parent of this process registered the source. What is done to its
 * descriptor affects the parent too. */
bool rv_source_is_parents(const struct rv_source *source);

/*
 * After rv_source_ready() has returned false: the future that is going to wait.
 * Misuse: another future waits for this direction, in another task. Its waker
 * was replaced, and nothing would wake it any more.
 *
 * Threads: the one that polls the future.
 */
void rv_source_waits(struct rv_source *source, enum rv_direction direction,
                     const struct rv_future *future);

/*
 * End all waits for the source, in two steps. From the first one on,
 * rv_source_clear() returns `error`. The second one reports both directions as
 * ready: a task that waits tries its call once more, and then does not wait.
 *
 * error:   negative errno.
 * Threads: any, not at the same time as rv_source_close().
 */
void rv_source_fail(struct rv_source *source, int error);
void rv_source_wake(struct rv_source *source);

#endif /* RV_REACTOR_QUERY_H */
