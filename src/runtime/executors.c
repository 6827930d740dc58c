/* SPDX-License-Identifier: MIT */
/*
 * executors.c - threads that each run an executor until they are told to stop.
 *
 * Threads: start and stop run on the caller's thread; thread_main() and the
 * future `until` on an executor's own. An executor's thread reports its start,
 * or its error, with a semaphore. The caller ends it with `stopping` and the
 * waker of `until`.
 */
#include <errno.h>
#include <pthread.h>
#include <reveil/executors.h>
#include <reveil/trace.h>
#include <semaphore.h>

#include "base/base_internal.h"

struct executor_thread {
    pthread_t pthread;
    struct rv_executors *all;
    struct rv_future until; /* READY when `stopping` is set */

    /* Set before `started` is posted. */
    int error;
    struct rv_remote *remote;
    struct rv_waker waker; /* of `until` */
};

struct rv_executors {
    struct rv_runtime *runtime;
    sem_t started;
    _Atomic bool stopping;
    bool muted;     /* as the thread that started them; see trace.h */
    uint32_t mark;  /* of the process that started them */
    uint32_t count; /* threads that were started */
    struct executor_thread list[];
};

/* --- an executor ------------------------------------------------------- */

static enum rv_poll until_poll(struct rv_future *future, struct rv_cx *cx)
{
    struct executor_thread *self =
        RV_CONTAINER_OF(future, struct executor_thread, until);

    if (!future->at++) {
        self->waker = rv_waker_clone(&cx->waker);
        sem_post(&self->all->started);
    }
    /* acquire: pairs with rv_executors_stop(). */
    return atomic_load_explicit(&self->all->stopping, memory_order_acquire)
               ? RV_READY
               : RV_PENDING;
}

static void *thread_main(void *arg)
{
    static const struct rv_future_ops ops = {.name = "rv_executors",
                                             .poll = until_poll};
    struct executor_thread *self = arg;
    struct rv_runtime *runtime;

    rv_trace_name_thread("executor");
    rv_trace_mute_thread(self->all->muted);
    self->error = rv_runtime_start_beside(&runtime, self->all->runtime);
    if (self->error)
        goto report;
    self->error = rv_remote_open(rv_runtime_executor(runtime), &self->remote);
    if (!self->error) {
        rv_future_init(&self->until, &ops);
        self->error = rv_runtime_block_on(runtime, &self->until);
    }
    rv_runtime_stop(runtime);
    RV_CHECK(!rv_fork_is_copy(self->all->mark),
             "a child of fork() returned from a task of rv_executors");
    if (!self->error)
        return NULL;
report:
    sem_post(&self->all->started);
    return NULL;
}

/* --- start and stop ---------------------------------------------------- */

/* Start one more thread, and wait until it has started its executor or failed.
 * Returns: 0, negative errno. */
static int start_one(struct rv_executors *executors)
{
    struct executor_thread *self = &executors->list[executors->count];
    int error;

    self->all = executors;
    error =
        rv_pthread_start(&self->pthread, RV_PTHREAD_FAULTS, thread_main, self);
    if (error)
        return error;
    executors->count++;
    while (sem_wait(&executors->started) < 0)
        ; /* EINTR */
    return self->error;
}

int rv_executors_start(struct rv_executors **out, struct rv_runtime *runtime,
                       uint32_t count)
{
    struct rv_executors *executors;
    int error = 0;

    if (count == 0 || count > RV_EXECUTORS_MAX)
        return -EINVAL;
    executors = rv_alloc(sizeof *executors + count * sizeof executors->list[0]);
    if (!executors)
        return -ENOMEM;
    executors->runtime = runtime;
    executors->muted = rv_trace_thread_is_muted();
    executors->mark = rv_fork_mark();
    sem_init(&executors->started, 0, 0);
    for (uint32_t i = 0; i < count && !error; i++)
        error = start_one(executors);
    if (error)
        rv_executors_stop(executors);
    else
        *out = executors;
    return error;
}

uint32_t rv_executors_count(const struct rv_executors *executors)
{
    return executors->count;
}

struct rv_remote *rv_executors_remote(const struct rv_executors *executors,
                                      uint32_t index)
{
    return executors->list[index].remote;
}

/* Tell all threads to stop before joining any, so that they stop in parallel.
 */
void rv_executors_stop(struct rv_executors *executors)
{
    if (!executors)
        return;
    /* release: pairs with the acquire in until_poll(). */
    atomic_store_explicit(&executors->stopping, true, memory_order_release);
    for (uint32_t i = 0; i < executors->count; i++)
        rv_waker_wake(&executors->list[i].waker);
    for (uint32_t i = 0; i < executors->count; i++) {
        struct executor_thread *self = &executors->list[i];

        if (!rv_fork_is_copy(executors->mark))
            pthread_join(self->pthread, NULL);
        rv_waker_drop(&self->waker);
        rv_remote_put(self->remote);
    }
    sem_destroy(&executors->started);
    rv_free(executors);
}
