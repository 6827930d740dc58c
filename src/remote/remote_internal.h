/* SPDX-License-Identifier: MIT */
/* remote_internal.h - what remote.c and remote_task.c share. */
#ifndef RV_REMOTE_INTERNAL_H
#define RV_REMOTE_INTERNAL_H

#include <reveil/remote.h>

/* Make the state that a task and its join share, with a reference for each.
 * Returns: NULL: out of memory. */
struct rv_remote_task *rv_remote_task_new(void);

/* Free one that no other thread has seen. */
void rv_remote_task_free(struct rv_remote_task *task);

/* Make the join of a task. */
void rv_remote_join_init(struct rv_remote_join *join,
                         struct rv_remote_task *task);

/* For the task: store its waker. Returns: whether the join has aborted it. */
bool rv_remote_task_aborted(struct rv_remote_task *task,
                            const struct rv_waker *runner);

/* For a task that ends: store its result, wake the join, and drop the task's
 * reference. */
void rv_remote_task_settle(struct rv_remote_task *task, int32_t result);

#endif /* RV_REMOTE_INTERNAL_H */
