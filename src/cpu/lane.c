/* SPDX-License-Identifier: MIT */
/*
 * lane.c - the workers of one kind, and the pipe of jobs that wait for them.
 *
 * Threads: the executor's.
 *
 * Protocol.
 *
 *   L1  A worker gets at most DEPTH jobs: the one it runs, and some to go on
 *       with while its byte is on the way. Idle workers come first.
 *   L2  What finds no worker goes into the queue pipe, as a triple (callable,
 *       size, id); what finds no place there waits in a list. Nothing is given
 *       to a worker past older jobs: list after pipe after workers.
 *   L3  The trigger: every byte that is read makes room, and what is queued is
 *       handed on. A queue is not empty only while the workers are full, so
 *       there always is a byte to come. A worker that could be started only
 *       when others were full already makes room too.
 *   L4  A triple is only a hint: its id is looked up, and one whose job was
 *       cancelled finds nothing. Its callable is not touched before that.
 *   L5  A job that lies with a worker behind a long one is given to an idle
 *       worker too. Who takes the callable first makes the call; the other
 *       says "not run". A job has at most two packets.
 *   L6  A worker whose pipe fails or ends is lost: it gets no more jobs, and
 *       those that it has end with the error. When it was the last one and no
 *       other can be started, so do those that wait.
 *
 * tests/models/cpu.pml is the model, with mutants for these rules and those of
 * pool.c; tests/mutants/ breaks some of them in the C code.
 */
#include "cpu/cpu_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/base_internal.h"

enum { DEPTH = 8, TRIPLES_AT_ONCE = 16 };

struct triple {
    struct rv_callable *callable;
    uint64_t size_bytes;
    uint64_t id;
};

_Static_assert(sizeof(struct triple) == 24, "24 bytes, never torn apart");

void rv_cpu_lane_init(struct rv_cpu_lane *lane, struct rv_cpu_pool *pool,
                      enum rv_worker_kind kind)
{
    lane->pool = pool;
    lane->kind = kind;
    rv_list_init(&lane->waiting);
}

/* --- workers ----------------------------------------------------------- */

static uint32_t depth(const struct rv_cpu_worker *worker)
{
    return worker->worker.credits < DEPTH ? worker->worker.credits : DEPTH;
}

/* The one with the fewest jobs; NULL if none has room (L1). */
static struct rv_cpu_worker *find_room(const struct rv_cpu_lane *lane)
{
    struct rv_cpu_worker *best = NULL;

    for (uint32_t i = 0; i < lane->count; i++) {
        struct rv_cpu_worker *worker = lane->workers[i];

        if (worker->worker.in_flight < depth(worker) &&
            (!best || worker->worker.in_flight < best->worker.in_flight))
            best = worker;
    }
    return best;
}

/* Some may be lost. */
static bool has_worker(const struct rv_cpu_lane *lane)
{
    for (uint32_t i = 0; i < lane->count; i++)
        if (lane->workers[i]->worker.credits > 0)
            return true;
    return false;
}

/* Returns: 0, negative errno. */
static int start_worker(struct rv_cpu_lane *lane)
{
    struct rv_cpu_worker *worker = rv_alloc(sizeof *worker);
    int error;

    if (!worker)
        return -ENOMEM;
    worker->lane = lane;
    error = rv_worker_start(&worker->worker, lane->kind);
    if (error)
        goto fail_free;
    error = rv_cpu_notice_open(worker);
    if (error)
        goto fail_stop;
    lane->workers[lane->count++] = worker;
    return 0;

fail_stop:
    rv_worker_stop(&worker->worker, RV_NEVER);
fail_free:
    rv_free(worker);
    return error;
}

int rv_cpu_lane_grow(struct rv_cpu_lane *lane)
{
    const uint32_t max = lane->pool->max_workers;
    const struct rv_cpu_worker *best = find_room(lane);
    int error = -EPIPE; /* all there may be are lost */

    if (best && (best->worker.in_flight == 0 || lane->count == max))
        return 0;
    if (!lane->workers)
        lane->workers = rv_alloc(max * sizeof *lane->workers);
    if (lane->count < max)
        error = lane->workers ? start_worker(lane) : -ENOMEM;
    return has_worker(lane) ? 0 : error;
}

/* The kernel allocates a page for each packet. */
static bool is_shortage(int error)
{
    return error == -ENOMEM || error == -EAGAIN;
}

