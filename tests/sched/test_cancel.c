/* SPDX-License-Identifier: MIT */
/* test_cancel.c - requests to end: one task, all tasks, and time to clean up.
 */
#include <pthread.h>
#include <reveil/oneshot.h>
#include <sched.h>

#include "tasks.h"

RV_TEST_SUITE(cancel);

static struct rv_sched *start_with_grace(int64_t grace_ns)
{
    const struct rv_sched_options options = {.workers = SCHED_WORKERS,
                                             .ring.off = machine_wants_pool(),
                                             .grace_ns = grace_ns};
    struct rv_sched *sched;

    cr_assert_eq(rv_sched_start(&sched, &options), 0);
    return sched;
}

/* Wait until a task has set the flag. */
static void await_flag(_Atomic int *flag)
{
    while (!atomic_load(flag))
        sched_yield();
}

static int32_t sleep_ms_task(void *arg)
{
    return sleep_ms((intptr_t)arg);
}

/* --- one task ---------------------------------------------------------- */

/* Set by a task that may be canceled from then on. */
static _Atomic bool has_begun;

static int start_and_cancel(struct rv_go *task, rv_go_fn fn)
{
    has_begun = false;
    TASK_CHECK(rv_go(task, fn, NULL) == 0);
    while (!has_begun)
        TASK_CHECK(sleep_ms(1) == 0);
    rv_go_cancel(task);
    return 0;
}

static int32_t wait_twice(void *arg)
{
    (void)arg;
    TASK_CHECK(!rv_coro_canceled());
    has_begun = true;
    TASK_CHECK(sleep_for_an_hour(NULL) == -ECANCELED);
    TASK_CHECK(rv_coro_canceled());
    TASK_CHECK(sleep_for_an_hour(NULL) == -ECANCELED);
    TASK_CHECK(rv_go_yield() == -ECANCELED);
    TASK_CHECK(rv_coro_yield() == -ECANCELED);
    return 7;
}

static int32_t cancel_one_that_waits(void *arg)
{
    struct rv_go task;
    struct rv_go other;

    (void)arg;
    TASK_CHECK(rv_go(&other, sleep_for_an_hour, NULL) == 0);
    TASK_CHECK(start_and_cancel(&task, wait_twice) == 0);
    rv_go_cancel(&task);
    TASK_CHECK(rv_go_join(&task) == 7);
    TASK_CHECK(!rv_coro_canceled());
    TASK_CHECK(rv_await_until(&other.future, rv_after_ms(5)) == -ETIMEDOUT);
    rv_go_cancel(&other);
    TASK_CHECK(rv_go_join(&other) == -ECANCELED);
    return 0;
}

RV_TEST(cancel, a_request_ends_the_waits_of_one_task)
{
    cr_assert_eq(run_once(SCHED_WORKERS, cancel_one_that_waits, NULL), 0);
    cr_assert_eq(run_once(1, cancel_one_that_waits, NULL), 0);
}

static int32_t cancel_before_and_after(void *arg)
{
    struct rv_go empty = {.task = NULL};
    struct rv_go task;

    (void)arg;
    rv_go_cancel(&empty);
    TASK_CHECK(rv_go(&task, sleep_for_an_hour, NULL) == 0);
    rv_go_cancel(&task); /* one worker: it has not run yet */
    TASK_CHECK(rv_go_join(&task) == -ECANCELED);
    TASK_CHECK(rv_go(&task, return_arg, int_arg(3)) == 0);
    TASK_CHECK(sleep_ms(5) == 0);
    rv_go_cancel(&task);
    TASK_CHECK(rv_go_join(&task) == 3);
    rv_go_cancel(&task);
    return 0;
}

RV_TEST(cancel, a_request_before_the_first_run_or_after_the_end)
{
    cr_assert_eq(run_once(1, cancel_before_and_after, NULL), 0);
}

