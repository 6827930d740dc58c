/* SPDX-License-Identifier: MIT */
/*
 * sched_internal.h - what the files of the scheduler share.
 *
 *     sched.c    start, stop, run; the injector
 *     worker.c   the loop of a worker: what to run next, when to sleep
 *     task.c     memory for tasks
 *     go.c       start, finish and join tasks
 *     scope.c    tasks that do not outlive a frame
 *     fork.c     fork and sync
 *     await.c    how a task waits for a future
 *     termination.c  no task can continue: the end, or a deadlock
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
#include <reveil/trace.h>

#include "base/frames.h"
#include "executor/task.h"
#include "sched/deque.h"
#include "sched/idle.h"

/*
 * The state of a task. A value of RV_GO_STATES or more is a pointer to the task
 * that waits for this one in rv_go_join(). go.c has a drawing of the changes.
 *
 * ALONE: The task has a handle, and no task waits for it. Set at the start, and
 * when a waiter gives up.
 *
 * DETACHED: The task has no handle. Its worker frees it when it has finished.
 * Set at the start, or when the handle is dropped.
 *
 * WAKER: The handle was polled, and `waker` is valid. Set by the poll. The
 * handle takes the waker back by changing the state to ALONE.
 *
 * WAKING: The task has finished and its result is valid. Its worker takes
 * `waker` now; the handle must not write it.
 *
 * DONE: The task has finished and its result is valid. The handle owns the task
 * and frees it.
 *
 * FREE: The task is on a free list.
 */
enum {
    RV_GO_ALONE,
    RV_GO_DETACHED,
    RV_GO_WAKER,
    RV_GO_WAKING,
    RV_GO_DONE,
    RV_GO_FREE,
    RV_GO_STATES
};

/* A task, or a stolen fork while it runs. */
struct rv_go_task {
    /* Of the list that has the task: the injector, or a free list. */
    struct rv_list node;

    /* Set when it is created. */
    rv_go_fn fn;
    void *arg;
    const char *name; /* a constant, own_name, or that of the coroutine */
    struct rv_sched *sched;

    _Atomic uintptr_t state;  /* any thread */
    struct rv_waker waker;    /* see `state` */
    struct rv_frames *frames; /* where its handle counts, or NULL; as `waker` */

    /* A request to end: CANCEL-1 in await.c. */
    _Atomic bool canceled;                /* set by any thread */
    _Atomic(struct rv_worker *) waits_on; /* of its last wait for a future */
    _Atomic uint64_t wait_id;             /* ... and the proxy's */

    /* Private to the worker that runs it, and between runs to the one that
     * takes it from a queue. */
    struct rv_coro *coro; /* NULL before the first run, see rv_go_copy() */
    struct rv_fork *fork; /* NULL: a task */
    bool bound;           /* its worker has a pending future of it: AWAIT-2 */
    int64_t grace_ns;     /* in a canceled task: how long waits may take */

    /* The lock of the scope must be held, see scope.c. */
    struct rv_go_scope *scope; /* that it is a task of, or NULL */
    struct rv_list member;     /* of scope->tasks */

    _Atomic uint32_t scopes; /* that it owns and that are used; any thread */
    union {
        char *own_name; /* before the first run: to be freed, or NULL */
        struct {
            int32_t result;      /* after it has finished */
            int32_t wait_result; /* of the wait that has just ended */
        };
    };
    const char *waits_for;          /* for the report; NULL: does not wait */
    const struct rv_future *awaits; /* waits for this future, or NULL */
    struct rv_go_task *joins;       /* waits for this task to finish */
    struct rv_fork *syncs;          /* waits for this fork to have run */
};

/* The time that a canceled task has not asked for. */
#define RV_GO_NO_GRACE INT64_MIN

/*
 * What ends a wait before its future is READY.
 *
 * CANCEL: The task, or all tasks are canceled.
 *
 * GRACE: All tasks are canceled, and the time for it is over (`hard_ns`). The
 * wait of a canceled task that has asked for time.
 *
 * DESPAIR: The deadlock detection has nothing else left to end. The wait for
 * the handle of a task.
 *
 * NOTHING: The wait for the tasks that use the waiting task's frame.
 */
