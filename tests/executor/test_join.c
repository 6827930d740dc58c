/* SPDX-License-Identifier: MIT */
/*
 * test_join.c - the handle on a task: wait, take the output, abort, detach.
 *
 * Threads: the test's.
 */
#include <criterion/criterion.h>

#include <errno.h>
#include <reveil/async.h>
#include <reveil/executor.h>

#include "executor/tasks.h"
#include "support/failing_alloc.h"
#include "support/support.h"

RV_TEST_SUITE(join);

/* --- waiting ----------------------------------------------------------- */

RV_TEST(join, it_is_ready_with_the_result_of_the_task)
{
    struct rv_executor *executor = new_executor();
    struct log log = {.len = 0};
    struct stepper *task = new_stepper(&log, 'a', 3);
    struct rv_join join;

    task->result = 77;
    cr_assert_eq(rv_spawn(executor, &task->future, &join), 0);

    cr_assert_eq(rv_test_block_on(executor, &join.future), 77);
    cr_assert_str_eq(log.text, "aaa");
    rv_join_drop(&join);
    rv_executor_free(executor);
}

RV_TEST(join, the_output_is_the_finished_future_until_the_drop)
{
    struct rv_executor *executor;
    struct log log = {.len = 0};
    struct stepper *task;
    struct rv_join join;

    rv_count_allocs(0);
    executor = new_executor();
    task = new_stepper(&log, 'a', 2);
    rv_spawn(executor, &task->future, &join);
    cr_assert_null(rv_join_output(&join));
    cr_assert_eq(rv_test_block_on(executor, &join.future), 0);

    cr_assert_eq(rv_join_output(&join), &task->future);
    cr_assert_eq(log.drops, 0);
    rv_join_drop(&join);
    cr_assert_null(rv_join_output(&join));
    cr_assert_eq(log.drops, 1);
    rv_executor_free(executor);
    cr_assert_eq(rv_stop_counting_allocs(), 0);
}

RV_TEST(join, the_output_outlives_the_executor)
{
    struct rv_executor *executor = new_executor();
    struct log log = {.len = 0};
    struct stepper *task = new_stepper(&log, 'a', 1);
    struct rv_join join;

    rv_spawn(executor, &task->future, &join);
    run_batches(executor, 1);
    rv_executor_free(executor);

    cr_assert_eq(rv_join_output(&join), &task->future);
    rv_join_drop(&join);
    cr_assert_eq(log.drops, 1);
}

RV_TEST(join, it_may_be_awaited_after_the_task_is_over)
{
    struct rv_executor *executor = new_executor();
    struct log log = {.len = 0};
    struct rv_join join;

    rv_spawn(executor, &new_stepper(&log, 'a', 1)->future, &join);
    run_batches(executor, 2);
    cr_assert_eq(rv_executor_tasks(executor), 0);

    cr_assert_eq(rv_test_block_on(executor, &join.future), 0);
    rv_join_drop(&join);
    rv_executor_free(executor);
}

/* Spawns two tasks and awaits them in the order of their spawns. */
struct both {
    struct rv_future future;
    struct log *log;
    struct rv_join first;
    struct rv_join second;
};

static enum rv_poll both_poll(struct rv_future *future, struct rv_cx *cx)
{
    struct both *self = RV_CONTAINER_OF(future, struct both, future);

    RV_BEGIN(future);
    rv_spawn(cx->executor, &new_stepper(self->log, 'a', 3)->future,
             &self->first);
    rv_spawn(cx->executor, &new_stepper(self->log, 'b', 1)->future,
             &self->second);
    RV_AWAIT(future, cx, &self->first.future);
    log_add(self->log, '1');
    RV_AWAIT(future, cx, &self->second.future);
    log_add(self->log, '2');
    RV_RETURN(future, 0);
    RV_END(future);
}

static void both_drop(struct rv_future *future)
{
    struct both *self = RV_CONTAINER_OF(future, struct both, future);

    rv_drop(&self->first.future);
    rv_drop(&self->second.future);
}

static const struct rv_future_ops both_ops = {
    .name = "both", .poll = both_poll, .drop = both_drop};

RV_TEST(join, a_task_may_await_its_children)
{
    struct rv_executor *executor = new_executor();
    struct log log = {.len = 0};
    struct both both = {.log = &log};

    rv_future_init(&both.future, &both_ops);
    cr_assert_eq(rv_test_block_on(executor, &both.future), 0);

    cr_assert_str_eq(log.text, "abaa12");
    rv_drop(&both.future);
    cr_assert_eq(log.drops, 2);
    rv_executor_free(executor);
}

