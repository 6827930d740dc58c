/* SPDX-License-Identifier: MIT */
/*
 * cpu_internal.h - what the files of the CPU pool share.
 *
 *     spawn.c       the future
 *     cpu_pool.c    new, submit, stop
 *     cpu_class.c   which pool thread gets a job, and which job waits
 *     completion.c  reads the bytes of the pool threads
 *     cpu_job.c     the life of a job; the pool's memory
 *
 * Calls go down this list. Upwards there are two callbacks, see
 * rv_cpu_completion_start().
 *
 * Threads: everything here belongs to the executor's thread alone; what the
 * pool threads see is in pipe_thread.h.
 */
#ifndef RV_CPU_INTERNAL_H
#define RV_CPU_INTERNAL_H

#include <reveil/cpu.h>
#include <reveil/pipe_thread.h>
#include <reveil/ring.h>

#include "base/slab.h"
#include "cpu/query.h"
#include "ring/observer.h"

/*
 * The state of a job. It only moves forward, and may skip states. Only the
 * executor's thread reads or writes it.
 *
 * WAITING: A new job. If no pool thread has room and the queue pipe is full, it
 * stays in this state, linked in class->waiting.
 *
 * QUEUED: The job's triple is in the queue pipe. If the job is canceled, the
 * triple stays there, and its id finds nothing (CPU_CLASS-4).
 *
 * GIVEN: A packet of the job was written to one pool thread, or to two if the
 * job was lent (CPU_CLASS-5). `packets` counts those whose bytes have not been
 * read.
 *
 * DONE: `result` is valid, and the future's task was woken. Packets may be
 * left: the job is freed when there are none and the future was dropped
 * (CPU_JOB-2).
 */
enum rv_cpu_state {
    RV_CPU_WAITING,
    RV_CPU_QUEUED,
    RV_CPU_GIVEN,
    RV_CPU_DONE,
};

/* `id` is the third word of its triple. */
struct rv_cpu_job {
    struct rv_slab_item item;
    uint64_t id;
    struct rv_cpu_class *class;
    struct rv_callable *callable; /* one reference */
    struct rv_list node;
    struct rv_waker waker;
    enum rv_cpu_state state;
    uint32_t packets; /* of pool threads whose bytes have not been read */
    int32_t result;
    bool detached; /* the future was dropped */
    bool lost;     /* a stuck or lost pool thread may access the callable */
};

/* A pool thread, and its jobs in a circle, the oldest at `first`. */
struct rv_cpu_thread {
    struct rv_pipe_thread pipes;
    struct rv_cpu_class *class;
    struct rv_cpu_job *jobs[RV_PIPE_THREAD_CREDITS];
    uint32_t first;
    struct rv_source *source; /* reactor: its completion pipe */
    char byte;                /* ring: the read in flight writes to it */
    bool closed;              /* ring: ignore what that read returns */
};

/* The pool threads of one kind, and the jobs for them. */
struct rv_cpu_class {
    struct rv_cpu_pool *pool;
    enum rv_pipe_thread_kind kind;
    struct rv_cpu_thread **threads; /* room for pool->max_threads */
    uint32_t count;
    uint32_t in_flight; /* packets with all of them */
    int queue[2];       /* the queue pipe; both ends are non-blocking */
    bool has_queue;
    uint32_t queued;        /* triples in it, stale ones included */
    struct rv_list waiting; /* struct rv_cpu_job, oldest first */
};

struct rv_cpu_pool {
    struct rv_executor *executor;
    uint32_t max_threads;
    uint32_t mark;       /* of the process that created it */
    uint32_t references; /* the owner, futures with a job, reads in flight */
    bool opened;         /* it has had a job: completion.c is started */
    bool stopped;

    /* completion.c */
    void (*room)(struct rv_cpu_class *class);
    void (*lost)(struct rv_cpu_thread *thread, int32_t error);
    struct rv_ring *ring; /* NULL: the reaper reads, woken by the reactor */
    uint32_t reads;       /* in flight in the ring */
    struct rv_ring_observer observer; /* while there is a ring */
    struct rv_cpu_reaper *reaper;

