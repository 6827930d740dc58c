/* SPDX-License-Identifier: MIT */
/* remote_internal.h - what remote.c and remote_task.c share. */
#ifndef RV_REMOTE_INTERNAL_H
#define RV_REMOTE_INTERNAL_H

#include <reveil/remote.h>

/* One that both the task and its join hold. Returns: NULL without memory. */
struct rv_remote_task *rv_remote_task_new(void);

/* Free one that no other thread has seen. */
void rv_remote_task_free(struct rv_remote_task *task);

/* The join's side. */
void rv_remote_join_init(struct rv_remote_join *join,
                         struct rv_remote_task *task);

/* The task's side: leave the task's waker, and say whether the join has
 * aborted it. */
bool rv_remote_task_aborted(struct rv_remote_task *task,
                            const struct rv_waker *runner);

/* The task is over: store its result, wake the join, release its side's
 * reference. */
void rv_remote_task_settle(struct rv_remote_task *task, int32_t result);

#endif /* RV_REMOTE_INTERNAL_H */
