/* SPDX-License-Identifier: MIT */
/*
 * executors.h - N threads, each with an executor that takes futures from
 * others.
 *
 *     rv_runtime_start(&runtime);
 *     rv_executors_start(&executors, runtime, 4);
 *     for (uint32_t i = 0; i < 4; i++) {
 *         nap_there(rv_executors_remote(executors, i), &joins[i]);
 *         naps[i] = &joins[i].future;
 *     }
 *     rv_all_init(&all, naps, 4);
 *     rv_runtime_block_on(runtime, &all.future);
 *     rv_drop(&all.future);
 *     for (uint32_t i = 0; i < 4; i++)
 *         rv_remote_join_drop(&joins[i]);
 *     rv_executors_stop(executors);
 *     rv_runtime_stop(runtime);
 *
 * nap_there() spawns a future; it is in remote.h. A program checks the errors
 * of the starts and of the spawn.
 *
 * Each executor has a runtime beside the caller's: rv_runtime_start_beside().
 * In thread mode all of them share one reactor; in fused mode each executor
 * sleeps in an epoll of its own. A task stays on its executor. A server opens a
 * listener on each executor: see reuse_port in net.h.
 */

/*
 * Ways to have a thread:
 *
 *   you have                take          on which threads     block?    stack
 *   a call that sleeps      rv_blocking   elastic pool         yes       thread
 *   a pure computation      rv_cpu_init   one a CPU at most    no        thread
 *   straight-line tasks     rv_go         N work stealers      by await  task
 *   a server (REUSEPORT)    rv_executors  N executors          no        none
 *
 * They are declared in blocking.h, cpu.h, sched.h and executors.h; README.md
 * has the same table with examples.
 */
#ifndef RV_EXECUTORS_H
#define RV_EXECUTORS_H

#include <reveil/remote.h>
#include <reveil/runtime.h>

RV_BEGIN_DECLS

struct rv_executors;

enum { RV_EXECUTORS_MAX = 1024 };

/*
 * Start `count` threads beside `runtime`. They block all signals but faults.
 *
 * Threads: the one of `runtime`.   Blocks: until all have started.
 * Returns: 0; -EINVAL: count is 0 or above RV_EXECUTORS_MAX; -ENOMEM, -EMFILE,
 * -ENFILE, -EAGAIN. On error no thread is left.
 */
int rv_executors_start(struct rv_executors **out, struct rv_runtime *runtime,
                       uint32_t count);

/* The number of executors. Threads: any. */
uint32_t rv_executors_count(const struct rv_executors *executors);

/* The handle on executor `index`. Borrowed: it is valid until
 * rv_executors_stop(); take a reference of your own to keep it. Threads: any.
 */
struct rv_remote *rv_executors_remote(const struct rv_executors *executors,
                                      uint32_t index);

/*
 * Stop all executors. Each drops its remaining tasks on its own thread, and
 * their joins get -ECANCELED. NULL is allowed.
 *
 * Threads: the one that started them.   Blocks: until the current polls and the
 * drops have returned.
 */
void rv_executors_stop(struct rv_executors *executors);

RV_END_DECLS

#endif /* RV_EXECUTORS_H */
