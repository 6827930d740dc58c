/* SPDX-License-Identifier: MIT */
/*
 * ring.c - how a ring is created, driven by the executor, and freed.
 *
 * Threads: the executor's. The reactor's thread only sees the eventfd.
 *
 * The executor calls the ring's driver before it sleeps, and at intervals while
 * it is busy (struct rv_driver). While the executor sleeps, a completion makes
 * the kernel write to the eventfd; the reactor then wakes the ring's own task,
 * the reaper. The eventfd is never read, since epoll reports each write as a
 * new edge.
 */
#include <errno.h>
#include <reveil/ring.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/base_internal.h"
#include "executor/task.h"
#include "ring/ring_internal.h"

enum {
    ENTRIES_MIN = 4,
    MISSED_MS = 1, /* before a cancellation that missed is repeated */
    DEAF_MS = 10,  /* between two checks if the reactor has failed */
};

static _Thread_local struct rv_ring *current;

struct rv_ring *rv_ring_current(void)
{
    return current;
}

struct rv_ring *rv_ring_enter(struct rv_ring *ring)
{
    struct rv_ring *previous = current;

    current = ring;
    return previous;
}

struct rv_executor *rv_ring_executor(const struct rv_ring *ring)
{
    return ring->executor;
}

uint32_t rv_ring_in_flight(const struct rv_ring *ring)
{
    return ring->unfinished;
}

bool rv_ring_has_task(const struct rv_ring *ring)
{
    return ring->reaper;
}

uint32_t rv_ring_orphans(const struct rv_ring *ring)
{
    return ring->orphans;
}

void rv_ring_observe(struct rv_ring *ring, struct rv_ring_observer *observer)
{
    rv_list_push(&ring->observers, &observer->node);
}

void rv_ring_get(struct rv_ring *ring)
{
    ring->references++;
}

void rv_ring_put(struct rv_ring *ring)
{
    if (--ring->references > 0)
        return;
    rv_slab_fini(&ring->entries);
    rv_free(ring);
}

/* --- the reaper -------------------------------------------------------- */

struct rv_ring_reaper {
    struct rv_future future;
    struct rv_ring *ring;
    struct rv_waker waker;
    struct rv_sleep pause;
    bool pausing;
};

/* Returns: how long to wait before the next try; 0 if there is nothing to try.
 */
static int64_t next_try_ms(const struct rv_ring *ring)
{
    if (ring->failed)
        return 0;
    if (ring->stuck)
        return rv_ring_pause_ms(ring);
    if (!rv_list_empty(&ring->missed))
        return MISSED_MS;
    return ring->deaf && ring->unfinished > 0 ? DEAF_MS : 0;
}

/* Try again after a pause (OPS-7). */
static void try_again(struct rv_ring *ring)
{
    ring->stuck = false;
    rv_ring_cancel_missed(ring);
    rv_ring_drive(ring);
    if (ring->stuck && rv_ring_was_last_try(ring))
        rv_ring_give_up(ring, ring->last_error);
}

/*
 * Reap when the eventfd was written, and then try again, after pauses, what the
 * kernel has refused or a cancellation has missed.
 */
static enum rv_poll reaper_poll(struct rv_future *future, struct rv_cx *cx)
{
    struct rv_ring_reaper *self =
        RV_CONTAINER_OF(future, struct rv_ring_reaper, future);
    struct rv_ring *ring = self->ring;
    uint32_t tick;
    int64_t ms;

    if (!self->waker.queue)
        self->waker = rv_waker_clone(&cx->waker);
    /* A completion between the reaping and the clear is not missed: its report
     * has another tick, so the source stays ready (SOURCE-2). */
    while (!ring->deaf &&
           rv_source_ready(ring->source, RV_READ, &cx->waker, &tick)) {
        int error;

        if (ring->failed)
            rv_ring_reap_failed(ring);
        else
            rv_ring_drive(ring);
        error = rv_source_clear(ring->source, RV_READ, tick);
        /* Without the reactor, check for completions of what is in flight every
         * DEAF_MS, and begin nothing new. */
        ring->deaf = error != 0;
        if (error && !ring->error)
            ring->error = error;
    }
    while ((ms = next_try_ms(ring)) > 0) {
        if (!self->pausing)
            rv_sleep_init(&self->pause, rv_after_ms(ms));
        self->pausing = true;
        if (rv_poll(&self->pause.future, cx) == RV_PENDING)
            break;
        self->pausing = false;
        try_again(ring);
    }
    return RV_PENDING;
}

static void reaper_drop(struct rv_future *future)
{
    struct rv_ring_reaper *self =
        RV_CONTAINER_OF(future, struct rv_ring_reaper, future);

    rv_drop(&self->pause.future);
    rv_waker_drop(&self->waker);
    self->ring->reaper = NULL;
}

bool rv_ring_back_off(struct rv_ring *ring)
{
    if (ring->stuck)
        return false; /* the reaper is pausing already */
    ring->stuck = true;
    rv_ring_wake_reaper(ring);
    return true;
}

void rv_ring_wake_reaper(struct rv_ring *ring)
{
    if (ring->reaper)
        rv_waker_wake(&ring->reaper->waker);
}

