/* SPDX-License-Identifier: MIT */
/*
 * spawn.c - a coroutine as a task of an executor.
 *
 *     executor polls the task            the coroutine
 *         is its future READY?      <--  rv_await(): polled once, PENDING
 *         yes: resume it            -->  ... continues after the await
 *
 * An await first polls its future on the coroutine's stack, and switches only
 * if the future is PENDING. Later polls run on the executor's stack, so a
 * spurious wakeup costs no switch. The coroutine is resumed when the future is
 * READY.
 *
 * Protocol of a cancellation:
 *
 *   SPAWN-1  A canceled task does not get the result of the wait that it is in:
 *            it is resumed with -ECANCELED, in its next poll (CANCELED) or
 *            inside the abort (ABORTED). The future of that wait is untouched;
 *            the coroutine drops it, as after any wait.
 *   SPAWN-2  A wait that begins in CANCELED polls nothing, unless the coroutine
 *            has asked for time: then it is a wait until that deadline.
 *   SPAWN-3  ABORTED is final. Nothing waits in it, because the coroutine must
 *            end inside the abort.
 *   SPAWN-4  rv_scope_wait() waits in CANCELED too, without a deadline, because
 *            its tasks use the frame of the coroutine. It has canceled them. In
 *            ABORTED it aborts them.
 *
 * Threads: the executor's.
 */
#include <errno.h>
#include <reveil/trace.h>
#include <string.h>

#include "base/base_internal.h"
#include "combine/scope.h"
#include "coro/coro_internal.h"
#include "coro/host.h"
#include "executor/task.h"
#include "waker/ready.h"

enum cancel { NOT_CANCELED, CANCELED, ABORTED };

/* No time was asked for: waits end at once. */
static const int64_t no_grace = INT64_MIN;

/* The task that the executor polls. It is in the coroutine: rv_coro_data(). A
 * copied argument follows it. */
struct task {
    struct rv_awaiter awaiter; /* awaited: NULL if it is canceled */
    struct rv_coro *coro;
    uint32_t mark;    /* of the process that created it */
    uint8_t cancel;   /* enum cancel */
    bool interrupted; /* resume it with -ECANCELED: SPAWN-1 */
    int64_t grace_ns; /* in CANCELED: how long waits may take */
    struct rv_cx *cx; /* while it runs, but not inside a poll */
    struct rv_scope_member member;
    _Alignas(16) char copy[];
};

static int wait_for(struct task *self, struct rv_future *future)
{
    struct rv_cx *cx = self->cx;

    RV_CHECK(cx, "an await inside of a poll");
    self->cx = NULL;
    self->awaiter.polled = future;
    if (rv_poll(future, cx) == RV_READY) {
        self->cx = cx;
        return future->result;
    }
    self->awaiter.awaited = future;
    return rv_coro_suspend_then(NULL, NULL);
}

/* SPAWN-2 */
static __attribute__((noinline)) int wait_canceled(struct task *self,
                                                   struct rv_future *future)
{
    struct rv_until until;
    int result;

    if (self->cancel == ABORTED || self->grace_ns == no_grace)
        return -ECANCELED;
    rv_until_init(&until, future, self->grace_ns);
    result = wait_for(self, &until.future);
    rv_drop(&until.future);
    return future->at == RV_AT_END ? result : -ECANCELED;
}

static int await(struct rv_coro *coro, struct rv_future *future)
{
    struct task *self = rv_coro_data(coro);

    if (__builtin_expect(self->cancel, NOT_CANCELED))
        return wait_canceled(self, future);
    return wait_for(self, future);
}

static bool canceled(struct rv_coro *coro)
{
    const struct task *self = rv_coro_data(coro);

    return self->cancel != NOT_CANCELED;
}

static int grace(struct rv_coro *coro, int64_t deadline_ns)
{
    struct task *self = rv_coro_data(coro);

    if (self->cancel == ABORTED)
        return -ECANCELED;
    if (self->cancel == CANCELED)
        self->grace_ns = deadline_ns == no_grace ? no_grace + 1 : deadline_ns;
    return 0;
}

