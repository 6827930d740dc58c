/* SPDX-License-Identifier: MIT */
/*
 * sched.h - tasks with stacks of their own, on several cores.
 *
 *     static int32_t hello(void *arg)
 *     {
 *         printf("Hello ");
 *         return 0;
 *     }
 *
 *     static int32_t root(void *arg)
 *     {
 *         struct rv_go task;
 *
 *         rv_go(&task, hello, NULL);
 *         rv_go_join(&task);
 *         printf("world!\n");
 *         return 0;
 *     }
 *
 *     const struct rv_sched_options options = {.workers = 2};
 *
 *     rv_sched_start(&sched, &options);           NULL: one worker a core
 *     rv_sched_run(sched, root, NULL);
 *     rv_sched_stop(sched);
 *
 * A scheduler has one thread per core: its workers. A worker runs the tasks
 * of its own queue in turn. A worker whose queue is empty steals from the
 * others, and sleeps when there is nothing to steal. A task is a coroutine
 * (coro.h): it runs until it waits, and may then continue on another thread.
 *
 * A task may await any future with rv_await(). The future belongs to the worker
 * where the wait began. It is polled on an executor of that worker, with the
 * scheduler's reactor and blocking pool, and with an io_uring and a CPU pool of
 * the worker. While that worker runs a task that neither waits nor yields, its
 * futures are not polled. A wait that returns -ECANCELED has dropped the
 * future, on that worker. A wait that leaves a pending future to the caller, as
 * rv_await_until() at the deadline, keeps the task on that worker from then on,
 * because the future belongs to it. Objects that stay with an executor between
 * waits, such as those of rv_spawn() and struct rv_scope, are not for tasks,
 * because a task moves: use rv_go() and struct rv_go_scope.
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
#ifndef RV_SCHED_H
#define RV_SCHED_H

#include <reveil/coro.h>
#include <reveil/ring.h>

RV_BEGIN_DECLS

struct rv_sched;

/* --- a scheduler ------------------------------------------------------- */

struct rv_sched_options {
    uint32_t workers;   /* threads; 0: the CPUs that this process may use */
    size_t stack_bytes; /* of each task, see coro.h; 0: RV_CORO_STACK_BYTES */
    struct rv_ring_options ring; /* of each worker */
    const char *name; /* of the threads, 15 letters at most; NULL: "sched" */
    /* How long rv_sched_stop() lets the waits go on that a canceled task has
     * asked for with rv_coro_grace(). 0: 10 s; RV_NEVER: as long as the tasks
     * like; less than 0: not at all. */
    int64_t grace_ns;
};

/*
 * Start the workers. The scheduler uses the reactor and the blocking pool of
 * the calling thread. If the thread has none, the scheduler creates its own. It
 * also creates its own reactor if the thread's is fused, because only one
 * executor can serve a fused reactor.
 *
 * options: copied; NULL for the defaults.
 * Returns: 0; -EINVAL: more than 1,024 workers; -ENOMEM, -EMFILE, -ENFILE;
 *          -EAGAIN: a thread could not be created. On error nothing is left.
 */
int rv_sched_start(struct rv_sched **out,
                   const struct rv_sched_options *options);

/*
 * Cancel the remaining tasks, wait until they have finished, join the
 * workers and free everything. A canceled task is not unwound: from now on its
 * waits return -ECANCELED at once, and it must return from its function. A task
 * that has to wait in its clean-up asks for time with rv_coro_grace(): it gets
 * as much as it asks for, until options.grace_ns after this call. Then these
 * waits return -ECANCELED too. A loop that never waits should ask
 * rv_coro_canceled().
 *
 * Threads: any but the workers (on one, it aborts the process), while no other
 *          thread uses the scheduler.
 * Blocks:  until the last task has finished.
 */
void rv_sched_stop(struct rv_sched *sched);

/* The function of a task. Returns: its result, 0 or more, or a negative errno.
 */
typedef int32_t (*rv_go_fn)(void *arg);

/*
 * Run fn(arg) as the root task, and wait for it. Tasks that it has started
 * and not joined continue after it.
 *
 * If every worker sleeps and all tasks wait for other tasks (to join one, or
 * for a channel or a lock), there is a deadlock: no task can ever continue.
 * Then all are canceled, as by rv_sched_stop(), and rv_sched_deadlock() names
 * them.
 *
 * Threads: any but the workers.   Blocks: the thread.
 * Returns: the result of fn; -EDEADLK: see above; -ENOMEM; -ECANCELED: there
 *          was a deadlock before.
 */
int rv_sched_run(struct rv_sched *sched, rv_go_fn fn, void *arg);

