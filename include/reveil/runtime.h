/* SPDX-License-Identifier: MIT */
/*
 * runtime.h - the reactor and the executors, started and stopped in order.
 *
 *     rv_runtime_start(&runtime);
 *     result = rv_runtime_block_on(runtime, &main_future);
 *     rv_runtime_stop(runtime);
 *
 * More threads: each starts one of its own beside it, with
 * rv_runtime_start_beside(); executors.h does that for N threads.
 *
 * fork(). A child has a copy of every object here, none of the threads, and
 * shares what the descriptors stand for: the epoll, the ring, the pipes of the
 * pool threads. So it may only release the parent's objects. It may, in the
 * poll that has forked too,
 *
 *   - call _exit() or exec(): no descriptor of the library survives that;
 *   - close sources, sockets, files, signals and processes, drop futures and
 *     joins, stop and free runtimes, executors, pools, rings and schedulers.
 *     None of it waits for a thread or disturbs the parent: a socket is closed
 *     but not shut down or reset, a part of a file is not taken away, a
 *     coroutine is not resumed for its end. Drops of your own run;
 *   - start a runtime of its own, and all that goes with it.
 *
 * All else that needs a parent's object fails with -ESTALE, at once: to block
 * on it, to spawn, to register or wait for a descriptor, calls on the pools,
 * operations of files and rings. After the poll that has forked nothing more is
 * polled in the child, and rv_block_on() returns -ESTALE. A call on a pool and
 * a task of rv_sched or rv_executors must not return in a child, for there is
 * nothing left to return to: that is misuse. Channels, and other objects of
 * memory alone, may be locked by a thread that does not exist: leave them
 * alone.
 *
 * The peer of a socket sees the end only when the child, too, has closed the
 * socket. rv_process_kill() and rv_stream_shutdown_write() act on the object
 * that both processes share.
 */
#ifndef RV_RUNTIME_H
#define RV_RUNTIME_H

#include <reveil/blocking.h>
#include <reveil/cpu.h>
#include <reveil/executor.h>
#include <reveil/net.h>
#include <reveil/reactor.h>
#include <reveil/ring.h>

RV_BEGIN_DECLS

struct rv_runtime;

/* Which thread sleeps in epoll. */
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
     * to standard error. The executors are recorded then, see task_dump.h.
     */
    int task_dump_signal;
};

/*
 * Start a reactor, and make for the calling thread an executor, a pool for
 * calls that block and one for jobs that compute (without threads until there
 * is one), and a ring (without descriptors until it is used).
 *
 * Returns: 0, or -ENOMEM, -EMFILE, -ENFILE, -EAGAIN (a thread could not be
 * created).
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
 * Drop the remaining tasks, stop the pools (calls that still run after 5 s are
 * abandoned), stop the reactor, free everything. What it shares with the
 * runtime that it was started beside continues.
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

RV_END_DECLS

#endif /* RV_RUNTIME_H */
