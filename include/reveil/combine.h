/* SPDX-License-Identifier: MIT */
/*
 * combine.h - wait for several futures at once, without heap.
 *
 *     self->both[0] = &self->get_a.future;
 *     self->both[1] = &self->get_b.future;
 *     rv_all_init(&self->all, self->both, 2);
 *     RV_AWAIT(future, cx, &self->all.future);
 *
 * The caller embeds the children and the array of pointers to them; both stay
 * where they are until the combinator is READY or dropped. Children that are
 * not finished then are dropped, which cancels them; finished ones keep their
 * results and outputs, and are the caller's to drop.
 *
 * For all of them:
 *
 *   - A child that is finished already, at init or later, by another's poll,
 *     counts as one that is READY now, with the result that it has. It is not
 *     polled again.
 *   - So does a child that was dropped; its result is -ECANCELED.
 *   - Without children they are READY at the first poll: with 0, or where a
 *     child is wanted (rv_select) with -ECHILD.
 *   - Init takes memory with anything in it, and the same struct again when it
 *     is READY or dropped. A combinator may be dropped before its first poll.
 *
 * Each wake polls every child that is not finished. That suits a handful; for
 * many, spawn tasks (a scope keeps them together), which are polled one by one.
 */
#ifndef RV_COMBINE_H
#define RV_COMBINE_H

#include <reveil/executor.h>

RV_BEGIN_DECLS

/* Private: what the three below have in common. */
struct rv_children {
    struct rv_future **list;
    uint32_t count;
    uint32_t start; /* select: who is polled first */
};

/* READY when all children are. result: 0, also if some failed; read the
 * `result` of each child. */
struct rv_all {
    struct rv_future future;
    struct rv_children children; /* private */
};

/* Borrows: the array and the children, as said above. */
void rv_all_init(struct rv_all *all, struct rv_future **children,
                 uint32_t count);

/*
 * READY when all children are, with 0; or with the first negative result of
 * one, and then the others are dropped.
 */
struct rv_try_all {
    struct rv_future future;
    struct rv_children children; /* private */
};

/* Borrows: the array and the children. */
void rv_try_all_init(struct rv_try_all *all, struct rv_future **children,
                     uint32_t count);

/*
 * READY when one child is; result: its index, or -ECHILD when there are none.
 * The others are dropped. Which child is polled first changes from init to
 * init, so that one that is always READY does not starve the others: each is
 * the first equally often, whatever selects the thread's other tasks make.
 */
struct rv_select {
    struct rv_future future;
    struct rv_children children; /* private */
};

/* Borrows: the array and the children. Threads: the executor's. */
void rv_select_init(struct rv_select *select, struct rv_future **children,
                    uint32_t count);

/*
 * READY with the child's result; or, when the deadline passes first, with
 * -ETIMEDOUT, and the child is dropped. A child that is READY at the deadline
 * wins.
 */
struct rv_timeout {
    struct rv_future future;
    struct rv_future *child; /* private, as is the rest */
    struct rv_sleep sleep;
};

/* Borrows: the child. deadline_ns: CLOCK_MONOTONIC, absolute; RV_NEVER. */
void rv_timeout_init(struct rv_timeout *timeout, struct rv_future *child,
                     int64_t deadline_ns);

/* --- a scope: tasks that do not outlive it ----------------------------- */

/*
 * A group of tasks. As a future it is READY when all of them are over, at once
 * when there are none; result: 0, or the first negative one of a task. Dropped,
 * it aborts them all. So no task of a scope is left when the scope is: one that
 * is READY or dropped takes no more of them. A task of it must not drop it.
 */
struct rv_scope {
    struct rv_future future;
    struct rv_executor *executor; /* private, as are the rest */
    struct rv_list tasks;
    struct rv_waker waiter;
    int32_t error;
};

/* Threads: the executor's, as for all calls on the scope. */
void rv_scope_init(struct rv_scope *scope, struct rv_executor *executor);

/*
 * Spawn a task into the scope, also while it is being awaited, by a task of
 * it for example. A future that is finished already is a task that is over,
 * with the result that it has.
 *
 * Owns: as rv_spawn(). Returns: 0; -ENOMEM; -ECANCELED: the scope is READY or
 * dropped, or the executor is being freed.
 */
#define rv_scope_spawn(scope, future) \
    rv_scope_spawn_at((scope), (future), RV_HERE)

/* rv_scope_spawn() with the name of the place; see rv_spawn_at(). */
int rv_scope_spawn_at(struct rv_scope *scope, struct rv_future *future,
                      const char *where);

/* Whether all of its tasks are over. */
bool rv_scope_empty(const struct rv_scope *scope);

RV_END_DECLS

#endif /* RV_COMBINE_H */
