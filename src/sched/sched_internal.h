/* SPDX-License-Identifier: MIT */
/*
 * sched_internal.h - what the files of the scheduler share.
 *
 *     sched.c    start, stop, run; the injector
 *     worker.c   the loop of a worker: what to run next, when to sleep
 *     task.c     memory for tasks
 *     go.c       start, finish and join tasks
 *     fork.c     fork and sync
 *     await.c    how a task waits for a future
 *     termination.c  nobody can go on: the end, or a deadlock
 *     deque.c, idle.c
 */
#ifndef RV_SCHED_INTERNAL_H
#define RV_SCHED_INTERNAL_H

#include <pthread.h>
#include <reveil/blocking.h>
#include <reveil/cpu.h>
#include <reveil/reactor.h>
#include <reveil/ring.h>
#include <reveil/sched.h>

#include "sched/deque.h"
#include "sched/idle.h"

/* The state of a task, in a word that is else a pointer to the task which
 * waits for it. See go.c. */
enum {
    RV_GO_ALONE,    /* has a handle, nobody waits */
    RV_GO_DETACHED, /* has no handle */
    RV_GO_WAKER,    /* `waker` is who waits */
    RV_GO_WAKING,   /* finished; its worker takes `waker` */
    RV_GO_DONE,     /* finished; it is the handle's to free */
    RV_GO_FREE,     /* on a free list */
    RV_GO_STATES
};

/* A task, started or not; or a stolen fork, while it runs. */
struct rv_go_task {
    /* Whoever has the task: the injector, a free list. */
    struct rv_list node;

    /* Set when it is made. */
    rv_go_fn fn;
    void *arg;
    const char *name; /* a constant, own_name, or that of the coroutine */
    struct rv_sched *sched;

    _Atomic uintptr_t state; /* any thread */
    struct rv_waker waker;   /* see `state` */

    /* The worker that runs it; between runs, who has it. */
    struct rv_coro *coro; /* NULL before the first run */
    struct rv_fork *fork; /* NULL: a task */
    union {
        char *own_name; /* before the first run: to be freed, or NULL */
        struct {
            int32_t result;      /* when it has finished */
            int32_t wait_result; /* what the wait that ended returns */
        };
    };
    const char *waits_for;          /* for the report; NULL: for nothing */
    const struct rv_future *awaits; /* ... this one; else NULL */
    struct rv_go_task *joins;       /* ... to join this one */
    struct rv_fork *syncs;          /* ... for this fork to have run */
};

/* A task that waits for a future; on its stack. See await.c. */
struct rv_wait {
    struct rv_list node;    /* worker->waiting, or ->woken */
    struct rv_future proxy; /* a task on the worker's executor */
    struct rv_future *future;
    struct rv_go_task *task;
    uint64_t id;     /* of the proxy */
    bool needs_task; /* see rv_cx */
};

struct rv_worker {
    /* Set at the start. */
    struct rv_sched *sched;
    uint32_t index;
    struct rv_executor *executor;
    struct rv_parker *parker; /* the executor's */
    pthread_t thread;

    /* The worker pushes, any other steals. */
    struct rv_deque tasks; /* FIFO: the worker takes from the top too */
    struct rv_deque forks;
    _Atomic(struct rv_go_task *) slot; /* runs next */
    _Atomic uint32_t runs;             /* tasks run; written by the worker */

    /* Private to the worker. */
    struct rv_go_task *current; /* the task that runs */
    struct rv_ring *ring;
    struct rv_cpu_pool *cpu;
    bool executor_ran; /* when it was asked last */
    bool searching;
    int64_t nap_ns;         /* of the next, as sentinel */
    uint32_t slot_runs;     /* from the slot, in a row */
    struct rv_list waiting; /* struct rv_wait */
    struct rv_list woken;   /* struct rv_wait, on their way to a queue */
    uint32_t needing_tasks; /* of `waiting` */
    struct rv_list free_tasks;
    uint32_t free_len;
    struct rv_go_task *spare; /* with a coroutine, for a stolen fork */
    uint32_t random;
    uint32_t *seen_runs; /* of each worker, when it was looked at last */

    /* Written by the worker; read by others when all sleep. */
    _Atomic int64_t live;       /* tasks made less tasks finished, here */
    _Atomic uint32_t outsiders; /* what may wake a task from outside: futures
                                   but `needing_tasks`, operations without */

    /* sched->termination_mutex must be held, but to set `worked`. */
    uint32_t round;      /* in which it was counted last */
    _Atomic bool worked; /* since it was counted last; set by the worker */
};

struct rv_sched {
    /* Set at the start. */
    struct rv_sched_options options;
    struct rv_worker *workers;
    uint32_t len;
    struct rv_reactor *reactor;
    struct rv_blocking_pool *blocking;
    bool own_reactor;
    bool own_blocking;
    uint32_t mark; /* the process that it is of */

    struct rv_idle idle;

    /* The injector: tasks from outside, in order. */
    pthread_mutex_t injector_mutex;
    struct rv_list injected;       /* mutex must be held */
    _Atomic uint32_t injected_len; /* written under the mutex */
    int64_t injected_live;         /* made outside; mutex must be held */
    bool closed;                   /* no new ones; mutex must be held */

