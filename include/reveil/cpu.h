/* SPDX-License-Identifier: MIT */
/*
 * cpu.h - computations on other processors, as futures.
 *
 *     rv_callable_new(&callable, &sum_ops, &sum);  see callable.h
 *     rv_cpu_init(&self->job, callable);
 *     RV_AWAIT(future, cx, &self->job.future);
 *     ... self->job.future.result is what sum_ops.call() returned
 *     rv_drop(&self->job.future);
 *
 * A long computation would block all other tasks of the executor. So the job
 * is sent to a pool thread through a pipe. When it is over, the thread writes a
 * byte to another pipe, which the executor's io_uring reads. Without an
 * io_uring, the reactor watches that pipe. The executor's thread never waits
 * and takes no lock.
 *
 *     poll --> is there room? --16 bytes--> thread --1 byte--> ring --> wake
 *               no: 24 bytes into the queue pipe  ... sent when a byte arrives
 *
 * Callables marked pure run on bare pool threads (thread.h), all others on
 * pthreads. For calls that sleep rather than compute, see blocking.h.
 */

/*
 * Ways to have a thread:
 *
 *   you have                take          on which threads     block?    stack
 *   a call that sleeps      rv_blocking   elastic pool         yes       thread
 *   a pure computation      rv_cpu_init   one a CPU at most    no        thread
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
 * Create a pool for the tasks of `executor`. Its threads are started when
 * there are jobs for them. rv_runtime_start() creates a pool.
 *
 * options: copied; NULL for the defaults.
 * Threads: the executor's, as for all functions below.
 * Returns: 0, -ENOMEM, -EINVAL (more than RV_CPU_THREADS_MAX).
 */
int rv_cpu_pool_new(struct rv_cpu_pool **out, struct rv_executor *executor,
                    const struct rv_cpu_options *options);

/*
 * Cancel the jobs that have not begun, and wait for the running ones until
 * the deadline. Remaining futures end with -ECANCELED. The caller must not use
 * the pool after this.
 *
 * deadline_ns: CLOCK_MONOTONIC, absolute.   Blocks: until then at most.
 * Threads: the executor's, when the executor was freed, or while none of its
 * polls runs; before its ring and its reactor end.
 * Returns: 0; -ETIMEDOUT: calls that still run are left behind, with their
 * threads and their callables.
 */
int rv_cpu_pool_stop(struct rv_cpu_pool *pool, int64_t deadline_ns);

/* The pool that rv_cpu_enter() set for this thread, or NULL. */
struct rv_cpu_pool *rv_cpu_current(void);

/* Set the pool of this thread; NULL for none. Returns: the previous one. */
struct rv_cpu_pool *rv_cpu_enter(struct rv_cpu_pool *pool);

/* The number of pool threads now, of both kinds. */
uint32_t rv_cpu_threads(const struct rv_cpu_pool *pool);

/* Returns: true if an io_uring reads the bytes of the pool threads, false if
 * the reactor watches them. This is decided at the first job. The pool does not
 * use a ring that is too small for the number of pool threads. */
bool rv_cpu_uses_ring(const struct rv_cpu_pool *pool);

/*
 * A call on a pool thread, as a future.
 *
 * result: what the call returned; -ENODEV (no pool, or no reactor), -ECANCELED
 * (the pool was stopped), -ENOMEM, -EMFILE, -EAGAIN (there is no pool thread
 * and none can be created), -EALREADY (the callable was run or canceled
 * elsewhere).
 */
struct rv_cpu {
    struct rv_future future;
    struct rv_callable *callable; /* its result can be read when READY */
    struct rv_cpu_pool *pool;     /* private, as is the rest */
    struct rv_cpu_job *job;
    uint32_t *counted; /* where it counts while it is under way; or NULL */
};

/*
 * A future that runs `callable` from its first poll on. If it is dropped
 * before the call has begun, the call is not made. If it is dropped during the
 * call, the call continues, and its state is kept until the end of the call.
 *
 * The state is a copy, but what it points to is not: a pointer in it must stay
 * valid until ops->drop() is called, which is after the drop of the future if
 * the call still runs then. Never point to the struct that embeds `cpu` or to a
 * local variable. Copy the data into the state, or give the state a reference
 * that ops->drop() puts (rv_buf_put(), for example).
 *
 * Owns: the caller's reference, until the future is dropped.
 */
void rv_cpu_init(struct rv_cpu *cpu, struct rv_callable *callable);

RV_END_DECLS

#endif /* RV_CPU_H */