/* The memory of a canceled task is used for the next one. */
static int32_t reuse(void *arg)
{
    (void)arg;
    for (int i = 0; i < 300; i++) {
        struct rv_go task;

        TASK_CHECK(rv_go(&task, sleep_for_an_hour, NULL) == 0);
        if (i % 2)
            TASK_CHECK(rv_go_yield() == 0);
        rv_go_cancel(&task);
        TASK_CHECK(rv_go_join(&task) == -ECANCELED);
        TASK_CHECK(rv_go(&task, sleep_ms_task, int_arg(0)) == 0);
        TASK_CHECK(rv_go_join(&task) == 0);
    }
    return 0;
}

RV_TEST(cancel, the_next_task_is_not_canceled)
{
    cr_assert_eq(run_once(1, reuse, NULL), 0);
}

static int32_t spin_until_canceled(void *arg)
{
    _Atomic int *runs = arg;

    atomic_store(runs, 1);
    while (!rv_coro_canceled())
        ;
    return 5;
}

RV_TEST(cancel, a_loop_that_never_waits_asks)
{
    struct rv_sched *sched = start_sched(SCHED_WORKERS);
    _Atomic int runs = 0;
    struct rv_go task;

    cr_assert_eq(rv_sched_go(sched, &task, "loop", spin_until_canceled, &runs),
                 0);
    await_flag(&runs);
    rv_go_cancel(&task); /* on a thread that is not a worker */
    cr_assert_eq(rv_go_join(&task), 5);

    runs = 0;
    cr_assert_eq(rv_sched_go(sched, NULL, "loop", spin_until_canceled, &runs),
                 0);
    await_flag(&runs);
    rv_sched_stop(sched);
}

RV_TEST(cancel, any_thread_may_ask)
{
    struct rv_sched *sched = start_sched(SCHED_WORKERS);
    struct rv_go task;

    has_begun = false;
    cr_assert_eq(rv_sched_go(sched, &task, "waits", wait_twice, NULL), 0);
    while (!has_begun)
        sched_yield();
    rv_test_wait_for_sleep();
    rv_go_cancel(&task);
    cr_assert_eq(rv_go_join(&task), 7);
    rv_sched_stop(sched);
}

RV_TEST(cancel, outside_of_coroutines_there_is_none)
{
    cr_assert_not(rv_coro_canceled());
    cr_assert_eq(rv_coro_grace(RV_NEVER), -ECANCELED);
}

/* --- a handle that was READY inside another future --------------------------
 */

static int32_t join_after_either(void *arg)
{
    struct rv_go quick;
    struct rv_go slow;

    (void)arg;
    TASK_CHECK(rv_go(&quick, return_arg, int_arg(3)) == 0);
    TASK_CHECK(rv_go(&slow, sleep_for_an_hour, NULL) == 0);
    TASK_CHECK(rv_await_either(&quick.future, &slow.future, RV_NEVER) == 0);
    rv_go_cancel(&slow);
    TASK_CHECK(rv_go_join(&quick) == 3);
    TASK_CHECK(rv_go_join(&quick) == -EINVAL);
    TASK_CHECK(rv_go_join(&slow) == -ECANCELED);
    return 0;
}

RV_TEST(cancel, a_task_that_was_awaited_may_be_joined)
{
    cr_assert_eq(run_once(1, join_after_either, NULL), 0);
    cr_assert_eq(run_once(SCHED_WORKERS, join_after_either, NULL), 0);
}

/* --- what goes on in a canceled task ----------------------------------- */

static int32_t join_long_child(void *arg)
{
    struct rv_go child;

    TASK_CHECK(rv_go(&child, sleep_ms_task, int_arg(20)) == 0);
    atomic_store((_Atomic int *)arg, 1);
    TASK_CHECK(rv_await_until(&child.future, rv_after_ms(3600 * 1000)) ==
               -ECANCELED);
    TASK_CHECK(rv_go_join(&child) == 0);
    TASK_CHECK(rv_coro_canceled());
    TASK_CHECK(rv_go(&child, sleep_ms_task, int_arg(20)) == 0);
    TASK_CHECK(rv_await(&child.future) == 0);
    rv_go_drop(&child);
    return 9;
}

