/* SPDX-License-Identifier: MIT */
/*
 * test_misuse.c - mistakes in coroutines that end the program with a message,
 * because nothing else would tell of them.
 *
 * Threads: one, and one that does not own the executor.
 */
#include <criterion/criterion.h>

#include <errno.h>
#include <pthread.h>
#include <reveil/reveil.h>

#include "support/support.h"

RV_TEST_SUITE(coro_misuse);

/* --- on another thread ------------------------------------------------- */

struct owned {
    struct rv_executor *executor;
    struct rv_join join;
    struct rv_scope scope;
    struct rv_timer timer;
};

static struct owned owned;
static void *(*foreign)(void *arg);

static int32_t sleep_long(void *arg)
{
    (void)arg;
    return rv_coro_sleep_until(RV_NEVER);
}

static void ring(struct rv_timer *timer, void *arg)
{
    (void)timer;
    (void)arg;
}

/* The executor is inside its loop, and this thread waits for the other one. */
static int32_t lend(void *arg)
{
    pthread_t thread;

    (void)arg;
    owned.executor = rv_executor_current();
    rv_scope_init(&owned.scope, owned.executor);
    rv_timer_init(&owned.timer, owned.executor, ring, NULL);
    if (rv_coro_spawn(owned.executor, sleep_long, NULL, NULL, &owned.join) ||
        rv_scope_spawn_coro(&owned.scope, sleep_long, NULL, 0, NULL) ||
        rv_coro_yield() || pthread_create(&thread, NULL, foreign, NULL))
        return -1;
    pthread_join(thread, NULL);
    return 0;
}

static void run_lend(void)
{
    rv_run(lend, NULL);
}

static void aborts_elsewhere(void *(*call)(void *arg), const char *text)
{
    foreign = call;
    rv_test_aborts(run_lend, text);
}

static void *spawn_there(void *arg)
{
    rv_coro_spawn(owned.executor, sleep_long, NULL, NULL, NULL);
    return arg;
}

static void *spawn_in_scope_there(void *arg)
{
    rv_scope_spawn_coro(&owned.scope, sleep_long, NULL, 0, NULL);
    return arg;
}

static void *cancel_there(void *arg)
{
    rv_coro_cancel(&owned.join);
    return arg;
}

static void *cancel_scope_there(void *arg)
{
    rv_scope_cancel(&owned.scope);
    return arg;
}

static void *abort_there(void *arg)
{
    rv_join_abort(&owned.join);
    return arg;
}

static void *drop_there(void *arg)
{
    rv_join_drop(&owned.join);
    return arg;
}

static void *start_timer_there(void *arg)
{
    rv_timer_start(&owned.timer, rv_after_ms(1));
    return arg;
}

static void *block_on_there(void *arg)
{
    struct rv_sleep nap;

    rv_sleep_init(&nap, rv_after_ms(1));
    rv_block_on(owned.executor, &nap.future);
    return arg;
}

static void *await_there(void *arg)
{
    rv_await(&owned.join.future);
    return arg;
}

/* A runtime of this thread's own waits for it. */
static void wait_there(struct rv_future *future)
{
    struct rv_runtime *runtime;

    if (rv_test_runtime_start(&runtime) == 0)
        rv_runtime_block_on(runtime, future);
}

static void *wait_for_join_there(void *arg)
{
    wait_there(&owned.join.future);
    return arg;
}

static void *wait_for_scope_there(void *arg)
{
    wait_there(&owned.scope.future);
    return arg;
}

RV_TEST(coro_misuse, the_executor_of_another_thread)
{
    aborts_elsewhere(spawn_there, "a spawn on another thread");
    aborts_elsewhere(spawn_in_scope_there, "a spawn on another thread");
    aborts_elsewhere(cancel_there, "another thread than the executor's");
    aborts_elsewhere(cancel_scope_there, "another thread than the executor's");
    aborts_elsewhere(abort_there, "another thread than the executor's");
    aborts_elsewhere(drop_there, "another thread than the executor's");
    aborts_elsewhere(start_timer_there, "another thread than the executor's");
    aborts_elsewhere(block_on_there, "another thread polls for the executor");
    aborts_elsewhere(await_there, "only for a coroutine that has a host");
    aborts_elsewhere(wait_for_join_there, "a join is awaited on another");
    aborts_elsewhere(wait_for_scope_there, "a scope is awaited on another");
}

