/* SPDX-License-Identifier: MIT */
/*
 * runtime.h - the reactor and the executors, started and stopped in order.
 *
 *     rv_runtime_start(&runtime);
 *     result = rv_runtime_block_on(runtime, &main_future);
 *     rv_runtime_stop(runtime);
 *
 * More threads: each starts one of its own beside it, with
 * rv_runtime_start_beside(); workers.h does that for N threads.
 */
#ifndef RV_RUNTIME_H
#define RV_RUNTIME_H

#include <reveil/blocking.h>
#include <reveil/cpu.h>
#include <reveil/executor.h>
#include <reveil/net.h>
#include <reveil/reactor.h>
#include <reveil/uring.h>

struct rv_runtime;

/* Who sleeps in epoll. */
enum rv_reactor_mode {
    RV_REACTOR_THREAD, /* a thread of its own, which wakes the executor */
    RV_REACTOR_FUSED   /* the executor's thread, when it has nothing to do */
};

struct rv_runtime_options {
    enum rv_reactor_mode reactor;
    struct rv_blocking_options blocking;
    struct rv_ring_options ring;
    struct rv_cpu_options cpu;

    /*
     * 0, or a signal (SIGUSR1, say) at which the table of all tasks is written
     * to standard error. The executors are watched then, see watch.h.
     */
    int watch_signal;
};

/*
 * Start a reactor, and make for the calling thread an executor, a pool for
 * calls that block and one for jobs that compute (without threads until there
 * is one), and a ring (without descriptors until it is used).
 *
 * Returns: 0, or -ENOMEM, -EMFILE, -ENFILE, -EAGAIN (no thread to be had).
 */
int rv_runtime_start(struct rv_runtime **out);

/* The same with options, which are copied; NULL for the default ones. */
int rv_runtime_start_with(struct rv_runtime **out,
                          const struct rv_runtime_options *options);

/*
 * One more runtime, for the calling thread: an executor, a ring and a CPU pool
 * of its own, with the options of `other`. They share the pool for calls that
 * block, and the reactor too; only if that is fused, each has its own, which
 * its own executor sleeps in.
 *
 * Threads: any; `other` is stopped after it.   Returns: as rv_runtime_start().
 */
int rv_runtime_start_beside(struct rv_runtime **out, struct rv_runtime *other);

/*
 * Drop the tasks that are left, stop the pools (calls that still run after 5 s
 * are left alone), stop the reactor, free everything. What it shares with one
 * that was there before goes on.
 *
 * Threads: the one that started it. Misuse: one that was started beside it is
 * not stopped yet.
 */
void rv_runtime_stop(struct rv_runtime *runtime);

/* rv_block_on() on the runtime's executor. Threads: the one that started. */
int rv_runtime_block_on(struct rv_runtime *runtime, struct rv_future *future);

/* The starting thread's executor, to spawn onto before block_on. */
struct rv_executor *rv_runtime_executor(struct rv_runtime *runtime);

/* The reactor of its tasks. Threads: any. */
struct rv_reactor *rv_runtime_reactor(struct rv_runtime *runtime);

/* The starting thread's ring. */
struct rv_ring *rv_runtime_ring(struct rv_runtime *runtime);

#endif /* RV_RUNTIME_H */
