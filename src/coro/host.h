/* SPDX-License-Identifier: MIT */
/*
 * host.h - for the parts whose objects belong to one executor.
 *
 * Threads: any.
 */
#ifndef RV_HOST_H
#define RV_HOST_H

#include <reveil/coro.h>

/* Whether the calling coroutine may continue on another thread after a wait.
 * Outside of coroutines: false. */
bool rv_coro_moves(void);

#endif /* RV_HOST_H */
