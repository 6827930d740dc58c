/* SPDX-License-Identifier: MIT */
/*
 * cpu.h - work for the processors, beside the executor: jobs as futures.
 *
 *     rv_callable_new(&callable, &sum_ops, &(struct sum){i, j});
 *     rv_spawn_cpu(&self->job, callable);
 *     RV_AWAIT(future, cx, &self->job.future);
 *     ... self->job.future.result is what sum_ops.call() returned
 *     rv_drop(&self->job.future);
 *
 * A job that computes for long would keep the executor from everything else.
 * So it goes to a pool thread through a pipe, and its end is a byte in another
 * pipe, which the executor's io_uring reads, or its reactor watches where
 * there is no io_uring. The executor's thread never waits and takes no lock.
 *
 *     poll --> is there room? --16 bytes--> thread --1 byte--> ring --> wake
 *               no: 24 bytes into the queue pipe  ...  the byte hands them on
 *
 * Callables marked pure run on bare pool threads (thread.h), all others on
 * pthreads. For calls that sleep rather than compute, see blocking.h.
 */

/*
 * Ways to have a thread:
 *
 *   you have                take          on which threads     block?    stack
 *   a call that sleeps      rv_blocking   elastic pool         yes       thread
 *   a pure computation      rv_spawn_cpu  one a CPU at most    no        thread
 *   straight-line tasks     rv_go         N work stealers      by await  task
 *   a server (REUSEPORT)    rv_executors  N executors          no        none
 *
 * They are declared in blocking.h, cpu.h, sched.h and executors.h; README.md
 * has the same table with examples.
 */
#ifndef RV_CPU_H
#define RV_CPU_H

#include <reveil/callable.h>
#include <reveil/executor.h>

RV_BEGIN_DECLS

struct rv_cpu_pool; /* one an executor */

enum { RV_CPU_THREADS_MAX = 256 };

struct rv_cpu_options {
    uint32_t threads; /* of each kind, at most; 0: one for each CPU */
};

/*
 * A pool for the tasks of `executor`, without threads: they are started when
 * jobs come. rv_runtime_start() makes one.
 *
 * options: copied; NULL for the default ones.
 * Threads: the executor's, as all that follows.
 * Returns: 0, -ENOMEM, -EINVAL (more than RV_CPU_THREADS_MAX).
 */
int rv_cpu_pool_new(struct rv_cpu_pool **out, struct rv_executor *executor,
                    const struct rv_cpu_options *options);

/*
 * Cancel what has not begun, and wait for what runs until the deadline.
 * Futures that are left end with -ECANCELED. The pool is not the caller's any
 * more.
 *
 * deadline_ns: CLOCK_MONOTONIC, absolute.   Blocks: until then at most.
 * Threads: the executor's, when the executor was freed, or while none of its
 * polls runs; before its ring and its reactor end.
 * Returns: 0; -ETIMEDOUT: calls that still run are left alone, with their
 * threads and their callables.
 */
int rv_cpu_pool_stop(struct rv_cpu_pool *pool, int64_t deadline_ns);

/* The pool that rv_cpu_enter() set for this thread, or NULL. */
struct rv_cpu_pool *rv_cpu_current(void);

/* Make it this thread's; NULL for none. Returns: the one before. */
struct rv_cpu_pool *rv_cpu_enter(struct rv_cpu_pool *pool);

/* Pool threads that there are now, of both kinds. */
uint32_t rv_cpu_threads(const struct rv_cpu_pool *pool);

/* Its completions are read by an io_uring, not by the reactor; known from the
 * first job on. A ring that is small beside the number of pool threads is left
 * to others. */
bool rv_cpu_uses_ring(const struct rv_cpu_pool *pool);

/*
 * A call on a pool thread, as a future.
 *
 * result: what the call returned; -ENODEV (no pool, or no reactor), -ECANCELED
 * (the pool was stopped), -ENOMEM, -EMFILE, -EAGAIN (not one pool thread can be
 * had), -EALREADY (the callable was run or canceled elsewhere).
 */
struct rv_cpu {
    struct rv_future future;
    struct rv_callable *callable; /* its result can be read when READY */
    struct rv_cpu_pool *pool;     /* private, as is the rest: while it runs */
    struct rv_cpu_job *job;
};

/*
 * A future that runs `callable` once it is polled. Dropped before the call has
 * begun, the call is not made; dropped while it runs, the call goes on by
 * itself, and its state is kept until it is over.
 *
 * Owns: the caller's reference, until the future is dropped.
 */
void rv_spawn_cpu(struct rv_cpu *cpu, struct rv_callable *callable);

RV_END_DECLS

#endif /* RV_CPU_H */
