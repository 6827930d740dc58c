/* SPDX-License-Identifier: MIT */
/*
 * cpu_class.c - which pool thread gets a job, and where the other jobs wait.
 *
 * Threads: the executor's.
 *
 * Protocol.
 *
 *   CPU_CLASS-1  A pool thread has at most DEPTH jobs: the one that it runs,
 *       and more to continue with while its byte is on the way to the executor.
 *       Idle pool threads get jobs first.
 *   CPU_CLASS-2  If no pool thread has room, the job is written to the queue
 *       pipe, as a triple (callable, size, id). If the pipe is full, the job
 *       waits in a list. Jobs are served in order: those in the pipe before
 *       those in the list, and both before a new one.
 *   CPU_CLASS-3  The trigger: each byte that is read makes room, and then
 *       queued jobs are given to the pool threads with room. Jobs are queued
 *       only while all pool threads are full, so another byte will always
 *       arrive. A pool thread that could be started only after jobs were queued
 *       makes room too.
 *   CPU_CLASS-4  A triple is only a hint. Its id is looked up, which finds
 *       nothing if the job was canceled. The callable in the triple is not
 *       accessed before that.
 *   CPU_CLASS-5  A job that waits at a pool thread behind a long one is lent:
 *       an idle pool thread gets it too. The thread that takes the callable
 *       first makes the call; the other one answers "not run". A job has at
 *       most two packets.
 *   CPU_CLASS-6  A pool thread whose pipe fails or ends is lost. It gets no
 *       more jobs, and its jobs end with the error. If it was the last one and
 *       no other can be started, the queued jobs end with the error too.
 *
 * tests/models/cpu.pml is the model, with mutants for these rules and those of
 * cpu_job.c; tests/mutants/ breaks some of them in the C code.
 */
#include "cpu/cpu_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <reveil/trace.h>
#include <unistd.h>

#include "base/base_internal.h"
#include "thread/give.h"

enum { DEPTH = 8, TRIPLES_AT_ONCE = 16 };

struct triple {
    struct rv_callable *callable;
    uint64_t size_bytes;
    uint64_t id;
};

_Static_assert(sizeof(struct triple) == 24,
               "24 bytes: written and read as a whole");

void rv_cpu_class_init(struct rv_cpu_class *class, struct rv_cpu_pool *pool,
                       enum rv_pipe_thread_kind kind)
{
    class->pool = pool;
    class->kind = kind;
    rv_list_init(&class->waiting);
}

/* --- pool threads ------------------------------------------------------ */

static uint32_t depth(const struct rv_cpu_thread *thread)
{
    return thread->pipes.credits < DEPTH ? thread->pipes.credits : DEPTH;
}

/* The one with the fewest jobs; NULL if none has room (CPU_CLASS-1). */
static struct rv_cpu_thread *find_room(const struct rv_cpu_class *class)
{
    struct rv_cpu_thread *best = NULL;

    for (uint32_t i = 0; i < class->count; i++) {
        struct rv_cpu_thread *thread = class->threads[i];

        if (thread->pipes.in_flight < depth(thread) &&
            (!best || thread->pipes.in_flight < best->pipes.in_flight))
            best = thread;
    }
    return best;
}

/* Returns: false if all pool threads are lost. */
static bool has_thread(const struct rv_cpu_class *class)
{
    for (uint32_t i = 0; i < class->count; i++)
        if (class->threads[i]->pipes.credits > 0)
            return true;
    return false;
}

/* Returns: 0, negative errno. */
static int start_thread(struct rv_cpu_class *class)
{
    struct rv_cpu_thread *thread = rv_alloc(sizeof *thread);
    int error;

    if (!thread)
        return -ENOMEM;
    thread->class = class;
    error = rv_pipe_thread_start(&thread->pipes, class->kind);
    if (error)
        goto fail_free;
    error = rv_cpu_completion_open(thread);
    if (error)
        goto fail_stop;
    class->threads[class->count++] = thread;
    return 0;

fail_stop:
    rv_pipe_thread_stop(&thread->pipes, RV_NEVER);
fail_free:
    rv_free(thread);
    return error;
}

int rv_cpu_class_grow(struct rv_cpu_class *class)
{
    const uint32_t max = class->pool->max_threads;
    const struct rv_cpu_thread *best = find_room(class);
    int error = -EPIPE; /* the maximum was started, and all are lost */

    if (best && (best->pipes.in_flight == 0 || class->count == max))
        return 0;
    if (!class->threads)
        class->threads = rv_alloc(max * sizeof *class->threads);
    if (class->count < max)
        error = class->threads ? start_thread(class) : -ENOMEM;
    return has_thread(class) ? 0 : error;
}