enum rv_wait_end {
    RV_ENDS_BY_NOTHING = 0,
    RV_ENDS_BY_CANCEL = 1,
    RV_ENDS_BY_GRACE = 2,
    RV_ENDS_BY_DESPAIR = 4,
};

/* A task that waits for a future; on its stack. See await.c. */
struct rv_wait {
    struct rv_list node;     /* worker->waiting, or ->woken */
    struct rv_awaiter proxy; /* a task on the worker's executor */
    struct rv_future *future;
    struct rv_go_task *task;
    struct rv_frames *frames; /* of the task that waits */
    uint64_t id;              /* of the proxy */
    uint8_t ends;             /* enum rv_wait_end */
    bool needs_task;          /* see rv_cx */
};

struct rv_worker {
    /* Set at the start. */
    struct rv_sched *sched;
    uint32_t index;
    struct rv_executor *executor;
    struct rv_parker *parker; /* the executor's */
    char name[16];            /* of the thread */
    pthread_t thread;

    /* The worker pushes; any worker steals. */
    struct rv_deque tasks; /* FIFO: the worker also takes from the top */
    struct rv_deque forks;
    _Atomic(struct rv_go_task *) slot; /* runs next */
    _Atomic uint32_t runs;             /* count; only the worker writes it */

    /* Private to the worker. */
    struct rv_go_task *current; /* the task that runs, outside of polls */
    uint32_t io_calls;          /* polls and I/O calls of that task's waits */
    struct rv_ring *ring;
    struct rv_cpu_pool *cpu;
    bool executor_ran; /* in the last call of rv_executor_run*() */
    bool searching;
    int64_t nap_ns;         /* how long it sleeps next as the sentinel */
    uint32_t slot_runs;     /* tasks taken from the slot, in a row */
    struct rv_list waiting; /* struct rv_wait */
    struct rv_list woken;   /* struct rv_wait, to be queued */
    struct rv_list bound;   /* ready tasks that only this worker may run */
    uint32_t needing_tasks; /* those of `waiting` with needs_task */
    uint8_t ended; /* which waits it has ended: bits of enum rv_wait_end */
    struct rv_list free_tasks;
    uint32_t free_len;
    struct rv_go_task *spare; /* with a coroutine, for a stolen fork */
    uint32_t random;
    uint32_t *seen_runs; /* `runs` of each worker when this search began */

    /* Written by the worker; read by others when all workers sleep. */
    _Atomic int64_t live;       /* tasks started minus tasks finished, here */
    _Atomic uint32_t outsiders; /* futures and operations that an event outside
                                   may complete, see count_outsiders() */
    _Atomic uint32_t graces;    /* waits that end BY_GRACE */

    /* sched->termination_mutex must be held, except to set `worked`. */
    uint32_t round;      /* in which it was last counted */
    _Atomic bool worked; /* since it was last counted; set by the worker */
};

/* One lock for some of the scopes. Padded: others are on other lines. */
struct rv_scope_lock {
    pthread_mutex_t mutex;
    char apart[RV_CACHE_LINE_BYTES];
};

enum { RV_SCOPE_LOCKS = 16 };

struct rv_sched {
    /* Set at the start. */
    struct rv_sched_options options;
    struct rv_worker *workers;
    uint32_t len;
    struct rv_reactor *reactor;
    struct rv_blocking_pool *blocking;
    bool own_reactor;
    bool own_blocking;
    bool muted;    /* not in the trace, as its creator */
    uint32_t mark; /* of the process that created it */

    struct rv_idle idle;

    /* The injector: tasks from outside, in order. */
    pthread_mutex_t injector_mutex;
    struct rv_list injected;       /* mutex must be held */
    _Atomic uint32_t injected_len; /* written under the mutex */
    int64_t injected_live;         /* started outside; mutex must be held */
    bool closed;                   /* no new tasks; mutex must be held */

