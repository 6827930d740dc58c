/* SPDX-License-Identifier: MIT */
/*
 * done_fd.h - back from an io_uring that has failed.
 *
 * Threads: the one that submits.
 */
#ifndef RV_DONE_FD_H
#define RV_DONE_FD_H

#include <reveil/pipe_thread.h>

/* Undo rv_pipe_thread_take_done_fd(): the descriptor is non-blocking again, and
 * rv_pipe_thread_stop() closes it. */
void rv_pipe_thread_give_done_fd_back(struct rv_pipe_thread *thread);

#endif /* RV_DONE_FD_H */
