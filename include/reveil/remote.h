/* SPDX-License-Identifier: MIT */
/*
 * remote.h - hand a future to the executor of another thread.
 *
 *     static int nap_there(struct rv_remote *there,
 *                          struct rv_remote_join *join)
 *     {
 *         struct rv_sleep *nap = rv_alloc(sizeof *nap);
 *         int error = nap ? 0 : -ENOMEM;
 *
 *         if (!error) {
 *             rv_sleep_init(nap, rv_after_ms(10));
 *             error = rv_remote_spawn(there, &nap->future, join);
 *         }
 *         if (error)
 *             rv_free(nap);                         it is still ours
 *         return error;
 *     }
 *
 *     error = nap_there(remote, &join);             in a coroutine, for example
 *     if (!error)
 *         error = rv_await(&join.future);
 *     rv_remote_join_drop(&join);
 *
 * The thread of the executor made the handle, with rv_remote_open(). Once the
 * future is spawned, it belongs to that executor: it is polled, dropped and
 * freed on that thread. The join gets only its result. A future with more
 * output writes it to memory that both threads can access, before it is READY.
 *
 * A handle outlives its executor. When the executor is freed, it drops the
 * futures that were handed over but not started, and later spawns fail.
 */
#ifndef RV_REMOTE_H
#define RV_REMOTE_H

#include <reveil/executor.h>

RV_BEGIN_DECLS

/* A reference-counted handle on an executor, for any thread. */
struct rv_remote;

/*
 * Make a handle with one reference. It counts as a task of the executor until
 * the last reference is put. Any number of threads may use one handle.
 *
 * Threads: the executor's.
 * Returns: 0, -ENOMEM, -ECANCELED (the executor is being freed).
 */
int rv_remote_open(struct rv_executor *executor, struct rv_remote **out);

/* Take a reference. Threads: any that has one. */
void rv_remote_get(struct rv_remote *remote);

/* Drop a reference; NULL is allowed. Futures that were handed over continue.
 * Threads: any. */
void rv_remote_put(struct rv_remote *remote);

/* Private: the state that a remote task shares with its handle. */
struct rv_remote_task;

/*
 * A handle on a task of another executor. The future is READY when that task
 * has ended, with the task's result, or with -ECANCELED if the task was aborted
 * or its executor was freed. The task's future has been dropped before that.
 *
 * Embed it; all zero is "no task". Any executor may poll it, one at a time.
 */
struct rv_remote_join {
    struct rv_future future;
    struct rv_remote_task *task; /* private: one reference */
};

/*
 * Hand a future over. The futures of one thread start in the order of its
 * calls.
 *
 * Owns:    on success the other executor owns `future`, memory from
 *          rv_alloc(). On error it is untouched, and the caller's.
 * join:    the handle to wait for the task; or NULL: the task is detached.
 * Threads: any that has a reference, also the executor's own.
 * Blocks:  for one short mutex.
 * Returns: 0; -ENOMEM; -ECANCELED: the executor was freed or is being freed;
 *          -ESTALE: the executor belongs to a parent process.
 */
int rv_remote_spawn(struct rv_remote *remote, struct rv_future *future,
                    struct rv_remote_join *join);

/*
 * Cancel the task: its executor's thread drops the future soon, unless the task
 * ends before that. `join` then gets -ECANCELED. A no-op if the task has ended.
 *
 * Threads: that of the join.
 */
void rv_remote_abort(struct rv_remote_join *join);

/* Release the handle, as rv_drop(&join->future) does. A task that has not
 * finished continues, detached. */
void rv_remote_join_drop(struct rv_remote_join *join);

RV_END_DECLS

#endif /* RV_REMOTE_H */
