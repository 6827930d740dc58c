/* SPDX-License-Identifier: MIT */
/* pipe_thread_internal.h - functions of pipe threads for the CPU part and the
 * tests. */
#ifndef RV_PIPE_THREAD_INTERNAL_H
#define RV_PIPE_THREAD_INTERNAL_H

#include <reveil/pipe_thread.h>

/* The number of packets that this pipe has slots for, at most
 * RV_PIPE_THREAD_CREDITS. */
uint32_t rv_pipe_thread_credits(int pipe_fd);

/* Undo rv_pipe_thread_take_done_fd(): the descriptor is non-blocking again, and
 * rv_pipe_thread_stop() closes it. */
void rv_pipe_thread_give_done_fd_back(struct rv_pipe_thread *thread);

#endif /* RV_PIPE_THREAD_INTERNAL_H */
