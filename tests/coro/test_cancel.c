/* SPDX-License-Identifier: MIT */
/*
 * test_cancel.c - a coroutine that is asked to end, and scopes of coroutines.
 *
 * Threads: one, that of the executor.
 */
#include <errno.h>
#include <reveil/async.h>
#include <reveil/coro.h>
#include <reveil/oneshot.h>
#include <string.h>

#include "support/hosts.h"
#include "support/times.h"

RV_TEST_SUITE(cancel);

static int64_t in_an_hour(void)
{
    return rv_now_ns() + 3600 * RV_NS_PER_S;
}

/* What a coroutine under test found, in order. */
struct log {
    int result[8];
    int count;
    int64_t grace_ns; /* that it asks for; 0: none */
    bool canceled;
};

static void note(struct log *log, int result)
{
    log->result[log->count++] = result;
}

static int32_t wait_and_clean_up(void *arg)
{
    struct log *log = arg;

    note(log, rv_coro_sleep_until(in_an_hour()));
    log->canceled = rv_coro_canceled();
    if (log->grace_ns)
        note(log, rv_coro_grace(log->grace_ns));
    note(log, rv_coro_sleep_until(rv_after_ms(2)));
    note(log, rv_coro_yield());
    return 7;
}

/* One coroutine and a future that ends it, polled by rv_block_on(). */
struct ending {
    struct rv_future future;
    struct rv_join join;
    bool abort;
    struct rv_yield yield;
};

static enum rv_poll ending_poll(struct rv_future *future, struct rv_cx *cx)
{
    struct ending *self = RV_CONTAINER_OF(future, struct ending, future);

    RV_BEGIN(future);
    rv_yield_init(&self->yield); /* the coroutine waits after it */
    RV_AWAIT(future, cx, &self->yield.future);
    if (self->abort)
        rv_join_abort(&self->join);
    else
        rv_coro_cancel(&self->join);
    RV_AWAIT(future, cx, &self->join.future);
    RV_RETURN(future, self->join.future.result);
    RV_END(future);
}

static int32_t end_it(rv_coro_entry entry, void *arg, bool abort)
{
    static const struct rv_future_ops ops = {.name = "ending",
                                             .poll = ending_poll};
    struct rv_runtime *runtime = rv_host_start_runtime(RV_HOST_FUSED);
    struct ending ending = {.abort = abort};
    int32_t result;

    rv_future_init(&ending.future, &ops);
    cr_assert_eq(rv_coro_spawn(rv_runtime_executor(runtime), entry, arg, NULL,
                               &ending.join),
                 0);
    result = rv_runtime_block_on(runtime, &ending.future);
    rv_join_drop(&ending.join);
    rv_runtime_stop(runtime);
    return result;
}

RV_TEST(cancel, waits_end_at_once_and_the_result_is_kept)
{
    struct log log = {0};

    cr_assert_eq(end_it(wait_and_clean_up, &log, false), 7);
    cr_assert_eq(log.count, 3);
    for (int i = 0; i < 3; i++)
        cr_assert_eq(log.result[i], -ECANCELED);
    cr_assert(log.canceled);
}

RV_TEST(cancel, a_coroutine_may_ask_for_time)
{
    const int64_t enough[] = {in_an_hour(), RV_NEVER};

    for (int i = 0; i < 2; i++) {
        struct log log = {.grace_ns = enough[i]};

        cr_assert_eq(end_it(wait_and_clean_up, &log, false), 7);
        cr_assert_eq(log.count, 4);
        cr_assert_eq(log.result[0], -ECANCELED);
        for (int k = 1; k < 4; k++)
            cr_assert_eq(log.result[k], 0, "%d", k);
    }
}

RV_TEST(cancel, time_that_has_passed_tries_once)
{
    for (int i = 0; i < RV_TEST_PAST_TIMES; i++) {
        struct log log = {.grace_ns = rv_test_time(i)};

        if (log.grace_ns == 0)
            continue;
        cr_assert_eq(end_it(wait_and_clean_up, &log, false), 7);
        cr_assert_eq(log.result[1], 0);
        cr_assert_eq(log.result[2], -ECANCELED); /* the sleep */
        cr_assert_eq(log.result[3], -ECANCELED);
    }
}