/*
 * After -EDEADLK: a line for each task of the deadlock, such as
 *     task 'producer' waits for send on channel numbers, full (2 of 2)
 * with the text of rv_future_describe(), or else the name of the future. NULL
 * if there was no deadlock. Valid until rv_sched_stop().
 */
const char *rv_sched_deadlock(const struct rv_sched *sched);

/*
 * A thread that is not a worker is going to start or wake tasks. Until it
 * calls rv_sched_release(), tasks that wait for each other are not a deadlock.
 * It is not needed for events of the library, such as I/O and timers, nor for
 * the thread in rv_sched_run().
 *
 * Threads: any.
 */
void rv_sched_hold(struct rv_sched *sched);
void rv_sched_release(struct rv_sched *sched);

/* The number of workers. Threads: any. */
uint32_t rv_sched_workers(const struct rv_sched *sched);

/* The scheduler that runs the calling task, or NULL. */
struct rv_sched *rv_sched_current(void);

/* --- tasks ------------------------------------------------------------- */

/*
 * A handle on a task. It is also a future, READY with the task's result, for
 * any executor. Embed it. It must not move from the start of the task until it
 * is joined or dropped. All zero is an empty handle.
 *
 * A task or coroutine that ends with a handle on its stack that was neither
 * joined nor dropped ends the program with a message, unless it was canceled:
 * nobody could free that task before the scheduler stops.
 */
struct rv_go {
    struct rv_future future;
    struct rv_go_task *task; /* private */
};

/*
 * Start a task that runs fn(arg), in the scheduler of the calling task. Its
 * name, for reports, is that of the function.
 *
 * go: the handle, which must be joined or dropped; NULL: a detached task.
 * Returns: 0; -ENOMEM; -ECANCELED: the scheduler is stopping; -ESTALE: it
 *          belongs to a parent process.
 * If there is no memory for the stack at the task's first run, its result is
 * -ENOMEM, and fn is not called.
 * Misuse: outside of a task.
 */
#define rv_go(go, fn, arg) rv_go_literal((go), #fn, (fn), (arg))

/* rv_go() with a name that is a string literal or another constant. It is not
 * copied. */
int rv_go_literal(struct rv_go *go, const char *name, rv_go_fn fn, void *arg);

/*
 * rv_go() with a copy of the argument, on the new task's stack: fn() gets the
 * address of the copy, which is valid until it returns.
 *
 *     struct job job = {.number = 7};
 *     rv_go_copy(NULL, work, &job, sizeof job);
 *
 * arg_bytes: 1 to RV_CORO_COPY_BYTES; the copy is aligned to 16.
 * Returns: as rv_go(); -EINVAL: arg_bytes is out of range. The stack is
 *          reserved in this call, so -ENOMEM is returned here.
 */
