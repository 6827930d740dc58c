/* SPDX-License-Identifier: MIT */
/* pipe_thread_internal.h - functions of pipe threads for the tests. */
#ifndef RV_PIPE_THREAD_INTERNAL_H
#define RV_PIPE_THREAD_INTERNAL_H

#include <reveil/pipe_thread.h>

/* The number of packets that this pipe has slots for, at most
 * RV_PIPE_THREAD_CREDITS. */
uint32_t rv_pipe_thread_credits(int pipe_fd);

#endif /* RV_PIPE_THREAD_INTERNAL_H */
