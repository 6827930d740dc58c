/* SPDX-License-Identifier: MIT */
/*
 * test_embedded.c - tasks in the caller's memory: nothing is allocated, and the
 * memory is the caller's again at an exact moment.
 *
 * Threads: the test's.
 */
#include <criterion/criterion.h>

#include <errno.h>
#include <reveil/reveil.h>
#include <string.h>

#include "executor/tasks.h"
#include "support/failing_alloc.h"
#include "support/support.h"

RV_TEST_SUITE(embedded);

enum { MANY = 300, STEPS = 5 };

/* A task with its future, as a program embeds them. */
struct holder {
    struct rv_embedded task;
    struct stepper stepper;
    struct waiter waiter;
    struct door door;
    int ends; /* how often `ended` was called */
    bool was_running;
    int again; /* how often `ended` spawns with the memory again */
    int error; /* of that spawn */
    struct rv_scope *scope;
    struct rv_executor *executor;
};

static struct log log_;

static void count_end(struct rv_embedded *task)
{
    struct holder *holder = RV_CONTAINER_OF(task, struct holder, task);

    holder->ends++;
    holder->was_running |= rv_embedded_is_running(task);
}

static void spawn_stepper(struct rv_executor *executor, struct holder *holder,
                          int steps)
{
    stepper_init(&holder->stepper, &log_, 's', steps);
    cr_assert_eq(rv_spawn_embedded(executor, &holder->task,
                                   &holder->stepper.future, count_end),
                 0);
    cr_assert(rv_embedded_is_running(&holder->task));
}

static void spawn_waiter(struct rv_executor *executor, struct holder *holder)
{
    waiter_init(&holder->waiter, &holder->door);
    cr_assert_eq(rv_spawn_embedded(executor, &holder->task,
                                   &holder->waiter.future, count_end),
                 0);
}

/* Poll each ready task once, `turns` times. */
static void run_turns(struct rv_executor *executor, int turns)
{
    for (int i = 0; i < turns; i++) {
        struct door open = {.open = true};
        struct waiter last;

        waiter_init(&last, &open);
        cr_assert_eq(rv_test_block_on(executor, &last.future), 0);
    }
}

static void clear_log(void)
{
    log_ = (struct log){.len = 0};
}

/* --- the end ----------------------------------------------------------- */

RV_TEST(embedded, a_future_that_is_ready_stays_the_callers)
{
    struct rv_executor *executor = new_executor();
    struct holder holder = {.ends = 0};

    clear_log();
    spawn_stepper(executor, &holder, 2);
    holder.stepper.result = 7;
    cr_assert_eq(rv_executor_tasks(executor), 1);
    cr_assert_eq(rv_test_block_on(executor, &holder.task.join.future), 7);

    cr_assert_eq(holder.ends, 1);
    cr_assert(!holder.was_running && !rv_embedded_is_running(&holder.task));
    cr_assert_eq(log_.drops, 0);
    cr_assert_eq(holder.stepper.future.result, 7);
    cr_assert_null(rv_join_output(&holder.task.join));
    cr_assert_eq(rv_executor_tasks(executor), 0);
    rv_executor_free(executor);
    cr_assert_eq(holder.ends, 1);
}

RV_TEST(embedded, aborted_at_each_await_the_memory_is_free_at_once)
{
    struct rv_executor *executor = new_executor();
    static struct holder holder;

    for (int polls = 0; polls < STEPS; polls++) {
        clear_log();
        memset(&holder, 0, sizeof holder);
        spawn_stepper(executor, &holder, STEPS);
        run_turns(executor, polls);
        cr_assert_eq(log_.len, (uint32_t)polls);

        rv_join_abort(&holder.task.join);
        cr_assert_eq(holder.ends, 1);
        cr_assert_eq(log_.drops, 1);
        cr_assert(!rv_embedded_is_running(&holder.task));
        cr_assert_eq(holder.task.join.future.result, -ECANCELED);
        rv_join_abort(&holder.task.join); /* a no-op */
        memset(&holder, 0xff, sizeof holder);
        run_turns(executor, 2);
        cr_assert_eq(log_.len, (uint32_t)polls);
    }
    rv_executor_free(executor);
}

/* Aborts the task that it is. */
static enum rv_poll abort_itself_poll(struct rv_future *future,
                                      struct rv_cx *cx)
{
    struct holder *holder =
        RV_CONTAINER_OF(future, struct holder, stepper.future);

