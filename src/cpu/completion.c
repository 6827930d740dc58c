/* SPDX-License-Identifier: MIT */
/*
 * completion.c - read the bytes that pool threads write when a job is over.
 *
 * Threads: the executor's.
 *
 * With a ring, each completion pipe always has exactly one read of one byte in
 * flight, so bytes arrive in order. Without a ring, the pipes are sources of
 * the reactor, and a task of the pool, the reaper, reads all available bytes.
 *
 *   COMPLETION-1  When a read of the ring ends, the next one is started at
 *       once. It gets the slot that the old one had in the ring's operation
 *       table, so it cannot fail with -ENOMEM. A read holds a reference to the
 *       pool, whose memory it writes to.
 *   COMPLETION-2  One read per pool thread, of either kind, is always in
 *       flight. Together the reads may use at most half of the ring; otherwise
 *       file operations, or the reads, would starve. A ring that is too small
 *       for this is left to the files, and the pool uses the reactor.
 *   COMPLETION-3  The reaper clears the readiness with the tick from before the
 *       read. Then it asks again, which stores its waker (SOURCE-1, SOURCE-2).
 *   COMPLETION-4  The end of a pipe, or an error of a read, is permanent: the
 *       pool thread is lost. When the ring fails, the reactor watches the pipes
 *       of all pool threads.
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

/*
 * The pool takes the descriptor for two reasons. It must block, because a read
 * of a non-blocking one completes with EAGAIN instead of waiting. And it must
 * stay open after the end of the pool thread, because the ring may not have
 * started the read yet.
 */
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
    struct rv_waker waker; /* the reaper's own; set by its first poll */
    uint64_t task;
};

/* COMPLETION-3. Reads at most one byte for each job of the pool thread. */
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
        rv_waker_wake(&reaper->waker); /* its poll asks for the readiness */
    return error;
}

/* --- either ------------------------------------------------------------ */

/* COMPLETION-4. The ring's last read of each pipe keeps its reference to the
 * pool. It may still complete. */
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
    /* ThreadSanitizer does not know that a write to a pipe happens before a
     * read of it by the kernel. */
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
