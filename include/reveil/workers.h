/* SPDX-License-Identifier: MIT */
/*
 * workers.h - N threads, each with an executor that takes futures from others.
 *
 *     rv_runtime_start(&runtime);
 *     rv_workers_start(&workers, runtime, 4);
 *     for (uint32_t i = 0; i < 4; i++)
 *         rv_remote_spawn(rv_workers_remote(workers, i), &server[i]->future,
 *                         &joins[i]);
 *     rv_runtime_block_on(runtime, &main_future);        awaits the joins
 *     rv_workers_stop(workers);
 *     rv_runtime_stop(runtime);
 *
 * Each worker has a runtime beside the caller's (rv_runtime_start_beside()):
 * in the thread mode all share one reactor, in the fused mode each executor
 * sleeps in an epoll of its own. A task stays on its worker. A server has a
 * listener on each: see reuse_port in net.h.
 */
#ifndef RV_WORKERS_H
#define RV_WORKERS_H

#include <reveil/remote.h>
#include <reveil/runtime.h>

struct rv_workers;

enum { RV_WORKERS_MAX = 1024 };

/*
 * Start `count` threads beside `runtime`. They block all signals but faults.
 *
 * Threads: the one of `runtime`.   Blocks: until all are there.
 * Returns: 0; -EINVAL: count is 0 or above RV_WORKERS_MAX; -ENOMEM, -EMFILE,
 * -ENFILE, -EAGAIN: then none is left.
 */
int rv_workers_start(struct rv_workers **out, struct rv_runtime *runtime,
                     uint32_t count);

/* How many were started. Threads: any. */
uint32_t rv_workers_count(const struct rv_workers *workers);

/* The handle on the executor of worker `index`. It stays the workers'; take a
 * reference of your own to keep it. Threads: any. */
struct rv_remote *rv_workers_remote(const struct rv_workers *workers,
                                    uint32_t index);

/*
 * Stop all: each drops the tasks that it has left, on its own thread, and
 * their joins get -ECANCELED. NULL is allowed.
 *
 * Threads: the one that started them.   Blocks: for the polls under way.
 */
void rv_workers_stop(struct rv_workers *workers);

#endif /* RV_WORKERS_H */