RV_TEST(cancel, an_abort_gives_no_time)
{
    struct log log = {.grace_ns = RV_NEVER};

    cr_assert_eq(end_it(wait_and_clean_up, &log, true), -ECANCELED);
    cr_assert_eq(log.count, 4);
    for (int i = 0; i < 4; i++)
        cr_assert_eq(log.result[i], -ECANCELED);
}

static int32_t recv_twice(void *arg)
{
    struct rv_oneshot_recv recv;
    int value = 0;

    rv_oneshot_recv_init(&recv, arg, &value);
    HOST_CHECK(rv_await(&recv.future) == -ECANCELED);
    HOST_CHECK(recv.future.at != RV_AT_END); /* SPAWN-1: untouched */
    HOST_CHECK(rv_coro_grace(RV_NEVER) == 0);
    HOST_CHECK(rv_await_until(&recv.future, 0) == -ETIMEDOUT);
    rv_drop(&recv.future);
    return 0;
}

RV_TEST(cancel, the_future_of_the_wait_is_the_coroutines)
{
    struct rv_oneshot_sender *sender;
    struct rv_oneshot_receiver *receiver;

    cr_assert_eq(rv_oneshot_new(&sender, &receiver, sizeof(int), NULL), 0);
    rv_host_check(end_it(recv_twice, receiver, false), "recv_twice");
    rv_oneshot_sender_close(sender);
    rv_oneshot_receiver_close(receiver);
}

RV_TEST(cancel, before_the_first_run)
{
    struct rv_runtime *runtime = rv_host_start_runtime(RV_HOST_FUSED);
    struct log log = {0};
    struct rv_join join;

    cr_assert_eq(rv_coro_spawn(rv_runtime_executor(runtime), wait_and_clean_up,
                               &log, NULL, &join),
                 0);
    rv_coro_cancel(&join);
    rv_coro_cancel(&join);
    cr_assert_eq(rv_runtime_block_on(runtime, &join.future), 7);
    rv_coro_cancel(&join); /* it has ended */
    rv_join_drop(&join);
    cr_assert_eq(log.result[0], -ECANCELED);
    rv_runtime_stop(runtime);
}

/* --- a copied argument ------------------------------------------------- */

struct big {
    int number;
    char bytes[RV_CORO_COPY_BYTES - sizeof(int)];
};

static int32_t check_copy(void *arg)
{
    const struct big *big = arg;

    HOST_CHECK((uintptr_t)arg % 16 == 0);
    HOST_CHECK(rv_coro_yield() == 0);
    for (size_t i = 0; i < sizeof big->bytes; i++)
        HOST_CHECK(big->bytes[i] == (char)i);
    return big->number;
}

RV_TEST(cancel, an_argument_is_copied)
{
    struct rv_runtime *runtime = rv_host_start_runtime(RV_HOST_FUSED);
    struct rv_executor *executor = rv_runtime_executor(runtime);
    struct rv_join join[2];
    struct big big = {0};

    for (size_t i = 0; i < sizeof big.bytes; i++)
        big.bytes[i] = (char)i;
    for (int i = 0; i < 2; i++) {
        big.number = 10 + i;
        cr_assert_eq(rv_coro_spawn_copy(executor, check_copy, &big, sizeof big,
                                        NULL, &join[i]),
                     0);
    }
    memset(&big, 0xff, sizeof big);
    for (int i = 0; i < 2; i++) {
        cr_assert_eq(rv_runtime_block_on(runtime, &join[i].future), 10 + i);
        rv_join_drop(&join[i]);
    }
    cr_assert_eq(rv_coro_spawn_copy(executor, check_copy, &big,
                                    RV_CORO_COPY_BYTES + 1, NULL, NULL),
                 -EINVAL);
    rv_runtime_stop(runtime);
}

/* --- scopes ------------------------------------------------------------ */

struct member {
    int *ended;
    int ms;
    int grace;
    int32_t result;
};