static int32_t cancel_one_that_joins(void *arg)
{
    _Atomic int runs = 0;
    struct rv_go task;

    (void)arg;
    TASK_CHECK(rv_go(&task, join_long_child, &runs) == 0);
    while (!atomic_load(&runs))
        TASK_CHECK(rv_go_yield() == 0);
    rv_go_cancel(&task);
    TASK_CHECK(rv_go_join(&task) == 9);
    return 0;
}

RV_TEST(cancel, a_canceled_task_waits_for_its_child)
{
    cr_assert_eq(run_once(SCHED_WORKERS, cancel_one_that_joins, NULL), 0);
}

/* --- time to clean up --------------------------------------------------- */

static int32_t clean_up(void *arg)
{
    int64_t before_ns;

    (void)arg;
    TASK_CHECK(rv_coro_grace(RV_NEVER) == 0); /* without effect */
    has_begun = true;
    TASK_CHECK(sleep_for_an_hour(NULL) == -ECANCELED);
    TASK_CHECK(sleep_for_an_hour(NULL) == -ECANCELED);
    TASK_CHECK(rv_coro_grace(rv_after_ms(600000)) == 0);
    TASK_CHECK(sleep_ms(5) == 0);
    TASK_CHECK(rv_coro_yield() == 0);
    before_ns = rv_now_ns();
    TASK_CHECK(rv_coro_grace(rv_after_ms(20)) == 0);
    TASK_CHECK(sleep_for_an_hour(NULL) == -ECANCELED);
    TASK_CHECK(rv_now_ns() - before_ns >= 20 * RV_NS_PER_MS);
    TASK_CHECK(sleep_for_an_hour(NULL) == -ECANCELED);
    TASK_CHECK(rv_coro_grace(INT64_MIN) == 0);
    TASK_CHECK(rv_coro_yield() == -ECANCELED);
    TASK_CHECK(rv_coro_grace(RV_NEVER) == 0);
    TASK_CHECK(sleep_ms(1) == 0);
    return 11;
}

static int32_t cancel_one_that_cleans_up(void *arg)
{
    struct rv_go task;

    (void)arg;
    TASK_CHECK(start_and_cancel(&task, clean_up) == 0);
    TASK_CHECK(rv_go_join(&task) == 11);
    return 0;
}

RV_TEST(cancel, a_canceled_task_may_ask_for_time)
{
    cr_assert_eq(run_once(SCHED_WORKERS, cancel_one_that_cleans_up, NULL), 0);
    cr_assert_eq(run_once(1, cancel_one_that_cleans_up, NULL), 0);
}

struct last_word {
    _Atomic int runs;
    int64_t grace_ns;
    int wait_ms;
    int32_t result;
    int32_t later; /* of a wait after it */
    int again;     /* rv_coro_grace() after it */
};

static int32_t say_last_word(void *arg)
{
    struct last_word *self = arg;

    atomic_store(&self->runs, 1);
    TASK_CHECK(sleep_for_an_hour(NULL) == -ECANCELED);
    rv_coro_grace(self->grace_ns);
    self->result = sleep_ms(self->wait_ms);
    self->later = sleep_ms(self->wait_ms);
    self->again = rv_coro_grace(RV_NEVER);
    return 0;
}

static void stop_with_last_word(int64_t grace_ns, struct last_word *word)
{
    struct rv_sched *sched = start_with_grace(grace_ns);

    cr_assert_eq(rv_sched_go(sched, NULL, "last", say_last_word, word), 0);
    await_flag(&word->runs);
    rv_test_wait_for_sleep();
    rv_sched_stop(sched);
}

RV_TEST(cancel, a_stop_waits_for_those_who_clean_up)
{
    struct last_word word = {.grace_ns = RV_NEVER, .wait_ms = 20};

    stop_with_last_word(0, &word);
    cr_assert_eq(word.result, 0);
    cr_assert_eq(word.later, 0);
    cr_assert_eq(word.again, 0);
    word.runs = 0;
    stop_with_last_word(RV_NEVER, &word);
    cr_assert_eq(word.result, 0);
}

