/* SPDX-License-Identifier: MIT */
/*
 * completion.c - how the pool is told that a pool thread has written its byte.
 *
 * Threads: the executor's.
 *
 * By the ring, where there is one: a read of one byte is under way on the
 * completion pipe of each pool thread, always one, so that bytes come in order.
 * Elsewhere by the reactor: the pipes are sources, and a task of the pool, the
 * driver, reads what there is.
 *
 *   COMPLETION-1  A read by the ring is begun again as the last one ends, in
 *       the place that this one had in the ring's operation table: it cannot
 *       fail for want of memory. It holds a reference on the pool, whose memory
 *       it reads into.
 *   COMPLETION-2  These reads never leave the ring while there are pool
 *       threads, of both kinds, so they may take half of its room: with more,
 *       the files would wait for ever, or the reads themselves. A small ring is
 *       left to the files.
 *   COMPLETION-3  The reaper clears the readiness with the tick from before the
 *       read, and then asks again, which leaves its waker (SOURCE-1, SOURCE-2).
 *   COMPLETION-4  What ends the reading of a pipe for good (its end, an error)
 *       loses the pool thread. When the ring fails, all pool threads are
 *       watched by the reactor.
 */
#include "cpu/cpu_internal.h"

#include <errno.h>
#include <linux/io_uring.h>
#include <reveil/reactor.h>

#include "base/sanitizers.h"
#include "executor/task.h"
#include "ring/query.h"
#include "thread/done_fd.h"

/* --- the ring ---------------------------------------------------------- */

static int begin_read(struct rv_cpu_thread *thread);

static void read_done(void *owner, int32_t result)
{
    struct rv_cpu_thread *thread = owner;
    struct rv_cpu_pool *pool = thread->class->pool;
    int error = result == 0 ? -EPIPE : result;

    pool->reads--;
    if (result == -EINTR || result == -EAGAIN || result > 0)
        error = 0;
    if (!thread->closed && result == 1) {
        rv_pipe_thread_reaped(&thread->pipes);
        rv_cpu_job_complete(thread, thread->byte);
    }
    if (!thread->closed && !error && pool->ring)
        error = begin_read(thread);
    if (!thread->closed && error)
        pool->lost(thread, error); /* COMPLETION-4 */
    else if (!thread->closed)
        pool->room(thread->class);
    rv_cpu_put(pool);
}

/* Returns: 0, negative errno. */
static int begin_read(struct rv_cpu_thread *thread)
{
    struct rv_cpu_pool *pool = thread->class->pool;
    const struct rv_ring_call call = {
        .opcode = IORING_OP_READ,
        .fd = rv_pipe_thread_done_fd(&thread->pipes),
        .addr = rv_ring_addr(&thread->byte),
        .len = 1,
        .offset = UINT64_MAX, /* a pipe has none */
    };
    int error = rv_ring_start(pool->ring, &call, read_done, thread);

    if (error)
        return error;
    pool->reads++;
    rv_cpu_get(pool);
    return 0;
}

/* Of a descriptor that does not block the ring says EAGAIN instead of waiting;
 * and it may have a read of it to begin yet when the pool thread is gone. */
static int open_by_ring(struct rv_cpu_thread *thread)
{
    int error = begin_read(thread);

    if (!error)
        rv_pipe_thread_take_done_fd(&thread->pipes);
    return error;
}

/* --- the reactor ------------------------------------------------------- */

struct rv_cpu_reaper {
    struct rv_future future;
    struct rv_cpu_pool *pool;
    struct rv_waker waker; /* its own, after its first poll */
    uint64_t task;
};

/* COMPLETION-3. At most as many bytes as there are jobs with the pool thread.
 */
static void read_bytes(struct rv_cpu_thread *thread, const struct rv_cx *cx)
{
    const struct rv_cpu_pool *pool = thread->class->pool;
    uint32_t tick;
    bool ran;

    while (thread->source &&
           rv_source_ready(thread->source, RV_READ, &cx->waker, &tick)) {
        int error = rv_pipe_thread_reap(&thread->pipes, &ran);

        if (!error)
            rv_cpu_job_complete(thread, ran);
        else if (error == -EAGAIN)
            error = rv_source_clear(thread->source, RV_READ, tick);
        if (error)
            pool->lost(thread, error); /* COMPLETION-4 */
    }
}

static enum rv_poll reaper_poll(struct rv_future *future, struct rv_cx *cx)
{
    struct rv_cpu_reaper *self =
        RV_CONTAINER_OF(future, struct rv_cpu_reaper, future);

