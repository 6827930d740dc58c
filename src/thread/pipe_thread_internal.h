/* SPDX-License-Identifier: MIT */
/* pipe_thread_internal.h - what the tests reach of a pipe thread. */
#ifndef RV_PIPE_THREAD_INTERNAL_H
#define RV_PIPE_THREAD_INTERNAL_H

#include <reveil/pipe_thread.h>

/* How many packets this pipe has slots for, RV_PIPE_THREAD_CREDITS at most. */
uint32_t rv_pipe_thread_credits(int pipe_fd);

#endif /* RV_PIPE_THREAD_INTERNAL_H */
