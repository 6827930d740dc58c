/* SPDX-License-Identifier: MIT */
/*
 * frames.c - which coroutine runs on this thread.
 *
 * Threads: any.
 */
#include "base/frames.h"

_Thread_local struct rv_frames *rv_frames_running
    __attribute__((tls_model("initial-exec")));

__attribute__((noinline)) struct rv_frames *rv_frames_current(void)
{
    __asm__ volatile("" ::: "memory");
    return rv_frames_running;
}
