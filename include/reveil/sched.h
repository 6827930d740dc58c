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
 *     rv_sched_start(&sched, &(struct rv_sched_options){.cores = 2});
 *     rv_sched_run(sched, root, NULL);
 *     rv_sched_stop(sched);
 *
 * A scheduler has a worker, a thread, for each core. A worker runs the tasks
 * of its own queue in turn; who has none steals from the others, and sleeps
 * when there is nothing to steal. A task is a coroutine (coro.h): it runs
 * until it waits, and may go on in another thread then.
 *
 * A task may await any future with rv_await(). The future belongs to the
 * worker where the wait began: it is polled on an executor that the worker
 * has, with the scheduler's reactor and blocking pool, and an io_uring and a
 * CPU pool of the worker. While that worker runs
 * a task that neither waits nor yields, its futures wait too. A wait that
 * returns -ECANCELED has dropped the future, on that worker. What stays with
 * an executor between waits, such as rv_spawn() and a struct rv_scope, is not
 * for tasks, which move: use rv_go().
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
};

/*
 * Start the workers. The reactor and the blocking pool are those of the
 * calling thread; what it has not, and a reactor in the fused mode, which is
 * served by one executor alone, the scheduler makes for itself.
 *
 * options: copied, NULL for the default ones.
 * Returns: 0; -EINVAL: more than 1,024 cores; -ENOMEM, -EMFILE, -ENFILE;
 *          -EAGAIN: a thread was not to be had. Nothing is left then.
 */
int rv_sched_start(struct rv_sched **out,
                   const struct rv_sched_options *options);

/*
 * Cancel the tasks that are left, wait until they have ended, join the
 * workers, free everything. A canceled task is not torn down: from now on its
 * waits return -ECANCELED at once, and it has to come to its end.
 *
 * Threads: any but the workers; when nobody else uses the scheduler.
 * Blocks:  until the last task has ended.
 */
void rv_sched_stop(struct rv_sched *sched);

/* What a task runs. Returns: its result, 0 or more, or a negative errno. */
typedef int32_t (*rv_go_fn)(void *arg);

/*
 * Run fn(arg) as the root task, and wait for it. Tasks that it started and
 * did not join go on.
 *
 * When every worker sleeps, and no task waits for anything but other tasks
 * (to join one, or for a channel or a lock), none of them can ever go on. Then
 * all are canceled, and rv_sched_deadlock() says who they were.
 *
 * Threads: any but the workers.   Blocks: the thread.
 * Returns: the result of fn; -EDEADLK: see above; -ENOMEM; -ECANCELED: there
 *          was a deadlock before.
 */
int rv_sched_run(struct rv_sched *sched, rv_go_fn fn, void *arg);

/*
 * After -EDEADLK: a line for each task that was stuck,
 *     task 'producer' waits for send on channel numbers, full (2 of 2)
 * with the words of rv_future_describe(), or else the name of the future.
 * NULL when there was no deadlock. Stays until rv_sched_stop().
 */
const char *rv_sched_deadlock(const struct rv_sched *sched);

/*
 * A thread outside is going to start or wake tasks: until it has called
 * rv_sched_release(), tasks that wait for each other are not a deadlock. Not
 * needed for what the library does, nor for the thread in rv_sched_run().
 *
 * Threads: any.
 */
void rv_sched_hold(struct rv_sched *sched);
void rv_sched_release(struct rv_sched *sched);

/* Workers. Threads: any. */
uint32_t rv_sched_workers(const struct rv_sched *sched);

/* The scheduler that runs the calling task, or NULL. */
struct rv_sched *rv_sched_current(void);

/* --- tasks ------------------------------------------------------------- */

/*
 * A handle on a task. It is a future too, READY with the task's result, for
 * any executor. Embed it; it may move as long as it is not polled. All zero is
 * "no task".
 */
struct rv_go {
    struct rv_future future;
    struct rv_go_task *task; /* private */
};

/*
 * Start a task that runs fn(arg), in the scheduler of the calling task. Its
 * name, for reports, is that of the function.
 *
 * go: the handle, which is joined or dropped; NULL: a detached task.
 * Returns: 0; -ENOMEM; -ECANCELED: the scheduler is stopping; -ESTALE: it is
 *          of a parent process.
 * If there is no memory for its stack when its turn comes, the task's result
 * is -ENOMEM and fn was not called.
 * Misuse: outside of a task.
 */
#define rv_go(go, fn, arg) rv_go_literal((go), #fn, (fn), (arg))

/* rv_go() by a name that is a constant, as a string literal is: that is kept
 * as it is. */
int rv_go_literal(struct rv_go *go, const char *name, rv_go_fn fn, void *arg);

/* The same by any name; 31 bytes of it are copied. */
int rv_go_named(struct rv_go *go, const char *name, rv_go_fn fn, void *arg);

/* The same from any thread, a task's or not. */
int rv_sched_go(struct rv_sched *sched, struct rv_go *go, const char *name,
                rv_go_fn fn, void *arg);

/*
 * Wait for the end of the task; the handle is empty then. Outside of tasks it
 * blocks the thread.
 *
 * A task that is canceled goes on waiting here: what it waits for is canceled
 * too, and may use the caller's memory.
 *
 * Returns: the task's result; -EINVAL: an empty handle. With the handle left
 *          as it was: -ECANCELED: the task waits for the caller, and both were
 *          canceled; -EDEADLK: inside a poll; -ENOMEM.
 */
int rv_go_join(struct rv_go *go);

/* Let go of the handle; the task goes on, detached. Also by rv_drop(). */
void rv_go_drop(struct rv_go *go);

/*
 * Let the other tasks of this worker go first.
 *
 * Returns: 0, or -ECANCELED. Misuse: outside of a task.
 */
int rv_go_yield(void);

/* --- fork and join ----------------------------------------------------- */

/*
 * Two parts of a computation that may run at the same time:
 *
 *     rv_fork(&fork, left, &left_half);      may be taken by another worker
 *     right(&right_half);
 *     rv_sync(&fork);                        left has run, here or there
 *
 * A fork is no task: it is pushed into the worker's deque and, unless another
 * worker took it, popped and called by rv_sync() as a plain function. So it
 * costs about as much as two function calls. Forks are synced in the reverse
 * order, each by the task that made it, before the function that made it
 * returns.
 */
struct rv_fork {
    void (*fn)(void *arg); /* private, as are the rest */
    void *arg;
    _Atomic uintptr_t state;
};

/*
 * Allow fn(arg) to run now, elsewhere. It cannot fail: without memory or
 * outside of a task, it runs in rv_sync().
 *
 * Owns: *fork and what arg points to stay where they are until rv_sync().
 */
void rv_fork(struct rv_fork *fork, void (*fn)(void *arg), void *arg);

/*
 * fn(arg) has run when this returns. If it is still running elsewhere, the
 * task waits, and its worker does something else. It has run even when the
 * task is canceled.
 */
void rv_sync(struct rv_fork *fork);

RV_END_DECLS

#endif /* RV_SCHED_H */
