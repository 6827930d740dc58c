/* SPDX-License-Identifier: MIT */
/*
 * host.h - for the parts that behave differently in a coroutine.
 *
 * Threads: any.
 */
#ifndef RV_HOST_H
#define RV_HOST_H

#include <reveil/coro.h>

/* Whether the calling coroutine may continue on another thread after a wait.
 * Outside of coroutines: false. */
bool rv_coro_moves(void);

/* rv_error_note() in a coroutine or not. A coroutine that waits afterwards, or
 * ends with another result, has gone on after the error: it is forgotten. */
int rv_coro_note(int error, const char *about);

#endif /* RV_HOST_H */
