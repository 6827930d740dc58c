/* SPDX-License-Identifier: MIT */
/*
 * scope.c - a group of tasks that ends with its owner.
 *
 * Threads: the executor's.
 *
 * Each task of a scope is on the scope's list until its future is dropped,
 * which the executor does when the task ends for any reason. So the list has
 * the unfinished tasks, and the scope is READY when its list is empty. A future
 * of the caller's is wrapped in a small one for that.
 */
#include <errno.h>

#include "base/base_internal.h"
#include "base/frames.h"
#include "combine/scope.h"
#include "executor/task.h"

/* --- the members ------------------------------------------------------- */

bool rv_scope_is_open(const struct rv_scope *scope)
{
    return scope->future.at != RV_AT_END && !scope->canceled;
}

void rv_scope_add(struct rv_scope *scope, struct rv_scope_member *member)
{
    member->scope = scope;
    rv_list_push(&scope->tasks, &member->node);
}

void rv_scope_remove(struct rv_scope_member *member, int32_t result)
{
    struct rv_scope *scope = member->scope;

    if (!scope)
        return;
    member->scope = NULL;
    rv_list_remove(&member->node);
    if (result < 0 && scope->error == 0)
        scope->error = result;
    if (!rv_list_empty(&scope->tasks))
        return;
    rv_frames_uncount(&scope->counted);
    rv_waker_wake(&scope->waiter);
}

/* --- a future as a member ---------------------------------------------- */

struct wrapper {
    struct rv_future future;
    struct rv_scope_member member;
    struct rv_future *child; /* owned; NULL once it is freed */
};

static enum rv_poll wrapper_poll(struct rv_future *future, struct rv_cx *cx)
{
    struct wrapper *self = RV_CONTAINER_OF(future, struct wrapper, future);

    if (self->child->at != RV_AT_END && rv_poll(self->child, cx) == RV_PENDING)
        return RV_PENDING;
    future->result = self->child->result;
    return RV_READY;
}

static void wrapper_drop(struct rv_future *future)
{
    struct wrapper *self = RV_CONTAINER_OF(future, struct wrapper, future);
    struct rv_future *child = self->child;
    const bool finished = future->at == RV_AT_END;

    if (!child)
        return;
    self->child = NULL;
    rv_drop(child);
    rv_free(child);
    rv_scope_remove(&self->member, finished ? future->result : 0);
}

int rv_scope_spawn_at(struct rv_scope *scope, struct rv_future *future,
                      const char *where)
{
    static const struct rv_future_ops ops = {
        .name = "rv_scope task", .poll = wrapper_poll, .drop = wrapper_drop};
    struct wrapper *wrapper;
    int error;

    if (!rv_scope_is_open(scope))
        return -ECANCELED;
    wrapper = rv_alloc(sizeof *wrapper);
    if (!wrapper)
        return -ENOMEM;
    rv_future_init(&wrapper->future, &ops);
    wrapper->child = future;
    error = rv_task_spawn(scope->executor, &wrapper->future, NULL, 0, where,
                          &wrapper->member.task);
    if (error) {
        rv_free(wrapper);
        return error;
    }
    rv_scope_add(scope, &wrapper->member);
    return 0;
}

/* --- the scope --------------------------------------------------------- */

static enum rv_poll scope_poll(struct rv_future *future, struct rv_cx *cx)
{
    struct rv_scope *self = RV_CONTAINER_OF(future, struct rv_scope, future);

    if (rv_scope_empty(self)) {
        rv_waker_drop(&self->waiter);
        future->result = self->error;
        return RV_READY;
    }
    if (!rv_waker_same(&self->waiter, &cx->waker))
        RV_CHECK(rv_executor_is_here(self->executor),
                 "a scope is awaited on another thread than the executor's");
    rv_waker_store(&self->waiter, &cx->waker);
    return RV_PENDING;
}

static void scope_drop(struct rv_future *future)
{
    struct rv_scope *self = RV_CONTAINER_OF(future, struct rv_scope, future);

    rv_waker_drop(&self->waiter);
    self->canceled = true; /* a task that ends here may want to spawn */
    while (!rv_list_empty(&self->tasks)) {
        struct rv_scope_member *member =
            RV_CONTAINER_OF(self->tasks.next, struct rv_scope_member, node);

        rv_task_abort(self->executor, member->task);
        RV_CHECK(self->tasks.next != &member->node,
                 "a scope was dropped by one of its own tasks");
    }
}

void rv_scope_init(struct rv_scope *scope, struct rv_executor *executor)
{
    static const struct rv_future_ops ops = {
        .name = "rv_scope", .poll = scope_poll, .drop = scope_drop};

    rv_future_init(&scope->future, &ops);
    scope->executor = executor;
    scope->waiter = (struct rv_waker){0};
    scope->counted = NULL;
    scope->error = 0;
    scope->canceled = false;
    rv_list_init(&scope->tasks);
}

/* An abort may end other members too: those that are still to be asked are on a
 * list of their own. */
void rv_scope_cancel(struct rv_scope *scope)
{
    struct rv_list asked;
    struct rv_list *node;

    RV_CHECK(rv_executor_is_here(scope->executor),
             "on another thread than the executor's");
    scope->canceled = true;
    rv_list_init(&asked);
    rv_list_splice(&asked, &scope->tasks);
    while ((node = rv_list_pop(&asked))) {
        struct rv_scope_member *member =
            RV_CONTAINER_OF(node, struct rv_scope_member, node);

        rv_list_push(&scope->tasks, node);
        if (member->cancel)
            member->cancel(member);
        else
            rv_task_abort(scope->executor, member->task);
    }
}

bool rv_scope_empty(const struct rv_scope *scope)
{
    return rv_list_empty(&scope->tasks);
}
