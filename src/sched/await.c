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
 *       before the task is queued. An rv_until inside of another future may be
 *       READY in an earlier poll than the whole, so each poll is asked. A bound
 *       task is never in the slot, the deque or the injector, so only this
 *       worker runs it, to its end. No other worker makes it ready: it joins
 *       through a future, and waits for a thief by yielding.
 *   CANCEL-1  A request to end one task, rv_go_cancel(), may come from any
 *       thread while the task begins a wait. The task stores which wait it is
 *       in, *then* loads `canceled`. The other thread stores `canceled`, *then*
 *       loads which wait that is. All four are seq_cst, so at least one of them
 *       sees the other, and wakes the proxy. Its poll ends the wait. A wake
 *       that is late finds another generation of the proxy's id, or a wait that
 *       it may end.
 *   CANCEL-2  A canceled wait does not get the result of its future. A wait
 *       that begins in a canceled task polls nothing, unless the task has asked
 *       for time: then it is a wait until that deadline, or until `hard_ns`.
 *   CANCEL-3  A wait is ended in its proxy's poll or by rv_worker_end_waits().
 *       Both are on the worker's thread, which looks once for each reason
 *       (enum rv_wait_end): a wait that begins later sees the reason itself.
 */
#include <errno.h>
#include <reveil/trace.h>

#include "base/base_internal.h"
#include "sched/sched_internal.h"
#include "waker/ready.h"

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

static void count_grace(struct rv_worker *worker, int change)
{
    /* relaxed, and no read-modify-write: only the worker writes it. */
    const uint32_t graces =
        atomic_load_explicit(&worker->graces, memory_order_relaxed);

    atomic_store_explicit(&worker->graces, graces + (uint32_t)change,
                          memory_order_relaxed);
}

static void end_wait(struct rv_worker *worker, struct rv_wait *wait, int result)
{
    set_needs_task(worker, wait, false);
    if (wait->ends == RV_ENDS_BY_GRACE)
        count_grace(worker, -1);
    wait->task->wait_result = result;
    rv_list_remove(&wait->node);
    rv_list_push(&worker->woken, &wait->node);
}

/* Drop a future that the task leaves pending. AWAIT-1 */
static void leave_future(struct rv_wait *wait)
{
    if (rv_go_is_handle(wait->future))
        return;
    rv_drop(wait->future);
    wait->task->bound = true; /* AWAIT-2 */
}

static enum rv_poll proxy_poll(struct rv_future *proxy, struct rv_cx *cx)
{
    struct rv_wait *wait = RV_CONTAINER_OF(proxy, struct rv_wait, proxy.future);
    struct rv_worker *worker = rv_worker_current();
    enum rv_poll state;

    if (wait->ends == RV_ENDS_BY_CANCEL && rv_go_is_canceled(wait->task)) {
        leave_future(wait);
        end_wait(worker, wait, -ECANCELED);
        return RV_READY;
    }
    cx->needs_task = NULL;
    cx->frames = wait->frames;
    state = rv_poll(wait->future, cx);
    if (cx->leaves_child)
        wait->task->bound = true; /* AWAIT-2 */
    if (state == RV_PENDING) {
        set_needs_task(worker, wait, cx->needs_task == wait->future);
        return RV_PENDING;
    }
    end_wait(worker, wait, wait->future->result);
    return RV_READY;
}

/*
 * Make a task of the proxy and poll it once, as the executor does: outside of
 * any task of the scheduler. Returns: RV_READY: the wait is over, the task too;
 * RV_PENDING; an error.
 */
static inline __attribute__((always_inline)) int
poll_here(struct rv_worker *worker, struct rv_wait *wait)
{
    struct rv_future *future = wait->future;
    struct rv_go_task *self = wait->task;
    struct rv_cx cx = {.executor = worker->executor,
                       .io_calls = worker->io_calls,
                       .frames = wait->frames};
    enum rv_poll state;
    int error = rv_task_adopt(worker->executor, &wait->proxy.future, &wait->id);

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
    if (cx.leaves_child)
        self->bound = true; /* AWAIT-2 */
    if (state == RV_PENDING) {
        set_needs_task(worker, wait, cx.needs_task == future);
        return RV_PENDING;
    }
    rv_task_abort(worker->executor, wait->id);
    return RV_READY;
}

/* CANCEL-1 */
static void publish_wait(struct rv_worker *worker, struct rv_wait *wait)
{
    struct rv_go_task *self = wait->task;
    struct rv_ready *queue = rv_executor_ready(worker->executor);

    rv_ready_share(queue, wait->id);
    /* relaxed: the store below publishes it. */
    atomic_store_explicit(&self->wait_id, wait->id, memory_order_relaxed);
    atomic_store(&self->waits_on, worker);
    if (atomic_load(&self->canceled))
        rv_ready_push(queue, wait->id);
}

/* Inline: the await of a READY future is a short path. */
static inline __attribute__((always_inline)) int
wait_for(struct rv_worker *worker, struct rv_future *future,
         enum rv_wait_end ends)
{
    static const struct rv_future_ops proxy_ops = {
        .name = "rv_await", .poll = proxy_poll, .drop = NULL};

    struct rv_go_task *self = worker->current;
    struct rv_wait wait;
    int error;

