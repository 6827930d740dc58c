/* SPDX-License-Identifier: MIT */
/*
 * embedded.h - tasks in the caller's memory.
 *
 *     struct session {
 *         struct rv_embedded task;      all zero before the first spawn
 *         struct rv_sleep work;         the future that the task polls
 *         bool is_free;
 *     };
 *
 *     static void session_ended(struct rv_embedded *task)
 *     {
 *         struct session *self =
 *             RV_CONTAINER_OF(task, struct session, task);
 *
 *         rv_drop(&self->work.future);
 *         self->is_free = true;         the memory is ours again
 *     }
 *
 *     rv_sleep_init(&session->work, rv_after_ms(1));
 *     error = rv_spawn_embedded(executor, &session->task,
 *                               &session->work.future, session_ended);
 *
 * rv_spawn() takes a future in memory from rv_alloc(), and frees it. Here the
 * struct rv_embedded and the future belong to the caller, anywhere: in a
 * connection's struct, an array, a frame that outlives the task. A spawn
 * allocates nothing if the executor has had as many tasks at once before, or
 * after rv_executor_reserve().
 *
 * Whose the memory is:
 *
 *   - From a spawn that returned 0 until the end of the task, the executor uses
 *     both structs. They must not move, be initialized again or be freed.
 *   - The task ends when its future is READY, or when it is aborted: by
 *     rv_join_abort(), by a scope that is dropped or canceled, or by
 *     rv_executor_free(). A future that was aborted is dropped. One that is
 *     READY stays as it is, with its output; the caller drops it, and may
 *     always do so.
 *   - Then `ended` is called, and nothing touches the memory any more. So
 *     `ended` may free it, or spawn with it again. Without `ended`, the memory
 *     is the caller's when rv_embedded_is_running() is false, when task->join
 *     is READY, when the scope is READY or dropped, and after an
 *     rv_join_abort() that was not called inside the task's own poll.
 *
 * A spawn with the memory of a task that is running ends the program with a
 * message; so does memory of a running task that was cleared or used for
 * another task, when the task is polled or ends, and a coroutine that ends
 * before a task in its frame that it has spawned.
 *
 * A coroutine needs nothing like it. It is one stack, with its task on it, and
 * the stack is from a cache and has a guard, which memory of the caller has
 * not. Tasks of a scheduler are coroutines too; the scheduler allocates the
 * rest for 64 of them at a time.
 */
#ifndef RV_EMBEDDED_H
#define RV_EMBEDDED_H

#include <reveil/combine.h>

RV_BEGIN_DECLS

/* A task. All zero is one that has not been spawned. Embed it. */
struct rv_embedded {
    /* As of rv_spawn(): await it, abort the task with it. It has no output. A
     * drop detaches the task, which goes on using the memory. It needs no drop
     * after the end of the task. */
    struct rv_join join;

    struct rv_future task; /* private, as are the rest */
    struct rv_scope_member member;
    struct rv_future *future;
    void (*ended)(struct rv_embedded *embedded);
    uint32_t *counted; /* where it counts while it runs; or NULL */
};

/*
 * Make a task of a future, both in the caller's memory. The first poll is after
 * this call. A future that is finished already becomes a task that ends at its
 * first poll, with that result.
 *
 * embedded: all zero, or of a task that has ended.
 * ended:    called at the end, on the executor's thread; it must not block.
 *           NULL: nothing to do.
 * Borrows:  *embedded and the future, until the end of the task. On error both
 *           are untouched, and `ended` is not called.
 * Threads:  the executor's. Misuse: in a task of a scheduler, which moves.
 * Returns:  as rv_spawn(); -ENOMEM is impossible after rv_executor_reserve().
 */
#define rv_spawn_embedded(executor, embedded, future, ended) \
    rv_spawn_embedded_at((executor), (embedded), (future), (ended), RV_HERE)

/* rv_spawn_embedded() with the place in the source; see rv_spawn_at(). */
int rv_spawn_embedded_at(struct rv_executor *executor,
                         struct rv_embedded *embedded, struct rv_future *future,
                         void (*ended)(struct rv_embedded *embedded),
                         const char *where);

/*
 * The same for a task of a scope, which does not outlive it.
 *
 * Returns: as above; -ECANCELED: the scope is READY, dropped or canceled.
 */
#define rv_scope_spawn_embedded(scope, embedded, future, ended) \
    rv_scope_spawn_embedded_at((scope), (embedded), (future), (ended), RV_HERE)

/* rv_scope_spawn_embedded() with the place in the source. */
int rv_scope_spawn_embedded_at(struct rv_scope *scope,
                               struct rv_embedded *embedded,
                               struct rv_future *future,
                               void (*ended)(struct rv_embedded *embedded),
                               const char *where);

/* Whether the executor uses the memory: true from a spawn until just before
 * `ended`. Threads: the executor's. */
static inline bool rv_embedded_is_running(const struct rv_embedded *embedded)
{
    return embedded->member.task != 0;
}

RV_END_DECLS

#endif /* RV_EMBEDDED_H */
