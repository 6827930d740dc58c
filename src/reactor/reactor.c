/* SPDX-License-Identifier: MIT */
/*
 * reactor.c - the thread that sleeps in epoll_wait() and wakes the others.
 *
 * Threads: split, event_loop() is the reactor's thread; fused, park() is the
 * executor's. Start and stop any other.
 *
 * Each round: sleep, note what happened under each source's mutex, wake
 * outside of all of them. The first waker of a round is woken at once, so that
 * an executor that sleeps is on its way while the rest is collected; the rest
 * goes out together, with one lock and one unpark for each executor.
 *
 * When epoll_wait() fails (its descriptor was closed, or a sandbox forbids it)
 * it is tried again after pauses that double, for a quarter of a second in all.
 * Then the reactor has failed for good. It keeps the error for whoever would
 * wait (rv_reactor_error()), wakes all who do, and sleeps elsewhere: split, on
 * a parker; fused, on the futex of the executor's, whose timers go on. It
 * comes back now and then as long as there are sources, for those who wait
 * without having asked for the error.
 */
#include "reactor/reactor_internal.h"

#include <errno.h>
#include <limits.h>
#include <reveil/trace.h>
#include <sched.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/base_internal.h"
#include "waker/ready.h"

enum {
    EVENTS_A_ROUND = 256,
    TRIES = 8,      /* of an epoll_wait() that fails; 1, 2, 4, ... ms apart */
    REPORT_MS = 50, /* between two reports of a reactor that has failed */
};

/* No source has this id: generations are odd while a slot is taken. */
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

/* Sleep until there are events, or for `timeout`; NULL for ever. *calm: as
 * handle_round(). Returns: 0 (also after EINTR), negative errno. */
static int one_round(struct rv_reactor *reactor, const struct timespec *timeout,
                     bool *calm)
{
    struct epoll_event events[EVENTS_A_ROUND];
    int error = 0;
    int len;

    rv_trace(RV_EV_EPOLL_WAIT, 0, 0);
    len = wait_for_events(reactor, events, timeout);
    if (len < 0 && errno != EINTR)
        error = -errno;
    rv_trace(RV_EV_EPOLL_DONE, 0, len);
    *calm = handle_round(reactor, events, len);
    return error;
}

/* --- when epoll fails -------------------------------------------------- */

static bool has_sources(struct rv_reactor *reactor)
{
    bool any;

    pthread_mutex_lock(&reactor->mutex);
    any = reactor->sources.live > 0;
    pthread_mutex_unlock(&reactor->mutex);
    return any;
}

/* By the kernel's clock, as are the times below: a virtual one may stand. */
static int64_t real_after_ms(int64_t ms)
{
    return rv_clock_real_ns(rv_after_ms(ms));
}

/* Of a reactor that has failed for good. Returns: when to come back. */
static int64_t report_now_and_then(struct rv_reactor *reactor)
{
    if (!has_sources(reactor))
        return RV_NEVER; /* and there will be none */
    if (real_after_ms(0) >= reactor->next_report_ns) {
        rv_source_report_all(reactor);
        reactor->next_report_ns = real_after_ms(REPORT_MS);
    }
    return reactor->next_report_ns;
}

static bool has_failed(const struct rv_reactor *reactor)
{
    /* relaxed: who sleeps is who sets it. */
    return atomic_load_explicit(&reactor->error, memory_order_relaxed) != 0;
}

/* Note one more failure. Returns: when to go on. */
static int64_t back_off(struct rv_reactor *reactor, int error)
{
    if (reactor->failures++ < TRIES)
        return real_after_ms(INT64_C(1) << (reactor->failures - 1));
    /* release: a later rv_source_open() sees it, or gets the report;
     * pairs with rv_reactor_error(). */
    atomic_store_explicit(&reactor->error, error, memory_order_release);
    return report_now_and_then(reactor);
}

bool rv_reactor_is_fused(const struct rv_reactor *reactor)
{
    return reactor->fused;
}

int rv_reactor_error(const struct rv_reactor *reactor)
{
    if (rv_fork_is_copy(reactor->mark))
        return -ESTALE;
    /* acquire: pairs with back_off(). */
    return atomic_load_explicit(&reactor->error, memory_order_acquire);
}