    wait.future = future;
    wait.task = self;
    wait.frames = rv_frames_running;
    wait.ends = (uint8_t)ends;
    wait.needs_task = false;
    wait.proxy.awaited = NULL;
    wait.proxy.polled = future;
    rv_future_init(&wait.proxy.future, &proxy_ops);
    rv_trace(RV_EV_AWAIT, rv_go_trace_id(self), rv_go_trace_owner(worker));
    if (worker->io_calls < RV_IO_BUDGET && !rv_trace_is_on())
        error = poll_here(worker, &wait);
    else
        error = rv_task_spawn(worker->executor, &wait.proxy.future, NULL,
                              RV_TASK_BORROWED | RV_TASK_AWAITS,
                              future->ops->name, &wait.id);
    if (error < 0)
        return error;
    if (error == RV_READY)
        return future->result;
    wait.proxy.awaited = future;
    rv_list_push(&worker->waiting, &wait.node);
    self->waits_for = future->ops->name;
    self->awaits = future;
    if (ends == RV_ENDS_BY_CANCEL)
        publish_wait(worker, &wait);
    else if (ends == RV_ENDS_BY_GRACE)
        count_grace(worker, 1);
    rv_go_suspend(NULL, NULL);
    self->awaits = NULL;
    self->waits_for = NULL;
    return self->wait_result;
}

static __attribute__((noinline)) int wait_rarely(struct rv_worker *worker,
                                                 struct rv_future *future,
                                                 enum rv_wait_end ends)
{
    return wait_for(worker, future, ends);
}

static bool is_hard(struct rv_sched *sched)
{
    const int64_t hard_ns =
        atomic_load_explicit(&sched->hard_ns, memory_order_relaxed);

    return hard_ns != RV_NEVER && rv_now_ns() >= hard_ns;
}

/* The handle of a task; or a wait in the time that the task has asked for:
 * CANCEL-2. */
static __attribute__((noinline)) int wait_canceled(struct rv_worker *worker,
                                                   struct rv_future *future)
{
    struct rv_go_task *self = worker->current;
    const bool is_handle = rv_go_is_handle(future);
    struct rv_until until;
    int result;

    if (is_handle) {
        /* relaxed: as in rv_go_is_canceled(). */
        if (atomic_load_explicit(&self->sched->despairing,
                                 memory_order_relaxed))
            return -ECANCELED;
        return wait_rarely(worker, future, RV_ENDS_BY_DESPAIR);
    }
    if (rv_fork_is_copy(self->sched->mark))
        return -ESTALE;
    if (self->grace_ns == RV_GO_NO_GRACE || is_hard(self->sched))
        return -ECANCELED;
    rv_until_init(&until, future, self->grace_ns);
    result = wait_rarely(worker, &until.future, RV_ENDS_BY_GRACE);
    rv_drop(&until.future);
    return future->at == RV_AT_END ? result : -ECANCELED;
}

static __attribute__((noinline)) int wait_for_task(struct rv_worker *worker,
                                                   struct rv_future *handle)
{
    RV_CHECK(RV_CONTAINER_OF(handle, struct rv_go, future)->task !=
                 worker->current,
             "a task waits for its own end");
    return wait_for(worker, handle, RV_ENDS_BY_DESPAIR);
}

static int await(struct rv_coro *coro, struct rv_future *future)
{
    struct rv_worker *worker = rv_worker_of_task;

    (void)coro;
    RV_CHECK(worker, "an await inside of a poll");
    if (__builtin_expect(rv_go_is_canceled(worker->current), false))
        return wait_canceled(worker, future);
    if (rv_go_is_handle(future))
        return wait_for_task(worker, future);
    return wait_for(worker, future, RV_ENDS_BY_CANCEL);
}

int rv_go_await_end(struct rv_future *future)
{
    return wait_rarely(rv_worker_of_task, future, RV_ENDS_BY_NOTHING);
}

/* --- cancellation ------------------------------------------------------ */

static bool canceled(struct rv_coro *coro)
{
    const struct rv_worker *worker = rv_worker_of_task;

    (void)coro;
    return worker && rv_go_is_canceled(worker->current);
}

static int grace(struct rv_coro *coro, int64_t deadline_ns)
{
    struct rv_worker *worker = rv_worker_of_task;

    (void)coro;
    if (!worker || is_hard(worker->sched))
        return -ECANCELED;
    if (rv_go_is_canceled(worker->current))
        worker->current->grace_ns =
            deadline_ns == RV_GO_NO_GRACE ? RV_GO_NO_GRACE + 1 : deadline_ns;
    return 0;
}

const struct rv_coro_host rv_go_host = {
    .await = await, .canceled = canceled, .grace = grace, .moves = true};

uint8_t rv_sched_ends(struct rv_sched *sched)
{
    uint8_t ends = RV_ENDS_BY_CANCEL;

    /* acquire: sees hard_ns; pairs with rv_sched_cancel_all(). */
    if (!atomic_load_explicit(&sched->canceling, memory_order_acquire))
        return 0;
    if (is_hard(sched))
        ends |= RV_ENDS_BY_GRACE;
    /* relaxed: a wake follows the change. */
    if (atomic_load_explicit(&sched->despairing, memory_order_relaxed))
        ends |= RV_ENDS_BY_DESPAIR;
    return ends;
}

void rv_worker_end_waits(struct rv_worker *worker)
{
    const uint8_t ends = rv_sched_ends(worker->sched) & ~worker->ended;
    struct rv_list *node = worker->waiting.next;

    worker->ended |= ends; /* CANCEL-3 */
    while (ends && node != &worker->waiting) {
        struct rv_wait *wait = RV_CONTAINER_OF(node, struct rv_wait, node);

        node = node->next;
        if (!(wait->ends & ends))
            continue;
        rv_task_abort(worker->executor, wait->id);
        leave_future(wait);
        end_wait(worker, wait, -ECANCELED);
    }
    rv_worker_take_woken(worker);
}

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
