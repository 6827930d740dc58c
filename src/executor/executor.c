/* SPDX-License-Identifier: MIT */
/*
 * executor.c - the loop: take the ready ids, poll their tasks, sleep.
 *
 * Threads: the executor's alone. Other threads reach it only through the
 * ready queue, which is reference-counted and outlives it.
 */
#include <errno.h>
#include <reveil/trace.h>

#include "base/base_internal.h"
#include "executor/executor_internal.h"

/* Polls between two looks at the clock and, fused, at epoll. */
enum { POLLS_A_TURN = 64 };

static _Thread_local struct rv_executor *current;

int rv_executor_new(struct rv_executor **out)
{
    struct rv_executor *executor = rv_alloc(sizeof *executor);

    if (!executor)
        return -ENOMEM;
    executor->ready = rv_ready_new();
    if (!executor->ready)
        goto fail_free;
    rv_slab_init(&executor->tasks, sizeof(struct rv_task));
    rv_wheel_init(&executor->wheel, rv_now_ns());
    rv_list_init(&executor->turns);
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

struct rv_executor *rv_executor_current(void)
{
    return current;
}

uint32_t rv_executor_tasks(const struct rv_executor *executor)
{
    return executor->live;
}

/* --- the life of a task ------------------------------------------------ */

int rv_task_start(struct rv_executor *executor, struct rv_future *future,
                  struct rv_join *join, uint32_t flags, uint64_t *out)
{
    uint64_t id = rv_slab_alloc(&executor->tasks);
    struct rv_task *task;

    if (!id)
        return -ENOMEM;
    task = rv_slab_at(&executor->tasks, rv_id_index(id));
    if (rv_ready_reserve(executor->ready, id) < 0) {
        task->flags = RV_TASK_OVER;
        rv_slab_free(&executor->tasks, id);
        return -ENOMEM;
    }
    task->id = id;
    task->future = future;
    task->join = join;
    task->flags = flags;
    executor->live++;
    *out = id;
    rv_trace(RV_EV_SPAWN, id, 0);
    rv_ready_push(executor->ready, id);
    return 0;
}

/* The handle keeps a future that has a value; any other one ends here. */
static void dispose(struct rv_future *future, struct rv_join *join,
                    bool aborted)
{
    if (join && !aborted) {
        rv_join_settle(join, future, future->result);
        return;
    }
    /* The handle first: the drop may end the one who holds it. */
    if (join)
        rv_join_settle(join, NULL, -ECANCELED);
    rv_drop(future);
    rv_free(future);
}

void rv_task_finish(struct rv_executor *executor, struct rv_task *task,
                    bool aborted)
{
    struct rv_future *future = task->future;
    struct rv_join *join = task->join;
    uint32_t flags = task->flags;

    /* The task is gone before its future is dropped: the drop may abort or
     * finish others, and must not meet this one half-way. */
    executor->live--;
    task->join = NULL;
    task->flags = RV_TASK_OVER;
    if (!rv_ready_retire(executor->ready, task->id))
        rv_slab_free(&executor->tasks, task->id);
    if (!(flags & RV_TASK_BORROWED))
        dispose(future, join, aborted);
}

int rv_task_spawn(struct rv_executor *executor, struct rv_future *future,
                  uint64_t *id)
{
    return executor->closing ? -ECANCELED
                             : rv_task_start(executor, future, NULL, 0, id);
}

void rv_task_abort(struct rv_executor *executor, uint64_t id)
{
    struct rv_task *task = rv_slab_get(&executor->tasks, id);

    if (!task || task->flags & RV_TASK_OVER)
        return;
    rv_trace(RV_EV_DROP, id, 0);
    if (task->flags & RV_TASK_RUNNING)
        task->flags |= RV_TASK_ABORTED;
    else
        rv_task_finish(executor, task, true);
}

static void run_task(struct rv_executor *executor, struct rv_task *task)
{
    struct rv_cx cx = {.waker = {executor->ready, task->id},
                       .executor = executor};

    rv_trace(RV_EV_POLL, task->id, 0);
    task->flags |= RV_TASK_RUNNING;
    if (rv_poll(task->future, &cx) == RV_READY) {
        rv_trace(RV_EV_READY, task->id, task->future->result);
        rv_task_finish(executor, task, false);
        return;
    }
    rv_trace(RV_EV_PENDING, task->id, 0);
    task->flags &= ~(uint32_t)RV_TASK_RUNNING;
    if (task->flags & RV_TASK_ABORTED)
        rv_task_finish(executor, task, true);
}

/* --- the loop ---------------------------------------------------------- */

static void run_ready(struct rv_executor *executor,
                      const struct rv_future *until)
{
    uint32_t index;

    while (until->at != RV_AT_END && rv_ready_take(executor->ready, &index)) {
        struct rv_task *task = rv_slab_at(&executor->tasks, index);

        if (task->flags & RV_TASK_OVER)
            rv_slab_free(&executor->tasks, task->id);
        else
            run_task(executor, task);
    }
}

/*
 * Sleep until something is ready or the first timer is due. A virtual clock
 * does not go on by itself: it jumps to the timer, see base.h. No wheel opens
 * its last tick, so for RV_NEVER - 1 it does not.
 */
static void idle(struct rv_executor *executor, struct rv_parker *parker)
{
    const int64_t next_ns = rv_wheel_next_ns(&executor->wheel);

    if (rv_clock_is_virtual() && next_ns < RV_NEVER - 1)
        rv_clock_reach(next_ns);
    else
        rv_parker_park(parker, next_ns);
}

/* Returns: true if a task may have become ready. */
static bool run_turns(struct rv_executor *executor, bool idle_next)
{
    struct rv_list *node = executor->turns.next;
    bool any = false;

    while (node != &executor->turns) {
        struct rv_turn *turn = RV_CONTAINER_OF(node, struct rv_turn, node);

        node = node->next;
        any |= turn->run(turn, idle_next);
    }
    return any;
}

/* The world outside has its turn even while the tasks keep each other busy. */
static void look_outside(struct rv_executor *executor)
{
    executor->polls = 0;
    rv_parker_turn(rv_ready_parker(executor->ready));
    rv_executor_fire_timers(executor);
    run_turns(executor, false);
}

/* A batch; without one, due timers and the turns. Returns: false when there
 * was nothing to do. */
static bool run_some(struct rv_executor *executor,
                     const struct rv_future *until)
{
    uint32_t batch = rv_ready_batch(executor->ready);

    executor->polls += batch;
    if (batch)
        run_ready(executor, until);
    else if (!rv_executor_fire_timers(executor) && !run_turns(executor, true))
        return false;
    if (executor->polls >= POLLS_A_TURN)
        look_outside(executor);
    return true;
}

static void run_until(struct rv_executor *executor,
                      const struct rv_future *until)
{
    struct rv_parker *parker = rv_ready_parker(executor->ready);

    while (until->at != RV_AT_END)
        if (!run_some(executor, until))
            idle(executor, parker);
}

void rv_executor_add_turn(struct rv_executor *executor, struct rv_turn *turn)
{
    rv_list_push(&executor->turns, &turn->node);
}

void rv_executor_remove_turn(struct rv_turn *turn)
{
    rv_list_remove(&turn->node);
}

void rv_executor_enter(struct rv_executor *executor)
{
    RV_CHECK(!current, "this thread polls for an executor already");
    current = executor;
    executor->previous = rv_ready_enter(executor->ready);
}

void rv_executor_leave(struct rv_executor *executor)
{
    rv_ready_enter(executor->previous);
    current = NULL;
}

bool rv_executor_run(struct rv_executor *executor)
{
    static const struct rv_future no_end;

    return run_some(executor, &no_end);
}

int64_t rv_executor_next_ns(const struct rv_executor *executor)
{
    return rv_wheel_next_ns(&executor->wheel);
}

int rv_block_on(struct rv_executor *executor, struct rv_future *future)
{
    uint64_t id;
    int error;

    if (current)
        return -EDEADLK;
    if (future->at == RV_AT_END)
        rv_future_misuse(future);
    error = rv_task_start(executor, future, NULL, RV_TASK_BORROWED, &id);
    if (error)
        return error;
    rv_executor_enter(executor);
    run_until(executor, future);
    rv_executor_leave(executor);
    return future->result;
}

/* Drop every task; what a drop sets free may end others, never start any. */
static void abort_all(struct rv_executor *executor)
{
    for (uint32_t i = 0; i < executor->tasks.used; i++) {
        struct rv_task *task = rv_slab_at(&executor->tasks, i);

        rv_task_abort(executor, task->id);
    }
}

void rv_executor_free(struct rv_executor *executor)
{
    RV_CHECK(!current, "rv_executor_free() inside a poll");
    executor->closing = true;
    rv_executor_enter(executor);
    abort_all(executor);
    rv_executor_leave(executor);
    while (rv_list_pop(&executor->turns))
        ; /* they are on no list now */
    rv_slab_fini(&executor->tasks);
    rv_ready_put(executor->ready);
    rv_free(executor);
}