/* A job that a shortage keeps from its worker ends, unless another worker has
 * it too. Returns: false if the worker did not get the job. */
static bool give(struct rv_cpu_worker *worker, struct rv_cpu_job *job)
{
    const uint32_t last =
        (worker->first + worker->worker.in_flight) % RV_WORKER_CREDITS;
    const int error = rv_worker_submit(&worker->worker, job->callable);

    if (is_shortage(error)) {
        if (job->packets == 0)
            rv_cpu_refuse(job, error);
        return false;
    }
    worker->jobs[last] = job;
    worker->lane->in_flight++;
    job->packets++;
    job->state = RV_CPU_GIVEN;
    if (error) { /* L6: this job is lost with the others of the worker */
        worker->worker.in_flight++;
        rv_cpu_lane_lose(worker, error);
    }
    return !error;
}

/* --- the queue --------------------------------------------------------- */

/* It is opened when it is needed. Returns: false if that cannot be; then all
 * wait in the list. */
static bool open_queue(struct rv_cpu_lane *lane)
{
    if (!lane->has_queue)
        lane->has_queue =
            rv_fds_above_stdio(lane->queue,
                               pipe2(lane->queue, O_NONBLOCK | O_CLOEXEC)) == 0;
    return lane->has_queue;
}

/* Returns: false when the pipe is full. */
static bool enqueue(struct rv_cpu_lane *lane, struct rv_cpu_job *job)
{
    const struct triple triple = {job->callable, job->callable->size_bytes,
                                  job->id};

    if (!open_queue(lane) ||
        write(lane->queue[1], &triple, sizeof triple) != sizeof triple)
        return false;
    lane->queued++;
    job->state = RV_CPU_QUEUED;
    return true;
}

/* L2: the oldest of those that wait go into the pipe, while it has room. */
static void refill_queue(struct rv_cpu_lane *lane)
{
    while (!rv_list_empty(&lane->waiting)) {
        struct rv_cpu_job *job =
            RV_CONTAINER_OF(lane->waiting.next, struct rv_cpu_job, node);

        if (!enqueue(lane, job))
            return;
        rv_list_remove(&job->node);
    }
}

static void add_to_queue(struct rv_cpu_lane *lane, struct rv_cpu_job *job)
{
    if (rv_list_empty(&lane->waiting) && enqueue(lane, job))
        return;
    job->state = RV_CPU_WAITING;
    rv_list_push(&lane->waiting, &job->node);
}

/* L4. Returns: NULL if it was cancelled. */
static struct rv_cpu_job *find_job(const struct rv_cpu_lane *lane,
                                   const struct triple *triple)
{
    struct rv_cpu_job *job = rv_slab_get(&lane->pool->jobs, triple->id);

    RV_CHECK(!job || (job->callable == triple->callable &&
                      job->callable->size_bytes == triple->size_bytes),
             "a triple of another job");
    return job;
}

/* How many jobs the workers have room for, TRIPLES_AT_ONCE at most. */
static uint32_t count_room(const struct rv_cpu_lane *lane)
{
    uint32_t room = 0;

    for (uint32_t i = 0; i < lane->count; i++)
        room += depth(lane->workers[i]) - lane->workers[i]->worker.in_flight;
    return room < TRIPLES_AT_ONCE ? room : TRIPLES_AT_ONCE;
}

/* Nobody will run those that wait. */
static void refuse_queued(struct rv_cpu_lane *lane, int32_t error)
{
    struct rv_slab *jobs = &lane->pool->jobs;

    lane->queued = 0;
    for (uint32_t i = 0; i < jobs->used; i++) {
        struct rv_cpu_job *job = rv_slab_at(jobs, i);

        if (job->callable && job->lane == lane &&
            (job->state == RV_CPU_QUEUED || job->state == RV_CPU_WAITING))
            rv_cpu_refuse(job, error);
    }
}

/* Up to `room` jobs from the pipe. Returns: false when it was empty. */
static bool hand_on_queued(struct rv_cpu_lane *lane, uint32_t room)
{
    struct triple triples[TRIPLES_AT_ONCE];
    ssize_t len;

    if (lane->queued == 0)
        return false;
    len = read(lane->queue[0], triples, room * sizeof *triples);
    for (ssize_t i = 0; i < len / (ssize_t)sizeof *triples; i++) {
        struct rv_cpu_job *job = find_job(lane, &triples[i]);

        struct rv_cpu_worker *worker = find_room(lane);

        lane->queued--;
        if (!job || job->state != RV_CPU_QUEUED)
            continue;
        if (worker)
            give(worker, job);
        else
            rv_cpu_refuse(job, -EPIPE); /* L6, in the middle of these */
    }
    if (len == 0 || (len < 0 && errno != EINTR)) /* the pipe had some */
        refuse_queued(lane, len < 0 ? -errno : -EPIPE);
    return true;
}

