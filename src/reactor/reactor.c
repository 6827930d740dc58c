/* SPDX-License-Identifier: MIT */
/*
 * reactor.c - whoever sleeps in epoll_wait(), and wakes the others.
 *
 * Threads: split, event_loop() is the reactor's thread; fused, turn() is the
 * executor's. Start and stop any other.
 *
 * Each round: sleep, note what happened under each source's mutex, wake
 * outside of all of them. The first waker of a round is woken at once, so that
 * an executor that sleeps is on its way while the rest is collected; the rest
 * goes out together, with one lock and one unpark for each executor.
 */
#include "reactor/reactor_internal.h"

#include <errno.h>
#include <limits.h>
#include <reveil/trace.h>
#include <sched.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/base_internal.h"
#include "waker/ready.h"

enum { EVENTS_A_ROUND = 256 };

/* No source has this id: generations are odd while a place is taken. */
#define EVENT_FD_ID UINT64_C(0)

static _Thread_local struct rv_reactor *current;

struct rv_reactor *rv_reactor_current(void)
{
    return current;
}

struct rv_reactor *rv_reactor_enter(struct rv_reactor *reactor)
{
    struct rv_reactor *previous = current;

    current = reactor;
    return previous;
}

/* --- the thread -------------------------------------------------------- */

/* Returns: true if all whom it has woken were awake already. */
static bool handle_round(struct rv_reactor *reactor,
                         const struct epoll_event *events, int len)
{
    struct rv_wake_batch batch = {.len = 0};
    bool any = false;
    bool slept = false;

    for (int i = 0; i < len; i++) {
        if (events[i].data.u64 == EVENT_FD_ID)
            continue;
        rv_source_report(reactor, events[i].data.u64, events[i].events, &batch);
        if (batch.len && (!any || batch.len > RV_WAKE_BATCH - RV_DIRECTIONS)) {
            slept |= rv_wake_batch_deliver(&batch);
            any = true;
        }
    }
    slept |= rv_wake_batch_deliver(&batch);
    return any && !slept;
}

/* For epoll_wait(): rounded up, or it would return too early and spin. */
static int whole_ms(const struct timespec *timeout)
{
    int64_t ms = (timeout->tv_nsec + RV_NS_PER_MS - 1) / RV_NS_PER_MS;

    if (timeout->tv_sec > INT_MAX / 1000 - 1)
        return INT_MAX;
    return (int)(timeout->tv_sec * 1000 + ms);
}

/* Linux has epoll_pwait2() from 5.11 on, valgrind and some sandboxes have not.
 * Returns: as epoll_wait(). */
static int wait_for_events(struct rv_reactor *reactor,
                           struct epoll_event *events,
                           const struct timespec *timeout)
{
    if (timeout && !reactor->coarse) {
        int len = epoll_pwait2(reactor->epoll_fd, events, EVENTS_A_ROUND,
                               timeout, NULL);

        if (len >= 0 || (errno != ENOSYS && errno != EPERM))
            return len;
        reactor->coarse = true;
    }
    return epoll_wait(reactor->epoll_fd, events, EVENTS_A_ROUND,
                      timeout ? whole_ms(timeout) : -1);
}

/* Sleep until there are events, or for `timeout`; NULL for ever. Returns: as
 * handle_round(). */
static bool one_round(struct rv_reactor *reactor,
                      const struct timespec *timeout)
{
    struct epoll_event events[EVENTS_A_ROUND];
    int len;

    rv_trace(RV_EV_EPOLL_WAIT, 0, 0);
    len = wait_for_events(reactor, events, timeout);
    rv_trace(RV_EV_EPOLL_DONE, 0, len);
    return handle_round(reactor, events, len); /* -1 after EINTR: none */
}

/*
 * Split: the reactor's thread. It is in no hurry while the executors are awake:
 * when the CPUs are busy it lets others run first, and finds the events of
 * that time in one round. On a CPU that is free it goes on at once.
 */