    if (!self->waker.queue)
        self->waker = rv_waker_clone(&cx->waker);
    for (int i = 0; i < 2; i++) {
        struct rv_cpu_class *class = &self->pool->classes[i];

        for (uint32_t j = 0; j < class->count; j++)
            read_bytes(class->threads[j], cx);
        self->pool->room(class);
    }
    return RV_PENDING;
}

static void reaper_drop(struct rv_future *future)
{
    struct rv_cpu_reaper *self =
        RV_CONTAINER_OF(future, struct rv_cpu_reaper, future);

    rv_waker_drop(&self->waker);
    if (self->pool)
        self->pool->reaper = NULL;
    self->pool = NULL;
}

/* Returns: 0, -ENODEV, -ENOMEM, -ECANCELED (the executor is being freed). */
static int start_reaper(struct rv_cpu_pool *pool)
{
    static const struct rv_future_ops ops = {
        .name = "rv_cpu_reaper", .poll = reaper_poll, .drop = reaper_drop};
    struct rv_cpu_reaper *reaper;
    int error;

    if (!rv_reactor_current())
        return -ENODEV;
    reaper = rv_alloc(sizeof *reaper);
    if (!reaper)
        return -ENOMEM;
    rv_future_init(&reaper->future, &ops);
    reaper->pool = pool;
    error = rv_task_spawn(pool->executor, &reaper->future, NULL, 0, NULL,
                          &reaper->task);
    if (error) {
        rv_free(reaper);
        return error;
    }
    pool->reaper = reaper;
    return 0;
}

static int open_by_reactor(struct rv_cpu_thread *thread)
{
    struct rv_cpu_reaper *reaper = thread->class->pool->reaper;
    int error;

    if (!reaper)
        return -ECANCELED; /* the executor is being freed */
    error =
        rv_source_open(rv_reactor_current(),
                       rv_pipe_thread_done_fd(&thread->pipes), &thread->source);
    if (!error)
        rv_waker_wake(&reaper->waker); /* for the first look */
    return error;
}

/* --- either ------------------------------------------------------------ */

/* COMPLETION-4. The ring's last read of each pipe holds its reference on the
 * pool, and may still end. */
static void ring_failed(struct rv_ring_observer *observer)
{
    struct rv_cpu_pool *pool =
        RV_CONTAINER_OF(observer, struct rv_cpu_pool, observer);
    int error = start_reaper(pool);

    pool->ring = NULL;
    for (int i = 0; i < 2; i++) {
        struct rv_cpu_class *class = &pool->classes[i];

        for (uint32_t j = 0; j < class->count; j++) {
            struct rv_cpu_thread *thread = class->threads[j];

            rv_pipe_thread_give_done_fd_back(&thread->pipes);
            if (!error)
                error = open_by_reactor(thread);
            if (error)
                pool->lost(thread, error);
        }
    }
}

/* COMPLETION-2 */
static bool has_room(const struct rv_ring *ring, const struct rv_cpu_pool *pool)
{
    return 2 * pool->max_threads <= rv_ring_op_limit(ring) / 2;
}

int rv_cpu_completion_start(struct rv_cpu_pool *pool,
                            void (*room)(struct rv_cpu_class *class),
                            void (*lost)(struct rv_cpu_thread *thread,
                                         int32_t error))
{
    struct rv_ring *ring = rv_ring_current();

    pool->room = room;
    pool->lost = lost;
    /* ThreadSanitizer does not know that what the kernel reads is ordered. */
    if (RV_TSAN || !ring || rv_ring_executor(ring) != pool->executor ||
        rv_ring_open(ring) != 0 || !has_room(ring, pool))
        return start_reaper(pool);
    pool->ring = ring;
    pool->observer.failed = ring_failed;
    rv_ring_observe(ring, &pool->observer);
    return 0;
}

int rv_cpu_completion_open(struct rv_cpu_thread *thread)
{
    return thread->class->pool->ring ? open_by_ring(thread)
                                     : open_by_reactor(thread);
}

void rv_cpu_completion_close(struct rv_cpu_thread *thread)
{
    thread->closed = true;
    rv_source_close(thread->source);
    thread->source = NULL;
}

void rv_cpu_completion_stop(struct rv_cpu_pool *pool)
{
    rv_list_remove(&pool->observer.node);
    if (pool->reaper)
        rv_task_abort(pool->executor, pool->reaper->task);
}