    (void)cx;
    rv_join_abort(&holder->task.join);
    cr_assert(rv_embedded_is_running(&holder->task));
    return RV_PENDING;
}

RV_TEST(embedded, a_task_that_aborts_itself_ends_after_that_poll)
{
    static const struct rv_future_ops ops = {.name = "abort itself",
                                             .poll = abort_itself_poll};
    struct rv_executor *executor = new_executor();
    struct holder holder = {.ends = 0};

    rv_future_init(&holder.stepper.future, &ops);
    cr_assert_eq(rv_spawn_embedded(executor, &holder.task,
                                   &holder.stepper.future, count_end),
                 0);
    cr_assert_eq(rv_test_block_on(executor, &holder.task.join.future),
                 -ECANCELED);
    cr_assert_eq(holder.ends, 1);
    rv_executor_free(executor);
}

RV_TEST(embedded, a_late_wake_does_not_reach_the_memory)
{
    struct rv_executor *executor = new_executor();
    struct rv_waker late;
    struct holder holder = {.ends = 0};

    spawn_waiter(executor, &holder);
    run_turns(executor, 1);
    late = rv_waker_clone(&holder.door.waker);
    rv_join_abort(&holder.task.join);
    rv_waker_drop(&holder.door.waker);

    spawn_waiter(executor, &holder); /* the same memory */
    run_turns(executor, 1);
    cr_assert_eq(holder.door.polls, 2);
    rv_waker_wake(&late);
    run_turns(executor, 1);
    cr_assert_eq(holder.door.polls, 2);
    rv_waker_drop(&late);
    rv_join_abort(&holder.task.join);
    rv_waker_drop(&holder.door.waker);
    rv_executor_free(executor);
}

static void spawn_again(struct rv_embedded *task)
{
    struct holder *holder = RV_CONTAINER_OF(task, struct holder, task);

    count_end(task);
    if (holder->again-- <= 0)
        return;
    stepper_init(&holder->stepper, &log_, 's', 2);
    if (holder->scope)
        holder->error = rv_scope_spawn_embedded_at(
            holder->scope, task, &holder->stepper.future, spawn_again, NULL);
    else
        holder->error = rv_spawn_embedded_at(
            holder->executor, task, &holder->stepper.future, spawn_again, NULL);
}

RV_TEST(embedded, the_end_may_spawn_with_the_memory_again)
{
    struct rv_executor *executor = new_executor();
    struct holder holder = {.again = 3, .executor = executor};

    clear_log();
    stepper_init(&holder.stepper, &log_, 's', 1);
    cr_assert_eq(rv_spawn_embedded(executor, &holder.task,
                                   &holder.stepper.future, spawn_again),
                 0);
    run_turns(executor, 9);
    cr_assert_eq(holder.ends, 4);
    cr_assert_eq(log_.len, 1 + 3 * 2);
    cr_assert(!rv_embedded_is_running(&holder.task));
    rv_executor_free(executor);
}

static void free_holder(struct rv_embedded *task)
{
    struct holder *holder = RV_CONTAINER_OF(task, struct holder, task);

    log_add(&log_, 'f');
    memset(holder, 0xff, sizeof *holder);
    rv_free(holder);
}

RV_TEST(embedded, the_end_may_free_the_memory)
{
    struct rv_executor *executor;
    struct rv_scope scope;

    clear_log();
    rv_count_allocs(0);
    executor = new_executor();
    rv_scope_init(&scope, executor);
    for (int i = 0; i < 4; i++) {
        struct holder *holder = rv_alloc(sizeof *holder);

        cr_assert_not_null(holder);
        stepper_init(&holder->stepper, &log_, 's', i < 2 ? 1 : 9);
        cr_assert_eq(
            i % 2
                ? rv_scope_spawn_embedded(&scope, &holder->task,
                                          &holder->stepper.future, free_holder)
                : rv_spawn_embedded(executor, &holder->task,
                                    &holder->stepper.future, free_holder),
            0);
    }
    run_turns(executor, 1);
    cr_assert_str_eq(log_.text, "sfsfss");
    rv_drop(&scope.future);
    cr_assert_str_eq(log_.text, "sfsfssf");
    rv_executor_free(executor);
    cr_assert_str_eq(log_.text, "sfsfssff");
    cr_assert_eq(rv_stop_counting_allocs(), 0);
}

