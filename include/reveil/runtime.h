/* SPDX-License-Identifier: MIT */
/*
 * runtime.h - the reactor and the executors, started and stopped in order.
 *
 *     rv_runtime_start(&runtime);
 *     result = rv_runtime_block_on(runtime, &main_future);
 *     rv_runtime_stop(runtime);
 *
 * For more threads, each one starts its own runtime with
 * rv_runtime_start_beside(); executors.h does that for N threads.
 *
 * fork(). A child has a copy of every object of its parent, but none of the
 * threads. It shares the files behind the descriptors: the epoll, the ring, the
 * pipes of the pool threads. So it can only release the parent's objects. A
 * child, also one that was forked inside a poll, may
 *
 *   - call _exit() or exec(), which closes every descriptor of the library;
 *   - close sources, sockets, files, signals and processes, drop futures and
 *     joins, stop and free runtimes, executors, pools, rings and schedulers.
 *     These calls neither wait for a thread nor affect the parent: they close a
 *     socket without shutting it down, keep the unfinished part of a download,
 *     and do not resume coroutines. Drop functions of the program do run;
 *   - start a runtime of its own, with everything that belongs to it.
 *
 * All other uses of a parent's object fail with -ESTALE, without waiting:
 * rv_block_on(), spawns, registering or awaiting a descriptor, calls on the
 * pools, operations on files and rings. If the fork was inside a poll, the
 * child polls nothing after it, and rv_block_on() returns -ESTALE. A call on a
 * pool and a task of rv_sched or rv_executors must not return in the child,
 * because the code that it would return to does not work there: that is misuse.
 * Do not use the parent's channels and locks, which a thread that does not
 * exist in the child may have left locked.
 *
 * The peer of a socket sees its end only after the child has closed it too.
 * rv_process_kill() and rv_stream_shutdown_write() affect the process or socket
 * that parent and child share.
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

/* The thread that sleeps in epoll. */
enum rv_reactor_mode {
    RV_REACTOR_THREAD, /* a thread of the reactor's own, see reactor.h */
    RV_REACTOR_FUSED   /* the executor's thread, when no task is ready */
};

struct rv_runtime_options {
    enum rv_reactor_mode reactor;
    struct rv_blocking_options blocking;
    struct rv_ring_options ring;
    struct rv_cpu_options cpu;

    /*
     * 0, or a signal, such as SIGUSR1, that writes the table of all tasks to
     * standard error. This records the executors, see task_dump.h.
     */
    int task_dump_signal;
};

/*
 * Start a reactor, and make an executor for the calling thread, with a pool for
 * calls that block, a pool for jobs that compute, and a ring. The pools start
 * no threads, and the ring opens no descriptors, before they are used.
 *
 * Returns: 0, or -ENOMEM, -EMFILE, -ENFILE, -EAGAIN (a thread could not be
 * created).
 */
int rv_runtime_start(struct rv_runtime **out);

/* The same with options, which are copied; NULL: the defaults. */
int rv_runtime_start_with(struct rv_runtime **out,
                          const struct rv_runtime_options *options);

/*
 * Make another runtime, for the calling thread, with the options of `other`. It
 * has its own executor, ring and CPU pool. The two share the pool for calls
 * that block and, in thread mode, the reactor. In fused mode each has its own
 * reactor, in which its executor sleeps.
 *
 * Threads: any. Stop it before `other`.   Returns: as rv_runtime_start().
 */
int rv_runtime_start_beside(struct rv_runtime **out, struct rv_runtime *other);

/*
 * Drop the remaining tasks, stop the pools (calls that still run after 5 s are
 * abandoned), stop the reactor, free everything. The parts that it shares with
 * the runtime that it was started beside keep running.
 *
 * Threads: the one that started it. Misuse: a runtime that was started beside
 * it is not stopped yet.
 */
void rv_runtime_stop(struct rv_runtime *runtime);

/* rv_block_on() on the runtime's executor. Threads: the one that started it. */
int rv_runtime_block_on(struct rv_runtime *runtime, struct rv_future *future);

/* The runtime's executor, to spawn tasks before rv_runtime_block_on(). */
struct rv_executor *rv_runtime_executor(struct rv_runtime *runtime);

/* The runtime's reactor. Threads: any. */
struct rv_reactor *rv_runtime_reactor(struct rv_runtime *runtime);

/* The runtime's ring. Threads: the one that started it. */
struct rv_ring *rv_runtime_ring(struct rv_runtime *runtime);

RV_END_DECLS

#endif /* RV_RUNTIME_H */