/* --- without an executor, a task, a socket ----------------------------- */

static void spawn_outside(void)
{
    rv_coro_spawn(rv_executor_current(), sleep_long, NULL, NULL, NULL);
}

static int32_t await_no_task(void *arg)
{
    struct rv_join join = {0};

    (void)arg;
    return rv_await(&join.future);
}

static void run_await_no_task(void)
{
    rv_run(await_no_task, NULL);
}

static int32_t receive(void *stream)
{
    char byte;

    return rv_stream_recv(stream, &byte, 1, RV_NEVER);
}

static int32_t receive_from_none(void *arg)
{
    struct rv_stream none = {0};

    (void)arg;
    return receive(&none);
}

static int32_t close_under_a_task(void *arg)
{
    struct rv_stream pair[2];
    struct rv_join join;
    int result;

    (void)arg;
    if (rv_stream_pair(pair) ||
        rv_coro_spawn(rv_executor_current(), receive, &pair[0], NULL, &join) ||
        rv_coro_yield())
        return -1;
    rv_stream_close(&pair[0]);
    result = rv_await(&join.future);
    rv_stream_close(&pair[1]);
    return result;
}

static int32_t leave_a_join(void *arg)
{
    struct rv_join join;

    (void)arg;
    return rv_coro_spawn(rv_executor_current(), sleep_long, NULL, NULL, &join);
}

static void run_leave_a_join(void)
{
    rv_run(leave_a_join, NULL);
}

static int32_t end_of_a_nap(void *arg)
{
    (void)arg;
    return rv_coro_sleep_until(rv_after_ms(1));
}

/* The other task stops the program long before. */
static int32_t end_unless_it_aborts(void)
{
    return rv_coro_sleep_until(rv_after_ms(60000));
}

/* Its joins: of a task that has ended, a detached one, an aborted one. */
static int32_t leave_no_join(void *arg)
{
    struct rv_executor *executor = rv_executor_current();
    struct rv_join ended, dropped, aborted;

    (void)arg;
    if (rv_coro_spawn(executor, end_of_a_nap, NULL, NULL, &ended) ||
        rv_coro_spawn(executor, sleep_long, NULL, NULL, &dropped) ||
        rv_coro_spawn(executor, sleep_long, NULL, NULL, &aborted))
        return -1;
    rv_join_drop(&dropped);
    rv_join_abort(&aborted);
    return rv_await(&ended.future);
}

RV_TEST(coro_misuse, a_join_on_a_stack_that_ends)
{
    rv_test_aborts(run_leave_a_join, "before it dropped a join");
    cr_assert_eq(rv_run(leave_no_join, NULL), 0);
}

/* --- a wait for itself --------------------------------------------------- */

static struct rv_join own_join;
static struct rv_scope own_scope;
static struct rv_go own_go;

static int32_t join_itself(void *arg)
{
    (void)arg;
    return rv_await(&own_join.future);
}

static int32_t start_join_itself(void *arg)
{
    (void)arg;
    return rv_coro_spawn(rv_executor_current(), join_itself, NULL, NULL,
                         &own_join)
               ? -1
               : end_unless_it_aborts();
}

static void run_join_itself(void)
{
    rv_run(start_join_itself, NULL);
}

/* The same with a future: its child is its own join. */
static int32_t spawn_its_own_join(void *arg)
{
    struct rv_until *until = rv_alloc(sizeof *until);

    (void)arg;
    if (!until)
        return -1;
    rv_until_init(until, &own_join.future, RV_NEVER);
    return rv_spawn(rv_executor_current(), &until->future, &own_join)
               ? -1
               : end_unless_it_aborts();
}

static void run_spawn_its_own_join(void)
{
    rv_run(spawn_its_own_join, NULL);
}

static int32_t wait_for_own_scope(void *arg)
{
    (void)arg;
    return rv_scope_wait(&own_scope);
}

static int32_t start_wait_for_own_scope(void *arg)
{
    (void)arg;
    rv_scope_init(&own_scope, rv_executor_current());
    return rv_scope_spawn_coro(&own_scope, wait_for_own_scope, NULL, 0, NULL)
               ? -1
               : end_unless_it_aborts();
}

static void run_wait_for_own_scope(void)
{
    rv_run(start_wait_for_own_scope, NULL);
}

