/* SPDX-License-Identifier: MIT */
/*
 * reactor.h - the thread that sleeps in epoll, and whom it wakes.
 *
 *     reactor thread                           a task's poll
 *     epoll_wait()                             recv() says EAGAIN
 *       fd 7 is readable                       rv_source_clear(READ, tick)
 *       mark it ready, take its waker          rv_source_ready(READ, waker)
 *     unlock, rv_waker_wake()                    leaves the waker: PENDING
 *
 * A descriptor is registered once, edge-triggered: for reading, and from the
 * first wait for it on for writing. What
 * the kernel said is kept as readiness until a system call proves it stale,
 * so I/O is tried first and the reactor is asked only after EAGAIN.
 *
 * Two ways to sleep: a thread of its own (split), or the executor's (fused).
 *
 * When epoll fails for good (its descriptor was closed, a sandbox forbids
 * the call) all who wait are woken, their next wait fails with that error, and
 * no descriptor can be registered any more. Timers go on.
 *
 * A child of fork() shares the epoll of its parent. There sources may be
 * closed, wakers taken back and the reactor be stopped, and the parent is not
 * disturbed; all else fails with -ESTALE. See runtime.h.
 */
#ifndef RV_REACTOR_H
#define RV_REACTOR_H

#include <reveil/waker.h>

RV_BEGIN_DECLS

struct rv_reactor; /* one thread, one epoll; shared by any executors */
struct rv_source;  /* one registered descriptor */

enum rv_direction { RV_READ, RV_WRITE };

/* Start the thread. Returns: 0, -ENOMEM, -EMFILE, -ENFILE, -EAGAIN. */
int rv_reactor_start(struct rv_reactor **out);

/*
 * The fused mode: no thread; the owner of this ready queue sleeps in epoll
 * itself, instead of on a futex, and looks there now and then while it is
 * busy. Other executors may share the reactor, but are served only when that
 * owner comes by.
 *
 * Threads: the queue's owner, before there is a waker for the queue.
 * Returns: as rv_reactor_start().
 */
int rv_reactor_start_fused(struct rv_reactor **out, struct rv_ready *queue);

/*
 * Stop and join the thread and free the reactor. Misuse: a source is open. In
 * a child of fork() only the copy is freed, whatever is open.
 *
 * Fused: after the executor was freed, on the same thread.
 * Threads: any but its own.   Blocks: for the length of one wake.
 */
void rv_reactor_stop(struct rv_reactor *reactor);

/* The reactor that rv_reactor_enter() set for this thread, or NULL. */
struct rv_reactor *rv_reactor_current(void);

/* Make it this thread's; NULL for none. Returns: the one before. */
struct rv_reactor *rv_reactor_enter(struct rv_reactor *reactor);

/*
 * Whether it can wait for anything.
 *
 * Threads: any.
 * Returns: 0; the negative errno of epoll_wait(), when that fails for good;
 *          -ESTALE in a child of fork().
 */
int rv_reactor_error(const struct rv_reactor *reactor);

/*
 * Register a non-blocking descriptor. A socket that connects is registered
 * after connect() was called.
 *
 * Owns:    the caller keeps `fd`, and closes the source before it.
 * Threads: any.
 * Returns: 0; -EPERM for a regular file; -ENOMEM, -ENOSPC, -EBADF, -EEXIST; as
 *          rv_reactor_error().
 */
int rv_source_open(struct rv_reactor *reactor, int fd, struct rv_source **out);

/*
 * Deregister; wakers that were left are dropped. A wake may be on its way
 * still, none is begun after the call. NULL is allowed.
 *
 * Threads: any, not at the same time as other calls on this source.
 */
void rv_source_close(struct rv_source *source);

/*
 * Is the direction worth a system call? If not, the waker is left, in place
 * of the one that was left before, and is woken once when that changes.
 *
 * *tick:   what to give rv_source_clear() if the call then says EAGAIN.
 * Threads: any; one task waits for a direction at a time.
 * Returns: true to go on with I/O, false: PENDING.
 */
bool rv_source_ready(struct rv_source *source, enum rv_direction direction,
                     const struct rv_waker *waker, uint32_t *tick);

/*
 * The system call said EAGAIN: not ready any more, unless the reactor saw the
 * descriptor ready again since `tick` was read. A direction that the peer has
 * closed stays ready.
 *
 * Returns: 0: ask rv_source_ready(). Negative errno, as rv_reactor_error(): it
 *          is no use to wait.
 */
int rv_source_clear(struct rv_source *source, enum rv_direction direction,
                    uint32_t tick);

/*
 * A call on a plain TCP connection did less than it could have: fewer bytes
 * than there was room for, or than were offered. As rv_source_clear(), and
 * saves the call that would say EAGAIN; but not for a direction that is strict.
 *
 * Elsewhere a short call says nothing: a Unix socket stops between messages
 * with descriptors or other credentials, a pipe or a terminal where it likes.
 */
void rv_source_clear_short(struct rv_source *source,
                           enum rv_direction direction, uint32_t tick);

/* An error or urgent data (EPOLLERR, EPOLLPRI) was reported at some time: from
 * then on only EAGAIN says that there is nothing more. */
bool rv_source_strict(const struct rv_source *source,
                      enum rv_direction direction);

/*
 * Has the peer closed both directions? If not, the waker is left for RV_READ,
 * whether that is ready or not, and is woken at the next report about it: when
 * the peer sends or ends something. True too if nothing will be reported.
 *
 * Threads: as rv_source_ready().
 */
bool rv_source_gone(struct rv_source *source, const struct rv_waker *waker);

/* Take back the waker that was left for a direction; no wake comes from it
 * after the call, but one may be on its way. Threads: any. */
void rv_source_forget(struct rv_source *source, enum rv_direction direction);

/* The peer has closed this direction: read on to the end. */
bool rv_source_hung_up(const struct rv_source *source,
                       enum rv_direction direction);

RV_END_DECLS

#endif /* RV_REACTOR_H */