RV_TEST(embedded, a_detached_task_goes_on)
{
    struct rv_executor *executor = new_executor();
    struct holder holder = {.ends = 0};

    clear_log();
    spawn_stepper(executor, &holder, 2);
    rv_join_drop(&holder.task.join);
    cr_assert(rv_embedded_is_running(&holder.task));
    run_turns(executor, 2);
    cr_assert_eq(holder.ends, 1);
    cr_assert_eq(log_.len, 2);
    rv_executor_free(executor);
}

RV_TEST(embedded, a_stop_ends_it_and_no_other_begins)
{
    struct rv_executor *executor = new_executor();
    struct holder holder = {.again = 1, .executor = executor};

    clear_log();
    stepper_init(&holder.stepper, &log_, 's', 9);
    cr_assert_eq(rv_spawn_embedded(executor, &holder.task,
                                   &holder.stepper.future, spawn_again),
                 0);
    run_turns(executor, 1);
    rv_executor_free(executor);
    cr_assert_eq(holder.ends, 1);
    cr_assert_eq(holder.error, -ECANCELED);
    cr_assert_eq(log_.drops, 1);
    cr_assert(!rv_embedded_is_running(&holder.task));
}

RV_TEST(embedded, a_future_that_is_finished_ends_the_task_with_its_result)
{
    struct rv_executor *executor = new_executor();
    struct holder holder = {.ends = 0};

    spawn_waiter(executor, &holder);
    rv_drop(&holder.waiter.future); /* before its first poll */
    cr_assert_eq(rv_test_block_on(executor, &holder.task.join.future),
                 -ECANCELED);
    cr_assert_eq(holder.ends, 1);
    cr_assert_eq(holder.door.polls, 0);
    rv_executor_free(executor);
}

/* --- allocations ------------------------------------------------------- */

/* Two polls of each future; every third is aborted after the first. */
static void run_many(struct rv_executor *executor)
{
    static struct rv_embedded tasks[MANY];
    static struct rv_yield yields[MANY];
    struct rv_scope scope;

    rv_scope_init(&scope, executor);
    for (int i = 0; i < MANY; i++) {
        rv_yield_init(&yields[i]);
        cr_assert_eq(i % 2 ? rv_scope_spawn_embedded(&scope, &tasks[i],
                                                     &yields[i].future, NULL)
                           : rv_spawn_embedded(executor, &tasks[i],
                                               &yields[i].future, NULL),
                     0);
    }
    run_turns(executor, 1);
    for (int i = 0; i < MANY; i += 3)
        rv_join_abort(&tasks[i].join);
    cr_assert_eq(rv_test_block_on(executor, &scope.future), 0);
    rv_drop(&scope.future);
    for (int i = 0; i < MANY; i++) {
        cr_assert(!rv_embedded_is_running(&tasks[i]));
        cr_assert_eq(yields[i].future.result, i % 3 ? 0 : -ECANCELED);
    }
}

RV_TEST(embedded, after_a_reserve_nothing_is_allocated)
{
    struct rv_executor *executor;
    uint64_t calls;

    rv_count_allocs(0);
    executor = new_executor();
    cr_assert_eq(rv_executor_reserve(executor, MANY + 1), 0);
    run_turns(executor, 1); /* the test's own timer and task */
    calls = rv_alloc_calls();
    run_many(executor);
    run_many(executor);
    cr_assert_eq(rv_alloc_calls(), calls);
    cr_assert_eq(rv_executor_reserve(executor, MANY), 0);
    cr_assert_eq(rv_alloc_calls(), calls);
    rv_executor_free(executor);
    cr_assert_eq(rv_stop_counting_allocs(), 0);
}

RV_TEST(embedded, without_a_reserve_only_the_first_so_many_tasks_allocate)
{
    struct rv_executor *executor;
    uint64_t calls;

    rv_count_allocs(0);
    executor = new_executor();
    calls = rv_alloc_calls();
    run_many(executor);
    cr_assert_gt(rv_alloc_calls(), calls);
    calls = rv_alloc_calls();
    run_many(executor);
    cr_assert_eq(rv_alloc_calls(), calls);
    rv_executor_free(executor);
    cr_assert_eq(rv_stop_counting_allocs(), 0);
}

static int32_t nap(void *arg)
{
    (void)arg;
    return rv_coro_yield();
}