RV_TEST(join, whoever_polled_last_is_woken)
{
    struct rv_executor *executor = new_executor();
    struct log log = {.len = 0};
    struct rv_probe first;
    struct rv_probe last;
    struct rv_join join;
    struct rv_cx cx;

    rv_probe_init(&first);
    rv_probe_init(&last);
    rv_spawn(executor, &new_stepper(&log, 'a', 1)->future, &join);
    cx = rv_probe_cx(&first);
    cr_assert_eq(rv_poll(&join.future, &cx), RV_PENDING);
    cx = rv_probe_cx(&last);
    cr_assert_eq(rv_poll(&join.future, &cx), RV_PENDING);
    run_batches(executor, 1);

    cr_assert_not(rv_probe_take(&first));
    cr_assert(rv_probe_take(&last));
    rv_join_drop(&join);
    rv_probe_fini(&first);
    rv_probe_fini(&last);
    rv_executor_free(executor);
}

/* --- detach ------------------------------------------------------------ */

RV_TEST(join, a_dropped_handle_lets_the_task_go_on)
{
    struct rv_executor *executor = new_executor();
    struct log log = {.len = 0};
    struct rv_join join;

    rv_spawn(executor, &new_stepper(&log, 'a', 3)->future, &join);
    run_batches(executor, 1);
    rv_drop(&join.future);
    run_batches(executor, 3);

    cr_assert_str_eq(log.text, "aaa");
    cr_assert_eq(log.drops, 1);
    rv_executor_free(executor);
}

RV_TEST(join, drop_is_harmless_when_repeated_or_on_no_task)
{
    struct rv_executor *executor = new_executor();
    struct rv_join none = {.task = 0};
    struct log log = {.len = 0};
    struct rv_join join;

    rv_spawn(executor, &new_stepper(&log, 'a', 1)->future, &join);
    run_batches(executor, 1);
    rv_join_drop(&join);
    rv_join_drop(&join);
    rv_join_drop(&none);
    rv_join_abort(&none);

    cr_assert_eq(log.drops, 1);
    cr_assert_null(rv_join_output(&none));
    rv_executor_free(executor);
}

RV_TEST(join, a_dropped_handle_wakes_nobody)
{
    struct rv_executor *executor = new_executor();
    struct log log = {.len = 0};
    struct rv_probe probe;
    struct rv_join join;
    struct rv_cx cx;

    rv_probe_init(&probe);
    rv_spawn(executor, &new_stepper(&log, 'a', 1)->future, &join);
    cx = rv_probe_cx(&probe);
    cr_assert_eq(rv_poll(&join.future, &cx), RV_PENDING);
    rv_join_drop(&join);
    run_batches(executor, 1);

    cr_assert_not(rv_probe_take(&probe));
    rv_probe_fini(&probe);
    rv_executor_free(executor);
}

/* --- abort ------------------------------------------------------------- */

RV_TEST(join, abort_drops_a_suspended_task_now)
{
    struct rv_executor *executor = new_executor();
    struct door door = {.open = false};
    struct rv_join join;

    rv_spawn(executor, &new_waiter(&door)->future, &join);
    run_batches(executor, 1);
    rv_join_abort(&join);

    cr_assert_eq(door.drops, 1);
    cr_assert_eq(rv_executor_tasks(executor), 0);
    cr_assert_null(rv_join_output(&join));
    cr_assert_eq(rv_test_block_on(executor, &join.future), -ECANCELED);
    rv_waker_wake(&door.waker); /* too late */
    run_batches(executor, 1);
    cr_assert_eq(door.polls, 1);
    rv_waker_drop(&door.waker);
    rv_join_drop(&join);
    rv_executor_free(executor);
}

RV_TEST(join, abort_before_the_first_poll_polls_never)
{
    struct rv_executor *executor = new_executor();
    struct log log = {.len = 0};
    struct rv_join join;

    rv_spawn(executor, &new_stepper(&log, 'a', 1)->future, &join);
    rv_join_abort(&join); /* it is still in the queue */
    rv_join_abort(&join);
    run_batches(executor, 2);

    cr_assert_eq(log.len, 0);
    cr_assert_eq(log.drops, 1);
    cr_assert_eq(rv_test_block_on(executor, &join.future), -ECANCELED);
    rv_join_drop(&join);
    rv_executor_free(executor);
}

