/* SPDX-License-Identifier: MIT */
/*
 * loop.h - for a loop around the executor's own: a worker of the scheduler.
 *
 *     rv_executor_enter(executor);
 *     while (...)
 *         if (!rv_executor_run(executor))
 *             park on rv_ready_parker() until rv_executor_next_ns(executor);
 *     rv_executor_leave(executor);
 *
 * Threads: the executor's.
 */
#ifndef RV_LOOP_H
#define RV_LOOP_H

#include <reveil/executor.h>

/*
 * Between enter and leave this thread polls for `executor`.
 *
 * Misuse: enter when the thread polls for an executor already.
 */
void rv_executor_enter(struct rv_executor *executor);
void rv_executor_leave(struct rv_executor *executor);

/* Poll what is ready, wake due timers and call the drivers, without sleeping.
 * Returns: true if there was anything to do. */
bool rv_executor_run(struct rv_executor *executor);

/*
 * The same for a loop that has other work to do next. The drivers run after the
 * tasks: operations that the tasks have prepared for a ring would otherwise
 * wait until a call finds nothing ready.
 */
bool rv_executor_run_busy(struct rv_executor *executor);

/* When the first timer is due; RV_NEVER if there is none. */
int64_t rv_executor_next_ns(const struct rv_executor *executor);

#endif /* RV_LOOP_H */
