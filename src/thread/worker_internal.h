/* SPDX-License-Identifier: MIT */
/* worker_internal.h - what the CPU part and the tests reach of a worker. */
#ifndef RV_WORKER_INTERNAL_H
#define RV_WORKER_INTERNAL_H

#include <reveil/worker.h>

/* How many packets this pipe has places for, RV_WORKER_CREDITS at most. */
uint32_t rv_worker_credits(int pipe_fd);

/* What rv_worker_take_done_fd() did, undone: it does not block, and is closed
 * by rv_worker_stop(). */
void rv_worker_give_done_fd_back(struct rv_worker *worker);

#endif /* RV_WORKER_INTERNAL_H */
