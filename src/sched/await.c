/* SPDX-License-Identifier: MIT */
/*
 * await.c - how a task of the scheduler waits for a future.
 *
 * Threads: that of the worker where the wait began.
 *
 * The future becomes a task of that worker's executor, inside a proxy on the
 * waiting task's stack. So its wakers are the executor's, and any thread may
 * wake it. The first poll is on the waiting task's stack, which is not
 * suspended if the future is READY; but only RV_IO_BUDGET times in a row, so
 * that the other tasks have their turn. The later polls are the executor's.
 * When the proxy is READY, the task is not queued at once: another worker could
 * steal and finish it, and free the stack with the proxy while the executor
 * still uses it. Instead the task is appended to the list `woken`, which the
 * worker empties after the executor has returned.
 *
 * Protocol:
 *
 *   AWAIT-1  A canceled wait leaves a future that is not READY and that may
 *       have a timer in this worker's wheel. The task could be stolen before it
 *       drops the future, so the worker drops it here. The handle of a task is
 *       different: it may be dropped on any thread. A canceled task continues
 *       to wait for a handle, as in rv_go_join(), until the deadlock detection
 *       ends that wait too.
 *   AWAIT-2  A wait may leave a future that is still pending on this worker and
 *       that the task will poll again or drop: the child of rv_until or
 *       rv_either. The worker cannot drop that one. It marks the task as bound
 *       before the task is queued. A bound task is never in the slot, the deque
 *       or the injector, so only this worker runs it, to its end. No other
 *       worker makes it ready: it joins through a future, and waits for a thief
 *       by yielding.
 */
#include <errno.h>
#include <reveil/trace.h>

#include "base/base_internal.h"
#include "executor/task.h"
#include "sched/sched_internal.h"

static void set_needs_task(struct rv_worker *worker, struct rv_wait *wait,
                           bool needs_task)
{
    if (wait->needs_task == needs_task)
        return;
    wait->needs_task = needs_task;
    if (needs_task)
        worker->needing_tasks++;
    else
        worker->needing_tasks--;
}

static void end_wait(struct rv_worker *worker, struct rv_wait *wait, int result)
{
    set_needs_task(worker, wait, false);
    wait->task->wait_result = result;
    rv_list_remove(&wait->node);
    rv_list_push(&worker->woken, &wait->node);
}

static enum rv_poll proxy_poll(struct rv_future *proxy, struct rv_cx *cx)
{
    struct rv_wait *wait = RV_CONTAINER_OF(proxy, struct rv_wait, proxy);
    struct rv_worker *worker = rv_worker_current();

    cx->needs_task = NULL;
    if (rv_poll(wait->future, cx) == RV_PENDING) {
        set_needs_task(worker, wait, cx->needs_task == wait->future);
        return RV_PENDING;
    }
    if (cx->leaves_child)
        wait->task->bound = true; /* AWAIT-2 */
    end_wait(worker, wait, wait->future->result);
    return RV_READY;
}

/*
 * Make a task of the proxy and poll it once, as the executor does: outside of
 * any task of the scheduler. Returns: RV_READY: the wait is over, the task too;
 * RV_PENDING; an error.
 */
static int poll_here(struct rv_worker *worker, struct rv_wait *wait)
{
    struct rv_future *future = wait->future;
    struct rv_go_task *self = wait->task;
    struct rv_cx cx = {.executor = worker->executor,
                       .io_calls = worker->io_calls};
    enum rv_poll state;
    int error = rv_task_adopt(worker->executor, &wait->proxy, &wait->id);

    if (error < 0)
        return error;
    cx.waker.queue = rv_executor_ready(worker->executor);
    cx.waker.id = wait->id;
    rv_worker_of_task = NULL;
    worker->current = NULL;
    state = rv_poll(future, &cx);
    worker->current = self;
    rv_worker_of_task = worker;
    worker->io_calls = cx.io_calls + 1;
    if (state == RV_PENDING) {
        set_needs_task(worker, wait, cx.needs_task == future);
        return RV_PENDING;
    }
    if (cx.leaves_child)
        self->bound = true; /* AWAIT-2 */
    rv_task_abort(worker->executor, wait->id);
    return RV_READY;
}

static int await(struct rv_coro *coro, struct rv_future *future)
{
    static const struct rv_future_ops proxy_ops = {
        .name = "rv_await", .poll = proxy_poll, .drop = NULL};

    struct rv_worker *worker = rv_worker_of_task;
    struct rv_go_task *self;
    struct rv_wait wait;
    int error;

    (void)coro;
    RV_CHECK(worker, "an await inside of a poll");
    self = worker->current;
    /* relaxed: if this load is too early, the worker sees the flag before it
     * sleeps, and ends the wait. */
    if (atomic_load_explicit(&self->sched->canceling, memory_order_relaxed) &&
        !rv_go_is_handle(future))
        return rv_fork_is_copy(self->sched->mark) ? -ESTALE : -ECANCELED;
    wait.future = future;
    wait.task = self;
    wait.needs_task = false;
    rv_future_init(&wait.proxy, &proxy_ops);
    rv_trace(RV_EV_AWAIT, rv_go_trace_id(self), rv_go_trace_owner(worker));
    if (worker->io_calls < RV_IO_BUDGET && !rv_trace_is_on())
        error = poll_here(worker, &wait);
    else
        error = rv_task_spawn(worker->executor, &wait.proxy, NULL,
                              RV_TASK_BORROWED, future->ops->name, &wait.id);
    if (error < 0)
        return error;
    if (error == RV_READY)
        return future->result;
    rv_list_push(&worker->waiting, &wait.node);
    self->waits_for = future->ops->name;
    self->awaits = future;
    rv_go_suspend(NULL, NULL);
    self->awaits = NULL;
    self->waits_for = NULL;
    return self->wait_result;
}

const struct rv_coro_host rv_go_host = {.await = await};

bool rv_worker_take_woken(struct rv_worker *worker)
{
    struct rv_list *node;
    bool any = false;

    while ((node = rv_list_pop(&worker->woken))) {
        struct rv_wait *wait = RV_CONTAINER_OF(node, struct rv_wait, node);

        rv_worker_ready(worker, wait->task, false);
        any = true;
    }
    return any;
}

void rv_worker_cancel_waits(struct rv_worker *worker, bool handles_too)
{
    struct rv_list *node = worker->waiting.next;

    while (node != &worker->waiting) {
        struct rv_wait *wait = RV_CONTAINER_OF(node, struct rv_wait, node);
        const bool is_handle = rv_go_is_handle(wait->future);

        node = node->next;
        if (is_handle && !handles_too)
            continue;
        rv_task_abort(worker->executor, wait->id);
        if (!is_handle) {
            rv_drop(wait->future);
            wait->task->bound = true; /* AWAIT-2 */
        }
        end_wait(worker, wait, -ECANCELED);
    }
    rv_worker_take_woken(worker);
}
