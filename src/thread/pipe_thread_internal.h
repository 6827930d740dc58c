/* SPDX-License-Identifier: MIT */
/* pipe_thread_internal.h - what the CPU part and the tests reach of a pipe
 * thread. */
#ifndef RV_PIPE_THREAD_INTERNAL_H
#define RV_PIPE_THREAD_INTERNAL_H

#include <reveil/pipe_thread.h>

/* How many packets this pipe has slots for, RV_PIPE_THREAD_CREDITS at most. */
uint32_t rv_pipe_thread_credits(int pipe_fd);

/* What rv_pipe_thread_take_done_fd() did, undone: it does not block, and is
 * closed by rv_pipe_thread_stop(). */
void rv_pipe_thread_give_done_fd_back(struct rv_pipe_thread *thread);

#endif /* RV_PIPE_THREAD_INTERNAL_H */