/* Errors of a write that may succeed later: the kernel allocates a page for
 * each packet. */
static bool is_shortage(int error)
{
    return error == -ENOMEM || error == -EAGAIN;
}

/* Write a packet for the job to the pool thread. If memory is short, the job
 * ends, unless another pool thread has it too. Returns: false if the pool
 * thread did not get the job. */
static bool give(struct rv_cpu_thread *thread, struct rv_cpu_job *job)
{
    const uint32_t last =
        (thread->first + thread->pipes.in_flight) % RV_PIPE_THREAD_CREDITS;
    const int error = rv_pipe_thread_give(&thread->pipes, job->callable);

    if (is_shortage(error)) {
        if (job->packets == 0)
            rv_cpu_job_refuse(job, error);
        return false;
    }
    thread->jobs[last] = job;
    thread->class->in_flight++;
    job->packets++;
    job->state = RV_CPU_GIVEN;
    if (error) { /* CPU_CLASS-6: this job ends with the thread's others */
        thread->pipes.in_flight++;
        rv_cpu_class_lose(thread, error);
    }
    return !error;
}

/* --- the queue --------------------------------------------------------- */

/* Open the queue pipe at its first use. Returns: false on error; then all jobs
 * wait in the list. */
static bool open_queue(struct rv_cpu_class *class)
{
    if (!class->has_queue)
        class->has_queue =
            rv_fds_above_stdio(
                class->queue, pipe2(class->queue, O_NONBLOCK | O_CLOEXEC)) == 0;
    return class->has_queue;
}

/* Returns: false when the pipe is full. */
static bool enqueue(struct rv_cpu_class *class, struct rv_cpu_job *job)
{
    const struct triple triple = {job->callable, job->callable->size_bytes,
                                  job->id};

    if (!open_queue(class) ||
        write(class->queue[1], &triple, sizeof triple) != sizeof triple)
        return false;
    class->queued++;
    job->state = RV_CPU_QUEUED;
    return true;
}

/* CPU_CLASS-2: move the oldest jobs of the list to the pipe, while it has room.
 */
static void refill_queue(struct rv_cpu_class *class)
{
    while (!rv_list_empty(&class->waiting)) {
        struct rv_cpu_job *job =
            RV_CONTAINER_OF(class->waiting.next, struct rv_cpu_job, node);

        if (!enqueue(class, job))
            return;
        rv_list_remove(&job->node);
    }
}

static void add_to_queue(struct rv_cpu_class *class, struct rv_cpu_job *job)
{
    if (rv_list_empty(&class->waiting) && enqueue(class, job))
        return;
    job->state = RV_CPU_WAITING;
    rv_list_push(&class->waiting, &job->node);
}

/* CPU_CLASS-4. Returns: NULL if the job was canceled. */
static struct rv_cpu_job *find_job(const struct rv_cpu_class *class,
                                   const struct triple *triple)
{
    struct rv_cpu_job *job = rv_slab_get(&class->pool->jobs, triple->id);

    RV_CHECK(!job || (job->callable == triple->callable &&
                      job->callable->size_bytes == triple->size_bytes),
             "a triple of another job");
    return job;
}

/* For how many jobs the pool threads have room, up to TRIPLES_AT_ONCE. */
static uint32_t count_room(const struct rv_cpu_class *class)
{
    uint32_t room = 0;

    for (uint32_t i = 0; i < class->count; i++)
        room += depth(class->threads[i]) - class->threads[i]->pipes.in_flight;
    return room < TRIPLES_AT_ONCE ? room : TRIPLES_AT_ONCE;
}

/* No pool thread is left: end all queued jobs. */
static void refuse_queued(struct rv_cpu_class *class, int32_t error)
{
    struct rv_slab *jobs = &class->pool->jobs;

    class->queued = 0;
    for (uint32_t i = 0; i < jobs->used; i++) {
        struct rv_cpu_job *job = rv_slab_at(jobs, i);

        if (job->callable && job->class == class &&
            (job->state == RV_CPU_QUEUED || job->state == RV_CPU_WAITING))
            rv_cpu_job_refuse(job, error);
    }
}

