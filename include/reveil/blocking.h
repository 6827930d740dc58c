/* SPDX-License-Identifier: MIT */
/*
 * blocking.h - calls that block, on threads that may.
 *
 *     rv_blocking_init(&self->call, read_the_file, arg, free_arg);
 *     RV_AWAIT(future, cx, &self->call.future);
 *     ... self->call.future.result is what read_the_file() returned
 *
 * Some calls cannot be waited for by epoll: files, getaddrinfo(), a library
 * that only blocks. They go to a pool of threads that grows while jobs wait
 * and shrinks when it is idle.
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
#ifndef RV_BLOCKING_H
#define RV_BLOCKING_H

#include <reveil/future.h>

struct rv_blocking_pool;

struct rv_blocking_options {
    uint32_t max_threads; /* 0: 512 */
    int64_t idle_ns;      /* an idle thread ends after this time. 0: 10 s;
                             RV_NEVER: not; negative: at once */
    /*
     * How much nicer the pool's threads are than the one that starts them
     * (nice(2), for one thread): 1 to 19. Calls that compute or copy much then
     * do not keep the executor from its CPU; 0 for calls that mostly sleep.
     */
    uint32_t niceness;
};

/*
 * A pool without threads yet. options: copied; NULL for the default ones.
 *
 * Returns: 0, -ENOMEM.
 */
int rv_blocking_pool_new(struct rv_blocking_pool **out,
                         const struct rv_blocking_options *options);

/*
 * Cancel what is queued, and wait for what runs until the deadline. The pool
 * is not the caller's any more; what still runs then keeps it alive.
 *
 * deadline_ns: CLOCK_MONOTONIC, absolute.
 * Threads: any but the pool's own.   Blocks: until the deadline at most.
 * Returns: 0 if all threads have ended, -ETIMEDOUT if some are left to end by
 * themselves.
 */
int rv_blocking_pool_stop(struct rv_blocking_pool *pool, int64_t deadline_ns);

/* Make it this thread's, for futures to find; NULL for none. Returns: the one
 * before. */
struct rv_blocking_pool *rv_blocking_enter(struct rv_blocking_pool *pool);

/* Threads that the pool has now. Threads: any. */
uint32_t rv_blocking_threads(struct rv_blocking_pool *pool);

/*
 * A slow call may take seconds, such as a name to be looked up. Slow calls
 * use at most half of the pool's threads, so they cannot starve the others.
 */
enum rv_blocking_class { RV_BLOCKING_FAST, RV_BLOCKING_SLOW };

typedef int32_t (*rv_blocking_call)(void *arg);

/*
 * result: what the call returned; -ENOMEM, -EAGAIN (no thread to be had and
 * none there), -ECANCELED (the pool was stopped), -ENODEV (no pool).
 * Dropped while it is queued, the call is not made. Dropped while it runs, the
 * call goes on by itself.
 */
struct rv_blocking {
    struct rv_future future;
    rv_blocking_call call; /* private, as are the rest */
    void *arg;
    void (*free_arg)(void *arg);
    enum rv_blocking_class class_;
    struct rv_blocking_pool *pool; /* while there is a job */
    struct rv_blocking_job *job;
};

/*
 * Owns: from the first poll on `arg` is the call's. When the future is READY
 * it is the caller's again; when the future was dropped before, free_arg is
 * called once the call cannot use it any more, on any thread. NULL: arg needs
 * no freeing and stays valid long enough by itself.
 */
void rv_blocking_init(struct rv_blocking *blocking, rv_blocking_call call,
                      void *arg, void (*free_arg)(void *arg));

/* The same for a slow call. */
void rv_blocking_init_slow(struct rv_blocking *blocking, rv_blocking_call call,
                           void *arg, void (*free_arg)(void *arg));

#endif /* RV_BLOCKING_H */