static const struct rv_coro_host host = {
    .await = await, .canceled = canceled, .grace = grace};

static enum rv_poll task_poll(struct rv_future *future, struct rv_cx *cx)
{
    struct task *self = RV_CONTAINER_OF(future, struct task, awaiter.future);
    struct rv_future *awaited = self->awaiter.awaited;
    bool finished;
    int value = 0;

    cx->frames = &self->coro->frames;
    if (__builtin_expect(self->interrupted, false)) {
        self->interrupted = false;
        value = -ECANCELED;
    } else if (awaited) {
        if (rv_poll(awaited, cx) == RV_PENDING)
            return RV_PENDING;
        value = awaited->result;
    }
    self->awaiter.awaited = NULL;
    self->cx = cx;
    rv_trace(RV_EV_SWITCH, cx->waker.id, rv_ready_owner(cx->waker.queue));
    finished = rv_coro_resume_with(self->coro, value);
    rv_trace(RV_EV_SWITCH, 0, 0);
    if (!finished)
        return RV_PENDING;
    future->result = rv_coro_result(self->coro);
    return RV_READY;
}

/* The end of the task, which is inside the coroutine. If the coroutine has not
 * finished, it runs to its end here (SPAWN-3). */
static void task_drop(struct rv_future *future)
{
    struct task *self = RV_CONTAINER_OF(future, struct task, awaiter.future);

    /* In a child of fork() the coroutine does not continue: its side effects
     * belong to the parent. Its scope may be dropped there. */
    if (rv_fork_is_copy(self->mark)) {
        rv_scope_remove(&self->member, 0);
        return;
    }
    self->cancel = ABORTED;
    if (!rv_coro_finished(self->coro))
        RV_CHECK(rv_coro_resume_with(self->coro, -ECANCELED),
                 "a canceled coroutine suspended");
    rv_scope_remove(&self->member, rv_coro_result(self->coro));
    rv_coro_free(self->coro);
}

/* --- a request to end ----------------------------------------------------- */

static void cancel(struct task *self, struct rv_executor *executor, uint64_t id)
{
    if (self->cancel != NOT_CANCELED)
        return;
    self->cancel = CANCELED;
    if (!self->awaiter.awaited)
        return; /* it runs, or will for the first time: SPAWN-2 */
    self->interrupted = true;
    self->awaiter.awaited = NULL;
    rv_task_wake(executor, id);
}

static void cancel_member(struct rv_scope_member *member)
{
    cancel(RV_CONTAINER_OF(member, struct task, member),
           member->scope->executor, member->task);
}

/* --- start ------------------------------------------------------------- */

/*
 * arg_bytes: of `arg`, to copy; 0: pass the pointer.
 * join, scope: may be NULL.
 */
static int spawn(struct rv_executor *executor, rv_coro_entry entry, void *arg,
                 size_t arg_bytes, const struct rv_coro_options *options,
                 struct rv_join *join, struct rv_scope *scope)
{
    static const struct rv_future_ops ops = {
        .name = "rv_coro", .poll = task_poll, .drop = task_drop};

    struct rv_coro_options chosen = {
        .host = &host, .data_bytes = sizeof(struct task) + arg_bytes};
    struct rv_coro *coro;
    struct task *task;
    uint64_t id;
    int error;

    if (arg_bytes > RV_CORO_COPY_BYTES)
        return -EINVAL;
    if (options) {
        chosen.name = options->name;
        chosen.stack_bytes = options->stack_bytes;
    }
    error = rv_coro_new(&coro, entry, arg, &chosen);
    if (error)
        return error;
    task = rv_coro_data(coro);
    task->coro = coro;
    task->mark = rv_fork_mark();
    task->grace_ns = no_grace;
    if (arg_bytes)
        coro->arg = memcpy(task->copy, arg, arg_bytes);
    rv_future_init(&task->awaiter.future, &ops);
    error = rv_task_spawn(executor, &task->awaiter.future, join,
                          RV_TASK_EMBEDDED | RV_TASK_AWAITS, chosen.name,
                          scope ? &task->member.task : &id);
    if (error) {
        rv_coro_free(coro);
    } else if (scope) {
        task->member.cancel = cancel_member;
        rv_scope_add(scope, &task->member);
    }
    return error;
}