/* Returns: 0; -ENOMEM; -ECANCELED: the executor is being freed. */
static int spawn_reaper(struct rv_ring *ring)
{
    static const struct rv_future_ops ops = {
        .name = "rv_ring_reaper", .poll = reaper_poll, .drop = reaper_drop};
    struct rv_ring_reaper *reaper = rv_alloc(sizeof *reaper);
    int error;

    if (!reaper)
        return -ENOMEM;
    rv_future_init(&reaper->future, &ops);
    reaper->ring = ring;
    error = rv_task_spawn(ring->executor, &reaper->future, NULL, 0, NULL,
                          &ring->reaper_task);
    if (error)
        rv_free(reaper);
    else
        ring->reaper = reaper;
    return error;
}

/* --- driver and creation ----------------------------------------------- */

/*
 * The driver. A busy executor reaps by itself, so the kernel need not write to
 * the eventfd: each write would wake the reactor's thread for nothing. Before
 * the executor sleeps, the writes are enabled again.
 */
static bool driver_run(struct rv_driver *driver, bool idle)
{
    struct rv_ring *ring = RV_CONTAINER_OF(driver, struct rv_ring, driver);

    if (rv_fork_is_copy(ring->mark))
        return false;
    rv_queues_be_quiet(&ring->queues, true);
    if (rv_ring_drive(ring))
        return true;
    if (!idle)
        return false;
    rv_queues_be_quiet(&ring->queues, false);
    return rv_ring_drive(ring); /* QUEUES-5: check once more */
}

int rv_ring_new(struct rv_ring **out, struct rv_executor *executor,
                struct rv_reactor *reactor,
                const struct rv_ring_options *options)
{
    struct rv_ring *ring;

    if (options && options->entries > RV_QUEUES_MAX)
        return -EINVAL;
    ring = rv_alloc(sizeof *ring);
    if (!ring)
        return -ENOMEM;
    ring->executor = executor;
    ring->reactor = reactor;
    ring->options = options ? *options : (struct rv_ring_options){0};
    if (ring->options.entries == 0)
        ring->options.entries = RV_QUEUES_DEFAULT;
    if (ring->options.entries < ENTRIES_MIN)
        ring->options.entries = ENTRIES_MIN;
    ring->references = 1;
    ring->mark = rv_fork_mark();
    rv_list_init(&ring->observers);
    ring->driver.run = driver_run;
    rv_list_init(&ring->driver.node);
    rv_list_init(&ring->waiting);
    rv_list_init(&ring->canceling);
    rv_list_init(&ring->missed);
    rv_slab_init(&ring->entries, sizeof(struct rv_entry));
    *out = ring;
    return 0;
}

/* Returns: 0, negative errno. */
static int open_event(struct rv_ring *ring)
{
    int error;

    ring->event_fd = rv_fd_above_stdio(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    if (ring->event_fd < 0)
        return ring->event_fd;
    error = rv_queues_notify(&ring->queues, ring->event_fd);
    if (!error)
        error = rv_source_open(ring->reactor, ring->event_fd, &ring->source);
    if (error)
        close(ring->event_fd);
    return error;
}

static void close_event(struct rv_ring *ring)
{
    rv_source_close(ring->source);
    close(ring->event_fd);
}

/* Returns: 0, negative errno. */
static int open_all(struct rv_ring *ring)
{
    int error = rv_queues_open(&ring->queues, ring->options.entries);

    if (error)
        return error;
    error = open_event(ring);
    if (error)
        goto fail_queues;
    error = spawn_reaper(ring);
    if (error)
        goto fail_event;
    rv_executor_add_driver(ring->executor, &ring->driver);
    return 0;

fail_event:
    close_event(ring);
fail_queues:
    rv_queues_close(&ring->queues);
    return error;
}

/* Returns: true if a later attempt would fail with the same error. */
static bool is_final(int error)
{
    return error == -ENOSYS || error == -EPERM || error == -EACCES ||
           error == -EOPNOTSUPP || error == -EINVAL || error == -ENODEV;
}

int rv_ring_open(struct rv_ring *ring)
{
    int error;

    if (rv_fork_is_copy(ring->mark))
        return -ESTALE;
    if (ring->state != RV_RING_UNTRIED)
        return ring->error;
    if (ring->options.off)
        error = -EOPNOTSUPP;
    else
        error = ring->reactor ? open_all(ring) : -ENODEV;
    if (!error) {
        ring->state = RV_RING_OPEN;
    } else if (is_final(error)) {
        ring->state = RV_RING_CLOSED;
        ring->error = error;
    }
    return error;
}

/* --- the end ----------------------------------------------------------- */

void rv_ring_free(struct rv_ring *ring)
{
    const bool was_open = ring->state == RV_RING_OPEN;
    const bool copy = rv_fork_is_copy(ring->mark);

    ring->state = RV_RING_CLOSED;
    ring->error = -ECANCELED;
    if (was_open) {
        if (copy)
            rv_ring_end_copy(ring);
        else
            rv_ring_drain(ring);
        rv_executor_remove_driver(&ring->driver);
        if (ring->reaper)
            rv_task_abort(ring->executor, ring->reaper_task);
        close_event(ring);
        if (copy)
            rv_queues_close_copy(&ring->queues);
        else
            rv_queues_close(&ring->queues);
    }
    while (rv_list_pop(&ring->observers))
        ; /* the nodes are in no list afterwards */
    if (current == ring)
        current = NULL;
    rv_ring_put(ring);
}
