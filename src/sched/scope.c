/* SPDX-License-Identifier: MIT */
/*
 * scope.c - a group of tasks that ends before the frame that they use.
 *
 * Threads: add and remove: the workers of the tasks; cancel: any; wait: the
 * owner's worker.
 *
 * A scope is on the stack of its owner, and its tasks run on any worker. What
 * it has is protected by a lock of the scheduler, not of the scope: the last
 * task unlocks it when the scope may be gone.
 *
 * Protocol:
 *
 *   SCOPE-1  A task is on the scope's list before any worker can run it, and
 *       until its function has returned. So the list has all tasks that may use
 *       the frame of the owner.
 *   SCOPE-2  The owner leaves rv_go_scope_wait() only after it has seen an
 *       empty list, with the lock held, and then the scope accepts no more. The
 *       task that empties the list takes the owner's waker while it holds the
 *       lock, and touches nothing of the scope after it has unlocked it.
 *   SCOPE-3  A canceled owner cancels the tasks, and then waits without an end.
 *       No deadlock detection ends that wait: what it waits for can be ended
 *       itself, since a task cannot be in the scope of one that it waits for in
 *       a scope of its own.
 *   SCOPE-4  A request to the tasks is made with the lock held. A task that is
 *       on the list cannot be freed meanwhile.
 */
#include <errno.h>
#include <time.h>

#include "base/base_internal.h"
#include "sched/sched_internal.h"

static pthread_mutex_t *lock_of(const struct rv_go_scope *scope)
{
    const uintptr_t address = (uintptr_t)scope;

    return &scope->sched
                ->scope_locks[(address / 64 ^ address / 65536) % RV_SCOPE_LOCKS]
                .mutex;
}

void rv_go_scope_init(struct rv_go_scope *scope)
{
    struct rv_go_task *self = rv_go_current();

    RV_CHECK(self, "not in a task");
    *scope = (struct rv_go_scope){.sched = self->sched, .owner = self};
    rv_list_init(&scope->tasks);
}

/* --- the tasks --------------------------------------------------------- */

int rv_go_scope_add(struct rv_go_scope *scope, struct rv_go_task *task)
{
    pthread_mutex_t *mutex = lock_of(scope);
    const bool open = (pthread_mutex_lock(mutex), !scope->canceled);

    if (open) {
        if (!scope->used)
            /* relaxed: see end_task(). */
            atomic_fetch_add_explicit(&scope->owner->scopes, 1,
                                      memory_order_relaxed);
        scope->used = true;
        task->scope = scope;
        rv_list_push(&scope->tasks, &task->member); /* SCOPE-1 */
    }
    pthread_mutex_unlock(mutex);
    return open ? 0 : -ECANCELED;
}

/* SCOPE-2 */
void rv_go_scope_remove(struct rv_go_task *task)
{
    struct rv_go_scope *scope = task->scope;
    pthread_mutex_t *mutex = lock_of(scope);
    struct rv_waker waiter = {0};

    task->scope = NULL;
    pthread_mutex_lock(mutex);
    rv_list_remove(&task->member);
    if (task->result < 0 && scope->error == 0)
        scope->error = task->result;
    if (rv_list_empty(&scope->tasks))
        waiter = rv_waker_take(&scope->waiter);
    pthread_mutex_unlock(mutex);
    rv_waker_wake_and_drop(&waiter);
}

int rv_go_scope_spawn_literal(struct rv_go_scope *scope, const char *name,
                              rv_go_fn fn, const void *arg, size_t arg_bytes)
{
    struct rv_worker *worker = rv_worker_current();

    RV_CHECK(worker && worker->sched == scope->sched,
             "not in a task of the scope's scheduler");
    if (arg_bytes > RV_CORO_COPY_BYTES)
        return -EINVAL;
    return rv_go_start(worker, NULL, scope, name, fn, arg, arg_bytes);
}