int rv_coro_spawn(struct rv_executor *executor, rv_coro_entry entry, void *arg,
                  const struct rv_coro_options *options, struct rv_join *join)
{
    return spawn(executor, entry, arg, 0, options, join, NULL);
}

int rv_coro_spawn_copy(struct rv_executor *executor, rv_coro_entry entry,
                       const void *arg, size_t arg_bytes,
                       const struct rv_coro_options *options,
                       struct rv_join *join)
{
    return spawn(executor, entry, (void *)arg, arg_bytes, options, join, NULL);
}

/* --- cancellation ------------------------------------------------------ */

void rv_coro_cancel(struct rv_join *join)
{
    struct rv_future *future;

    if (!join->task)
        return;
    RV_CHECK(rv_executor_is_here(join->executor),
             "on another thread than the executor's");
    future = rv_task_future(join->executor, join->task);
    if (!future)
        return;
    RV_CHECK(future->ops->poll == task_poll, "the task is not a coroutine");
    cancel(RV_CONTAINER_OF(future, struct task, awaiter.future), join->executor,
           join->task);
}

/* Returns: the task of the calling coroutine; NULL if it has another host. */
static struct task *current_task(void)
{
    struct rv_coro *coro = rv_coro_current();

    return coro && coro->host == &host ? rv_coro_data(coro) : NULL;
}

/* --- in a scope -------------------------------------------------------- */

void rv_scope_count(struct rv_scope *scope)
{
    if (!scope->counted)
        scope->counted =
            rv_frames_count(rv_frames_current(), scope, RV_FRAMES_SCOPES);
}

int rv_coro_stays(void)
{
    if (rv_executor_is_copy())
        return -ESTALE;
    return rv_executor_current() && !rv_coro_moves() ? 0 : -ENOTSUP;
}

int rv_scope_spawn_coro(struct rv_scope *scope, rv_coro_entry entry,
                        const void *arg, size_t arg_bytes,
                        const struct rv_coro_options *options)
{
    int error;

    RV_CHECK(!rv_coro_moves(), "a task of a scheduler needs rv_go_scope");
    if (!rv_scope_is_open(scope))
        return -ECANCELED;
    error = spawn(scope->executor, entry, (void *)arg, arg_bytes, options, NULL,
                  scope);
    if (!error)
        rv_scope_count(scope);
    return error;
}

/* SPAWN-4 */
int rv_scope_wait(struct rv_scope *scope)
{
    struct task *self = current_task();
    int result;

    RV_CHECK(!rv_coro_moves(), "a task of a scheduler needs rv_go_scope");
    if (rv_executor_is_copy())
        return -ESTALE; /* nothing of the scope runs here */
    RV_CHECK(rv_coro_current() && rv_executor_current() == scope->executor,
             "not in a coroutine of the scope's executor");
    if (scope->future.at == RV_AT_END)
        return scope->future.result;
    RV_CHECK(!self || self->member.scope != scope,
             "a task waits for the scope that it is in");
    result = rv_await(&scope->future);
    if (scope->future.at != RV_AT_END && self && self->cancel == CANCELED) {
        rv_scope_cancel(scope);
        wait_for(self, &scope->future);
    }
    if (scope->future.at != RV_AT_END)
        result = -ECANCELED; /* SPAWN-3 */
    rv_drop(&scope->future);
    return result;
}

/* --- waits ------------------------------------------------------------- */

int rv_coro_yield(void)
{
    struct rv_yield yield;

    rv_yield_init(&yield);
    return rv_await(&yield.future);
}

int rv_coro_sleep_until(int64_t deadline_ns)
{
    struct rv_sleep sleep;
    int result;

    rv_sleep_init(&sleep, deadline_ns);
    result = rv_await(&sleep.future);
    rv_drop(&sleep.future);
    return result;
}