RV_TEST(join, abort_of_a_finished_task_keeps_its_result)
{
    struct rv_executor *executor = new_executor();
    struct log log = {.len = 0};
    struct stepper *task = new_stepper(&log, 'a', 1);
    struct rv_join join;

    task->result = 5;
    rv_spawn(executor, &task->future, &join);
    run_batches(executor, 1);
    rv_join_abort(&join);

    cr_assert_eq(log.drops, 0);
    cr_assert_eq(rv_join_output(&join), &task->future);
    cr_assert_eq(rv_test_block_on(executor, &join.future), 5);
    rv_join_drop(&join);
    rv_executor_free(executor);
}

RV_TEST(join, abort_wakes_the_one_who_waits)
{
    struct rv_executor *executor = new_executor();
    struct door door = {.open = false};
    struct rv_probe probe;
    struct rv_join join;
    struct rv_cx cx;

    rv_probe_init(&probe);
    rv_spawn(executor, &new_waiter(&door)->future, &join);
    run_batches(executor, 1);
    cx = rv_probe_cx(&probe);
    cr_assert_eq(rv_poll(&join.future, &cx), RV_PENDING);
    rv_join_abort(&join);

    cr_assert(rv_probe_take(&probe));
    cr_assert_eq(rv_poll(&join.future, &cx), RV_READY);
    cr_assert_eq(join.future.result, -ECANCELED);
    rv_waker_drop(&door.waker);
    rv_join_drop(&join);
    rv_probe_fini(&probe);
    rv_executor_free(executor);
}

RV_TEST(join, slots_of_aborted_tasks_are_used_again)
{
    struct rv_executor *executor;
    struct door door = {.open = false};
    struct rv_join join;
    uint64_t calls;

    rv_count_allocs(0);
    executor = new_executor();
    run_batches(executor, 1);
    calls = rv_alloc_calls();
    for (int i = 0; i < 500; i++) {
        rv_spawn(executor, &new_waiter(&door)->future, &join);
        run_batches(executor, i % 2); /* in the queue, or not */
        rv_join_abort(&join);
        rv_join_drop(&join);
        run_batches(executor, 1);
    }
    cr_assert_eq(rv_alloc_calls(), calls + 500, "the slab grew");
    rv_executor_free(executor);
    rv_waker_drop(&door.waker);
    cr_assert_eq(rv_stop_counting_allocs(), 0);
}

/* Aborts a task, its own or another one, in its poll or in its drop. */
struct aborter {
    struct rv_future future;
    struct rv_join *in_poll;
    struct rv_join *in_drop;
    struct rv_join *handle; /* freed in the drop */
    int *polls;
    int *drops;
};

static enum rv_poll aborter_poll(struct rv_future *future, struct rv_cx *cx)
{
    struct aborter *self = RV_CONTAINER_OF(future, struct aborter, future);

    (void)cx;
    ++*self->polls;
    if (self->in_poll)
        rv_join_abort(self->in_poll);
    cr_assert_eq(*self->drops, 0, "dropped inside its own poll");
    return RV_PENDING;
}

static void aborter_drop(struct rv_future *future)
{
    struct aborter *self = RV_CONTAINER_OF(future, struct aborter, future);

    ++*self->drops;
    if (self->in_drop)
        rv_join_abort(self->in_drop);
    if (self->handle)
        rv_join_drop(self->handle);
    rv_free(self->handle);
}

static struct aborter *new_aborter(int *polls, int *drops)
{
    static const struct rv_future_ops ops = {
        .name = "aborter", .poll = aborter_poll, .drop = aborter_drop};
    struct aborter *aborter = rv_alloc(sizeof *aborter);

    cr_assert_not_null(aborter);
    *aborter = (struct aborter){.polls = polls, .drops = drops};
    rv_future_init(&aborter->future, &ops);
    return aborter;
}

RV_TEST(join, a_task_that_aborts_itself_ends_after_that_poll)
{
    struct rv_executor *executor = new_executor();
    int polls = 0;
    int drops = 0;
    struct aborter *aborter = new_aborter(&polls, &drops);
    struct rv_join join;

    aborter->in_poll = &join;
    rv_spawn(executor, &aborter->future, &join);

    cr_assert_eq(rv_test_block_on(executor, &join.future), -ECANCELED);
    cr_assert_eq(polls, 1);
    cr_assert_eq(drops, 1);
    rv_join_drop(&join);
    rv_executor_free(executor);
}

