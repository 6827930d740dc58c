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

/* Returns: 0 if the caller stays on the executor that polls it; -ENOTSUP in a
 * task of a scheduler, or if no executor polls; -ESTALE in a child of fork().
 */
int rv_coro_stays(void);

/* rv_error_note() in a coroutine or not. A coroutine that waits afterwards, or
 * ends with another result, has gone on after the error: it is forgotten. */
int rv_coro_note(int error, const char *about);

#endif /* RV_HOST_H */
