/* SPDX-License-Identifier: MIT */
/*
 * test_executor.c - block_on, spawn, the order of tasks, and their end.
 *
 * Threads: the test's owns the executor; helpers wake.
 */
#include <criterion/criterion.h>

#include <errno.h>
#include <pthread.h>
#include <reveil/executor.h>
#include <reveil/trace.h>
#include <sched.h>

#include "executor/tasks.h"
#include "support/failing_alloc.h"
#include "support/support.h"

RV_TEST_SUITE(executor);

/* --- block_on ---------------------------------------------------------- */

RV_TEST(executor, block_on_returns_the_result_and_leaves_the_future)
{
    struct rv_executor *executor = new_executor();
    struct log log = {.len = 0};
    struct stepper main_task;

    stepper_init(&main_task, &log, 'm', 3);
    main_task.result = -ENOENT;

    cr_assert_eq(rv_block_on(executor, &main_task.future), -ENOENT);
    cr_assert_str_eq(log.text, "mmm");
    cr_assert_eq(log.drops, 0, "the caller drops it");
    cr_assert_eq(main_task.future.at, RV_AT_END);
    rv_drop(&main_task.future);
    rv_executor_free(executor);
}

RV_TEST(executor, block_on_can_be_called_again)
{
    struct rv_executor *executor = new_executor();
    struct log log = {.len = 0};
    struct stepper main_task;

    for (int i = 1; i <= 20; i++) {
        stepper_init(&main_task, &log, 'm', 2);
        main_task.result = i;
        cr_assert_eq(rv_block_on(executor, &main_task.future), i);
    }
    cr_assert_eq(rv_executor_tasks(executor), 0);
    rv_executor_free(executor);
}

struct inner {
    struct rv_future future;
    struct rv_executor *on;
    struct log log;
};

static enum rv_poll inner_poll(struct rv_future *future, struct rv_cx *cx)
{
    struct inner *self = RV_CONTAINER_OF(future, struct inner, future);
    struct stepper child;

    cr_assert_eq(rv_executor_current(), cx->executor);
    stepper_init(&child, &self->log, 'c', 1);
    future->result = rv_block_on(self->on, &child.future);
    return RV_READY;
}

static const struct rv_future_ops inner_ops = {.name = "inner",
                                               .poll = inner_poll};

RV_TEST(executor, block_on_inside_a_poll_is_a_deadlock)
{
    struct rv_executor *executor = new_executor();
    struct rv_executor *other = new_executor();
    struct inner inner = {.on = executor};

    rv_future_init(&inner.future, &inner_ops);
    cr_assert_eq(rv_block_on(executor, &inner.future), -EDEADLK);

    inner.on = other; /* the poll of another task waits as well */
    rv_future_init(&inner.future, &inner_ops);
    cr_assert_eq(rv_block_on(executor, &inner.future), -EDEADLK);
    cr_assert_eq(inner.log.len, 0, "the child was polled");
    rv_executor_free(other);
    rv_executor_free(executor);
}

RV_TEST(executor, current_is_set_only_while_it_polls)
{
    struct rv_executor *executor = new_executor();
    struct inner inner = {.on = executor};

    cr_assert_null(rv_executor_current());
    /* Its poll checks rv_executor_current(). */
    rv_future_init(&inner.future, &inner_ops);
    rv_block_on(executor, &inner.future);
    cr_assert_null(rv_executor_current());
    rv_executor_free(executor);
}

static void block_on_a_finished_future(void)
{
    struct rv_executor *executor = new_executor();
    struct log log = {.len = 0};
    struct stepper stepper;

    stepper_init(&stepper, &log, 's', 1);
    rv_block_on(executor, &stepper.future);
    rv_block_on(executor, &stepper.future);
}

RV_TEST(executor, block_on_a_finished_future_stops_the_program)
{
    rv_test_aborts(block_on_a_finished_future, ": stepper\n");
}

/* --- spawn ------------------------------------------------------------- */

RV_TEST(executor, spawn_polls_nothing_yet)
{
    struct rv_executor *executor = new_executor();
    struct log log = {.len = 0};

    cr_assert_eq(rv_spawn(executor, &new_stepper(&log, 'a', 1)->future, NULL),
                 0);

    cr_assert_eq(log.len, 0);
    cr_assert_eq(rv_executor_tasks(executor), 1);
    run_batches(executor, 1);
    cr_assert_str_eq(log.text, "a");
    cr_assert_eq(rv_executor_tasks(executor), 0);
    rv_executor_free(executor);
}