RV_TEST(join, a_drop_that_aborts_its_own_task_again_is_harmless)
{
    struct rv_executor *executor = new_executor();
    int polls = 0;
    int drops = 0;
    struct aborter *aborter = new_aborter(&polls, &drops);
    struct rv_join join;

    aborter->in_drop = &join;
    rv_spawn(executor, &aborter->future, &join);
    rv_join_abort(&join); /* while it is in the queue */

    cr_assert_eq(drops, 1);
    cr_assert_eq(rv_executor_tasks(executor), 0);
    run_batches(executor, 2);
    cr_assert_eq(rv_test_block_on(executor, &join.future), -ECANCELED);
    rv_join_drop(&join);
    rv_executor_free(executor);
}

/* As when the drop of a child aborts its parent, which owns the handle. */
RV_TEST(join, a_drop_may_end_the_holder_of_its_handle)
{
    struct rv_executor *executor = new_executor();
    struct rv_join *join = rv_alloc(sizeof *join);
    int polls = 0;
    int drops = 0;
    struct aborter *aborter = new_aborter(&polls, &drops);

    aborter->handle = join;
    rv_spawn(executor, &aborter->future, join);
    run_batches(executor, 1);
    rv_join_abort(join);

    cr_assert_eq(polls, 1);
    cr_assert_eq(drops, 1);
    rv_executor_free(executor);
}

RV_TEST(join, two_tasks_may_abort_each_other)
{
    struct rv_executor *executor = new_executor();
    int polls = 0;
    int drops[2] = {0};
    struct aborter *a = new_aborter(&polls, &drops[0]);
    struct aborter *b = new_aborter(&polls, &drops[1]);
    struct rv_join joins[2];

    a->in_drop = &joins[1];
    b->in_drop = &joins[0];
    rv_spawn(executor, &a->future, &joins[0]);
    rv_spawn(executor, &b->future, &joins[1]);
    rv_executor_free(executor);

    cr_assert_eq(drops[0], 1);
    cr_assert_eq(drops[1], 1);
    rv_join_drop(&joins[0]);
    rv_join_drop(&joins[1]);
}

RV_TEST(join, freeing_the_executor_aborts)
{
    struct rv_executor *executor = new_executor();
    struct door door = {.open = false};
    struct rv_cx cx = {0};
    struct rv_join join;

    rv_spawn(executor, &new_waiter(&door)->future, &join);
    run_batches(executor, 1);
    rv_executor_free(executor);

    cr_assert_eq(rv_poll(&join.future, &cx), RV_READY);
    cr_assert_eq(join.future.result, -ECANCELED);
    cr_assert_null(rv_join_output(&join));
    rv_join_drop(&join);
    rv_waker_drop(&door.waker);
}

RV_TEST(join, a_handle_whose_spawn_failed_may_be_dropped)
{
    struct rv_executor *executor = new_executor();
    struct log log = {.len = 0};
    struct stepper task;
    struct rv_join join;

    stepper_init(&task, &log, 'a', 1);
    rv_count_allocs(1);
    cr_assert_eq(rv_spawn(executor, &task.future, &join), -ENOMEM);
    rv_stop_counting_allocs();

    rv_join_abort(&join);
    rv_join_drop(&join);
    cr_assert_null(rv_join_output(&join));
    cr_assert_eq(log.drops, 0);
    rv_executor_free(executor);
}

/* --- a task that ends another one, then itself ------------------------- */

struct ender {
    struct rv_future future;
    struct rv_join *first;
    struct rv_join *self;
};

static enum rv_poll ender_poll(struct rv_future *future, struct rv_cx *cx)
{
    struct ender *self = RV_CONTAINER_OF(future, struct ender, future);

    (void)cx;
    rv_join_abort(self->first);
    rv_join_abort(self->self);
    return RV_PENDING;
}

static const struct rv_future_ops ender_ops = {.name = "ender",
                                               .poll = ender_poll};

RV_TEST(join, a_task_may_abort_another_and_then_itself)
{
    struct rv_executor *executor = new_executor();
    struct door door = {.polls = 0};
    struct ender *ender = rv_alloc(sizeof *ender);
    struct rv_join waiter;
    struct rv_join self;

    rv_future_init(&ender->future, &ender_ops);
    ender->first = &waiter;
    ender->self = &self;
    cr_assert_eq(rv_spawn(executor, &new_waiter(&door)->future, &waiter), 0);
    cr_assert_eq(rv_spawn(executor, &ender->future, &self), 0);

    cr_assert_eq(rv_test_block_on(executor, &self.future), -ECANCELED);
    cr_assert_eq(rv_executor_tasks(executor), 0);
    cr_assert_eq(door.drops, 1);
    rv_waker_drop(&door.waker);
    rv_join_drop(&waiter);
    rv_join_drop(&self);
    rv_executor_free(executor);
}
