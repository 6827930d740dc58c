/* SPDX-License-Identifier: MIT */
/*
 * scope.h - for the parts that make tasks of a scope.
 *
 * Threads: the executor's.
 */
#ifndef RV_SCOPE_H
#define RV_SCOPE_H

#include <reveil/combine.h>

/* Returns: false if the scope accepts no more tasks. */
bool rv_scope_is_open(const struct rv_scope *scope);

/* From here until rv_scope_remove(), which the drop function of the task calls,
 * the task is of the scope. */
void rv_scope_add(struct rv_scope *scope, struct rv_scope_member *member);

/* The task has ended. result: negative: the error of the scope, if it is the
 * first one. Does nothing for a member of no scope. */
void rv_scope_remove(struct rv_scope_member *member, int32_t result);

#endif /* RV_SCOPE_H */
