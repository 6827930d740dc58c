/* SPDX-License-Identifier: MIT */
/*
 * reactor.c - sleep in epoll_wait(), and wake the tasks that wait for events.
 *
 * Threads: in split mode event_loop() runs on the reactor's thread; in fused
 * mode park_in_epoll() runs on the executor's. Start and stop run on any other.
 *
 * Each round sleeps, records the events of each source under the source's
 * mutex, and wakes the tasks without holding a mutex. It wakes the first task
 * at once, so that a sleeping executor starts to run while the round collects
 * the other wakers. It then wakes the others as a batch, with one lock and one
 * unpark for each executor.
 *
 * If epoll_wait() fails (its descriptor was closed, or a sandbox forbids it),
 * it is tried again after pauses that double, for a quarter of a second in all.
 * Then the reactor has failed permanently. It stores the error for
 * rv_reactor_error(), wakes all waiting tasks, and sleeps elsewhere: in split
 * mode on a parker, in fused mode on the executor's futex, so that timers still
 * work. While there are sources, it wakes their tasks again every REPORT_MS, in
 * case one has started to wait without checking rv_reactor_error().
 */
#include "reactor/reactor_internal.h"

#include <errno.h>
#include <limits.h>
#include <netinet/in.h>
#include <reveil/trace.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/base_internal.h"
#include "waker/ready.h"

enum {
    EVENTS_A_ROUND = 256,
    TRIES = 8,      /* of an epoll_wait() that fails; 1, 2, 4, ... ms apart */
    REPORT_MS = 50, /* between two reports of a reactor that has failed */
};

/* No source has this id, because the generation of an allocated slot is odd. */
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

/* --- a round ----------------------------------------------------------- */

/* Wake the tasks of these events. Returns: true if it woke some, and all their
 * executors were awake already. */
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

/* Convert for epoll_wait(). Rounded up: the loop would spin through the rest of
 * a millisecond otherwise. */
static int whole_ms(const struct timespec *timeout)
{
    int64_t ms = (timeout->tv_nsec + RV_NS_PER_MS - 1) / RV_NS_PER_MS;

    if (timeout->tv_sec > INT_MAX / 1000 - 1)
        return INT_MAX;
    return (int)(timeout->tv_sec * 1000 + ms);
}

/* Linux has epoll_pwait2() since 5.11; valgrind and some sandboxes do not allow
 * it. Returns: as epoll_wait(). */
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

/* Sleep until there are events, at most for `timeout`; NULL: forever. Then
 * handle them. *calm: the result of handle_round(). Returns: 0 (also after
 * EINTR), negative errno. */
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

/* The kernel's clock, not a virtual one, which may be frozen. This is true of
 * all times below. */
static int64_t real_after_ms(int64_t ms)
{
    return rv_clock_real_ns(rv_after_ms(ms));
}

/* For a reactor that has failed permanently: if REPORT_MS have passed, wake all
 * tasks that wait. Returns: the time of the next report. */
static int64_t report_if_due(struct rv_reactor *reactor)
{
    if (!has_sources(reactor))
        return RV_NEVER; /* no source can be opened any more */
    if (real_after_ms(0) >= reactor->next_report_ns) {
        rv_source_report_all(reactor);
        reactor->next_report_ns = real_after_ms(REPORT_MS);
    }
    return reactor->next_report_ns;
}

static bool has_failed(const struct rv_reactor *reactor)
{
    /* relaxed: the thread that sleeps sets it itself. */
    return atomic_load_explicit(&reactor->error, memory_order_relaxed) != 0;
}

/* Count a failure of epoll_wait(). Returns: the time of the next try or report.
 */
