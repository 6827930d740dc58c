/* SPDX-License-Identifier: MIT */
/*
 * reactor.h - wait for descriptors in epoll, and wake the tasks that want them.
 *
 *     reactor thread                           a task's poll
 *     epoll_wait()                             recv() says EAGAIN
 *       fd 7 is readable                       rv_source_clear(READ, tick)
 *       mark it ready, take its waker          rv_source_ready(READ, waker)
 *     unlock, rv_waker_wake()                    stores the waker: PENDING
 *
 * A descriptor is registered edge-triggered: for reading at once, and for
 * writing when a task waits for that for the first time. The readiness that the
 * kernel has reported is kept until a system call returns EAGAIN. So a task
 * tries its I/O first, and waits for the reactor only after EAGAIN.
 *
 * The reactor sleeps on a thread of its own (split mode) or on the executor's
 * thread (fused mode).
 *
 * If epoll fails permanently (its descriptor was closed, a sandbox forbids the
 * call), all waiting tasks are woken, their next wait fails with that error,
 * and no descriptor can be registered any more. Timers still work.
 *
 * A child of fork() shares the epoll of its parent. It may close sources,
 * remove wakers and stop the reactor, without effect on the parent. Everything
 * else fails with -ESTALE. See runtime.h.
 */
#ifndef RV_REACTOR_H
#define RV_REACTOR_H

#include <reveil/waker.h>

RV_BEGIN_DECLS

struct rv_reactor; /* an epoll; any number of executors may share it */
struct rv_source;  /* one registered descriptor */

enum rv_direction { RV_READ, RV_WRITE };

/* Start the thread. Returns: 0, -ENOMEM, -EMFILE, -ENFILE, -EAGAIN. */
int rv_reactor_start(struct rv_reactor **out);

/*
 * Make a reactor for fused mode, without a thread. The owner of this ready
 * queue then sleeps in epoll instead of on a futex, and checks epoll regularly
 * while it is busy. Other executors may share the reactor, but get events only
 * when that owner checks.
 *
 * Threads: the queue's owner, before there is a waker for the queue.
 * Returns: as rv_reactor_start().
 */
int rv_reactor_start_fused(struct rv_reactor **out, struct rv_ready *queue);

/*
 * Stop and join the thread, and free the reactor. Misuse: a source is open; the
 * message names its descriptor. In a child of fork() this frees only the copy,
 * even if sources are open.
 *
 * Fused: call it after the executor was freed, on the same thread.
 * Threads: any but its own.   Blocks: until the current batch of wakes is done.
 */
void rv_reactor_stop(struct rv_reactor *reactor);

/* The reactor that rv_reactor_enter() set for this thread, or NULL. */
struct rv_reactor *rv_reactor_current(void);

/* Set the reactor of this thread; NULL: none. Returns: the earlier one. */
struct rv_reactor *rv_reactor_enter(struct rv_reactor *reactor);

/*
 * The permanent error of the reactor.
 *
 * Threads: any.
 * Returns: 0: it works; the negative errno of epoll_wait(), if that has failed
 *          permanently; -ESTALE in a child of fork().
 */
int rv_reactor_error(const struct rv_reactor *reactor);

/*
 * Register a non-blocking descriptor. Register a connecting socket only after
 * the call of connect().
 *
 * Owns:    the caller keeps `fd`, and must close the source before it.
 * Threads: any.
 * Returns: 0; -EPERM for a regular file; -ENOMEM, -ENOSPC, -EBADF, -EEXIST; as
 *          rv_reactor_error().
 */
int rv_source_open(struct rv_reactor *reactor, int fd, struct rv_source **out);

/*
 * Deregister the descriptor; wake and drop the wakers that are stored. No wake
 * starts after the call, but one that has started may still arrive. NULL is
 * allowed. Misuse: a task waits for the source, and polls it again.
 *
 * Threads: any, not at the same time as other calls on this source.
 */
void rv_source_close(struct rv_source *source);

/*
 * Whether I/O in this direction may succeed. If not, a clone of the waker is
 * stored, replacing any earlier one, and is woken once when that changes.
 *
 * *tick:   the argument for rv_source_clear(), if the I/O returns EAGAIN.
 * Threads: any; only one task may wait for a direction at a time.
 * Returns: true: try the I/O; false: return RV_PENDING.
 */
bool rv_source_ready(struct rv_source *source, enum rv_direction direction,
                     const struct rv_waker *waker, uint32_t *tick);

/*
 * The same without a waker: what the reactor has reported last. An I/O call
 * that returns EAGAIN must still be followed by rv_source_clear() with *tick.
 *
 * Threads: any.   Returns: whether I/O in this direction may succeed.
 */
bool rv_source_peek(const struct rv_source *source, enum rv_direction direction,
                    uint32_t *tick);

/*
 * After a system call has returned EAGAIN: clear the readiness, unless the
 * reactor has reported the descriptor ready again since `tick` was read. A
 * direction that the peer has closed stays ready.
 *
 * Returns: 0: call rv_source_ready() again. Negative errno, as
 *          rv_reactor_error(): no event will be reported.
 */
int rv_source_clear(struct rv_source *source, enum rv_direction direction,
                    uint32_t tick);

/*
 * After a short read or write on a plain TCP connection, that is, of fewer
 * bytes than were asked for: clear the readiness as rv_source_clear() does.
 * This saves the next call, which would return EAGAIN. A no-op for a direction
 * that is strict.
 *
 * Not for other descriptors, where a short call does not mean that there is
 * nothing more: a Unix socket stops at a message with descriptors or other
 * credentials, and pipes and terminals may stop anywhere.
 */
void rv_source_clear_short(struct rv_source *source,
                           enum rv_direction direction, uint32_t tick);

/* Whether an error or urgent data (EPOLLERR, EPOLLPRI) was ever reported. From
 * then on only EAGAIN proves that there is nothing more. */
bool rv_source_strict(const struct rv_source *source,
                      enum rv_direction direction);

/*
 * Whether the peer has closed both directions. If not, the waker is stored for
 * RV_READ, even if that is ready, and is woken at the next report for it: the
 * peer has sent data or closed a direction. True also if no event will be
 * reported any more.
 *
 * Threads: as rv_source_ready().
 */
bool rv_source_gone(struct rv_source *source, const struct rv_waker *waker);

/* Remove the waker that is stored for a direction. No wake starts after the
 * call, but one that has started may still arrive. Threads: any. */
void rv_source_forget(struct rv_source *source, enum rv_direction direction);

/* Whether the peer has closed this direction. There may still be data to read.
 */
bool rv_source_hung_up(const struct rv_source *source,
                       enum rv_direction direction);

RV_END_DECLS

#endif /* RV_REACTOR_H */