/* The same without a pipe. Returns: false when nobody waits. */
static bool hand_on_waiting(struct rv_cpu_lane *lane)
{
    struct rv_list *node = rv_list_pop(&lane->waiting);

    if (!node)
        return false;
    give(find_room(lane), RV_CONTAINER_OF(node, struct rv_cpu_job, node));
    return true;
}

/* --- lending ----------------------------------------------------------- */

static bool may_be_lent(const struct rv_cpu_job *job)
{
    return job->packets == 1 && !rv_callable_is_taken(job->callable);
}

/* The newest job of this worker that nobody has begun; NULL. */
static struct rv_cpu_job *find_unbegun(const struct rv_cpu_worker *worker)
{
    for (uint32_t i = worker->worker.in_flight; i > 1; i--) {
        struct rv_cpu_job *job =
            worker->jobs[(worker->first + i - 1) % RV_WORKER_CREDITS];

        if (may_be_lent(job))
            return job;
    }
    return NULL;
}

/* L5. Returns: false if there is nothing to lend. */
static bool lend(struct rv_cpu_lane *lane, struct rv_cpu_worker *to)
{
    for (uint32_t i = 0; i < lane->count; i++) {
        struct rv_cpu_job *job = find_unbegun(lane->workers[i]);

        if (job)
            return give(to, job);
    }
    return false;
}

static void lend_to_idle(struct rv_cpu_lane *lane)
{
    for (uint32_t i = 0; i < lane->count; i++)
        if (lane->workers[i]->worker.in_flight == 0 &&
            depth(lane->workers[i]) > 0 && !lend(lane, lane->workers[i]))
            return;
}

/* --- from outside ------------------------------------------------------ */

void rv_cpu_lane_add(struct rv_cpu_lane *lane, struct rv_cpu_job *job)
{
    struct rv_cpu_worker *worker = NULL;

    if (lane->queued == 0 && rv_list_empty(&lane->waiting)) /* L2 */
        worker = find_room(lane);
    if (worker) {
        give(worker, job);
        return;
    }
    add_to_queue(lane, job);
    if (find_room(lane))
        rv_cpu_lane_trigger(lane); /* L3: a worker that has just come */
}

void rv_cpu_lane_trigger(struct rv_cpu_lane *lane)
{
    uint32_t room;

    while ((room = count_room(lane)) > 0)
        if (!hand_on_queued(lane, room) && !hand_on_waiting(lane))
            break;
    refill_queue(lane);
    if (lane->queued == 0 && lane->in_flight > 0)
        lend_to_idle(lane);
}

void rv_cpu_lane_lose(struct rv_cpu_worker *worker, int32_t error)
{
    struct rv_cpu_lane *lane = worker->lane;

    if (worker->worker.credits == 0)
        return;
    worker->worker.credits = 0;
    rv_cpu_notice_close(worker);
    while (worker->worker.in_flight > 0) {
        rv_worker_reaped(&worker->worker);
        rv_cpu_fail(worker, error);
    }
    if (lane->pool->stopped)
        return;
    if (!has_worker(lane) && rv_cpu_lane_grow(lane) < 0)
        refuse_queued(lane, error);
    rv_cpu_lane_trigger(lane);
}

static int stop_worker(struct rv_cpu_worker *worker, int64_t deadline_ns)
{
    int error;

    rv_cpu_notice_close(worker);
    error = rv_worker_stop(&worker->worker, deadline_ns);
    for (uint32_t i = 0; error && i < worker->worker.in_flight; i++)
        worker->jobs[(worker->first + i) % RV_WORKER_CREDITS]->lost = true;
    return error;
}

int rv_cpu_lane_stop(struct rv_cpu_lane *lane, int64_t deadline_ns)
{
    int error = 0;

    for (uint32_t i = 0; i < lane->count; i++)
        if (stop_worker(lane->workers[i], deadline_ns))
            error = -ETIMEDOUT;
    if (lane->has_queue) {
        close(lane->queue[0]);
        close(lane->queue[1]);
    }
    return error;
}
