/* SPDX-License-Identifier: MIT */
/*
 * executor.c - the loop: take the ready ids, poll their tasks, sleep.
 *
 * Threads: only the executor's. Other threads access only the ready queue,
 * which is reference-counted and outlives the executor.
 */
#include <errno.h>
#include <reveil/trace.h>

#include "base/base_internal.h"
#include "executor/executor_internal.h"

/* Polls between two checks of the clock, the drivers and, fused, epoll. */
enum { POLLS_A_TURN = 64 };

static _Thread_local struct rv_executor *current
    __attribute__((tls_model("initial-exec")));

/* In a child of fork(): poll nothing after the poll that has forked. */
static void end_loop(void)
{
    if (current)
        current->polls_left = 1; /* after_polls() comes next */
}

static void watch_forks(void)
{
    pthread_atfork(NULL, NULL, end_loop);
}

int rv_executor_new(struct rv_executor **out)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    struct rv_executor *executor = rv_alloc(sizeof *executor);

    if (!executor)
        return -ENOMEM;
    pthread_once(&once, watch_forks);
    executor->mark = rv_fork_mark();
    executor->ready = rv_ready_new(sizeof(struct rv_task));
    if (!executor->ready)
        goto fail_free;
    executor->ready->displaced = rv_task_displaced;
    rv_wheel_init(&executor->wheel, rv_now_ns());
    rv_list_init(&executor->drivers);
    rv_list_init(&executor->timers);
    executor->polls_left = POLLS_A_TURN;
    *out = executor;
    return 0;

fail_free:
    rv_free(executor);
    return -ENOMEM;
}

struct rv_ready *rv_executor_ready(const struct rv_executor *executor)
{
    return executor->ready;
}

/* NULL in a child that was forked inside a poll: the executor is its parent's.
 */
struct rv_executor *rv_executor_current(void)
{
    return current && !rv_fork_is_copy(current->mark) ? current : NULL;
}

bool rv_executor_is_copy(void)
{
    return current && rv_fork_is_copy(current->mark);
}

bool rv_executor_is_here(const struct rv_executor *executor)
{
    return executor == current || !executor->entered ||
           rv_fork_is_copy(executor->mark);
}

uint32_t rv_executor_tasks(const struct rv_executor *executor)
{
    return executor->live;
}

int rv_executor_reserve(struct rv_executor *executor, uint32_t tasks)
{
    return rv_ready_reserve(executor->ready, tasks) ? 0 : -ENOMEM;
}

/* --- the life of a task ------------------------------------------------ */

void rv_task_queue(struct rv_executor *executor, struct rv_task *task,
                   const char *where)
{
    RV_CHECK(rv_executor_is_here(executor),
             "a spawn on another thread than the executor's, see remote.h");
    if (rv_trace_is_on()) {
        rv_trace(RV_EV_SPAWN, task->slot.id, rv_ready_owner(executor->ready));
        rv_stats_born(executor->ready, task->slot.id, task->future->ops->name,
                      where);
    }
    if (executor->ready == rv_ready_current())
        rv_ready_push_own(executor->ready, &task->slot);
    else
        rv_ready_push_other(executor->ready, task->slot.id);
}

/* Give the handle the task's result, and its future if the handle keeps it. */
static void settle_join(struct rv_join *join, struct rv_future *output,
                        int result)
{
    join->task = 0;
    rv_frames_uncount(&join->counted);
    join->output = output;
    join->future.result = result;
    rv_ready_wake(&join->waiter);
    rv_join_forget_waiter(join);
}

/* The handle keeps a finished future, whose fields are the output. All others
 * are dropped and freed here: those that were aborted, that have no handle, or
 * that are embedded in another object. */
static void dispose(struct rv_future *future, struct rv_join *join,
                    uint32_t flags, bool aborted)
{
    const bool embedded = flags & RV_TASK_EMBEDDED;

    if (join && !aborted && !embedded) {
        settle_join(join, future, future->result);
        return;
    }
    /* The handle first, because the drop may end the task that holds it. */
    if (join)
        settle_join(join, NULL, aborted ? -ECANCELED : future->result);
    if (embedded) {
        if (!future->ops)
            rv_panic("the memory of a task was cleared before its end",
                     "all zero");
        future->ops->drop(future); /* not rv_drop(): this frees the future */
        return;
    }
    rv_drop(future);
    rv_free(future);
}

/* The handle of a task is the handle of another task now, or of none. */
static __attribute__((noinline, noreturn)) void
lost_join(const struct rv_future *future)
{
    if (!future->ops) /* an embedded task, and its handle with it */
        rv_panic("the memory of a task was cleared before its end", "all zero");
    rv_panic("a join was moved, or used again before its end",
             future->ops->name);
}