static int64_t back_off(struct rv_reactor *reactor, int error)
{
    if (reactor->failures++ < TRIES)
        return real_after_ms(INT64_C(1) << (reactor->failures - 1));
    /* release: an rv_source_open() either sees the error, or its source gets
     * the report; pairs with rv_reactor_error(). */
    atomic_store_explicit(&reactor->error, error, memory_order_release);
    return report_if_due(reactor);
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

/* --- the two modes ----------------------------------------------------- */

/*
 * Split mode: the reactor's thread. After a round that woke no sleeping
 * executor it calls sched_yield(): the executors have work anyway. If the CPUs
 * are busy, other threads run first, and the events of that time are handled in
 * one round. If the CPU is idle, the thread continues at once.
 */
static void *event_loop(void *arg)
{
    struct rv_reactor *reactor = arg;

    rv_trace_name_thread("reactor");
    rv_trace_mute_thread(reactor->muted);
    /* acquire: pairs with the release in rv_reactor_stop(). */
    while (!atomic_load_explicit(&reactor->stopping, memory_order_acquire)) {
        bool calm = false;
        int error;

        if (has_failed(reactor)) {
            rv_parker_park(&reactor->parker, report_if_due(reactor));
            continue;
        }
        error = one_round(reactor, NULL, &calm);
        if (error)
            rv_parker_park(&reactor->parker, back_off(reactor, error));
        else
            reactor->failures = 0;
        if (calm)
            sched_yield();
    }
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

/* Fused mode: the park backend of the executor's thread. With a deadline of 0
 * it only checks for events; a failure then does not count, because no pause
 * follows it. */
static bool park_in_epoll(void *context, int64_t *deadline_ns)
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
                                               : report_if_due(reactor));
    return false;
}

/* --- start and stop ---------------------------------------------------- */

/* Open the epoll, and an eventfd that ends its sleep. The eventfd is never
 * read: each write is a new edge. */
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

/* Make a reactor that no thread runs yet. Returns: 0, negative errno. */
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

    /* In a child of fork() the mutexes may be locked, and must not be
     * destroyed. */
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
    struct rv_park_backend backend = {.park = park_in_epoll};
    int error = make_reactor(out);

    if (error)
        return error;
    (*out)->fused = true;
    backend.context = *out;
    backend.event_fd = (*out)->event_fd;
    rv_ready_use(queue, &backend);
    return 0;
}

/* The thread sleeps in epoll or, if that has failed, on its parker. If the
 * program has closed the eventfd by mistake, no event can end the thread's
 * sleep in epoll_wait(), and it is canceled. */
static void end_thread(struct rv_reactor *reactor)
{
    /* release: pairs with the acquire in event_loop(). */
    atomic_store_explicit(&reactor->stopping, true, memory_order_release);
    rv_parker_unpark(&reactor->parker);
    if (eventfd_write(reactor->event_fd, 1) < 0)
        pthread_cancel(reactor->thread);
    pthread_join(reactor->thread, NULL);
}

static uint16_t local_port(int fd)
{
    union {
        struct sockaddr base;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
    } addr = {0};
    socklen_t len_bytes = sizeof addr;

    if (getsockname(fd, &addr.base, &len_bytes) < 0)
        return 0;
    if (addr.base.sa_family == AF_INET)
        return ntohs(addr.v4.sin_port);
    return addr.base.sa_family == AF_INET6 ? ntohs(addr.v6.sin6_port) : 0;
}

/* Stop the program, and name the descriptor of the first open source: what it
 * is by proc(5), and its port if it is a socket, else 0. */
static _Noreturn void refuse_to_stop(struct rv_reactor *reactor)
{
    char path[32];
    char target[80] = {0};
    char text[160];
    struct rv_source *source;
    uint32_t i = 0;

    do {
        source = rv_slab_at(&reactor->sources, i);
    } while (source->id == 0 && ++i < reactor->sources.used);

    snprintf(path, sizeof path, "/proc/self/fd/%d", source->fd);
    if (readlink(path, target, sizeof target - 1) < 0)
        strcpy(target, "closed by close(2)");
    snprintf(text, sizeof text, "descriptor %d (%s, local port %u)", source->fd,
             target, local_port(source->fd));
    rv_panic("rv_reactor_stop() while a source is open", text);
}

void rv_reactor_stop(struct rv_reactor *reactor)
{
    const bool copy = rv_fork_is_copy(reactor->mark);

    if (reactor->sources.live > 0 && !copy)
        refuse_to_stop(reactor);
    if (!reactor->fused && !copy)
        end_thread(reactor);
    free_reactor(reactor);
}