RV_TEST(executor, tasks_take_turns_in_the_order_of_their_spawns)
{
    struct rv_executor *executor = new_executor();
    struct log log = {.len = 0};

    rv_spawn(executor, &new_stepper(&log, 'a', 3)->future, NULL);
    rv_spawn(executor, &new_stepper(&log, 'b', 1)->future, NULL);
    rv_spawn(executor, &new_stepper(&log, 'c', 2)->future, NULL);
    run_batches(executor, 4);

    cr_assert_str_eq(log.text, "abcaca");
    rv_executor_free(executor);
}

RV_TEST(executor, a_detached_task_is_dropped_and_freed_when_it_is_over)
{
    struct rv_executor *executor;
    struct log log = {.len = 0};
    int64_t live;

    rv_count_allocs(0);
    executor = new_executor();
    run_batches(executor,
                1); /* the slab and the queue have allocated their memory */
    live = rv_alloc_live();
    rv_spawn(executor, &new_stepper(&log, 'a', 2)->future, NULL);
    cr_assert_eq(rv_alloc_live(), live + 1);

    run_batches(executor, 2);
    cr_assert_eq(log.drops, 1);
    cr_assert_eq(rv_alloc_live(), live);
    rv_executor_free(executor);
    cr_assert_eq(rv_stop_counting_allocs(), 0);
}

RV_TEST(executor, other_tasks_stay_and_go_on_in_the_next_block_on)
{
    struct rv_executor *executor = new_executor();
    struct log log = {.len = 0};
    struct stepper main_task;

    rv_spawn(executor, &new_stepper(&log, 'a', 4)->future, NULL);
    stepper_init(&main_task, &log, 'm', 2);
    rv_block_on(executor, &main_task.future);
    cr_assert_str_eq(log.text, "amam");
    cr_assert_eq(rv_executor_tasks(executor), 1);

    stepper_init(&main_task, &log, 'n', 2);
    rv_block_on(executor, &main_task.future);
    cr_assert_str_eq(log.text, "amamanan");
    cr_assert_eq(rv_executor_tasks(executor), 0);
    rv_executor_free(executor);
}

struct parent {
    struct rv_future future;
    struct log *log;
};

static enum rv_poll parent_poll(struct rv_future *future, struct rv_cx *cx)
{
    struct parent *self = RV_CONTAINER_OF(future, struct parent, future);

    future->result =
        rv_spawn(cx->executor, &new_stepper(self->log, 'c', 1)->future, NULL);
    log_add(self->log, 'p'); /* before the child, which is polled later */
    return RV_READY;
}

RV_TEST(executor, a_task_may_spawn_and_its_child_comes_later)
{
    static const struct rv_future_ops ops = {.name = "parent",
                                             .poll = parent_poll};
    struct rv_executor *executor = new_executor();
    struct log log = {.len = 0};
    struct parent parent = {.log = &log};

    rv_future_init(&parent.future, &ops);
    cr_assert_eq(rv_block_on(executor, &parent.future), 0);
    run_batches(executor, 1);

    cr_assert_str_eq(log.text, "pc");
    rv_executor_free(executor);
}

RV_TEST(executor, ten_thousand_tasks_all_run)
{
    enum { MANY = 10000 };
    struct rv_executor *executor = new_executor();
    struct door door = {.open = true};

    for (int i = 0; i < MANY; i++)
        cr_assert_eq(rv_spawn(executor, &new_waiter(&door)->future, NULL), 0);
    cr_assert_eq(rv_executor_tasks(executor), MANY);
    run_batches(executor, 1);

    cr_assert_eq(door.polls, MANY);
    cr_assert_eq(door.drops, MANY);
    cr_assert_eq(rv_executor_tasks(executor), 0);
    rv_executor_free(executor);
}

/* --- wakes ------------------------------------------------------------- */

