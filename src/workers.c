/* SPDX-License-Identifier: MIT */
/*
 * workers.c - threads that each run an executor until they are told to stop.
 *
 * Threads: start and stop the caller's; worker_main() and the future of a
 * worker its own. They meet at the semaphore (the worker is there, or the
 * error), and at `stopping` with the worker's waker.
 */
#include <errno.h>
#include <pthread.h>
#include <reveil/trace.h>
#include <reveil/workers.h>
#include <semaphore.h>
#include <signal.h>

#include "base/base_internal.h"

struct worker {
    pthread_t thread;
    struct rv_workers *all;
    struct rv_future until; /* READY when it shall stop */

    /* Set before `started` is posted. */
    int error;
    struct rv_remote *remote;
    struct rv_waker waker; /* of `until` */
};

struct rv_workers {
    struct rv_runtime *runtime;
    sem_t started;
    _Atomic bool stopping;
    bool muted;     /* as the thread that started them; see trace.h */
    uint32_t mark;  /* the process that they are of */
    uint32_t count; /* of threads there are */
    struct worker list[];
};

/* --- a worker ---------------------------------------------------------- */

static enum rv_poll until_poll(struct rv_future *future, struct rv_cx *cx)
{
    struct worker *self = RV_CONTAINER_OF(future, struct worker, until);

    if (!future->at++) {
        self->waker = rv_waker_clone(&cx->waker);
        sem_post(&self->all->started);
    }
    /* acquire: pairs with rv_workers_stop(). */
    return atomic_load_explicit(&self->all->stopping, memory_order_acquire)
               ? RV_READY
               : RV_PENDING;
}

static void *worker_main(void *arg)
{
    static const struct rv_future_ops ops = {.name = "rv_workers",
                                             .poll = until_poll};
    struct worker *self = arg;
    struct rv_runtime *runtime;

    rv_trace_name_thread("worker");
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
             "a child of fork() returned from a task of rv_workers");
    if (!self->error)
        return NULL;
report:
    sem_post(&self->all->started);
    return NULL;
}

/* --- all --------------------------------------------------------------- */

/* Returns: 0, -EAGAIN. */
static int start_thread(struct worker *worker)
{
    sigset_t others;
    sigset_t before;
    int error;

    rv_signals_of_others(&others);
    pthread_sigmask(SIG_SETMASK, &others, &before);
    error = pthread_create(&worker->thread, NULL, worker_main, worker);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return -error;
}

/* Start one more, and wait for its word. Returns: 0, negative errno. */
static int start_worker(struct rv_workers *workers)
{
    struct worker *worker = &workers->list[workers->count];
    int error;

    worker->all = workers;
    error = start_thread(worker);
    if (error)
        return error;
    workers->count++;
    while (sem_wait(&workers->started) < 0)
        ; /* EINTR */
    return worker->error;
}

int rv_workers_start(struct rv_workers **out, struct rv_runtime *runtime,
                     uint32_t count)
{
    struct rv_workers *workers;
    int error = 0;

    if (count == 0 || count > RV_WORKERS_MAX)
        return -EINVAL;
    workers = rv_alloc(sizeof *workers + count * sizeof workers->list[0]);
    if (!workers)
        return -ENOMEM;
    workers->runtime = runtime;
    workers->muted = rv_trace_thread_is_muted();
    workers->mark = rv_fork_mark();
    sem_init(&workers->started, 0, 0);
    for (uint32_t i = 0; i < count && !error; i++)
        error = start_worker(workers);
    if (error)
        rv_workers_stop(workers);
    else
        *out = workers;
    return error;
}

uint32_t rv_workers_count(const struct rv_workers *workers)
{
    return workers->count;
}

struct rv_remote *rv_workers_remote(const struct rv_workers *workers,
                                    uint32_t index)
{
    return workers->list[index].remote;
}

/* All are told before one is waited for: they stop beside each other. */
void rv_workers_stop(struct rv_workers *workers)
{
    if (!workers)
        return;
    /* release: pairs with the acquire in until_poll(). */
    atomic_store_explicit(&workers->stopping, true, memory_order_release);
    for (uint32_t i = 0; i < workers->count; i++)
        rv_waker_wake(&workers->list[i].waker);
    for (uint32_t i = 0; i < workers->count; i++) {
        struct worker *worker = &workers->list[i];

        if (!rv_fork_is_copy(workers->mark))
            pthread_join(worker->thread, NULL);
        rv_waker_drop(&worker->waker);
        rv_remote_put(worker->remote);
    }
    sem_destroy(&workers->started);
    rv_free(workers);
}