void rv_task_finish(struct rv_executor *executor, struct rv_task *task,
                    bool aborted)
{
    struct rv_future *future = task->future;
    struct rv_join *join = task->join;
    uint8_t flags = task->slot.flags;

    /* Remove the task before its future is dropped: the drop may abort or
     * finish other tasks, and must not find this one again. */
    if (rv_trace_is_on())
        rv_stats_gone(executor->ready, task->slot.id);
    if (__builtin_expect(join && join->task != task->slot.id, false))
        lost_join(future);
    executor->live--;
    task->join = NULL;
    rv_ready_retire(executor->ready, &task->slot);
    if (flags & RV_TASK_LAST)
        rv_ready_end_batch(executor->ready);
    if (!(flags & RV_TASK_BORROWED))
        dispose(future, join, flags, aborted);
}

void rv_task_abort(struct rv_executor *executor, uint64_t id)
{
    struct rv_task *task = (void *)rv_ready_find(executor->ready, id);

    if (!task)
        return;
    rv_trace(RV_EV_DROP, id, rv_ready_owner(executor->ready));
    if (&task->slot == executor->ready->taken) {
        task->slot.flags |= RV_TASK_ABORTED;
        executor->polls_left = 1; /* after_polls() comes next */
    } else
        rv_task_finish(executor, task, true);
}

int rv_task_adopt(struct rv_executor *executor, struct rv_future *future,
                  uint64_t *id)
{
    struct rv_ready_slot *slot;

    if (rv_fork_is_copy(executor->mark))
        return -ESTALE;
    if (executor->closing)
        return -ECANCELED;
    slot = rv_ready_alloc(executor->ready);
    if (!slot)
        return -ENOMEM;
    ((struct rv_task *)slot)->future = future;
    ((struct rv_task *)slot)->join = NULL;
    slot->flags = RV_TASK_BORROWED | RV_TASK_AWAITS;
    executor->live++;
    *id = slot->id;
    return 0;
}

struct rv_future *rv_task_future(const struct rv_executor *executor,
                                 uint64_t id)
{
    struct rv_task *task = (void *)rv_ready_find(executor->ready, id);

    return task ? task->future : NULL;
}

uint64_t rv_task_current(const struct rv_executor *executor)
{
    return executor->ready->taken->id;
}

void rv_task_wake(const struct rv_executor *executor, uint64_t id)
{
    rv_ready_push(executor->ready, id);
}

static inline enum rv_poll poll_task(struct rv_executor *executor,
                                     struct rv_task *task)
{
    struct rv_cx cx = {.waker = {executor->ready, task->slot.id},
                       .executor = executor};

    return rv_poll(task->future, &cx);
}

static __attribute__((noinline)) void run_traced(struct rv_executor *executor,
                                                 struct rv_task *task)
{
    const int64_t owner = rv_ready_owner(executor->ready);

    rv_trace(RV_EV_POLL, task->slot.id, owner);
    rv_stats_poll(executor->ready, task->slot.id);
    if (poll_task(executor, task) == RV_READY) {
        rv_trace(RV_EV_READY, task->slot.id, task->future->result);
        rv_task_finish(executor, task, false);
    } else {
        rv_trace(RV_EV_PENDING, task->slot.id, owner);
        rv_stats_pending(executor->ready, &task->slot);
    }
}

static inline void run_task(struct rv_executor *executor, struct rv_task *task)
{
    if (rv_trace_is_on())
        run_traced(executor, task);
    else if (poll_task(executor, task) == RV_READY)
        rv_task_finish(executor, task, false);
}

/* --- the loop ---------------------------------------------------------- */

/*
 * Call each driver once. A driver may remove any driver, including itself and
 * the next one, and add others, which run in the next round: the drivers that
 * are left in this round are on a list of their own.
 *
 * Returns: true if a task may have become ready.
 */
static bool run_drivers(struct rv_executor *executor, bool idle_next)
{
    struct rv_list waiting;
    struct rv_list *node;
    bool any = false;

    rv_list_init(&waiting);
    rv_list_splice(&waiting, &executor->drivers);
    while ((node = rv_list_pop(&waiting))) {
        struct rv_driver *driver =
            RV_CONTAINER_OF(node, struct rv_driver, node);

        rv_list_push(&executor->drivers, node);
        any |= driver->run(driver, idle_next);
    }
    return any;
}

/*
 * What is not necessary after each poll: end a task that has aborted itself,
 * and check I/O, timers and drivers although there are ready tasks.
 */
static __attribute__((noinline)) void after_polls(struct rv_executor *executor)
{
    struct rv_task *task = (struct rv_task *)executor->ready->taken;

    executor->polls_left = POLLS_A_TURN;
    executor->ready->taken = NULL; /* no task is being polled */
    if (rv_fork_is_copy(executor->mark)) {
        rv_ready_end_batch(executor->ready);
        return;
    }
    if (task && task->slot.flags & RV_TASK_ABORTED)
        rv_task_finish(executor, task, true);
    rv_parker_drive(rv_ready_parker(executor->ready));
    rv_executor_fire_timers(executor);
    run_drivers(executor, false);
}

