/* SPDX-License-Identifier: MIT */
/*
 * test_scope.c - tasks that do not outlive their scope.
 *
 * Threads: the test's.
 */
#include <criterion/criterion.h>

#include <errno.h>
#include <reveil/async.h>
#include <reveil/combine.h>
#include <string.h>

#include "executor/tasks.h"
#include "support/failing_alloc.h"
#include "support/support.h"

RV_TEST_SUITE(scope);

RV_TEST(scope, it_is_ready_when_the_last_task_is_over)
{
    struct rv_executor *executor = new_executor();
    struct log log = {.len = 0};
    struct rv_scope scope;

    rv_scope_init(&scope, executor);
    rv_scope_spawn(&scope, &new_stepper(&log, 'a', 1)->future);
    rv_scope_spawn(&scope, &new_stepper(&log, 'b', 3)->future);

    cr_assert_eq(rv_test_block_on(executor, &scope.future), 0);
    cr_assert_str_eq(log.text, "abbb");
    cr_assert_eq(log.drops, 2);
    cr_assert(rv_scope_empty(&scope));
    rv_executor_free(executor);
}

RV_TEST(scope, an_empty_scope_is_ready)
{
    struct rv_executor *executor = new_executor();
    struct rv_scope scope;

    rv_scope_init(&scope, executor);

    cr_assert_eq(rv_test_block_on(executor, &scope.future), 0);
    rv_executor_free(executor);
}

RV_TEST(scope, its_result_is_the_first_error)
{
    struct rv_executor *executor = new_executor();
    struct log log = {.len = 0};
    struct stepper *late = new_stepper(&log, 'a', 3);
    struct stepper *first = new_stepper(&log, 'b', 2);
    struct rv_scope scope;

    late->result = -EPIPE;
    first->result = -ECONNRESET;
    rv_scope_init(&scope, executor);
    rv_scope_spawn(&scope, &late->future);
    rv_scope_spawn(&scope, &first->future);

    cr_assert_eq(rv_test_block_on(executor, &scope.future), -ECONNRESET);
    rv_executor_free(executor);
}

RV_TEST(scope, dropping_it_aborts_its_tasks_and_no_others)
{
    struct rv_executor *executor = new_executor();
    struct door doors[2] = {{.polls = 0}};
    struct log log = {.len = 0};
    struct rv_scope scope;

    rv_scope_init(&scope, executor);
    rv_spawn(executor, &new_stepper(&log, 'x', 9)->future, NULL);
    for (int i = 0; i < 2; i++)
        rv_scope_spawn(&scope, &new_waiter(&doors[i])->future);
    run_batches(executor, 1);

    rv_drop(&scope.future);
    rv_drop(&scope.future);
    cr_assert_eq(doors[0].drops + doors[1].drops, 2);
    cr_assert_eq(rv_executor_tasks(executor), 1);
    rv_waker_drop(&doors[0].waker);
    rv_waker_drop(&doors[1].waker);
    rv_executor_free(executor);
}

/* Drops its own scope, which is misuse. */
struct traitor {
    struct rv_future future;
    struct rv_scope *scope;
};

static enum rv_poll traitor_poll(struct rv_future *future, struct rv_cx *cx)
{
    (void)cx;
    rv_drop(&RV_CONTAINER_OF(future, struct traitor, future)->scope->future);
    return RV_READY;
}

static void drop_from_inside(void)
{
    static const struct rv_future_ops ops = {.name = "traitor",
                                             .poll = traitor_poll};
    struct rv_executor *executor = new_executor();
    struct traitor *traitor = rv_alloc(sizeof *traitor);
    struct rv_scope scope;

    rv_scope_init(&scope, executor);
    rv_future_init(&traitor->future, &ops);
    traitor->scope = &scope;
    rv_scope_spawn(&scope, &traitor->future);
    rv_block_on(executor, &scope.future);
}

RV_TEST(scope, a_task_that_drops_its_own_scope_stops_the_program)
{
    rv_test_aborts(drop_from_inside, "dropped by one of its own tasks");
}

/* A scope of two tasks, in which any allocation may fail. */
static int two_tasks(void *unused)
{
    struct rv_executor *executor;
    struct log log = {.len = 0};
    struct rv_scope scope;
    int error = rv_executor_new(&executor);

    (void)unused;
    if (error)
        return error;
    rv_scope_init(&scope, executor);
    for (int i = 0; i < 2 && !error; i++) {
        struct stepper *task = rv_alloc(sizeof *task);

        error = task ? 0 : -ENOMEM;
        if (task) {
            stepper_init(task, &log, 'a', 2);
            error = rv_scope_spawn(&scope, &task->future);
        }
        if (error)
            rv_free(task);
    }
    if (!error)
        error = rv_block_on(executor, &scope.future);
    rv_drop(&scope.future);
    rv_executor_free(executor);
    return error;
}

RV_TEST(scope, without_memory_a_task_stays_the_callers)
{
    cr_assert_gt(rv_fail_each_alloc_strictly(two_tasks, NULL), 4);
}

/* --- what is over ------------------------------------------------------ */

RV_TEST(scope, a_future_that_is_over_already_is_a_task_that_is_over)
{
    struct rv_executor *executor = new_executor();
    struct log log = {.len = 0};
    struct stepper *dropped = new_stepper(&log, 'a', 3);
    struct rv_scope scope;

    memset(&scope, 0xa5, sizeof scope);
    rv_scope_init(&scope, executor);
    rv_drop(&dropped->future);
    cr_assert_eq(rv_scope_spawn(&scope, &dropped->future), 0);
    cr_assert_eq(rv_test_block_on(executor, &scope.future), -ECANCELED);
    cr_assert_str_eq(log.text, "");
    rv_executor_free(executor);
}

RV_TEST(scope, one_that_is_over_takes_no_more_tasks)
{
    struct rv_executor *executor = new_executor();
    struct log log = {.len = 0};
    struct stepper *late = new_stepper(&log, 'a', 1);
    struct rv_scope ready;
    struct rv_scope dropped;

    rv_scope_init(&ready, executor);
    cr_assert_eq(rv_test_block_on(executor, &ready.future), 0);
    rv_scope_init(&dropped, executor);
    rv_drop(&dropped.future);

    cr_assert_eq(rv_scope_spawn(&ready, &late->future), -ECANCELED);
    cr_assert_eq(rv_scope_spawn(&dropped, &late->future), -ECANCELED);
    cr_assert_eq(rv_executor_tasks(executor), 0);
    rv_free(late);
    rv_executor_free(executor);
}