    /* Memory for tasks. */
    pthread_mutex_t task_mutex;
    struct rv_list free_tasks; /* task_mutex must be held */
    uint32_t free_len;
    struct rv_task_chunk *chunks;

    struct rv_scope_lock scope_locks[RV_SCOPE_LOCKS];

    /* Any thread. */
    _Atomic bool canceling;   /* all waits but those for tasks are canceled */
    _Atomic bool despairing;  /* the waits for tasks are canceled too */
    _Atomic int64_t hard_ns;  /* when waits in grace end; set before canceling;
                                 RV_NEVER: no time was set */
    _Atomic bool stopping;    /* rv_sched_stop() was called */
    _Atomic bool over;        /* the workers end */
    _Atomic uint32_t waiters; /* other threads that wait for a task */
    _Atomic uint32_t holds;
    _Atomic uint64_t outside_starts; /* tasks started by other threads */

    /* termination.c */
    pthread_mutex_t termination_mutex;
    uint32_t round;          /* termination_mutex must be held */
    uint64_t counted_starts; /* `outside_starts` in this round; as `round` */
    uint8_t counted_ends;    /* which waits had to end in it; as `round` */
    char *deadlock;          /* the report; written once */
    _Atomic bool deadlocked;
};

/* The worker whose task runs on this thread, or NULL. Only for functions that
 * use it before a suspension, and that inline no function that suspends. It is
 * one load, also in a shared library. */
extern _Thread_local struct rv_worker *rv_worker_of_task
    __attribute__((tls_model("initial-exec")));

/* The worker of this thread, or NULL. A coroutine must call it again after each
 * wait: it may be on another thread. */
struct rv_worker *rv_worker_current(void);

/* The calling task, or NULL. */
struct rv_go_task *rv_go_current(void);

/* --- the trace --------------------------------------------------------- */

/* What the trace calls a task, and its owner: a worker or the scheduler. The
 * owners of an executor's tasks are even. */
static inline uint64_t rv_go_trace_id(const struct rv_go_task *task)
{
    return (uintptr_t)task;
}

static inline int64_t rv_go_trace_owner(const void *worker_or_sched)
{
    return (int64_t)(uintptr_t)worker_or_sched + 1;
}

/* Suspend the calling task. The event is written before then() makes the task
 * visible: another worker may resume it at once, and writes its own. */
static inline void rv_go_suspend(void (*then)(void *arg), void *arg)
{
    rv_trace(RV_EV_SWITCH, 0, 0);
    rv_coro_suspend_then(then, arg);
}

/* --- worker.c ---------------------------------------------------------- */

void *rv_worker_main(void *arg);

/*
 * Store a ready task in the worker's slot, and push the task that was there to
 * its queue. busy: the worker runs a task now, so the slot has to wait.
 *
 * Threads: the worker's.
 */
void rv_worker_ready(struct rv_worker *worker, struct rv_go_task *task,
                     bool busy);

/*
 * Make the coroutine of a task that has a name: at its first run, or earlier if
 * it has data_bytes. From now on its name is the coroutine's copy.
 *
 * Threads: the worker's. Returns: 0, -ENOMEM.
 */
int rv_worker_make_coroutine(struct rv_worker *worker, struct rv_go_task *task,
                             size_t data_bytes);

/* Append a task to the worker's queue. Threads: the worker's. */
void rv_worker_push(struct rv_worker *worker, struct rv_go_task *task);

/* Returns: true if a future of this worker was woken. Threads: the worker's. */
bool rv_worker_is_woken(const struct rv_worker *worker);

/* Returns: true if any queue has a task; slots_too: or any slot. */
bool rv_sched_has_work(const struct rv_sched *sched, bool slots_too);

/* --- sched.c ----------------------------------------------------------- */

/* Append a task, new or not, to the injector. Never fails. */
void rv_sched_inject(struct rv_sched *sched, struct rv_go_task *task);

