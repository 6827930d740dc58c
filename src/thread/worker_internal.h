/* SPDX-License-Identifier: MIT */
/* worker_internal.h - what the tests reach of a worker. */
#ifndef RV_WORKER_INTERNAL_H
#define RV_WORKER_INTERNAL_H

#include <reveil/worker.h>

/* How many packets this pipe has places for, RV_WORKER_CREDITS at most. */
uint32_t rv_worker_credits(int pipe_fd);

#endif /* RV_WORKER_INTERNAL_H */