/* What embedded.h says of coroutines. */
RV_TEST(embedded, a_coroutine_allocates_nothing_but_a_stack)
{
    struct rv_executor *executor;
    uint64_t calls = 0;

    rv_count_allocs(0);
    executor = new_executor();
    for (int i = 0; i < 3; i++) {
        struct rv_join join;

        cr_assert_eq(rv_coro_spawn(executor, nap, NULL, NULL, &join), 0);
        cr_assert_eq(rv_test_block_on(executor, &join.future), 0);
        rv_join_drop(&join);
        if (i > 0)
            cr_assert_eq(rv_alloc_calls(), calls);
        calls = rv_alloc_calls();
    }
    rv_executor_free(executor);
    rv_coro_trim();
    rv_stop_counting_allocs();
}

/* The executor has no slots yet. */
RV_TEST(embedded, a_spawn_without_memory_may_be_tried_again)
{
    struct rv_executor *executor = new_executor();
    struct holder holder = {.ends = 0};

    clear_log();
    stepper_init(&holder.stepper, &log_, 's', 1);
    rv_count_allocs(1);
    cr_assert_eq(rv_spawn_embedded(executor, &holder.task,
                                   &holder.stepper.future, count_end),
                 -ENOMEM);
    rv_stop_counting_allocs();
    cr_assert(!rv_embedded_is_running(&holder.task));
    cr_assert_eq(holder.ends, 0);
    rv_count_allocs(1);
    cr_assert_eq(rv_executor_reserve(executor, 1), -ENOMEM);
    rv_stop_counting_allocs();
    cr_assert_eq(rv_executor_reserve(executor, 0), 0);
    cr_assert_eq(rv_executor_reserve(executor, UINT32_MAX), -ENOMEM);
    spawn_stepper(executor, &holder, 1);
    run_turns(executor, 1);
    cr_assert_eq(holder.ends, 1);
    rv_executor_free(executor);
}

/* --- in a scope -------------------------------------------------------- */

static void spawn_in_scope(struct rv_scope *scope, struct holder *holder,
                           int steps)
{
    stepper_init(&holder->stepper, &log_, 's', steps);
    cr_assert_eq(rv_scope_spawn_embedded(scope, &holder->task,
                                         &holder->stepper.future, spawn_again),
                 0);
}

RV_TEST(embedded, a_scope_waits_for_them_and_has_the_first_error)
{
    struct rv_executor *executor = new_executor();
    struct holder holders[3] = {{.ends = 0}};
    struct rv_scope scope;

    clear_log();
    rv_scope_init(&scope, executor);
    for (int i = 0; i < 3; i++)
        spawn_in_scope(&scope, &holders[i], 3 - i);
    holders[0].stepper.result = -EPIPE;
    holders[1].stepper.result = -ECONNRESET;
    cr_assert_eq(rv_test_block_on(executor, &scope.future), -ECONNRESET);
    for (int i = 0; i < 3; i++)
        cr_assert_eq(holders[i].ends, 1);
    cr_assert_eq(rv_scope_spawn_embedded(&scope, &holders[0].task,
                                         &holders[0].stepper.future, count_end),
                 -ECANCELED);
    cr_assert_eq(holders[0].ends, 1);
    rv_executor_free(executor);
}

static void end_scope(void (*end)(struct rv_scope *scope))
{
    struct rv_executor *executor = new_executor();
    struct holder holders[3] = {{.ends = 0}};
    struct rv_scope scope;

    clear_log();
    rv_scope_init(&scope, executor);
    for (int i = 0; i < 3; i++) {
        holders[i].scope = &scope;
        holders[i].again = 1; /* which is refused: the scope ends */
        spawn_in_scope(&scope, &holders[i], 9);
    }
    run_turns(executor, 1);
    end(&scope);
    for (int i = 0; i < 3; i++) {
        cr_assert_eq(holders[i].ends, 1);
        cr_assert_eq(holders[i].error, -ECANCELED);
        cr_assert(!rv_embedded_is_running(&holders[i].task));
    }
    cr_assert_eq(log_.drops, 3);
    cr_assert(rv_scope_empty(&scope));
    rv_executor_free(executor);
}

static void drop_scope(struct rv_scope *scope)
{
    rv_drop(&scope->future);
}

RV_TEST(embedded, a_scope_that_is_dropped_or_canceled_aborts_them)
{
    end_scope(drop_scope);
    end_scope(rv_scope_cancel);
}

/* --- in a coroutine ---------------------------------------------------- */