static int32_t member_run(void *arg)
{
    const struct member *member = arg;
    int result = rv_coro_sleep_until(member->ms < 0 ? in_an_hour()
                                                    : rv_after_ms(member->ms));

    if (result == -ECANCELED && member->grace) {
        rv_coro_grace(RV_NEVER);
        result = rv_coro_sleep_until(rv_after_ms(member->grace));
    }
    ++*member->ended;
    return result < 0 ? result : member->result;
}

static int start_members(struct rv_scope *scope, int *ended, int ms, int grace)
{
    struct member member = {.ended = ended, .ms = ms, .grace = grace};

    rv_scope_init(scope, rv_executor_current());
    for (int i = 0; i < 3; i++)
        if (rv_scope_spawn_coro(scope, member_run, &member, sizeof member,
                                NULL))
            return -1;
    return 0;
}

static int32_t wait_for_all(void *arg)
{
    struct rv_scope scope;
    int ended = 0;

    (void)arg;
    HOST_CHECK(start_members(&scope, &ended, 2, 0) == 0);
    HOST_CHECK(rv_scope_wait(&scope) == 0);
    HOST_CHECK(ended == 3);
    HOST_CHECK(rv_scope_wait(&scope) == 0); /* again */
    HOST_CHECK(rv_scope_spawn_coro(&scope, member_run, NULL, 0, NULL) ==
               -ECANCELED);
    return 0;
}

RV_TEST(cancel, a_scope_waits_for_its_coroutines)
{
    rv_host_check(rv_host_run(RV_HOST_FUSED, wait_for_all, NULL), "all");
    rv_host_check(rv_host_run(RV_HOST_SPLIT, wait_for_all, NULL), "all");
}

static int32_t return_early(void *arg)
{
    struct rv_scope scope;
    int ended = 0;

    (void)arg;
    return start_members(&scope, &ended, -1, 0); /* and does not wait */
}

static void leave_scope(void)
{
    rv_host_run(RV_HOST_FUSED, return_early, NULL);
}

static int32_t drop_scope(void *arg)
{
    struct rv_scope scope;
    int ended = 0;

    (void)arg;
    HOST_CHECK(start_members(&scope, &ended, 1, 0) == 0);
    while (ended < 3)
        HOST_CHECK(rv_coro_sleep_until(rv_after_ms(1)) == 0);
    /* all have ended: it may be left */
    HOST_CHECK(start_members(&scope, &ended, -1, 0) == 0);
    rv_drop(&scope.future);
    HOST_CHECK(ended == 6);
    return 0;
}

/* Its coroutines would use a frame that is gone. */
RV_TEST(cancel, a_coroutine_that_returns_before_its_scope_is_over_is_named)
{
    rv_test_aborts(leave_scope, "a coroutine has ended before its scope");
    rv_host_check(rv_host_run(RV_HOST_FUSED, drop_scope, NULL), "drop_scope");
}

static int32_t first_error(void *arg)
{
    struct rv_scope scope;
    int ended = 0;
    struct member bad = {.ended = &ended, .ms = 1, .result = -EIO};

    (void)arg;
    HOST_CHECK(start_members(&scope, &ended, 3, 0) == 0);
    HOST_CHECK(
        rv_scope_spawn_coro(&scope, member_run, &bad, sizeof bad, NULL) == 0);
    HOST_CHECK(rv_scope_wait(&scope) == -EIO);
    HOST_CHECK(ended == 4);
    return 0;
}

RV_TEST(cancel, a_scope_has_the_first_error_and_waits_for_the_others)
{
    rv_host_check(rv_host_run(RV_HOST_FUSED, first_error, NULL), "error");
}

static int32_t cancel_them(void *arg)
{
    struct rv_scope scope;
    int ended = 0;

    (void)arg;
    HOST_CHECK(start_members(&scope, &ended, -1, 2) == 0);
    HOST_CHECK(rv_coro_yield() == 0);
    rv_scope_cancel(&scope);
    HOST_CHECK(ended == 0); /* they take their time */
    HOST_CHECK(rv_scope_spawn_coro(&scope, member_run, NULL, 0, NULL) ==
               -ECANCELED);
    HOST_CHECK(rv_scope_wait(&scope) == 0);
    HOST_CHECK(ended == 3);
    return 0;
}

