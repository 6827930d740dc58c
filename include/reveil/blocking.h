/* SPDX-License-Identifier: MIT */
/*
 * blocking.h - run calls that block on a pool of threads.
 *
 *     rv_blocking_init(&self->call, read_the_file, arg, free_arg);
 *     RV_AWAIT(future, cx, &self->call.future);
 *     ... self->call.future.result is what read_the_file() returned
 *
 * Some calls block and have nothing that epoll could wait for: file I/O,
 * getaddrinfo(), a library without an asynchronous interface. They run on a
 * pool of threads, which grows while jobs are queued and shrinks when it is
 * idle. These threads block all signals but those of faults (SIGSEGV, SIGABRT,
 * ...), so a handler of the program runs when its call faults.
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
#ifndef RV_BLOCKING_H
#define RV_BLOCKING_H

#include <reveil/future.h>

RV_BEGIN_DECLS

struct rv_blocking_pool;

struct rv_blocking_options {
    uint32_t max_threads; /* 0: 512 */
    int64_t idle_ns;      /* an idle thread ends after this time. 0: 10 s;
                             RV_NEVER: not; negative: at once */
    /*
     * Added to the niceness of the thread that starts a pool thread: 0 to 19
     * (nice(2), per thread). Use it for calls that compute or copy much, so
     * that they do not take the CPU from the executor; 0 for calls that mostly
     * sleep.
     */
    uint32_t niceness;
};

/*
 * Create a pool. Threads are started on demand.
 *
 * options: copied. NULL: the defaults.
 *
 * Returns: 0, -ENOMEM.
 */
int rv_blocking_pool_new(struct rv_blocking_pool **out,
                         const struct rv_blocking_options *options);

/*
 * Cancel the queued calls, wait for the running ones until the deadline, and
 * release the pool. The caller must not use it afterwards. Calls that still run
 * then keep its memory alive until they return.
 *
 * deadline_ns: CLOCK_MONOTONIC, absolute.
 * Threads: any but the pool's own.   Blocks: at most until the deadline.
 * Returns: 0: all threads have ended; -ETIMEDOUT: some still run, and end by
 * themselves.
 */
int rv_blocking_pool_stop(struct rv_blocking_pool *pool, int64_t deadline_ns);

/* Set the pool that futures polled on this thread use; NULL: none. Returns: the
 * previous one. */
struct rv_blocking_pool *rv_blocking_enter(struct rv_blocking_pool *pool);

/* The number of threads that the pool has now. Threads: any. */
uint32_t rv_blocking_threads(struct rv_blocking_pool *pool);

/*
 * A slow call may take seconds: a name lookup, for example. Slow calls run on
 * at most half of the pool's threads, so that they cannot starve the others.
 */
enum rv_blocking_class { RV_BLOCKING_FAST, RV_BLOCKING_SLOW };

typedef int32_t (*rv_blocking_call)(void *arg);

/*
 * result: the return value of the call; -ENOMEM; -EAGAIN: the pool has no
 * thread and none can be created; -ECANCELED: the pool was stopped; -ENODEV:
 * this thread has no pool; -ESTALE: the pool belongs to the parent of fork().
 *
 * Dropped while the call is queued, the call is not made. Dropped while it
 * runs, the call continues on its own, and its result is discarded.
 */
struct rv_blocking {
    struct rv_future future;
    rv_blocking_call call; /* private, as are the fields after it */
    void *arg;
    void (*free_arg)(void *arg);
    enum rv_blocking_class class_;
    struct rv_blocking_job *job; /* while the pool may use it */
    uint32_t *counted; /* where it counts while it is under way; or NULL */
};

/*
 * Owns: `arg` is lent to the call from the first poll until the future is
 * READY; then it is the caller's again. If the future is dropped in between,
 * free_arg is called once, on any thread, when the call has returned or will
 * not be made.
 * free_arg: NULL if `arg` needs no freeing and outlives the call anyway.
 */
void rv_blocking_init(struct rv_blocking *blocking, rv_blocking_call call,
                      void *arg, void (*free_arg)(void *arg));

/* The same for a slow call. */
void rv_blocking_init_slow(struct rv_blocking *blocking, rv_blocking_call call,
                           void *arg, void (*free_arg)(void *arg));

/*
 * Whether `arg` is lent. A coroutine asks this before it drops the future: a
 * canceled one may have ended its wait before the first poll. Returns: true:
 * free_arg will get it; false: it is the caller's. Threads: the executor's.
 */
static inline bool rv_blocking_is_lent(const struct rv_blocking *blocking)
{
    return blocking->job != NULL;
}

RV_END_DECLS

#endif /* RV_BLOCKING_H */