/* Up to `room` jobs from the pipe. Returns: false when it was empty. */
static bool hand_on_queued(struct rv_cpu_class *class, uint32_t room)
{
    struct triple triples[TRIPLES_AT_ONCE];
    ssize_t len;

    if (class->queued == 0)
        return false;
    len = read(class->queue[0], triples, room * sizeof *triples);
    for (ssize_t i = 0; i < len / (ssize_t)sizeof *triples; i++) {
        struct rv_cpu_job *job = find_job(class, &triples[i]);
        struct rv_cpu_thread *thread = find_room(class);

        class->queued--;
        if (!job || job->state != RV_CPU_QUEUED)
            continue;
        if (thread)
            give(thread, job);
        else
            rv_cpu_job_refuse(job, -EPIPE); /* give() lost a thread */
    }
    /* The pipe cannot be empty here: this is a permanent error. */
    if (len == 0 || (len < 0 && errno != EINTR))
        refuse_queued(class, len < 0 ? -errno : -EPIPE);
    return true;
}

/* The oldest job of the list. Returns: false when the list is empty. */
static bool hand_on_waiting(struct rv_cpu_class *class)
{
    struct rv_list *node = rv_list_pop(&class->waiting);

    if (!node)
        return false;
    give(find_room(class), RV_CONTAINER_OF(node, struct rv_cpu_job, node));
    return true;
}

/* --- lending ----------------------------------------------------------- */

static bool may_be_lent(const struct rv_cpu_job *job)
{
    return job->packets == 1 && !rv_callable_is_taken(job->callable);
}

/* The newest job of this pool thread that no thread has begun, or NULL. */
static struct rv_cpu_job *find_unbegun(const struct rv_cpu_thread *thread)
{
    for (uint32_t i = thread->pipes.in_flight; i > 1; i--) {
        struct rv_cpu_job *job =
            thread->jobs[(thread->first + i - 1) % RV_PIPE_THREAD_CREDITS];

        if (may_be_lent(job))
            return job;
    }
    return NULL;
}

/* CPU_CLASS-5. Returns: false if there is nothing to lend. */
static bool lend(struct rv_cpu_class *class, struct rv_cpu_thread *to)
{
    for (uint32_t i = 0; i < class->count; i++) {
        struct rv_cpu_job *job = find_unbegun(class->threads[i]);

        if (job)
            return give(to, job);
    }
    return false;
}

static void lend_to_idle(struct rv_cpu_class *class)
{
    for (uint32_t i = 0; i < class->count; i++)
        if (class->threads[i]->pipes.in_flight == 0 &&
            depth(class->threads[i]) > 0 && !lend(class, class->threads[i]))
            return;
}

/* --- from outside ------------------------------------------------------ */

void rv_cpu_class_add(struct rv_cpu_class *class, struct rv_cpu_job *job)
{
    struct rv_cpu_thread *thread = NULL;

    rv_trace(RV_EV_JOB_QUEUED, (uintptr_t)job->callable, 0);
    if (class->queued == 0 && rv_list_empty(&class->waiting)) /* CPU_CLASS-2 */
        thread = find_room(class);
    if (thread) {
        give(thread, job);
        return;
    }
    add_to_queue(class, job);
    if (find_room(class)) /* CPU_CLASS-3: a pool thread has just been started */
        rv_cpu_class_trigger(class);
}

void rv_cpu_class_trigger(struct rv_cpu_class *class)
{
    uint32_t room;

    while ((room = count_room(class)) > 0)
        if (!hand_on_queued(class, room) && !hand_on_waiting(class))
            break;
    refill_queue(class);
    if (class->queued == 0 && class->in_flight > 0)
        lend_to_idle(class);
}

void rv_cpu_class_lose(struct rv_cpu_thread *thread, int32_t error)
{
    struct rv_cpu_class *class = thread->class;

    if (thread->pipes.credits == 0)
        return;
    thread->pipes.credits = 0;
    rv_cpu_completion_close(thread);
    while (thread->pipes.in_flight > 0) {
        rv_pipe_thread_reaped(&thread->pipes);
        rv_cpu_job_fail(thread, error);
    }
    if (class->pool->stopped)
        return;
    if (!has_thread(class) && rv_cpu_class_grow(class) < 0)
        refuse_queued(class, error);
    rv_cpu_class_trigger(class);
}

static int stop_thread(struct rv_cpu_thread *thread, int64_t deadline_ns)
{
    int error;

    rv_cpu_completion_close(thread);
    error = rv_pipe_thread_stop(&thread->pipes, deadline_ns);
    for (uint32_t i = 0; error && i < thread->pipes.in_flight; i++)
        thread->jobs[(thread->first + i) % RV_PIPE_THREAD_CREDITS]->lost = true;
    return error;
}

int rv_cpu_class_stop(struct rv_cpu_class *class, int64_t deadline_ns)
{
    int error = 0;

    for (uint32_t i = 0; i < class->count; i++)
        if (stop_thread(class->threads[i], deadline_ns))
            error = -ETIMEDOUT;
    if (class->has_queue) {
        close(class->queue[0]);
        close(class->queue[1]);
    }
    return error;
}
