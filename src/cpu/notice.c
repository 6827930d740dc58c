/* SPDX-License-Identifier: MIT */
/*
 * notice.c - how the pool is told that a worker has written its byte.
 *
 * Threads: the executor's.
 *
 * By the ring, where there is one: a read of one byte is under way on the
 * completion pipe of each worker, always one, so that bytes come in order.
 * Elsewhere by the reactor: the pipes are sources, and a task of the pool, the
 * driver, reads what there is.
 *
 *   N1  A read by the ring is begun again as the last one ends, in the place
 *       that this one had in the ring's registry: it cannot fail for want of
 *       memory. It holds a reference on the pool, whose memory it reads into.
 *   N2  These reads never leave the ring while there are workers, of both
 * kinds, so they may take half of its room: with more, the files would wait for
 *       ever, or the reads themselves. A small ring is left to the files.
 *   N3  The driver clears the readiness with the tick from before the read, and
 *       then asks again, which leaves its waker (S1, S2 in source.c).
 *   N4  What ends the reading of a pipe for good (its end, an error) loses the
 *       worker. When the ring fails, all workers are watched by the reactor.
 */
#include "cpu/cpu_internal.h"

#include <errno.h>
#include <linux/io_uring.h>
#include <reveil/reactor.h>

#include "executor/executor_internal.h"
#include "thread/thread_internal.h"
#include "thread/worker_internal.h"
#include "uring/uring_internal.h"

/* --- the ring ---------------------------------------------------------- */

static int begin_read(struct rv_cpu_worker *worker);

static void read_done(void *owner, int32_t result)
{
    struct rv_cpu_worker *worker = owner;
    struct rv_cpu_pool *pool = worker->lane->pool;
    int error = result == 0 ? -EPIPE : result;

    pool->reads--;
    if (result == -EINTR || result == -EAGAIN || result > 0)
        error = 0;
    if (!worker->closed && result == 1) {
        rv_worker_reaped(&worker->worker);
        rv_cpu_complete(worker, worker->byte);
    }
    if (!worker->closed && !error && pool->ring)
        error = begin_read(worker);
    if (!worker->closed && error)
        rv_cpu_lane_lose(worker, error); /* N4 */
    else if (!worker->closed)
        rv_cpu_lane_trigger(worker->lane);
    rv_cpu_put(pool);
}

/* Returns: 0, negative errno. */
static int begin_read(struct rv_cpu_worker *worker)
{
    struct rv_cpu_pool *pool = worker->lane->pool;
    const struct rv_ring_call call = {
        .opcode = IORING_OP_READ,
        .fd = rv_worker_done_fd(&worker->worker),
        .addr = rv_ring_addr(&worker->byte),
        .len = 1,
        .offset = UINT64_MAX, /* a pipe has none */
    };
    int error = rv_ring_start(pool->ring, &call, read_done, worker);

    if (error)
        return error;
    pool->reads++;
    rv_cpu_get(pool);
    return 0;
}

/* Of a descriptor that does not block the ring says EAGAIN instead of waiting;
 * and it may have a read of it to begin yet when the worker is gone. */
static int open_by_ring(struct rv_cpu_worker *worker)
{
    int error = begin_read(worker);

    if (!error)
        rv_worker_take_done_fd(&worker->worker);
    return error;
}

/* --- the reactor ------------------------------------------------------- */

struct rv_cpu_driver {
    struct rv_future future;
    struct rv_cpu_pool *pool;
    struct rv_waker waker; /* its own, after its first poll */
    uint64_t task;
};

/* N3. At most as many bytes as there are jobs with the worker. */
static void read_bytes(struct rv_cpu_worker *worker, const struct rv_cx *cx)
{
    uint32_t tick;
    bool ran;

    while (worker->source &&
           rv_source_ready(worker->source, RV_READ, &cx->waker, &tick)) {
        int error = rv_worker_reap(&worker->worker, &ran);

        if (!error)
            rv_cpu_complete(worker, ran);
        else if (error == -EAGAIN)
            error = rv_source_clear(worker->source, RV_READ, tick);
        if (error)
            rv_cpu_lane_lose(worker, error); /* N4 */
    }
}

static enum rv_poll driver_poll(struct rv_future *future, struct rv_cx *cx)
{
    struct rv_cpu_driver *self =
        RV_CONTAINER_OF(future, struct rv_cpu_driver, future);