    struct rv_slab jobs; /* struct rv_cpu_job */
    struct rv_cpu_class classes[2];
};

/* --- cpu_pool.c -------------------------------------------------------- */

/* Queue a job. waker: to be cloned. Returns: 0, negative errno. */
int rv_cpu_submit(struct rv_cpu_pool *pool, struct rv_callable *callable,
                  const struct rv_waker *waker, struct rv_cpu_job **out);

/* --- cpu_class.c ------------------------------------------------------- */

void rv_cpu_class_init(struct rv_cpu_class *class, struct rv_cpu_pool *pool,
                       enum rv_pipe_thread_kind kind);

/* Make sure that there is a pool thread for one more job, if possible.
 * Returns: 0 if the class has any pool thread; negative errno. */
int rv_cpu_class_grow(struct rv_cpu_class *class);

/* Give a job to a pool thread, or put it into the queue pipe, or into the list
 * of those that wait for room in that pipe. */
void rv_cpu_class_add(struct rv_cpu_class *class, struct rv_cpu_job *job);

/* The trigger (CPU_CLASS-3): give queued jobs to the pool threads that have
 * room. */
void rv_cpu_class_trigger(struct rv_cpu_class *class);

/* A pool thread has ended, or its bytes cannot be read. Its jobs end with this
 * error, unless a second pool thread has them too. */
void rv_cpu_class_lose(struct rv_cpu_thread *thread, int32_t error);

/* End all pool threads. Returns: 0, -ETIMEDOUT. */
int rv_cpu_class_stop(struct rv_cpu_class *class, int64_t deadline_ns);

/* --- completion.c ------------------------------------------------------ */

/*
 * Choose between ring and reactor, once. completion.c reports upwards by the
 * two functions only.
 *
 * room:    bytes were read, or may have been: the class may hand on jobs.
 * lost:    no byte of this pool thread will be read any more.
 * Returns: 0, negative errno.
 */
int rv_cpu_completion_start(struct rv_cpu_pool *pool,
                            void (*room)(struct rv_cpu_class *class),
                            void (*lost)(struct rv_cpu_thread *thread,
                                         int32_t error));

/* Read the bytes of a new pool thread from now on. Returns: 0, negative errno.
 */
int rv_cpu_completion_open(struct rv_cpu_thread *thread);

/* Read no more bytes of this pool thread. */
void rv_cpu_completion_close(struct rv_cpu_thread *thread);
void rv_cpu_completion_stop(struct rv_cpu_pool *pool);

/* --- cpu_job.c --------------------------------------------------------- */

/* References to the pool; the last put frees it. */
void rv_cpu_get(struct rv_cpu_pool *pool);
void rv_cpu_put(struct rv_cpu_pool *pool);

/* waker: to be cloned. Returns: NULL if allocation fails. */
struct rv_cpu_job *rv_cpu_job_new(struct rv_cpu_class *class,
                                  struct rv_callable *callable,
                                  const struct rv_waker *waker);

/* Store the result and wake the future's task. */
void rv_cpu_job_settle(struct rv_cpu_job *job, int32_t result);

/* A byte of this pool thread was read, for its oldest job. */
void rv_cpu_job_complete(struct rv_cpu_thread *thread, bool ran);

/* The pool thread is lost: end its oldest job with this error, unless a second
 * pool thread has the job too. The lost one may access the callable at any time
 * (CPU_JOB-4). */
void rv_cpu_job_fail(struct rv_cpu_thread *thread, int32_t error);

/* End a job that no pool thread has, and that can be given to none. */
void rv_cpu_job_refuse(struct rv_cpu_job *job, int32_t error);

/* The future was dropped: cancel the job if it was not begun. The caller must
 * not use the job after this. */
void rv_cpu_job_detach(struct rv_cpu_job *job);

/* CPU_JOB-2 */
void rv_cpu_job_free_if_over(struct rv_cpu_job *job);

#endif /* RV_CPU_INTERNAL_H */