static int32_t go_join_itself(void *arg)
{
    (void)arg;
    return rv_go_join(&own_go);
}

static int32_t go_await_itself(void *arg)
{
    (void)arg;
    return rv_await(&own_go.future);
}

static void go(rv_go_fn fn)
{
    const struct rv_sched_options options = {.workers = 1};
    struct rv_sched *sched;

    if (rv_sched_start(&sched, &options) == 0)
        rv_sched_run(sched, fn, NULL);
}

static int32_t start_go_join_itself(void *arg)
{
    return rv_go(&own_go, go_join_itself, arg) ? -1 : end_unless_it_aborts();
}

static int32_t start_go_await_itself(void *arg)
{
    return rv_go(&own_go, go_await_itself, arg) ? -1 : end_unless_it_aborts();
}

static void run_go_join_itself(void)
{
    go(start_go_join_itself);
}

static void run_go_await_itself(void)
{
    go(start_go_await_itself);
}

/* Locked again by the coroutine that has it; way: how it got it. */
static enum { AT_ONCE, AFTER_A_WAIT } way;

static int32_t have_first(void *mutex)
{
    const int error = rv_mutex_lock(mutex, RV_NEVER);

    rv_coro_sleep_until(rv_after_ms(1));
    rv_mutex_unlock(mutex);
    return error;
}

static int32_t lock_again(void *arg)
{
    static struct rv_mutex mutex;

    (void)arg;
    rv_mutex_init(&mutex);
    if (way == AFTER_A_WAIT &&
        (rv_coro_spawn(rv_executor_current(), have_first, &mutex, NULL, NULL) ||
         rv_coro_yield()))
        return -1;
    if (rv_mutex_lock(&mutex, rv_after_ms(60000)) ||
        rv_mutex_lock(&mutex, rv_after_ms(1)) != -ETIMEDOUT)
        return -1;
    return rv_mutex_lock(&mutex, RV_NEVER);
}

static void run_lock_again(void)
{
    rv_run(lock_again, NULL);
}

static void run_lock_again_in_a_task(void)
{
    go(lock_again);
}

RV_TEST(coro_misuse, a_mutex_that_the_coroutine_has)
{
    rv_test_aborts(run_lock_again, "a mutex that it has");
    rv_test_aborts(run_lock_again_in_a_task, "a mutex that it has");
    way = AFTER_A_WAIT;
    rv_test_aborts(run_lock_again, "a mutex that it has");
}

/* It may wait for the mutex that it had before. */
static int32_t lock_in_turn(void *mutex)
{
    for (int i = 0; i < 10; i++) {
        if (rv_mutex_lock(mutex, RV_NEVER))
            return -1;
        rv_coro_yield();
        rv_mutex_unlock(mutex);
    }
    return 0;
}

static int32_t two_lock_in_turn(void *arg)
{
    struct rv_mutex mutex;
    struct rv_join join;
    int error;

    (void)arg;
    rv_mutex_init(&mutex);
    error =
        rv_coro_spawn(rv_executor_current(), lock_in_turn, &mutex, NULL, &join);
    if (!error)
        error = lock_in_turn(&mutex);
    if (!error)
        error = rv_await_and_drop(&join.future, RV_NEVER);
    rv_mutex_fini(&mutex);
    return error;
}

RV_TEST(coro_misuse, a_mutex_that_it_had)
{
    cr_assert_eq(rv_run(two_lock_in_turn, NULL), 0);
}

RV_TEST(coro_misuse, a_task_that_waits_for_its_own_end)
{
    rv_test_aborts(run_join_itself, "a task waits for its own end");
    rv_test_aborts(run_spawn_its_own_join, "a task waits for its own end");
    rv_test_aborts(run_wait_for_own_scope, "the scope that it is in");
    rv_test_aborts(run_go_join_itself, "a task waits for its own end");
    rv_test_aborts(run_go_await_itself, "a task waits for its own end");
}

RV_TEST(coro_misuse, what_is_not_there)
{
    rv_test_aborts(spawn_outside, "there is no executor");
    rv_test_aborts(run_await_no_task, "a future was polled that is not");
}

RV_TEST(coro_misuse, a_stream_that_is_not_there)
{
    cr_assert_eq(rv_run(receive_from_none, NULL), -EBADF);
    cr_assert_eq(rv_run(close_under_a_task, NULL), -EBADF);
}