#define rv_go_copy(go, fn, arg, arg_bytes) \
    rv_go_copy_literal((go), #fn, (fn), (arg), (arg_bytes))

/* rv_go_copy() with a name that is a constant, as in rv_go_literal(). */
int rv_go_copy_literal(struct rv_go *go, const char *name, rv_go_fn fn,
                       const void *arg, size_t arg_bytes);

/* The same as rv_go() with any name; up to 31 bytes of it are copied. */
int rv_go_named(struct rv_go *go, const char *name, rv_go_fn fn, void *arg);

/* The same from any thread, a task's or not. */
int rv_sched_go(struct rv_sched *sched, struct rv_go *go, const char *name,
                rv_go_fn fn, void *arg);

/*
 * Wait for the end of the task. The handle is empty afterwards. Outside of
 * tasks this blocks the thread.
 *
 * A canceled task continues to wait here, because the joined task may still use
 * the caller's memory. The same is true for rv_await() of the handle. To stop
 * waiting, use rv_await_until(&go->future, ...), which returns -ECANCELED, then
 * rv_go_cancel(), and this.
 *
 * Misuse: a task that joins itself.
 * Returns: the task's result; -EINVAL: the handle is empty. In these cases the
 *          handle is unchanged: -ECANCELED: the tasks wait for each other, and
 *          both were canceled; -EDEADLK: inside a poll; -ENOMEM.
 */
int rv_go_join(struct rv_go *go);

/* Drop the handle: the task continues, detached. rv_drop() does the same. */
void rv_go_drop(struct rv_go *go);

/*
 * Ask a task to end. Its current wait and all later ones return -ECANCELED, as
 * does rv_go_yield(), but not rv_go_join() and rv_sync(). It runs on at its
 * next turn, and its function is called also if it was canceled before its
 * first run. So it must still be joined or dropped. A no-op if it has ended or
 * was canceled before, and for an empty handle. In the task, rv_coro_canceled()
 * is true and rv_coro_grace() gives it time to clean up. A fork that another
 * worker runs does not see the request.
 *
 * Threads: any, one at a time for the handle. Never waits.
 */
void rv_go_cancel(struct rv_go *go);

/*
 * Let the other tasks of this worker run first.
 *
 * Returns: 0, or -ECANCELED: the task is canceled. Misuse: outside of a task.
 */
int rv_go_yield(void);

/* --- a scope: tasks that do not outlive a frame ------------------------ */

/*
 * A group of tasks that may use the frame of the function that has started
 * them. As struct rv_scope (combine.h), for tasks of a scheduler:
 *
 *     rv_go_scope_init(&scope);
 *     for (int i = 0; i < 10; i++)
 *         rv_go_scope_spawn(&scope, work, &i, sizeof i);
 *     error = rv_go_scope_wait(&scope);
 *
 * The task that calls rv_go_scope_init() owns the scope. The program ends with
 * a message if that task ends without rv_go_scope_wait() after a spawn, because
 * the tasks would use a frame that is gone.
 */
struct rv_go_scope {
    struct rv_sched *sched; /* private, as are the rest */
    struct rv_go_task *owner;
    struct rv_list tasks;
    struct rv_waker waiter;
    int32_t error;
    bool used;
    bool canceled;
};

/* Misuse: outside of a task. */
void rv_go_scope_init(struct rv_go_scope *scope);

/*
 * Start a task in the scope, with a copy of the argument as in rv_go_copy().
 * It is allowed while the owner waits for the scope; its own tasks may start
 * others.
 *
 * arg_bytes: as rv_go_copy(); 0: the pointer is passed, not a copy.
 * Threads: tasks of the owner's scheduler.
 * Returns: as rv_go_copy(); -ECANCELED: the scope is over or canceled, or the
 *          scheduler is stopping.
 */
#define rv_go_scope_spawn(scope, fn, arg, arg_bytes) \
    rv_go_scope_spawn_literal((scope), #fn, (fn), (arg), (arg_bytes))

/* rv_go_scope_spawn() with a name that is a constant. */
int rv_go_scope_spawn_literal(struct rv_go_scope *scope, const char *name,
                              rv_go_fn fn, const void *arg, size_t arg_bytes);

/*
 * Cancel all tasks of the scope, as by rv_go_cancel(); it accepts no more. Wait
 * for it in any case.
 *
 * Threads: any, until the scope is over. Never waits.
 */
void rv_go_scope_cancel(struct rv_go_scope *scope);

/* Whether all tasks of the scope have ended. Threads: as above. */
bool rv_go_scope_empty(struct rv_go_scope *scope);

/*
 * Wait until all tasks of the scope have ended. After it the scope is over, and
 * the memory that its tasks used may be reused. If the caller is canceled, it
 * cancels the tasks and still waits for them. So call this before each return
 * from the function that has the scope.
 *
 * Misuse: in another task than the owner.
 * Returns: 0; the first negative result of a task; -ECANCELED: the caller was
 *          canceled.
 */
int rv_go_scope_wait(struct rv_go_scope *scope);

/* --- fork and join ----------------------------------------------------- */

/*
 * Two parts of a computation that may run in parallel:
 *
 *     rv_fork(&fork, left, &left_half);      may be stolen by another worker
 *     right(&right_half);
 *     rv_sync(&fork);                        left has run, here or there
 *
 * A fork is not a task. It is pushed to the worker's deque, and rv_sync() pops
 * it and calls it as a plain function, unless another worker has stolen it. So
 * it costs about as much as two function calls. A task must sync its forks in
 * reverse order, each before the function that made it returns.
 */
struct rv_fork {
    void (*fn)(void *arg); /* private, as are the rest */
    void *arg;
    RV_ATOMIC(uintptr_t) state;
};

/*
 * Allow another worker to run fn(arg). This cannot fail: if there is no
 * memory, or outside of a task, fn(arg) runs in rv_sync().
 *
 * On another worker, rv_coro_canceled() in fn() does not see that the task was
 * canceled by rv_go_cancel(): a long fork asks a flag of its own.
 *
 * Borrows: *fork and what arg points to must not move until rv_sync().
 */
void rv_fork(struct rv_fork *fork, void (*fn)(void *arg), void *arg);

/*
 * After this, fn(arg) has run, even if the task is canceled. If another
 * worker is still running it, the task waits, and its worker does other work.
 */
void rv_sync(struct rv_fork *fork);

RV_END_DECLS

#endif /* RV_SCHED_H */