/* --- who sleeps -------------------------------------------------------- */

/* Split: one round, or what is in its place. */
static void go_round(struct rv_reactor *reactor)
{
    bool calm = false;
    int error;

    if (has_failed(reactor)) {
        rv_parker_park(&reactor->parker, report_now_and_then(reactor));
        return;
    }
    error = one_round(reactor, NULL, &calm);
    if (error)
        rv_parker_park(&reactor->parker, back_off(reactor, error));
    else
        reactor->failures = 0;
    if (calm)
        sched_yield();
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
        go_round(reactor);
    return NULL;
}

static int64_t earlier(int64_t a_ns, int64_t b_ns)
{
    return a_ns < b_ns ? a_ns : b_ns;
}

/* One round of the executor's thread. Returns: 0, negative errno. */
static int sleep_in_epoll(struct rv_reactor *reactor, int64_t deadline_ns)
{
    const struct timespec timeout =
        rv_timespec(deadline_ns > 0 ? rv_left_ns(deadline_ns) : 0);
    bool calm;

    return one_round(reactor, deadline_ns == RV_NEVER ? NULL : &timeout, &calm);
}

/* Fused: the executor's thread, instead of its sleep on a futex. A look in
 * passing does not count as a try, for no pause follows it. */
static bool park(void *context, int64_t *deadline_ns)
{
    struct rv_reactor *reactor = context;
    int error = 0;

    if (rv_fork_is_copy(reactor->mark))
        return false;
    if (!has_failed(reactor)) {
        error = sleep_in_epoll(reactor, *deadline_ns);
        if (!error)
            reactor->failures = 0;
        if (!error || *deadline_ns == 0)
            return true;
    }
    *deadline_ns = earlier(*deadline_ns, error ? back_off(reactor, error)
                                               : report_now_and_then(reactor));
    return false;
}

/* --- start and stop ---------------------------------------------------- */

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
    reactor->mark = rv_fork_mark();
    rv_parker_init(&reactor->parker);
    rv_slab_init(&reactor->sources, sizeof(struct rv_source));
    pthread_mutex_init(&reactor->mutex, NULL);
    *out = reactor;
    return 0;
}

static void free_sources(struct rv_reactor *reactor)
{
    const bool copy = rv_fork_is_copy(reactor->mark);

    /* In a child no thread unlocks what was locked at the fork. */
    for (uint32_t i = 0; i < reactor->sources.used && !copy; i++) {
        struct rv_source *source = rv_slab_at(&reactor->sources, i);

        pthread_mutex_destroy(&source->mutex);
    }
    if (!copy)
        pthread_mutex_destroy(&reactor->mutex);
    rv_slab_fini(&reactor->sources);
}

static void free_reactor(struct rv_reactor *reactor)
{
    free_sources(reactor);
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
    error = rv_pthread_start(&(*out)->thread, RV_PTHREAD_NO_SIGNALS, event_loop,
                             *out);
    if (error)
        free_reactor(*out);
    return error;
}

int rv_reactor_start_fused(struct rv_reactor **out, struct rv_ready *queue)
{
    struct rv_park_backend backend = {.park = park};
    int error = make_reactor(out);

    if (error)
        return error;
    (*out)->fused = true;
    backend.context = *out;
    backend.event_fd = (*out)->event_fd;
    rv_ready_use(queue, &backend);
    return 0;
}

/* The thread sleeps in epoll or, when that has failed, on its parker. If
 * somebody closed the eventfd under it, nothing that epoll watches is left. */
static void end_thread(struct rv_reactor *reactor)
{
    /* release: pairs with the acquire in event_loop(). */
    atomic_store_explicit(&reactor->stopping, true, memory_order_release);
    rv_parker_unpark(&reactor->parker);
    if (eventfd_write(reactor->event_fd, 1) < 0)
        pthread_cancel(reactor->thread);
    pthread_join(reactor->thread, NULL);
}

void rv_reactor_stop(struct rv_reactor *reactor)
{
    const bool copy = rv_fork_is_copy(reactor->mark);

    RV_CHECK(reactor->sources.live == 0 || copy,
             "rv_reactor_stop() while a source is open");
    if (!reactor->fused && !copy)
        end_thread(reactor);
    free_reactor(reactor);
}