    /* Memory for tasks. */
    pthread_mutex_t task_mutex;
    struct rv_list free_tasks; /* task_mutex must be held */
    uint32_t free_len;
    struct rv_task_chunk *chunks;

    /* Any thread. */
    _Atomic bool canceling;  /* waits return -ECANCELED, but for tasks */
    _Atomic bool despairing; /* ... and for tasks too */
    _Atomic bool stopping;
    _Atomic bool over;        /* workers end */
    _Atomic uint32_t waiters; /* threads outside that wait for a task */
    _Atomic uint32_t holds;
    _Atomic uint64_t outside_starts; /* of tasks, by threads outside */

    /* termination.c */
    pthread_mutex_t termination_mutex;
    uint32_t round;          /* termination_mutex must be held */
    uint64_t counted_starts; /* ... `outside_starts` in this round */
    char *deadlock;          /* the report; written once */
    _Atomic bool deadlocked;
};

/* The worker that runs a task in this thread; NULL outside. For functions that
 * use it before anything can suspend, and call nothing inline that does. One
 * load, also in a shared library. */
extern _Thread_local struct rv_worker *rv_worker_of_task
    __attribute__((tls_model("initial-exec")));

/* The worker whose thread this is; NULL. A coroutine asks again after each
 * wait: it may be in another thread. */
struct rv_worker *rv_worker_current(void);

/* The calling task; NULL outside. */
struct rv_go_task *rv_go_current(void);

/* --- worker.c ---------------------------------------------------------- */

void *rv_worker_main(void *arg);

/*
 * Put a task that can go on into the worker's slot, and what was there into
 * its queue. busy: the worker does not look for its next task at once.
 *
 * Threads: the worker's.
 */
void rv_worker_ready(struct rv_worker *worker, struct rv_go_task *task,
                     bool busy);

/* Put it at the end of the worker's queue. Threads: the worker's. */
void rv_worker_push(struct rv_worker *worker, struct rv_go_task *task);

/* A future of this worker was woken. Threads: the worker's. */
bool rv_worker_is_woken(const struct rv_worker *worker);

/* There is something in a queue, or in a slot. */
bool rv_sched_has_work(const struct rv_sched *sched, bool slots_too);

/* --- sched.c ----------------------------------------------------------- */

/* Put a task into the injector, whatever its state. Never fails. */
void rv_sched_inject(struct rv_sched *sched, struct rv_go_task *task);

/* Take a task from the injector, or NULL. */
struct rv_go_task *rv_sched_take_injected(struct rv_sched *sched);

/* --- task.c ------------------------------------------------------------ */

/* worker: the caller's, NULL outside. Returns: NULL without memory. */
struct rv_go_task *rv_go_task_new(struct rv_sched *sched,
                                  struct rv_worker *worker);
void rv_go_task_free(struct rv_sched *sched, struct rv_worker *worker,
                     struct rv_go_task *task);

/* Call visit() for each task that is not free. Threads: while all workers
 * sleep. */
void rv_go_task_each(struct rv_sched *sched,
                     void (*visit)(void *context, struct rv_go_task *task),
                     void *context);

void rv_go_task_free_all(struct rv_sched *sched);

/* --- go.c -------------------------------------------------------------- */

/* The task's function has returned. Threads: the worker's. */
void rv_go_finish(struct rv_worker *worker, struct rv_go_task *task);

/* It is the future of a handle, which may be dropped in any thread. */
bool rv_go_is_handle(const struct rv_future *future);

/* A task that waits to join another one does not any more. Threads: while
 * all workers sleep. Returns: false if it does not. */
bool rv_go_cancel_join(struct rv_go_task *task);

/* --- fork.c ------------------------------------------------------------ */

/* Have a task with a coroutine at hand, before a fork is taken that could not
 * be put back. Returns: false without memory. */
bool rv_fork_has_task(struct rv_worker *worker);

/* After that: the task, which runs this fork. fork: NULL: none was taken.
 * Returns: NULL then. */
struct rv_go_task *rv_fork_task(struct rv_worker *worker, struct rv_fork *fork);

/* Take one of the worker's own forks, as a task; NULL. */
struct rv_go_task *rv_fork_take_own(struct rv_worker *worker);

/* It has run: whoever waits in rv_sync() goes on. */
void rv_fork_finish(struct rv_worker *worker, struct rv_fork *fork);

/* --- await.c ----------------------------------------------------------- */

extern const struct rv_coro_host rv_go_host;

/* Put the tasks whose futures were READY into the queues. Returns: true if
 * there were any. */
bool rv_worker_take_woken(struct rv_worker *worker);

/* End the waits for futures on this worker, with -ECANCELED; those for tasks
 * only if handles_too. */
void rv_worker_cancel_waits(struct rv_worker *worker, bool handles_too);

/* --- termination.c ----------------------------------------------------- */

/* The worker has announced its sleep and found nothing. Threads: its own. */
void rv_termination_visit(struct rv_worker *worker);

/* Something changed that the termination detection looks at: if all sleep, look
 * anew. Threads: any. */
void rv_termination_wake(struct rv_sched *sched);

#endif /* RV_SCHED_INTERNAL_H */
