/* SPDX-License-Identifier: MIT */
/*
 * runtime.c - start the parts in order, and stop them in the reverse order.
 *
 * Threads: the one that starts a runtime stops it.
 *
 * The order of the stops matters. First the executor, because its tasks hold
 * sources, jobs and operations of the ring. Then the CPU pool, whose pipes the
 * ring reads. Then the ring, which waits until the kernel has completed its
 * operations. The reactor is stopped last, when no source is open.
 */
#include <errno.h>
#include <reveil/runtime.h>
#include <reveil/task_dump.h>
#include <unistd.h>

#include "base/base_internal.h"

struct rv_runtime {
    struct rv_runtime_options options;
    struct rv_runtime *other; /* that it was started beside, or NULL */
    uint32_t mark;            /* of the process that started it */
    _Atomic uint32_t beside;  /* runtimes that were started beside this one */
    struct rv_reactor *reactor;
    struct rv_executor *executor;
    struct rv_blocking_pool *blocking;
    struct rv_ring *ring;
    struct rv_cpu_pool *cpu;
    struct rv_task_dump_signal *task_dump; /* NULL: not requested */
    struct rv_reactor *previous_reactor;   /* the thread's, before the start */
    struct rv_blocking_pool *previous_blocking;
    struct rv_ring *previous_ring;
    struct rv_cpu_pool *previous_cpu;
};

/* How long rv_runtime_stop() waits for calls that still run. */
static const int64_t stop_ns = 5 * RV_NS_PER_S;

/* --- parts that may be shared with another runtime --------------------- */

static int start_reactor(struct rv_runtime *runtime)
{
    if (runtime->options.reactor == RV_REACTOR_FUSED)
        return rv_reactor_start_fused(&runtime->reactor,
                                      rv_executor_ready(runtime->executor));
    if (!runtime->other)
        return rv_reactor_start(&runtime->reactor);
    runtime->reactor = runtime->other->reactor;
    return 0;
}

static void stop_reactor(struct rv_runtime *runtime)
{
    if (!runtime->other || runtime->options.reactor == RV_REACTOR_FUSED)
        rv_reactor_stop(runtime->reactor);
}

static int start_pool(struct rv_runtime *runtime)
{
    if (!runtime->other)
        return rv_blocking_pool_new(&runtime->blocking,
                                    &runtime->options.blocking);
    runtime->blocking = runtime->other->blocking;
    return 0;
}

static void stop_pool(struct rv_runtime *runtime)
{
    if (!runtime->other)
        rv_blocking_pool_stop(runtime->blocking, rv_after_ns(stop_ns));
}

/* Started before the other parts, whose threads must block the signal. */
static int start_task_dump(struct rv_runtime *runtime)
{
    int error;

    if (runtime->other || !runtime->options.task_dump_signal)
        return 0;
    error = rv_task_dump_signal_start(
        &runtime->task_dump, runtime->options.task_dump_signal, STDERR_FILENO);
    if (!error)
        rv_task_dump_enable();
    return error;
}

static void stop_task_dump(struct rv_runtime *runtime)
{
    if (!runtime->task_dump)
        return;
    rv_task_dump_signal_stop(runtime->task_dump);
    rv_task_dump_disable();
}

/* --- start and stop ---------------------------------------------------- */

/* Make this runtime's parts the current objects of the thread. */
static void enter_parts(struct rv_runtime *runtime)
{
    runtime->previous_reactor = rv_reactor_enter(runtime->reactor);
    runtime->previous_blocking = rv_blocking_enter(runtime->blocking);
    runtime->previous_ring = rv_ring_enter(runtime->ring);
    runtime->previous_cpu = rv_cpu_enter(runtime->cpu);
}

/* Returns: 0, negative errno. */
static int start_parts(struct rv_runtime *runtime)
{
    int error = rv_executor_new(&runtime->executor);

    if (error)
        return error;
    error = start_pool(runtime);
    if (error)
        goto fail_executor;
    error = start_reactor(runtime);
    if (error)
        goto fail_pool;
    error = rv_ring_new(&runtime->ring, runtime->executor, runtime->reactor,
                        &runtime->options.ring);
    if (error)
        goto fail_reactor;
    error = rv_cpu_pool_new(&runtime->cpu, runtime->executor,
                            &runtime->options.cpu);
    if (error)
        goto fail_ring;
    return 0;

fail_ring:
    rv_ring_free(runtime->ring);
fail_reactor:
    rv_executor_free(runtime->executor); /* before the reactor, if fused */
    stop_reactor(runtime);
    stop_pool(runtime);
    return error;
fail_pool:
    stop_pool(runtime);
fail_executor:
    rv_executor_free(runtime->executor);
    return error;
}

static int start_runtime(struct rv_runtime **out,
                         const struct rv_runtime_options *options,
                         struct rv_runtime *other)
{
    struct rv_runtime *runtime = rv_alloc(sizeof *runtime);
    int error;

    if (!runtime)
        return -ENOMEM;
    runtime->options = *options;
    runtime->other = other;
    runtime->mark = rv_fork_mark();
    error = start_task_dump(runtime);
    if (error)
        goto fail_free;
    error = start_parts(runtime);
    if (error)
        goto fail_task_dump;
    enter_parts(runtime);
    if (other) /* relaxed: only compared with 0, after a join */
        atomic_fetch_add_explicit(&other->beside, 1, memory_order_relaxed);
    *out = runtime;
    return 0;

fail_task_dump:
    stop_task_dump(runtime);
fail_free:
    rv_free(runtime);
    return error;
}

int rv_runtime_start(struct rv_runtime **out)
{
    return rv_runtime_start_with(out, NULL);
}

int rv_runtime_start_with(struct rv_runtime **out,
                          const struct rv_runtime_options *options)
{
    static const struct rv_runtime_options standard;

    return start_runtime(out, options ? options : &standard, NULL);
}

int rv_runtime_start_beside(struct rv_runtime **out, struct rv_runtime *other)
{
    if (rv_fork_is_copy(other->mark))
        return -ESTALE;
    return start_runtime(out, &other->options, other);
}

void rv_runtime_stop(struct rv_runtime *runtime)
{
    RV_CHECK(atomic_load_explicit(&runtime->beside, memory_order_relaxed) ==
                     0 ||
                 rv_fork_is_copy(runtime->mark),
             "rv_runtime_stop() before the runtimes beside it");
    rv_executor_free(runtime->executor);
    rv_cpu_enter(runtime->previous_cpu);
    rv_cpu_pool_stop(runtime->cpu, rv_after_ns(stop_ns));
    rv_ring_enter(runtime->previous_ring);
    rv_ring_free(runtime->ring);
    rv_blocking_enter(runtime->previous_blocking);
    stop_pool(runtime);
    rv_reactor_enter(runtime->previous_reactor);
    stop_reactor(runtime);
    stop_task_dump(runtime);
    if (runtime->other)
        atomic_fetch_sub_explicit(&runtime->other->beside, 1,
                                  memory_order_relaxed);
    rv_free(runtime);
}

int rv_runtime_block_on(struct rv_runtime *runtime, struct rv_future *future)
{
    return rv_block_on(runtime->executor, future);
}

struct rv_executor *rv_runtime_executor(struct rv_runtime *runtime)
{
    return runtime->executor;
}

struct rv_reactor *rv_runtime_reactor(struct rv_runtime *runtime)
{
    return runtime->reactor;
}

struct rv_ring *rv_runtime_ring(struct rv_runtime *runtime)
{
    return runtime->ring;
}
