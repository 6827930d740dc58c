/* SPDX-License-Identifier: MIT */
/*
 * test_spawn.c - coroutines as tasks: awaiting any future, joined, aborted at
 * each await.
 *
 * Threads: the test's.
 */
#include <criterion/criterion.h>

#include <errno.h>
#include <reveil/combine.h>
#include <reveil/coro.h>

#include "executor/tasks.h"
#include "support/failing_alloc.h"
#include "support/support.h"

RV_TEST_SUITE(coro_spawn);

static void spawn(struct rv_executor *executor, rv_coro_entry entry, void *arg,
                  struct rv_join *join)
{
    cr_assert_eq(rv_coro_spawn(executor, entry, arg, NULL, join), 0);
}

/* --- join -------------------------------------------------------------- */

static int32_t plus_one(void *arg)
{
    return *(int *)arg + 1;
}

RV_TEST(coro_spawn, its_result_comes_to_the_join)
{
    struct rv_executor *executor = new_executor();
    struct rv_join join;
    int value = 41;

    spawn(executor, plus_one, &value, &join);
    cr_assert_eq(rv_test_block_on(executor, &join.future), 42);
    cr_assert_null(rv_join_output(&join));
    rv_join_drop(&join);
    cr_assert_eq(rv_executor_tasks(executor), 0);
    rv_executor_free(executor);
}

/* --- awaiting ---------------------------------------------------------- */

struct talk {
    struct log *log;
    char letter;
};

static int32_t say_twice(void *arg)
{
    struct talk *talk = arg;

    log_add(talk->log, talk->letter);
    cr_assert_eq(rv_coro_yield(), 0);
    log_add(talk->log, talk->letter);
    return 0;
}

RV_TEST(coro_spawn, a_yield_lets_the_others_go_first)
{
    struct rv_executor *executor = new_executor();
    struct log log = {.len = 0};
    struct talk talks[] = {{&log, 'a'}, {&log, 'b'}, {&log, 'c'}};

    for (int i = 0; i < 3; i++)
        spawn(executor, say_twice, &talks[i], NULL);
    run_batches(executor, 2);
    cr_assert_str_eq(log.text, "abcabc");
    rv_executor_free(executor);
}

static int32_t sleep_hours(void *arg)
{
    const int64_t start_ns = rv_now_ns();
    const int error = rv_coro_sleep_until(start_ns + 3600 * RV_NS_PER_S);

    *(int64_t *)arg = rv_now_ns() - start_ns;
    return error;
}

RV_TEST(coro_spawn, it_sleeps_until_its_time)
{
    struct rv_executor *executor;
    struct rv_join join;
    int64_t slept_ns = 0;

    rv_clock_freeze(1000 * RV_NS_PER_S);
    executor = new_executor();
    spawn(executor, sleep_hours, &slept_ns, &join);
    cr_assert_eq(rv_block_on(executor, &join.future), 0);
    cr_assert_geq(slept_ns, 3600 * RV_NS_PER_S);
    rv_join_drop(&join);
    rv_executor_free(executor);
    rv_clock_thaw();
}

/* Waits for two others, in plain code. */
static int32_t join_two(void *arg)
{
    struct rv_join joins[2];
    int sum = 0;

    for (int i = 0; i < 2; i++)
        spawn(rv_executor_current(), plus_one, arg, &joins[i]);
    for (int i = 0; i < 2; i++) {
        sum += rv_await(&joins[i].future);
        rv_join_drop(&joins[i]);
    }
    return sum;
}

RV_TEST(coro_spawn, one_joins_others)
{
    struct rv_executor *executor = new_executor();
    struct rv_join join;
    int value = 20;

    spawn(executor, join_two, &value, &join);
    cr_assert_eq(rv_test_block_on(executor, &join.future), 42);
    rv_join_drop(&join);
    rv_executor_free(executor);
}

static int32_t await_door(void *arg)
{
    struct waiter waiter;
    int result;

    waiter_init(&waiter, arg);
    result = rv_await(&waiter.future);
    rv_drop(&waiter.future);
    return result;
}

RV_TEST(coro_spawn, a_wake_in_vain_does_not_end_the_await)
{
    struct rv_executor *executor = new_executor();
    struct door door = {.polls = 0};
    struct rv_join join;

    spawn(executor, await_door, &door, &join);
    run_batches(executor, 1);
    cr_assert_eq(door.polls, 1);
    rv_waker_wake(&door.waker);
    run_batches(executor, 1);
    cr_assert_eq(door.polls, 2);
    cr_assert_eq(door.drops, 0);

    door.open = true;
    rv_waker_wake(&door.waker);
    cr_assert_eq(rv_test_block_on(executor, &join.future), 0);
    cr_assert_eq(door.polls, 3);
    cr_assert_eq(door.drops, 1);
    rv_waker_drop(&door.waker);
    rv_join_drop(&join);
    rv_executor_free(executor);
}

RV_TEST(coro_spawn, what_is_ready_at_once_is_polled_once)
{
    struct rv_executor *executor = new_executor();
    struct door door = {.open = true};
    struct rv_join join;

    spawn(executor, await_door, &door, &join);
    cr_assert_eq(rv_test_block_on(executor, &join.future), 0);
    cr_assert_eq(door.polls, 1);
    rv_join_drop(&join);
    rv_executor_free(executor);
}

/* --- aborted ----------------------------------------------------------- */

enum { AWAITS = 5 };

