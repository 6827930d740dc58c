/* SPDX-License-Identifier: MIT */
/* reactor_internal.h - what the files of the reactor part share. */
#ifndef RV_REACTOR_INTERNAL_H
#define RV_REACTOR_INTERNAL_H

#include <pthread.h>
#include <reveil/reactor.h>

#include "base/slab.h"
#include "reactor/query.h"
#include "waker/wake_batch.h"

enum { RV_DIRECTIONS = 2 };

/* The state of one direction of a descriptor. */
struct rv_readiness {
    _Atomic uint64_t word; /* any thread; see source.c */
    struct rv_waker waker; /* source->mutex must be held */
    /* SOURCE-10: the future that has stored it, NULL if it was none; and the
     * one whose waker was replaced last. Private to the task that waits. */
    _Atomic(const struct rv_future *) waiting;
    _Atomic(const struct rv_future *) displaced;
};

/* A slot in the reactor's slab; its memory stays until the reactor ends. */
struct rv_source {
    struct rv_slab_item item;
    struct rv_reactor *reactor;
    int fd;
    bool watches_writing; /* private to the task that waits for writing */
    bool mutex_made;
    pthread_mutex_t mutex;
    uint64_t id;       /* mutex must be held; 0 when closed */
    _Atomic int error; /* why writing cannot be watched, or the error of
                          rv_source_fail(); or 0 */
    struct rv_readiness direction[RV_DIRECTIONS];
};

struct rv_reactor {
    /* Set before the start, then read by any thread. */
    int epoll_fd;
    int event_fd; /* ends a sleep; fused: the ready queue's */
    bool fused;
    bool coarse; /* fused: epoll_pwait2() does not work; sleeps are in ms */
    pthread_t thread; /* split */
    bool muted;       /* as the thread that started it; see trace.h */
    uint32_t mark;    /* of the process that made it */

    _Atomic bool stopping;
    _Atomic int error;       /* why epoll has failed permanently; or 0 */
    struct rv_parker parker; /* split: where the thread sleeps then */

    /* Private to the thread that sleeps in epoll. */
    uint32_t failures;      /* of epoll_wait(), in a row */
    int64_t next_report_ns; /* after epoll has failed permanently */

    pthread_mutex_t mutex;
    struct rv_slab sources; /* alloc and free: mutex must be held */
};

/*
 * Record the events that epoll has reported for the source with this id, and
 * move the wakers that wait for them to `batch`, which has room for two. A
 * no-op if the source was closed in the meantime.
 */
void rv_source_report(struct rv_reactor *reactor, uint64_t id, uint32_t events,
                      struct rv_wake_batch *batch);

/*
 * epoll has failed permanently: report every source as ready, so that each
 * waiting task tries its system call and gets the error.
 */
void rv_source_report_all(struct rv_reactor *reactor);

#endif /* RV_REACTOR_INTERNAL_H */