    if (!self->waker.queue)
        self->waker = rv_waker_clone(&cx->waker);
    for (int i = 0; i < 2; i++) {
        struct rv_cpu_lane *lane = &self->pool->lanes[i];

        for (uint32_t j = 0; j < lane->count; j++)
            read_bytes(lane->workers[j], cx);
        rv_cpu_lane_trigger(lane);
    }
    return RV_PENDING;
}

static void driver_drop(struct rv_future *future)
{
    struct rv_cpu_driver *self =
        RV_CONTAINER_OF(future, struct rv_cpu_driver, future);

    rv_waker_drop(&self->waker);
    if (self->pool)
        self->pool->driver = NULL;
    self->pool = NULL;
}

/* Returns: 0, -ENODEV, -ENOMEM, -ECANCELED (the executor is being freed). */
static int start_driver(struct rv_cpu_pool *pool)
{
    static const struct rv_future_ops ops = {
        .name = "rv_cpu_driver", .poll = driver_poll, .drop = driver_drop};
    struct rv_cpu_driver *driver;
    int error;

    if (!rv_reactor_current())
        return -ENODEV;
    driver = rv_alloc(sizeof *driver);
    if (!driver)
        return -ENOMEM;
    rv_future_init(&driver->future, &ops);
    driver->pool = pool;
    error = rv_task_spawn(pool->executor, &driver->future, NULL, &driver->task);
    if (error) {
        rv_free(driver);
        return error;
    }
    pool->driver = driver;
    return 0;
}

static int open_by_reactor(struct rv_cpu_worker *worker)
{
    struct rv_cpu_driver *driver = worker->lane->pool->driver;
    int error;

    if (!driver)
        return -ECANCELED; /* the executor is being freed */
    error = rv_source_open(rv_reactor_current(),
                           rv_worker_done_fd(&worker->worker), &worker->source);
    if (!error)
        rv_waker_wake(&driver->waker); /* for the first look */
    return error;
}

/* --- either ------------------------------------------------------------ */

/* N4. The ring's last read of each pipe holds its reference on the pool, and
 * may still end. */
static void ring_failed(struct rv_ring_mourner *mourner)
{
    struct rv_cpu_pool *pool =
        RV_CONTAINER_OF(mourner, struct rv_cpu_pool, mourner);
    int error = start_driver(pool);

    pool->ring = NULL;
    for (int i = 0; i < 2; i++) {
        struct rv_cpu_lane *lane = &pool->lanes[i];

        for (uint32_t j = 0; j < lane->count; j++) {
            struct rv_cpu_worker *worker = lane->workers[j];

            rv_worker_give_done_fd_back(&worker->worker);
            if (!error)
                error = open_by_reactor(worker);
            if (error)
                rv_cpu_lane_lose(worker, error);
        }
    }
}

/* N2 */
static bool has_room(const struct rv_ring *ring, const struct rv_cpu_pool *pool)
{
    return 2 * pool->max_workers <= rv_ring_op_limit(ring) / 2;
}

int rv_cpu_notice_start(struct rv_cpu_pool *pool)
{
    struct rv_ring *ring = rv_ring_current();

    /* ThreadSanitizer does not know that what the kernel reads is ordered. */
    if (RV_THREAD_SANITIZED || !ring ||
        rv_ring_executor(ring) != pool->executor || rv_ring_open(ring) != 0 ||
        !has_room(ring, pool))
        return start_driver(pool);
    pool->ring = ring;
    pool->mourner.failed = ring_failed;
    rv_list_push(&ring->mourners, &pool->mourner.node);
    return 0;
}

int rv_cpu_notice_open(struct rv_cpu_worker *worker)
{
    return worker->lane->pool->ring ? open_by_ring(worker)
                                    : open_by_reactor(worker);
}

void rv_cpu_notice_close(struct rv_cpu_worker *worker)
{
    worker->closed = true;
    rv_source_close(worker->source);
    worker->source = NULL;
}

void rv_cpu_notice_stop(struct rv_cpu_pool *pool)
{
    rv_list_remove(&pool->mourner.node);
    if (pool->driver)
        rv_task_abort(pool->executor, pool->driver->task);
}