RV_TEST(executor, a_task_that_nobody_wakes_is_not_polled)
{
    struct rv_executor *executor = new_executor();
    struct door door = {.open = false};

    rv_spawn(executor, &new_waiter(&door)->future, NULL);
    run_batches(executor, 5);
    cr_assert_eq(door.polls, 1);

    door.open = true;
    rv_waker_wake(&door.waker);
    rv_waker_wake(&door.waker);
    run_batches(executor, 1);
    cr_assert_eq(door.polls, 2);
    rv_waker_drop(&door.waker);
    rv_executor_free(executor);
}

static void *open_from_outside(void *arg)
{
    struct door *door = arg;

    while (
        !rv_trace_count(RV_EV_PARK)) /* the executor sleeps, or is about to */
        sched_yield();
    door->open = true;
    rv_waker_wake(&door->waker);
    return NULL;
}

RV_TEST(executor, a_wake_from_another_thread_ends_the_sleep)
{
    struct rv_executor *executor = new_executor();
    struct door door = {.open = false};
    struct waiter waiter;
    pthread_t helper;

    waiter_init(&waiter, &door);
    rv_trace_start(RV_TRACE_COUNTERS);
    pthread_create(&helper, NULL, open_from_outside, &door);

    cr_assert_eq(rv_block_on(executor, &waiter.future), 0);
    cr_assert_eq(door.polls, 2);
    pthread_join(helper, NULL);
    rv_trace_start(RV_TRACE_OFF);
    rv_waker_drop(&door.waker);
    rv_executor_free(executor);
}

RV_TEST(executor, a_late_wake_does_not_reach_the_next_task_in_the_slot)
{
    struct rv_executor *executor = new_executor();
    struct door first = {.open = false};
    struct door second = {.open = false};
    struct log log = {.len = 0};

    rv_spawn(executor, &new_waiter(&first)->future, NULL);
    run_batches(executor, 1);
    first.open = true;
    rv_waker_wake(&first.waker);
    run_batches(executor, 1);
    /* run_batches() had a slot too, which is reused first. */
    rv_spawn(executor, &new_stepper(&log, 'f', 1)->future, NULL);
    rv_spawn(executor, &new_waiter(&second)->future, NULL);
    run_batches(executor, 1);
    cr_assert_eq(second.polls, 1);

    cr_assert_eq((uint32_t)first.waker.id, (uint32_t)second.waker.id,
                 "the test wants both in one slot");
    rv_waker_wake(&first.waker);
    run_batches(executor, 2);
    cr_assert_eq(second.polls, 1);
    rv_waker_drop(&first.waker);
    rv_waker_drop(&second.waker);
    rv_executor_free(executor);
}

/* --- the end ----------------------------------------------------------- */

RV_TEST(executor, free_drops_the_tasks_that_are_left)
{
    struct rv_executor *executor;
    struct log log = {.len = 0};
    struct door door = {.open = false};

    rv_count_allocs(0);
    executor = new_executor();
    rv_spawn(executor, &new_waiter(&door)->future, NULL); /* suspended */
    run_batches(executor, 1);
    rv_spawn(executor, &new_stepper(&log, 'a', 1)->future, NULL); /* not yet */
    rv_executor_free(executor);

    cr_assert_eq(door.drops, 1);
    cr_assert_eq(log.drops, 1);
    cr_assert_eq(log.len, 0);
    rv_waker_drop(&door.waker);
    cr_assert_eq(rv_stop_counting_allocs(), 0);
}

RV_TEST(executor, wakers_outlive_the_executor_and_do_nothing)
{
    struct rv_executor *executor = new_executor();
    struct door door = {.open = false};

    rv_spawn(executor, &new_waiter(&door)->future, NULL);
    run_batches(executor, 1);
    rv_executor_free(executor);

    rv_waker_wake(&door.waker);
    rv_waker_drop(&door.waker);
    cr_assert_eq(door.polls, 1);
}

/* Its drop spawns, and stores the executor's error. */
struct late_spawner {
    struct rv_future future;
    struct rv_executor *executor;
    struct stepper *child;
    int *result;
};

static enum rv_poll never_poll(struct rv_future *future, struct rv_cx *cx)
{
    (void)future;
    (void)cx;
    return RV_PENDING;
}

static void late_spawner_drop(struct rv_future *future)
{
    struct late_spawner *self =
        RV_CONTAINER_OF(future, struct late_spawner, future);

    *self->result = rv_spawn(self->executor, &self->child->future, NULL);
}

