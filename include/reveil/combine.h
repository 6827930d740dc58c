/* SPDX-License-Identifier: MIT */
/*
 * combine.h - wait for several futures at once, without allocating.
 *
 *     self->both[0] = &self->get_a.future;
 *     self->both[1] = &self->get_b.future;
 *     rv_all_init(&self->all, self->both, 2);
 *     RV_AWAIT(future, cx, &self->all.future);
 *
 * The caller embeds the children and the array of pointers to them; both must
 * stay valid and unmoved until the combinator is READY or dropped. It then
 * drops the unfinished children, which cancels them. Finished children keep
 * their results and outputs; the caller drops them.
 *
 * Two things are never dropped by a combinator. A handle on a task (rv_join,
 * rv_go, rv_remote_join) stays as it is, because dropping it would not cancel
 * the task but detach it: its owner joins or aborts the task later. And
 * rv_until and rv_either, at the end of this file, only borrow their children.
 *
 * For all combinators:
 *
 *   - A child that has finished already, before init or because another task
 *     has polled it, counts as READY with its result. It is not polled again.
 *   - So does a child that was dropped; its result is -ECANCELED.
 *   - Without children the combinator is READY at the first poll. Its result is
 *     0, or -ECHILD for rv_select.
 *   - Init accepts uninitialized memory, and the same struct again once it is
 *     READY or dropped. A combinator may be dropped before its first poll.
 *
 * Each wake polls every unfinished child. That suits a few children. For many,
 * spawn tasks (in a scope), because a wake polls only the task that it is for.
 */
#ifndef RV_COMBINE_H
#define RV_COMBINE_H

#include <reveil/executor.h>

RV_BEGIN_DECLS

/* Private: the common part of the next three. */
struct rv_children {
    struct rv_future **list;
    uint32_t count;
    uint32_t start; /* select: the child to poll first */
};

/* READY when all children are. result: 0, even if some of them failed; read the
 * `result` of each child. */
struct rv_all {
    struct rv_future future;
    struct rv_children children; /* private */
};

/* Borrows: the array and the children, as described above. */
void rv_all_init(struct rv_all *all, struct rv_future **children,
                 uint32_t count);

/*
 * READY with 0 when all children are READY; or with the first negative result
 * of a child, and the others are dropped.
 */
struct rv_try_all {
    struct rv_future future;
    struct rv_children children; /* private */
};

/* Borrows: the array and the children. */
void rv_try_all_init(struct rv_try_all *all, struct rv_future **children,
                     uint32_t count);

/*
 * READY when one child is; result: its index, or -ECHILD without children. The
 * others are dropped. Each init chooses another child to poll first, so that a
 * child that is always READY does not starve the others. Each child is first
 * equally often, also if other tasks of the thread use selects in between.
 */
struct rv_select {
    struct rv_future future;
    struct rv_children children; /* private */
};

/* Borrows: the array and the children. Threads: the executor's. */
void rv_select_init(struct rv_select *select, struct rv_future **children,
                    uint32_t count);

/*
 * READY with the child's result; or with -ETIMEDOUT if the deadline passes
 * first, and the child is dropped. If both are READY in the same poll, the
 * child wins.
 */
struct rv_timeout {
    struct rv_future future;
    struct rv_future *child; /* private, as is the rest */
    struct rv_sleep sleep;
};

/* Borrows: the child. deadline_ns: CLOCK_MONOTONIC, absolute; RV_NEVER. */
void rv_timeout_init(struct rv_timeout *timeout, struct rv_future *child,
                     int64_t deadline_ns);

/*
 * Wait for a future that stays the caller's: READY with the child's result, or
 * with -ETIMEDOUT if the deadline passes first. The child is borrowed: when
 * this future is READY or dropped, an unfinished child is still pending, may be
 * polled or awaited again, and must be dropped by the caller. The child is
 * polled before the clock is read, so a deadline in the past tries once.
 *
 * A child may have the result -ETIMEDOUT itself: child->at is RV_AT_END then.
 */
struct rv_until {
    struct rv_future future;
    struct rv_future *child; /* private, as is the rest */
    struct rv_sleep sleep;
};

/* Borrows: the child. deadline_ns: CLOCK_MONOTONIC, absolute; RV_NEVER. */
void rv_until_init(struct rv_until *until, struct rv_future *child,
                   int64_t deadline_ns);

/*
 * Wait for the first of two futures that both stay the caller's. result: 0 or
 * 1, which is READY (0 if both are); or -ETIMEDOUT. Otherwise as rv_until: the
 * children that have not finished may be polled and awaited again.
 */
struct rv_either {
    struct rv_future future;
    struct rv_future *first; /* private, as are the rest */
    struct rv_future *second;
    struct rv_sleep sleep;
};

/* Borrows: both children. deadline_ns: CLOCK_MONOTONIC, absolute; RV_NEVER. */
void rv_either_init(struct rv_either *either, struct rv_future *first,
                    struct rv_future *second, int64_t deadline_ns);

/* --- a scope: tasks that do not outlive it ----------------------------- */

/*
 * A group of tasks. The future is READY when all of them have ended, at once if
 * there are none; result: 0, or the first negative result of a task. If it is
 * dropped, it aborts all of its tasks. No task outlives its scope: a scope that
 * is READY or dropped accepts no more tasks. A task must not drop its own
 * scope.
 *
 * The tasks are futures, here or in the caller's memory (embedded.h), and
 * coroutines (rv_scope_spawn_coro() in coro.h, where rv_scope_wait() is too).
 */
struct rv_scope {
    struct rv_future future;
    struct rv_executor *executor; /* private, as are the rest */
    struct rv_list tasks;
    struct rv_waker waiter;
    uint32_t *counted; /* where it counts while it has tasks; or NULL */
    int32_t error;
    bool canceled;
};

/* Private: a task of a scope. It is embedded in the task's memory. */
struct rv_scope_member {
    struct rv_scope *scope; /* NULL: not in a scope */
    struct rv_list node;
    uint64_t task;
    /* Ask the task to end by itself. NULL: abort it. */
    void (*cancel)(struct rv_scope_member *member);
};

/* Threads: the executor's, as for all functions of a scope. */
void rv_scope_init(struct rv_scope *scope, struct rv_executor *executor);

/*
 * Spawn a task into the scope. It is allowed while the scope is awaited; its
 * own tasks may spawn others. A future that is finished already becomes a task
 * that ends at its first poll, with that result.
 *
 * Owns: as rv_spawn(). Returns: 0; -ENOMEM; -ECANCELED: the scope is READY,
 * dropped or canceled, or the executor is being freed.
 */
#define rv_scope_spawn(scope, future) \
    rv_scope_spawn_at((scope), (future), RV_HERE)

/* rv_scope_spawn() with the place in the source; see rv_spawn_at(). */
int rv_scope_spawn_at(struct rv_scope *scope, struct rv_future *future,
                      const char *where);

/*
 * Ask all tasks of the scope to end; it accepts no more. Futures are aborted
 * now. Coroutines are canceled as by rv_coro_cancel(), so they may take time to
 * clean up: await the scope.
 */
void rv_scope_cancel(struct rv_scope *scope);

/* Whether all tasks of the scope have ended. */
bool rv_scope_empty(const struct rv_scope *scope);

RV_END_DECLS

#endif /* RV_COMBINE_H */
