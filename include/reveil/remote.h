/* SPDX-License-Identifier: MIT */
/*
 * remote.h - hand a future to the executor of another thread.
 *
 *     thread of executor B                     any other thread
 *     rv_remote_open(b, &remote);   ------>    rv_remote_spawn(remote,
 *     rv_block_on(b, &main_future);                &work->future, &self->join);
 *       polls `work` too                       RV_AWAIT(future, cx,
 *                                                  &self->join.future);
 *
 * From then on the future is B's alone: polled, dropped and freed on B's
 * thread. What comes back is its result; a future with more to say writes it
 * where both sides can see it, before it is READY.
 *
 * A handle outlives its executor. After the executor's end nothing more is
 * taken, and what was handed over but not begun is dropped with it.
 */
#ifndef RV_REMOTE_H
#define RV_REMOTE_H

#include <reveil/executor.h>

RV_BEGIN_DECLS

/* A handle on an executor, for any threads; counted. */
struct rv_remote;

/*
 * A handle with one reference. It counts as a task of the executor until the
 * last reference is put. One handle serves any number of threads.
 *
 * Threads: the executor's.
 * Returns: 0, -ENOMEM, -ECANCELED (the executor is being freed).
 */
int rv_remote_open(struct rv_executor *executor, struct rv_remote **out);

/* One more reference. Threads: any that has one. */
void rv_remote_get(struct rv_remote *remote);

/* Give a reference up; NULL is allowed. Futures that were handed over go on.
 * Threads: any. */
void rv_remote_put(struct rv_remote *remote);

/* What a task elsewhere has in common with its handle. Private. */
struct rv_remote_task;

/*
 * A handle on a task elsewhere; as a future it is READY when that task is
 * over, with the task's result, or -ECANCELED if the task was aborted or its
 * executor was freed. The task's future has been dropped by then.
 *
 * Embed it; all zero is "no task". Any executor may poll it, one at a time.
 */
struct rv_remote_join {
    struct rv_future future;
    struct rv_remote_task *task; /* private: one reference */
};

/*
 * Hand a future over. Those of one thread begin in the order in which they
 * were handed over.
 *
 * Owns:    on success the other executor owns `future`, memory from
 *          rv_alloc(). On error it is untouched, and the caller's.
 * join:    where to wait for it, or NULL to let it run on its own.
 * Threads: any that has a reference, the executor's own too.
 * Blocks:  for one short mutex.
 * Returns: 0, -ENOMEM, -ECANCELED (the executor is gone, or being freed),
 *          -ESTALE (it is of a parent process).
 */
int rv_remote_spawn(struct rv_remote *remote, struct rv_future *future,
                    struct rv_remote_join *join);

/*
 * Cancel the task: its own thread drops its future soon, unless it ends by
 * itself before. `join` gets -ECANCELED then. Harmless when it is over.
 *
 * Threads: that of the join.
 */
void rv_remote_abort(struct rv_remote_join *join);

/* Release the handle, as rv_drop(&join->future) does: a task that still
 * runs goes on, detached. */
void rv_remote_join_drop(struct rv_remote_join *join);

RV_END_DECLS

#endif /* RV_REMOTE_H */