static void *event_loop(void *arg)
{
    struct rv_reactor *reactor = arg;

    rv_trace_name_thread("reactor");
    rv_trace_mute_thread(reactor->muted);
    /* acquire: pairs with the release in rv_reactor_stop(). */
    while (!atomic_load_explicit(&reactor->stopping, memory_order_acquire))
        if (one_round(reactor, NULL))
            sched_yield();
    return NULL;
}

/* Fused: the executor's thread, instead of its sleep on a futex. */
static void turn(void *context, int64_t deadline_ns)
{
    const struct timespec timeout =
        rv_timespec(deadline_ns > 0 ? rv_left_ns(deadline_ns) : 0);

    one_round(context, deadline_ns == RV_NEVER ? NULL : &timeout);
}

/* --- start and stop ---------------------------------------------------- */

/* Signals are for the program's own threads. Returns: 0, negative errno. */
static int start_thread(struct rv_reactor *reactor)
{
    sigset_t all;
    sigset_t before;
    int error;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    error = pthread_create(&reactor->thread, NULL, event_loop, reactor);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return -error;
}

/* Open epoll, and the eventfd that ends its sleep and is never read: each
 * write is a new edge. */
static int open_descriptors(struct rv_reactor *reactor)
{
    struct epoll_event event = {.events = EPOLLIN | EPOLLET,
                                .data.u64 = EVENT_FD_ID};
    int error;

    reactor->epoll_fd = rv_fd_above_stdio(epoll_create1(EPOLL_CLOEXEC));
    if (reactor->epoll_fd < 0)
        return reactor->epoll_fd;
    error = rv_fd_above_stdio(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    if (error < 0)
        goto fail_epoll;
    reactor->event_fd = error;
    if (epoll_ctl(reactor->epoll_fd, EPOLL_CTL_ADD, reactor->event_fd, &event) <
        0)
        goto fail_stop;
    return 0;

fail_stop:
    error = -errno;
    close(reactor->event_fd);
fail_epoll:
    close(reactor->epoll_fd);
    return error;
}

/* A reactor without anybody who runs it. Returns: 0, negative errno. */
static int make_reactor(struct rv_reactor **out)
{
    struct rv_reactor *reactor = rv_alloc(sizeof *reactor);
    int error;

    if (!reactor)
        return -ENOMEM;
    error = open_descriptors(reactor);
    if (error) {
        rv_free(reactor);
        return error;
    }
    reactor->muted = rv_trace_thread_is_muted();
    rv_slab_init(&reactor->sources, sizeof(struct rv_source));
    pthread_mutex_init(&reactor->mutex, NULL);
    *out = reactor;
    return 0;
}

static void free_sources(struct rv_reactor *reactor)
{
    for (uint32_t i = 0; i < reactor->sources.used; i++) {
        struct rv_source *source = rv_slab_at(&reactor->sources, i);

        pthread_mutex_destroy(&source->mutex);
    }
    rv_slab_fini(&reactor->sources);
}

static void free_reactor(struct rv_reactor *reactor)
{
    free_sources(reactor);
    pthread_mutex_destroy(&reactor->mutex);
    if (!reactor->fused)
        close(reactor->event_fd);
    close(reactor->epoll_fd);
    rv_free(reactor);
}

int rv_reactor_start(struct rv_reactor **out)
{
    int error = make_reactor(out);

    if (error)
        return error;
    error = start_thread(*out);
    if (error)
        free_reactor(*out);
    return error;
}

int rv_reactor_start_fused(struct rv_reactor **out, struct rv_ready *queue)
{
    struct rv_sleeper sleeper = {.turn = turn};
    int error = make_reactor(out);

    if (error)
        return error;
    (*out)->fused = true;
    sleeper.context = *out;
    sleeper.event_fd = (*out)->event_fd;
    rv_ready_use(queue, &sleeper);
    return 0;
}

void rv_reactor_stop(struct rv_reactor *reactor)
{
    RV_CHECK(reactor->sources.live == 0,
             "rv_reactor_stop() while a source is open");
    if (!reactor->fused) {
        /* release: pairs with the acquire in event_loop(). */
        atomic_store_explicit(&reactor->stopping, true, memory_order_release);
        eventfd_write(reactor->event_fd, 1);
        pthread_join(reactor->thread, NULL);
    }
    free_reactor(reactor);
}
