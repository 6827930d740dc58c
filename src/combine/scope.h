/* SPDX-License-Identifier: MIT */
/*
 * scope.h - for the parts that make tasks of a scope.
 *
 * Threads: the executor's.
 */
#ifndef RV_SCOPE_H
#define RV_SCOPE_H

#include <reveil/combine.h>

/* A task of a scope, from rv_scope_add() to rv_scope_remove(), which its drop
 * function calls. Embed it. */
struct rv_scope_member {
    struct rv_scope *scope; /* NULL: not in a scope */
    struct rv_list node;
    uint64_t task;
    /* Ask the task to end by itself. NULL: abort it. */
    void (*cancel)(struct rv_scope_member *member);
};

/* Returns: false if the scope accepts no more tasks. */
bool rv_scope_is_open(const struct rv_scope *scope);

void rv_scope_add(struct rv_scope *scope, struct rv_scope_member *member);

/* The task has ended. result: negative: the error of the scope, if it is the
 * first one. Does nothing for a member of no scope. */
void rv_scope_remove(struct rv_scope_member *member, int32_t result);

#endif /* RV_SCOPE_H */
