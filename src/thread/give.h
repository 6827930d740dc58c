/* SPDX-License-Identifier: MIT */
/*
 * give.h - a pipe thread's job that has its RV_EV_JOB_QUEUED already: the CPU
 * pool writes it when a job is queued, which may be long before a pipe thread
 * gets it, and a job that is lent goes to two.
 */
#ifndef RV_PIPE_THREAD_GIVE_H
#define RV_PIPE_THREAD_GIVE_H

#include <reveil/pipe_thread.h>

/* As rv_pipe_thread_submit(), without the event. */
int rv_pipe_thread_give(struct rv_pipe_thread *thread,
                        struct rv_callable *callable);

#endif /* RV_PIPE_THREAD_GIVE_H */