static int32_t two_in_a_frame(void *arg)
{
    struct rv_embedded tasks[2] = {0};
    struct rv_sleep sleeps[2];
    struct rv_scope scope;
    int result;

    (void)arg;
    rv_scope_init(&scope, rv_executor_current());
    for (int i = 0; i < 2; i++) {
        rv_sleep_init(&sleeps[i], rv_after_ms(1 + i));
        cr_assert_eq(
            rv_scope_spawn_embedded(&scope, &tasks[i], &sleeps[i].future, NULL),
            0);
    }
    result = rv_scope_wait(&scope);
    if (result)
        return result;
    rv_sleep_init(&sleeps[0], RV_NEVER);
    cr_assert_eq(rv_spawn_embedded(rv_executor_current(), &tasks[0],
                                   &sleeps[0].future, NULL),
                 0);
    cr_assert_eq(rv_await_until(&tasks[0].join.future, rv_after_ms(1)),
                 -ETIMEDOUT);
    rv_join_abort(&tasks[0].join);
    return rv_await(&tasks[0].join.future);
}

RV_TEST(embedded, a_coroutine_may_have_them_in_its_frame)
{
    cr_assert_eq(rv_run(two_in_a_frame, NULL), -ECANCELED);
}

/* --- misuse ------------------------------------------------------------ */

static void spawn_twice(void)
{
    struct rv_executor *executor = new_executor();
    struct holder holder = {.ends = 0};

    spawn_waiter(executor, &holder);
    spawn_waiter(executor, &holder);
}

static void spawn_in_garbage(void)
{
    struct rv_executor *executor = new_executor();
    struct holder holder;

    memset(&holder, 0xff, sizeof holder);
    spawn_waiter(executor, &holder);
}

static struct holder reused;

static struct rv_executor *clear_too_early(void)
{
    struct rv_executor *executor = new_executor();

    spawn_waiter(executor, &reused);
    memset(&reused, 0, sizeof reused);
    return executor;
}

static void poll_what_was_cleared(void)
{
    run_turns(clear_too_early(), 1);
}

static void end_what_was_cleared(void)
{
    rv_executor_free(clear_too_early());
}

static void poll_what_was_used_again(void)
{
    struct rv_executor *executor = clear_too_early();

    spawn_waiter(executor, &reused);
    run_turns(executor, 1);
}

static void end_what_was_used_again(void)
{
    struct rv_executor *executor = clear_too_early();

    spawn_waiter(executor, &reused);
    rv_executor_free(executor);
}

static int32_t leave_the_frame(void *arg)
{
    struct rv_embedded task = {0};
    struct rv_sleep sleep;

    (void)arg;
    rv_sleep_init(&sleep, RV_NEVER);
    return rv_spawn_embedded(rv_executor_current(), &task, &sleep.future, NULL);
}

static void run_leave_the_frame(void)
{
    rv_run(leave_the_frame, NULL);
}

static int32_t leave_the_scope(void *arg)
{
    static struct rv_embedded task;
    static struct rv_sleep sleep;
    struct rv_scope scope;

    (void)arg;
    rv_sleep_init(&sleep, RV_NEVER);
    rv_scope_init(&scope, rv_executor_current());
    return rv_scope_spawn_embedded(&scope, &task, &sleep.future, NULL);
}

static void run_leave_the_scope(void)
{
    rv_run(leave_the_scope, NULL);
}

static int32_t spawn_in_a_task(void *executor)
{
    static struct holder holder;

    spawn_waiter(executor, &holder);
    return 0;
}

static void run_spawn_in_a_task(void)
{
    const struct rv_sched_options options = {.workers = 1};
    struct rv_sched *sched;

    cr_assert_eq(rv_sched_start(&sched, &options), 0);
    rv_sched_run(sched, spawn_in_a_task, new_executor());
}

RV_TEST(embedded, memory_that_is_in_use_stops_the_program)
{
    rv_test_aborts(spawn_twice, "the memory of a task that runs");
    rv_test_aborts(spawn_in_garbage, "the memory of a task that runs");
    rv_test_aborts(poll_what_was_cleared, "that is not initialized");
    rv_test_aborts(end_what_was_cleared, "cleared before its end");
    rv_test_aborts(poll_what_was_used_again, "used again before its end");
    rv_test_aborts(end_what_was_used_again, "used again before its end");
}

RV_TEST(embedded, a_coroutine_that_ends_before_them_stops_the_program)
{
    rv_test_aborts(run_leave_the_frame, "before a task in its frame");
    rv_test_aborts(run_leave_the_scope, "ended before its scope");
}

RV_TEST(embedded, a_task_of_a_scheduler_stops_the_program)
{
    rv_test_aborts(run_spawn_in_a_task, "needs rv_go()");
}
