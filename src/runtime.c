/* SPDX-License-Identifier: MIT */
/*
 * runtime.c - the parts started in order, and stopped in reverse.
 *
 * Threads: the one that starts a runtime stops it.
 *
 * The order is what matters: the executor goes first, because its tasks hold
 * sources and operations of the ring; then the ring, which waits for the kernel
 * to let go; the reactor last, when nobody has a source any more.
 */
#include <errno.h>
#include <reveil/runtime.h>

struct rv_runtime {
    struct rv_reactor *reactor;
    struct rv_executor *executor;
    struct rv_blocking_pool *blocking;
    struct rv_ring *ring;
    struct rv_reactor *previous_reactor; /* what the thread had before */
    struct rv_blocking_pool *previous_blocking;
    struct rv_ring *previous_ring;
};

static const int64_t stop_blocking_ns = 5 * RV_NS_PER_S;

static int start_reactor(struct rv_runtime *runtime, enum rv_reactor_mode mode)
{
    if (mode == RV_REACTOR_FUSED)
        return rv_reactor_start_fused(&runtime->reactor,
                                      rv_executor_ready(runtime->executor));
    return rv_reactor_start(&runtime->reactor);
}

int rv_runtime_start(struct rv_runtime **out)
{
    return rv_runtime_start_with(out, NULL);
}

int rv_runtime_start_with(struct rv_runtime **out,
                          const struct rv_runtime_options *options)
{
    static const struct rv_runtime_options standard;
    struct rv_runtime *runtime = rv_alloc(sizeof *runtime);
    int error;

    if (!runtime)
        return -ENOMEM;
    if (!options)
        options = &standard;
    error = rv_executor_new(&runtime->executor);
    if (error)
        goto fail_free;
    error = rv_blocking_pool_new(&runtime->blocking, &options->blocking);
    if (error)
        goto fail_executor;
    error = start_reactor(runtime, options->reactor);
    if (error)
        goto fail_blocking;
    error = rv_ring_new(&runtime->ring, runtime->executor, runtime->reactor,
                        &options->ring);
    if (error)
        goto fail_reactor;
    runtime->previous_reactor = rv_reactor_enter(runtime->reactor);
    runtime->previous_blocking = rv_blocking_enter(runtime->blocking);
    runtime->previous_ring = rv_ring_enter(runtime->ring);
    *out = runtime;
    return 0;

fail_reactor:
    rv_executor_free(runtime->executor);
    rv_reactor_stop(runtime->reactor);
    rv_blocking_pool_stop(runtime->blocking, 0);
    goto fail_free;
fail_blocking:
    rv_blocking_pool_stop(runtime->blocking, 0);
fail_executor:
    rv_executor_free(runtime->executor);
fail_free:
    rv_free(runtime);
    return error;
}

void rv_runtime_stop(struct rv_runtime *runtime)
{
    rv_executor_free(runtime->executor);
    rv_ring_enter(runtime->previous_ring);
    rv_ring_free(runtime->ring);
    rv_blocking_enter(runtime->previous_blocking);
    rv_blocking_pool_stop(runtime->blocking, rv_now_ns() + stop_blocking_ns);
    rv_reactor_enter(runtime->previous_reactor);
    rv_reactor_stop(runtime->reactor);
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
