/* SPDX-License-Identifier: MIT */
/*
 * cpu_internal.h - what the files of the CPU pool share.
 *
 * Threads: everything here belongs to the executor's thread alone; what the
 * pool threads see is in pipe_thread.h.
 */
#ifndef RV_CPU_INTERNAL_H
#define RV_CPU_INTERNAL_H

#include <reveil/cpu.h>
#include <reveil/pipe_thread.h>
#include <reveil/ring.h>

#include "cpu/query.h"
#include "ring/observer.h"

/*
 * WAITING -> QUEUED -> GIVEN -> DONE; a job may skip the first two, and is
 * done from any of them when the pool stops.
 */
enum rv_cpu_state {
    RV_CPU_WAITING, /* in class->waiting: no slot in the queue pipe yet */
    RV_CPU_QUEUED,  /* its triple is in the queue pipe */
    RV_CPU_GIVEN,   /* with one pool thread, or with two */
    RV_CPU_DONE,    /* has its result */
};

/* Its id is the third word of its triple: an id of a job that has gone finds
 * nothing. */
struct rv_cpu_job {
    struct rv_slab_item item;
    uint64_t id;
    struct rv_cpu_class *class;
    struct rv_callable *callable; /* one reference */
    struct rv_list node;
    struct rv_waker waker;
    enum rv_cpu_state state;
    uint32_t packets; /* with pool threads, whose bytes were not read yet */
    int32_t result;
    bool detached; /* the future has gone */
    bool lost;     /* a stuck pool thread has the callable for good */
};

/* A pool thread, and the jobs that it has, oldest first. */
struct rv_cpu_thread {
    struct rv_pipe_thread pipes;
    struct rv_cpu_class *class;
    struct rv_cpu_job *jobs[RV_PIPE_THREAD_CREDITS];
    uint32_t first;
    struct rv_source *source; /* reactor: its completion pipe */
    char byte;                /* ring: where the next byte goes */
    bool closed;              /* ring: what is read now is not for us */
};

/* The pool threads of one kind, and the jobs for them. */
struct rv_cpu_class {
    struct rv_cpu_pool *pool;
    enum rv_pipe_thread_kind kind;
    struct rv_cpu_thread **threads; /* room for pool->max_threads */
    uint32_t count;
    uint32_t in_flight; /* packets with all of them */
    int queue[2];       /* the queue pipe; both ends do not block */
    bool has_queue;
    uint32_t queued;        /* triples in it, stale ones included */
    struct rv_list waiting; /* struct rv_cpu_job, oldest first */
};

struct rv_cpu_pool {
    struct rv_executor *executor;
    uint32_t max_threads;
    uint32_t mark;       /* the process that it is of */
    uint32_t references; /* the owner, futures with a job, reads under way */
    bool started;        /* knows how it is told of completions */
    bool stopped;
    struct rv_ring *ring; /* NULL: the reaper watches, by the reactor */
    uint32_t reads;       /* under way in the ring */
    struct rv_ring_observer observer; /* while there is a ring */
    struct rv_cpu_reaper *reaper;
    struct rv_slab jobs; /* struct rv_cpu_job */
    struct rv_cpu_class classes[2];
};

/* --- cpu_pool.c -------------------------------------------------------- */

void rv_cpu_get(struct rv_cpu_pool *pool);
void rv_cpu_put(struct rv_cpu_pool *pool);

/* A job for a pool thread. waker: to be cloned. Returns: 0, negative errno. */
int rv_cpu_submit(struct rv_cpu_pool *pool, struct rv_callable *callable,
                  const struct rv_waker *waker, struct rv_cpu_job **out);

/* The future has gone: cancel or detach; the job is not the caller's then. */
void rv_cpu_let_go(struct rv_cpu_pool *pool, struct rv_cpu_job *job);

/* A byte of this pool thread was read. Hand nothing on yet. */
void rv_cpu_complete(struct rv_cpu_thread *thread, bool ran);

/* The oldest job of a pool thread that is lost, and that may look at the
 * callable for ever (CPU_POOL-4). */
void rv_cpu_fail(struct rv_cpu_thread *thread, int32_t error);

/* No pool thread has the job, and none can be given it: it ends with `error`.
 */
void rv_cpu_refuse(struct rv_cpu_job *job, int32_t error);

/* --- cpu_class.c ------------------------------------------------------- */

void rv_cpu_class_init(struct rv_cpu_class *class, struct rv_cpu_pool *pool,
                       enum rv_pipe_thread_kind kind);

/* See to it that there is a pool thread for one more job, if there can be.
 * Returns: 0 if the class has any; negative errno. */
int rv_cpu_class_grow(struct rv_cpu_class *class);

/* To a pool thread, into the queue pipe, or in line for the latter. */
void rv_cpu_class_add(struct rv_cpu_class *class, struct rv_cpu_job *job);

/* The trigger: give pool threads that have room what is queued. */
void rv_cpu_class_trigger(struct rv_cpu_class *class);

/* A pool thread answers no more, or is not heard any more: its jobs end with
 * this error, unless another has them too. */
void rv_cpu_class_lose(struct rv_cpu_thread *thread, int32_t error);

/* End all pool threads. Returns: 0, -ETIMEDOUT. */
int rv_cpu_class_stop(struct rv_cpu_class *class, int64_t deadline_ns);

/* --- completion.c: how the byte of a pool thread is noticed ------------ */

/* Choose between ring and reactor, once. Returns: 0, negative errno. */
int rv_cpu_completion_start(struct rv_cpu_pool *pool);

/* Notice the bytes of a new pool thread from now on. Returns: 0, negative
 * errno. */
int rv_cpu_completion_open(struct rv_cpu_thread *thread);

/* No more of this pool thread. */
void rv_cpu_completion_close(struct rv_cpu_thread *thread);
void rv_cpu_completion_stop(struct rv_cpu_pool *pool);

#endif /* RV_CPU_INTERNAL_H */