RV_TEST(executor, nothing_can_be_spawned_while_it_is_being_freed)
{
    static const struct rv_future_ops ops = {
        .name = "late spawner", .poll = never_poll, .drop = late_spawner_drop};
    struct rv_executor *executor = new_executor();
    struct log log = {.len = 0};
    struct stepper *child = new_stepper(&log, 'c', 1);
    struct late_spawner *spawner = rv_alloc(sizeof *spawner);
    int result = 1;

    *spawner = (struct late_spawner){
        .executor = executor, .child = child, .result = &result};
    rv_future_init(&spawner->future, &ops);
    rv_spawn(executor, &spawner->future, NULL);
    rv_executor_free(executor);

    cr_assert_eq(result, -ECANCELED);
    cr_assert_eq(log.drops, 0, "on error the future is untouched");
    rv_free(child);
}

static enum rv_poll freeing_poll(struct rv_future *future, struct rv_cx *cx)
{
    (void)future;
    rv_executor_free(cx->executor);
    return RV_READY;
}

static void free_inside_a_poll(void)
{
    static const struct rv_future_ops ops = {.name = "freeing",
                                             .poll = freeing_poll};
    struct rv_future freeing;

    rv_future_init(&freeing, &ops);
    rv_block_on(new_executor(), &freeing);
}

RV_TEST(executor, free_inside_its_own_poll_stops_the_program)
{
    rv_test_aborts(free_inside_a_poll, "rv_executor_free");
}

/* --- without memory ---------------------------------------------------- */

/* Everything that allocates, from birth to death. */
static int spawn_and_run(void *arg)
{
    struct rv_executor *executor;
    struct log log = {.len = 0};
    struct stepper main_task;
    struct stepper *task;
    int result = rv_executor_new(&executor);

    (void)arg;
    if (result < 0)
        return result;
    task = rv_alloc(sizeof *task);
    result = task ? 0 : -ENOMEM;
    if (task) {
        stepper_init(task, &log, 'a', 2);
        result = rv_spawn(executor, &task->future, NULL);
        if (result < 0) {
            cr_assert_eq(log.drops, 0, "on error the future is untouched");
            rv_free(task);
        }
    }
    stepper_init(&main_task, &log, 'm', 3);
    if (result == 0)
        result = rv_block_on(executor, &main_task.future);
    rv_executor_free(executor);
    return result;
}

RV_TEST(executor, every_failing_allocation_is_an_error_value)
{
    cr_assert_geq(rv_fail_each_alloc_strictly(spawn_and_run, NULL), 4);
}

RV_TEST(executor, block_on_without_memory_says_so_and_works_later)
{
    struct rv_executor *executor = new_executor();
    struct log log = {.len = 0};
    struct stepper main_task;

    stepper_init(&main_task, &log, 'm', 1);
    rv_count_allocs(1); /* the slab's first chunk */
    cr_assert_eq(rv_block_on(executor, &main_task.future), -ENOMEM);
    rv_stop_counting_allocs();

    cr_assert_eq(log.len, 0);
    cr_assert_eq(rv_block_on(executor, &main_task.future), 0);
    cr_assert_str_eq(log.text, "m");
    rv_executor_free(executor);
}

/* --- one executor a thread --------------------------------------------- */

static void *run_one(void *arg)
{
    struct rv_executor *executor = new_executor();
    struct log log = {.len = 0};
    struct stepper main_task;

    for (int i = 0; i < 1000; i++) {
        log.len = 0;
        rv_spawn(executor, &new_stepper(&log, 'a', 3)->future, NULL);
        stepper_init(&main_task, &log, 'm', 5);
        *(int *)arg += rv_block_on(executor, &main_task.future) == 0;
    }
    rv_executor_free(executor);
    return NULL;
}

RV_TEST(executor, each_thread_has_its_own)
{
    pthread_t threads[4];
    int done[4] = {0};

    for (int i = 0; i < 4; i++)
        pthread_create(&threads[i], NULL, run_one, &done[i]);
    for (int i = 0; i < 4; i++) {
        pthread_join(threads[i], NULL);
        cr_assert_eq(done[i], 1000);
    }
}