/* Take a task from the injector, or NULL. */
struct rv_go_task *rv_sched_take_injected(struct rv_sched *sched);

/* --- task.c ------------------------------------------------------------ */

/* worker: the caller's, or NULL. Returns: NULL if allocation fails. */
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

extern const struct rv_future_ops rv_go_ops; /* of the future of a handle */

/* Returns: true if it is the future of a handle. Those may be dropped on any
 * thread. */
static inline bool rv_go_is_handle(const struct rv_future *future)
{
    return future->ops == &rv_go_ops;
}

/* End a task's wait in rv_go_join(). Threads: while all workers sleep. Returns:
 * false if the task does not join another one. */
bool rv_go_cancel_join(struct rv_go_task *task);

/*
 * Start a task of this worker. go: may be NULL. scope: NULL, or the task's.
 * arg_bytes: of `arg`, to copy; 0: pass the pointer. Threads: the worker's.
 * Returns: as rv_go_copy().
 */
int rv_go_start(struct rv_worker *worker, struct rv_go *go,
                struct rv_go_scope *scope, const char *name, rv_go_fn fn,
                const void *arg, size_t arg_bytes);

/* --- scope.c ----------------------------------------------------------- */

/* Returns: 0; -ECANCELED: the scope accepts no more tasks. */
int rv_go_scope_add(struct rv_go_scope *scope, struct rv_go_task *task);

/* The task has ended. Its scope may be gone after this. */
void rv_go_scope_remove(struct rv_go_task *task);

/* --- fork.c ------------------------------------------------------------ */

/* Make sure that the worker has a spare task with a coroutine. Call it before
 * taking a fork, which could not be put back. Returns: false if allocation
 * fails. */
bool rv_fork_has_task(struct rv_worker *worker);

/* Make the spare task run this fork. Returns: the task; NULL if `fork` is NULL.
 */
struct rv_go_task *rv_fork_task(struct rv_worker *worker, struct rv_fork *fork);

/* Take one of the worker's own forks, as a task. Returns: NULL if there is
 * none.
 */
struct rv_go_task *rv_fork_take_own(struct rv_worker *worker);

/* The fork has run: make the task that waits in rv_sync() ready. */
void rv_fork_finish(struct rv_worker *worker, struct rv_fork *fork);

/* --- await.c ----------------------------------------------------------- */

extern const struct rv_coro_host rv_go_host;

/* rv_await() in any task, canceled or not, until the future is READY. Returns:
 * 0 or less; an error if the future is not READY. */
int rv_go_await_end(struct rv_future *future);

/* Make the tasks on the list `woken` ready. Returns: true if there were any. */
bool rv_worker_take_woken(struct rv_worker *worker);

/* The waits that must end now: bits of enum rv_wait_end. Threads: any. */
uint8_t rv_sched_ends(struct rv_sched *sched);

/* End those waits on this worker with -ECANCELED. */
void rv_worker_end_waits(struct rv_worker *worker);

/* Cancel all tasks of the scheduler. Threads: any. */
void rv_sched_cancel_all(struct rv_sched *sched);

/* Whether the task is canceled, or all are. Threads: any. */
static inline bool rv_go_is_canceled(const struct rv_go_task *task)
{
    /* relaxed, both: if a wait begins too early, the request ends it. */
    return atomic_load_explicit(&task->canceled, memory_order_relaxed) ||
           atomic_load_explicit(&task->sched->canceling, memory_order_relaxed);
}

/* rv_go_cancel() of a task that cannot be freed meanwhile. Threads: any. */
void rv_go_cancel_task(struct rv_go_task *task);

/* --- termination.c ----------------------------------------------------- */

/* The worker has announced its sleep and found no task. Threads: the worker's.
 */
void rv_termination_visit(struct rv_worker *worker);

/* A value has changed that the termination detection depends on. If all workers
 * sleep, they are counted again. Threads: any. */
void rv_termination_wake(struct rv_sched *sched);

#endif /* RV_SCHED_INTERNAL_H */