RV_TEST(cancel, a_canceled_scope_waits_for_the_clean_up)
{
    rv_host_check(rv_host_run(RV_HOST_FUSED, cancel_them, NULL), "cancel");
}

static int32_t own_a_scope(void *arg)
{
    struct rv_scope scope;
    int *ended = arg;

    HOST_CHECK(start_members(&scope, ended, -1, 2) == 0);
    HOST_CHECK(rv_scope_wait(&scope) == -ECANCELED);
    return *ended == 3 ? 1 : -1;
}

/* SPAWN-4: the tasks use the frame of their canceled owner. */
RV_TEST(cancel, a_canceled_owner_cancels_and_waits)
{
    int ended = 0;

    cr_assert_eq(end_it(own_a_scope, &ended, false), 1);
    ended = 0;
    cr_assert_eq(end_it(own_a_scope, &ended, true), -ECANCELED);
    cr_assert_eq(ended, 3);
}

/* --- handles ----------------------------------------------------------- */

static int32_t wait_until_open(void *open)
{
    while (!atomic_load((atomic_bool *)open))
        if (rv_coro_sleep_until(rv_after_ms(1)) < 0)
            return -ECANCELED;
    return 5;
}

RV_HOST_TEST(cancel, a_combinator_does_not_detach_a_task)
{
    struct rv_host_task task = {0};
    struct rv_timeout timeout;
    struct rv_select select;
    struct rv_sleep sleep;
    struct rv_future *both[2];
    atomic_bool open = false;

    HOST_CHECK(rv_host_start(&task, wait_until_open, &open) == 0);
    rv_timeout_init(&timeout, rv_host_future(&task), 0);
    HOST_CHECK(rv_await(&timeout.future) == -ETIMEDOUT);
    rv_drop(&timeout.future);
    rv_sleep_init(&sleep, 0);
    both[0] = rv_host_future(&task);
    both[1] = &sleep.future;
    rv_select_init(&select, both, 2);
    HOST_CHECK(rv_await(&select.future) == 1);
    rv_drop(&select.future);
    rv_select_init(&select, both, 1);
    rv_drop(&select.future); /* before it is READY */
    atomic_store(&open, true);
    HOST_CHECK(rv_host_join(&task) == 5);
    return 0;
}

RV_TEST(cancel, a_task_is_aborted_after_a_timeout_round_its_join)
{
    struct rv_runtime *runtime = rv_host_start_runtime(RV_HOST_FUSED);
    struct rv_timeout timeout;
    struct log log = {0};
    struct rv_join join;

    cr_assert_eq(rv_coro_spawn(rv_runtime_executor(runtime), wait_and_clean_up,
                               &log, NULL, &join),
                 0);
    rv_timeout_init(&timeout, &join.future, rv_after_ms(1));
    cr_assert_eq(rv_runtime_block_on(runtime, &timeout.future), -ETIMEDOUT);
    rv_drop(&timeout.future);
    rv_join_abort(&join);
    cr_assert_eq(log.count, 3, "the abort did nothing");
    rv_join_drop(&join);
    rv_runtime_stop(runtime);
}

/* --- either ------------------------------------------------------------ */

RV_HOST_TEST(cancel, either_borrows_both)
{
    struct rv_sleep soon;
    struct rv_sleep late;

    rv_sleep_init(&soon, in_an_hour());
    rv_sleep_init(&late, in_an_hour());
    HOST_CHECK(rv_await_either(&late.future, &soon.future, 0) == -ETIMEDOUT);
    rv_drop(&soon.future);
    rv_sleep_init(&soon, rv_after_ms(2));
    HOST_CHECK(rv_await_either(&late.future, &soon.future, in_an_hour()) == 1);
    HOST_CHECK(soon.future.at == RV_AT_END && late.future.at != RV_AT_END);
    HOST_CHECK(rv_await_either(&soon.future, &late.future, 0) == 0);
    HOST_CHECK(rv_await_until(&late.future, 0) == -ETIMEDOUT);
    rv_drop(&soon.future);
    rv_drop(&late.future);
    return 0;
}