static inline void run_batch(struct rv_executor *executor)
{
    struct rv_ready *ready = executor->ready;
    struct rv_ready_slot *slot;

    while ((slot = rv_ready_take(ready))) {
        run_task(executor, (struct rv_task *)slot);
        if (--executor->polls_left == 0)
            after_polls(executor);
    }
    /* Also after a short batch, whose polls may each have taken long. */
    if (executor->wheel.len)
        rv_executor_fire_timers(executor);
}

/* Nothing is ready. Returns: true if something may be now. */
static bool find_work(struct rv_executor *executor)
{
    return rv_executor_fire_timers(executor) || run_drivers(executor, true);
}

/*
 * Sleep until a task is ready or the first timer is due. A virtual clock does
 * not advance by itself: it jumps to the timer, see base.h. It does not jump to
 * RV_NEVER - 1, because a wheel never reaches its last tick.
 */
static void idle(struct rv_executor *executor, struct rv_parker *parker)
{
    const int64_t next_ns = rv_wheel_next_ns(&executor->wheel);

    if (rv_error_noted)
        rv_error_forget(0);
    if (rv_clock_is_virtual() && next_ns < RV_NEVER - 1)
        rv_clock_reach(next_ns);
    else
        rv_parker_park(parker, next_ns);
}

/* Returns: 0; -ESTALE in a child of fork(). */
static int run_until(struct rv_executor *executor,
                     const struct rv_future *until)
{
    struct rv_ready *ready = executor->ready;

    while (until->at != RV_AT_END) {
        if (rv_fork_is_copy(executor->mark))
            return -ESTALE;
        if (rv_ready_batch(ready))
            run_batch(executor);
        else if (!find_work(executor))
            idle(executor, rv_ready_parker(ready));
    }
    return 0;
}

void rv_executor_add_driver(struct rv_executor *executor,
                            struct rv_driver *driver)
{
    rv_list_push(&executor->drivers, &driver->node);
}

void rv_executor_remove_driver(struct rv_driver *driver)
{
    rv_list_remove(&driver->node);
}

void rv_executor_enter(struct rv_executor *executor)
{
    RV_CHECK(!rv_executor_current(),
             "this thread polls for an executor already");
    executor->outer = current;
    executor->entered = true;
    current = executor;
    rv_ready_enter(executor->ready);
}

void rv_executor_leave(struct rv_executor *executor)
{
    current = executor->outer;
    executor->entered = false;
    rv_ready_enter(current ? current->ready : NULL);
}

bool rv_executor_run(struct rv_executor *executor)
{
    if (!rv_ready_batch(executor->ready))
        return find_work(executor);
    run_batch(executor);
    return true;
}

bool rv_executor_run_busy(struct rv_executor *executor)
{
    bool any = rv_ready_batch(executor->ready);

    if (any)
        run_batch(executor);
    else
        any = rv_executor_fire_timers(executor);
    any |= run_drivers(executor, false);
    return any;
}

int64_t rv_executor_next_ns(const struct rv_executor *executor)
{
    return rv_wheel_next_ns(&executor->wheel);
}

int rv_block_on(struct rv_executor *executor, struct rv_future *future)
{
    uint64_t id;
    int error;

    if (rv_fork_is_copy(executor->mark))
        return -ESTALE;
    if (rv_executor_current())
        return -EDEADLK;
    RV_CHECK(!executor->entered, "another thread polls for the executor");
    if (future->at == RV_AT_END)
        rv_future_misuse(future);
    if (rv_error_noted)
        rv_error_forget(0);
    error = rv_task_start(executor, future, NULL,
                          RV_TASK_BORROWED | RV_TASK_LAST, NULL, &id);
    if (error)
        return error;
    rv_executor_enter(executor);
    error = run_until(executor, future);
    if (error)
        rv_task_abort(executor, id); /* the caller keeps the future */
    rv_executor_leave(executor);
    return error ? error : future->result;
}

/* Drop every task. A drop may end other tasks; it cannot start any. */
static void abort_all(struct rv_executor *executor)
{
    for (uint32_t i = 0; i < executor->ready->used; i++) {
        struct rv_ready_slot *slot = rv_ready_at(executor->ready, i);

        if (slot)
            rv_task_abort(executor, slot->id);
    }
}

void rv_executor_free(struct rv_executor *executor)
{
    RV_CHECK(!rv_executor_current(), "rv_executor_free() inside a poll");
    executor->closing = true;
    if (executor->entered) { /* in a child, inside the poll that has forked */
        abort_all(executor);
        return;
    }
    rv_executor_enter(executor);
    abort_all(executor);
    rv_timer_stop_all(executor);
    rv_executor_leave(executor);
    while (rv_list_pop(&executor->drivers))
        ; /* a driver that outlives the executor is on no list then */
    rv_ready_put(executor->ready);
    rv_free(executor);
}
