/* SPDX-License-Identifier: MIT */
/*
 * scope.c - a group of tasks that ends with its owner.
 *
 * Threads: the executor's.
 *
 * Each task of a scope is a small future that wraps the caller's. It is on the
 * scope's list until it is dropped, which the executor does when the task ends
 * for any reason. So the list has the unfinished tasks, and the scope is READY
 * when its list is empty.
 */
#include <errno.h>
#include <reveil/combine.h>

#include "base/base_internal.h"
#include "executor/task.h"

struct member {
    struct rv_future future;
    struct rv_scope *scope; /* NULL once it is off the list */
    struct rv_list node;
    struct rv_future *child; /* owned */
    uint64_t task;
};

static enum rv_poll member_poll(struct rv_future *future, struct rv_cx *cx)
{
    struct member *self = RV_CONTAINER_OF(future, struct member, future);

    if (self->child->at != RV_AT_END && rv_poll(self->child, cx) == RV_PENDING)
        return RV_PENDING;
    if (self->child->result < 0 && self->scope->error == 0)
        self->scope->error = self->child->result;
    return RV_READY;
}

static void member_drop(struct rv_future *future)
{
    struct member *self = RV_CONTAINER_OF(future, struct member, future);
    struct rv_scope *scope = self->scope;

    if (!scope)
        return;
    self->scope = NULL;
    rv_list_remove(&self->node);
    rv_drop(self->child);
    rv_free(self->child);
    if (rv_list_empty(&scope->tasks))
        rv_waker_wake(&scope->waiter);
}

static enum rv_poll scope_poll(struct rv_future *future, struct rv_cx *cx)
{
    struct rv_scope *self = RV_CONTAINER_OF(future, struct rv_scope, future);

    if (rv_scope_empty(self)) {
        rv_waker_drop(&self->waiter);
        future->result = self->error;
        return RV_READY;
    }
    rv_waker_store(&self->waiter, &cx->waker);
    return RV_PENDING;
}

static void scope_drop(struct rv_future *future)
{
    struct rv_scope *self = RV_CONTAINER_OF(future, struct rv_scope, future);

    rv_waker_drop(&self->waiter);
    while (!rv_list_empty(&self->tasks)) {
        struct member *member =
            RV_CONTAINER_OF(self->tasks.next, struct member, node);

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
    scope->error = 0;
    rv_list_init(&scope->tasks);
}

int rv_scope_spawn_at(struct rv_scope *scope, struct rv_future *future,
                      const char *where)
{
    static const struct rv_future_ops ops = {
        .name = "rv_scope task", .poll = member_poll, .drop = member_drop};
    struct member *member;
    int error;

    if (scope->future.at == RV_AT_END)
        return -ECANCELED;
    member = rv_alloc(sizeof *member);
    if (!member)
        return -ENOMEM;
    rv_future_init(&member->future, &ops);
    member->child = future;
    error = rv_task_spawn(scope->executor, &member->future, NULL, 0, where,
                          &member->task);
    if (error) {
        rv_free(member);
        return error;
    }
    member->scope = scope;
    rv_list_push(&scope->tasks, &member->node);
    return 0;
}

bool rv_scope_empty(const struct rv_scope *scope)
{
    return rv_list_empty(&scope->tasks);
}