struct story {
    int at_await;     /* steps without an abort */
    int canceled;     /* awaits that returned -ECANCELED */
    bool ended;       /* it has returned */
    struct door door; /* at its last await */
    struct rv_executor *executor;
    struct rv_join *itself; /* which aborts it, or NULL */
};

static void note(struct story *story, int result)
{
    story->canceled += result == -ECANCELED;
    story->at_await += result == 0;
}

/* Five awaits of different kinds. */
static int32_t tell(void *arg)
{
    struct story *story = arg;
    struct waiter waiter;
    struct rv_join join;
    int64_t slept_ns;

    note(story, rv_coro_yield());
    note(story, rv_coro_sleep_until(rv_now_ns() + RV_NS_PER_MS));
    spawn(story->executor, sleep_hours, &slept_ns, &join);
    rv_join_abort(&join);
    note(story, rv_await(&join.future) == -ECANCELED && !story->canceled
                    ? 0
                    : -ECANCELED);
    rv_join_drop(&join);
    if (story->itself)
        rv_join_abort(story->itself);
    note(story, rv_coro_yield());
    waiter_init(&waiter, &story->door);
    note(story, rv_await(&waiter.future));
    rv_drop(&waiter.future);
    story->ended = true;
    return 7;
}

/* Start the story, and abort it when it has reached this await. */
static void abort_at(int await)
{
    struct rv_executor *executor = new_executor();
    struct story story = {.executor = executor};
    struct rv_join join;
    int came;

    spawn(executor, tell, &story, &join);
    for (int i = 0; await >= 0 && (i == 0 || story.at_await < await); i++)
        run_batches(executor, 1);
    came = story.at_await;
    rv_join_abort(&join);

    cr_assert(story.ended, "at await %d", await);
    cr_assert_eq(story.at_await, came);
    cr_assert_eq(story.canceled, AWAITS - came);
    cr_assert_eq(rv_test_block_on(executor, &join.future), -ECANCELED);
    cr_assert_null(rv_join_output(&join));
    rv_join_drop(&join);
    rv_waker_drop(&story.door.waker);
    rv_executor_free(executor);
}

RV_TEST(coro_spawn, aborted_at_any_await_it_runs_to_its_end)
{
    for (int await = -1; await < AWAITS; await++)
        abort_at(await);
}

RV_TEST(coro_spawn, it_may_abort_itself)
{
    struct rv_executor *executor = new_executor();
    struct story story = {.executor = executor};
    struct rv_join join;

    story.itself = &join;
    spawn(executor, tell, &story, &join);
    cr_assert_eq(rv_test_block_on(executor, &join.future), -ECANCELED);
    cr_assert(story.ended);
    cr_assert_eq(story.at_await, 3);
    rv_join_drop(&join);
    rv_waker_drop(&story.door.waker);
    rv_executor_free(executor);
}

RV_TEST(coro_spawn, freeing_the_executor_ends_it)
{
    for (int batches = 0; batches < 4; batches++) {
        struct rv_executor *executor = new_executor();
        struct door door = {.polls = 0};

        spawn(executor, await_door, &door, NULL);
        run_batches(executor, batches);
        rv_executor_free(executor);
        cr_assert_eq(door.drops, 1);
        rv_waker_drop(&door.waker);
    }
}

RV_TEST(coro_spawn, a_dropped_join_lets_it_go_on)
{
    struct rv_executor *executor = new_executor();
    struct log log = {.len = 0};
    struct talk talk = {&log, 'x'};
    struct rv_join join;

    spawn(executor, say_twice, &talk, &join);
    run_batches(executor, 1);
    rv_join_drop(&join);
    run_batches(executor, 2);
    cr_assert_str_eq(log.text, "xx");
    rv_executor_free(executor);
}

/* --- without memory ---------------------------------------------------- */

static int spawn_and_join(void *arg)
{
    struct rv_executor *executor;
    struct rv_join join;
    int error = rv_executor_new(&executor);

    if (error)
        return error;
    error = rv_coro_spawn(executor, plus_one, arg, NULL, &join);
    if (!error) {
        error = rv_block_on(executor, &join.future);
        rv_join_drop(&join);
    }
    rv_executor_free(executor);
    return error < 0 ? error : 0;
}

RV_TEST(coro_spawn, without_memory_it_is_an_error_and_nothing_is_left)
{
    int value = -1;

    cr_assert_gt(rv_fail_each_alloc_strictly(spawn_and_join, &value), 2);
}

/* --- misuse ------------------------------------------------------------ */

static enum rv_poll awaits_poll(struct rv_future *future, struct rv_cx *cx)
{
    (void)future;
    (void)cx;
    rv_coro_yield();
    return RV_READY;
}

static int32_t await_in_poll(void *arg)
{
    static const struct rv_future_ops ops = {.name = "awaits",
                                             .poll = awaits_poll};
    struct rv_future future;

    (void)arg;
    rv_future_init(&future, &ops);
    return rv_await(&future);
}

static int32_t suspend_plainly(void *arg)
{
    (void)arg;
    rv_coro_suspend();
    return 0;
}

static void run_alone(rv_coro_entry entry)
{
    struct rv_executor *executor = new_executor();
    struct rv_join join;

    spawn(executor, entry, NULL, &join);
    rv_block_on(executor, &join.future);
}

static void misuse_await_in_poll(void)
{
    run_alone(await_in_poll);
}

static void misuse_suspend(void)
{
    run_alone(suspend_plainly);
}

RV_TEST(coro_spawn, misuse_stops_the_program)
{
    rv_test_aborts(misuse_await_in_poll, "an await inside of a poll");
    rv_test_aborts(misuse_suspend, "rv_coro_suspend");
}