RV_TEST(cancel, a_stop_does_not_wait_for_ever)
{
    const int64_t start_ns = rv_now_ns();
    struct last_word word = {.grace_ns = RV_NEVER, .wait_ms = 3600 * 1000};

    stop_with_last_word(20 * RV_NS_PER_MS, &word);
    cr_assert_eq(word.result, -ECANCELED);
    cr_assert_eq(word.later, -ECANCELED);
    cr_assert_eq(word.again, -ECANCELED);
    cr_assert_geq(rv_now_ns() - start_ns, 20 * RV_NS_PER_MS);
}

RV_TEST(cancel, a_stop_may_allow_no_time)
{
    struct last_word word = {.grace_ns = RV_NEVER, .wait_ms = 3600 * 1000};

    stop_with_last_word(-1, &word);
    cr_assert_eq(word.result, -ECANCELED);
    cr_assert_eq(word.again, -ECANCELED);
}

/* It was canceled, and waits in the time that it has asked for, before the
 * stop. */
RV_TEST(cancel, a_stop_ends_the_time_of_a_task_that_was_canceled_before)
{
    struct last_word word = {.grace_ns = RV_NEVER, .wait_ms = 3600 * 1000};
    struct rv_sched *sched = start_with_grace(10 * RV_NS_PER_MS);
    struct rv_go task;

    cr_assert_eq(rv_sched_go(sched, &task, "last", say_last_word, &word), 0);
    await_flag(&word.runs);
    rv_go_cancel(&task);
    rv_go_drop(&task);
    rv_test_wait_for_sleep();
    rv_sched_stop(sched);
    cr_assert_eq(word.result, -ECANCELED);
}

/* A task that cleans up waits for another one, which must be free to run. */
struct pair {
    struct rv_oneshot_sender *sender;
    struct rv_oneshot_receiver *receiver;
    int32_t result;
};

static int32_t answer_late(void *arg)
{
    struct pair *pair = arg;
    int word = 3;

    sleep_for_an_hour(NULL);
    TASK_CHECK(rv_coro_grace(rv_after_ms(10 * 1000)) == 0);
    TASK_CHECK(sleep_ms(20) == 0);
    return rv_oneshot_send(pair->sender, &word);
}

static int32_t ask_late(void *arg)
{
    struct pair *pair = arg;
    int word = 0;

    sleep_for_an_hour(NULL);
    TASK_CHECK(rv_coro_grace(rv_after_ms(10 * 1000)) == 0);
    TASK_CHECK(rv_oneshot_recv(pair->receiver, &word, RV_NEVER) == 0);
    pair->result = word;
    return 0;
}

RV_TEST(cancel, tasks_that_clean_up_wait_for_each_other)
{
    struct rv_sched *sched = start_with_grace(0);
    struct pair pair = {.result = -1};

    cr_assert_eq(
        rv_oneshot_new(&pair.sender, &pair.receiver, sizeof(int), NULL), 0);
    cr_assert_eq(rv_sched_go(sched, NULL, "asks", ask_late, &pair), 0);
    cr_assert_eq(rv_sched_go(sched, NULL, "answers", answer_late, &pair), 0);
    rv_test_wait_for_sleep();
    rv_sched_stop(sched);
    rv_oneshot_receiver_close(pair.receiver);
    cr_assert_eq(pair.result, 3);
}

static int32_t clean_up_after_deadlock(void *arg)
{
    TASK_CHECK(await_never(NULL) == -ECANCELED);
    TASK_CHECK(rv_coro_grace(RV_NEVER) == 0);
    *(int32_t *)arg = sleep_ms(10);
    return sleep_for_an_hour(NULL);
}

RV_TEST(cancel, after_a_deadlock_the_time_is_limited_too)
{
    struct rv_sched *sched = start_with_grace(100 * RV_NS_PER_MS);
    int32_t slept = -1;

    cr_assert_eq(rv_sched_run(sched, clean_up_after_deadlock, &slept),
                 -EDEADLK);
    cr_assert_eq(slept, 0);
    rv_sched_stop(sched);
}
