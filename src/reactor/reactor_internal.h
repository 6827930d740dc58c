/* SPDX-License-Identifier: MIT */
/* reactor_internal.h - what the files of the reactor part share. */
#ifndef RV_REACTOR_INTERNAL_H
#define RV_REACTOR_INTERNAL_H

#include <pthread.h>
#include <reveil/base.h>
#include <reveil/reactor.h>

#include "reactor/query.h"

enum { RV_DIRECTIONS = 2 };

/* What is known of one direction of a descriptor. */
struct rv_readiness {
    _Atomic uint64_t word; /* any thread; see source.c */
    struct rv_waker waker; /* source->mutex must be held */
};

/* A slot in the reactor's slab; its memory stays until the reactor ends. */
struct rv_source {
    struct rv_slab_item item;
    struct rv_reactor *reactor;
    int fd;
    bool watches_writing; /* of the task that waits for writing */
    bool mutex_made;
    pthread_mutex_t mutex;
    uint64_t id;       /* mutex must be held; 0 when closed */
    _Atomic int error; /* it cannot be watched any more: why */
    struct rv_readiness direction[RV_DIRECTIONS];
};

struct rv_reactor {
    /* Set at the start, then read by any thread. */
    int epoll_fd;
    int event_fd; /* ends a sleep; fused: the ready queue's */
    bool fused;
    bool coarse;      /* fused: no epoll_pwait2() here, so sleeps end at a ms */
    pthread_t thread; /* split */
    bool muted;       /* as the thread that started it; see trace.h */
    uint32_t mark;    /* the process that it is of */

    _Atomic bool stopping;
    _Atomic int error;       /* epoll has failed for good: why; or 0 */
    struct rv_parker parker; /* split: where the thread sleeps then */

    /* Private to who sleeps. */
    uint32_t failures;      /* of epoll_wait(), in a row */
    int64_t next_report_ns; /* when it has failed for good */

    pthread_mutex_t mutex;
    struct rv_slab sources; /* alloc and free: mutex must be held */
};

/*
 * Note what epoll reported for the source of this id, and move the wakers that
 * were waiting for it to `batch`, which has room for two. Nothing happens if
 * the source was closed meanwhile.
 */
void rv_source_report(struct rv_reactor *reactor, uint64_t id, uint32_t events,
                      struct rv_wake_batch *batch);

/*
 * epoll has failed for good: report every source as ready, so that each waiting
 * task tries its system call and gets the error.
 */
void rv_source_report_all(struct rv_reactor *reactor);

#endif /* RV_REACTOR_INTERNAL_H */