/* SCOPE-4 */
void rv_go_scope_cancel(struct rv_go_scope *scope)
{
    pthread_mutex_t *mutex = lock_of(scope);

    if (rv_fork_is_copy(scope->sched->mark))
        return;
    pthread_mutex_lock(mutex);
    scope->canceled = true;
    for (struct rv_list *node = scope->tasks.next; node != &scope->tasks;
         node = node->next)
        rv_go_cancel_task(RV_CONTAINER_OF(node, struct rv_go_task, member));
    pthread_mutex_unlock(mutex);
}

bool rv_go_scope_empty(struct rv_go_scope *scope)
{
    pthread_mutex_t *mutex = lock_of(scope);
    bool empty;

    pthread_mutex_lock(mutex);
    empty = rv_list_empty(&scope->tasks);
    pthread_mutex_unlock(mutex);
    return empty;
}

/* --- wait -------------------------------------------------------------- */

/* The owner's wait; it may be dropped on any thread. */
struct ending {
    struct rv_future future;
    struct rv_go_scope *scope;
    bool seen_empty; /* a canceled wait drops the future too */
};

/* Look at the list, and leave the waker if there is a task on it. SCOPE-2 */
static bool look(struct ending *self, const struct rv_waker *waker)
{
    struct rv_go_scope *scope = self->scope;
    pthread_mutex_t *mutex = lock_of(scope);

    pthread_mutex_lock(mutex);
    self->seen_empty = rv_list_empty(&scope->tasks);
    if (self->seen_empty)
        scope->canceled = true; /* it accepts no more */
    else if (waker)
        rv_waker_store(&scope->waiter, waker);
    pthread_mutex_unlock(mutex);
    return self->seen_empty;
}

static enum rv_poll ending_poll(struct rv_future *future, struct rv_cx *cx)
{
    struct ending *self = RV_CONTAINER_OF(future, struct ending, future);
    struct rv_go_scope *scope = self->scope;

    if (look(self, &cx->waker)) {
        rv_waker_drop(&scope->waiter);
        future->result = scope->error;
        return RV_READY;
    }
    cx->needs_task = future;
    return RV_PENDING;
}

static void ending_drop(struct rv_future *future)
{
    struct ending *self = RV_CONTAINER_OF(future, struct ending, future);
    pthread_mutex_t *mutex = lock_of(self->scope);

    pthread_mutex_lock(mutex);
    rv_waker_drop(&self->scope->waiter);
    pthread_mutex_unlock(mutex);
}

static void ending_init(struct ending *ending, struct rv_go_scope *scope)
{
    static const struct rv_future_ops ops = {
        .name = "rv_go_scope_wait", .poll = ending_poll, .drop = ending_drop};

    rv_future_init(&ending->future, &ops);
    ending->scope = scope;
    ending->seen_empty = false;
}

/*
 * SCOPE-3. Without memory for a wait, the owner looks at the list every
 * millisecond, between which its worker runs other tasks: a wait that needs
 * memory would not see that the list is empty.
 */
int rv_go_scope_wait(struct rv_go_scope *scope)
{
    const struct timespec pause = {.tv_nsec = RV_NS_PER_MS};
    struct rv_go_task *self = rv_go_current();
    bool canceled = false;
    struct ending ending;
    int result;

    RV_CHECK(self && self == scope->owner, "the scope has another owner");
    if (rv_fork_is_copy(scope->sched->mark))
        return -ESTALE;
    ending_init(&ending, scope);
    result = rv_await(&ending.future);
    while (!ending.seen_empty) {
        rv_drop(&ending.future);
        canceled = canceled || result == -ECANCELED;
        if (canceled)
            rv_go_scope_cancel(scope);
        if (result == -ENOMEM)
            nanosleep(&pause, NULL);
        rv_go_yield();
        ending_init(&ending, scope);
        if (look(&ending, NULL)) {
            result = scope->error;
            break;
        }
        result = canceled ? rv_go_await_end(&ending.future)
                          : rv_await(&ending.future);
    }
    if (scope->used)
        /* relaxed: see end_task(). */
        atomic_fetch_sub_explicit(&self->scopes, 1, memory_order_relaxed);
    scope->used = false;
    return canceled ? -ECANCELED : result;
}
