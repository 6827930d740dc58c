/* SPDX-License-Identifier: MIT */
/*
 * test_await.c - awaits with a deadline, in each host of coroutines.
 *
 * Threads: the host's.
 */
#include <errno.h>
#include <reveil/combine.h>
#include <reveil/coro.h>
#include <reveil/oneshot.h>

#include "support/hosts.h"
#include "support/times.h"

RV_TEST_SUITE(await);

static int64_t in_an_hour(void)
{
    return rv_now_ns() + 3600 * RV_NS_PER_S;
}

/* --- a channel on which a second coroutine sends later ------------------- */

static int32_t send_7(void *arg)
{
    const int seven = 7;

    HOST_CHECK(rv_coro_sleep_until(rv_after_ms(2)) == 0);
    return rv_oneshot_send(arg, &seven);
}

struct wait {
    struct rv_oneshot_sender *sender;
    struct rv_oneshot_receiver *receiver;
    struct rv_oneshot_recv recv;
    int got;
};

static int32_t wait_open(struct wait *wait)
{
    HOST_CHECK(rv_oneshot_new(&wait->sender, &wait->receiver, sizeof wait->got,
                              NULL) == 0);
    wait->got = 0;
    rv_oneshot_recv_init(&wait->recv, wait->receiver, &wait->got);
    return 0;
}

static void wait_close(struct wait *wait)
{
    rv_drop(&wait->recv.future);
    if (wait->sender)
        rv_oneshot_sender_close(wait->sender);
    rv_oneshot_receiver_close(wait->receiver);
}

/* --- until ------------------------------------------------------------- */

RV_HOST_TEST(await, a_deadline_in_the_past_tries_once)
{
    struct wait wait;
    int seven = 7;

    HOST_CHECK(wait_open(&wait) == 0);
    for (int i = 0; i < RV_TEST_PAST_TIMES; i++)
        HOST_CHECK(rv_await_until(&wait.recv.future, rv_test_time(i)) ==
                   -ETIMEDOUT);
    HOST_CHECK(rv_oneshot_send(wait.sender, &seven) == 0);
    wait.sender = NULL;
    HOST_CHECK(rv_await_until(&wait.recv.future, INT64_MIN) == 0);
    HOST_CHECK(wait.got == 7);
    wait_close(&wait);
    return 0;
}

RV_HOST_TEST(await, a_future_that_timed_out_is_awaited_again)
{
    struct rv_host_task sender = {0};
    struct wait wait;
    int result;

    HOST_CHECK(wait_open(&wait) == 0);
    HOST_CHECK(rv_await_until(&wait.recv.future, rv_after_ms(1)) == -ETIMEDOUT);
    HOST_CHECK(wait.recv.future.at != RV_AT_END);
    HOST_CHECK(rv_host_start(&sender, send_7, wait.sender) == 0);
    wait.sender = NULL;
    while ((result = rv_await_until(&wait.recv.future, rv_now_ns() + 100000)) ==
           -ETIMEDOUT)
        ;
    HOST_CHECK(result == 0 && wait.got == 7);
    HOST_CHECK(rv_host_join(&sender) == 0);
    wait_close(&wait);
    return 0;
}

RV_HOST_TEST(await, the_result_arrives_before_the_deadline)
{
    const int64_t deadlines[] = {in_an_hour(), RV_NEVER};

    for (int i = 0; i < 2; i++) {
        struct rv_host_task sender = {0};
        struct wait wait;

        HOST_CHECK(wait_open(&wait) == 0);
        HOST_CHECK(rv_host_start(&sender, send_7, wait.sender) == 0);
        wait.sender = NULL;
        HOST_CHECK(rv_await_until(&wait.recv.future, deadlines[i]) == 0);
        HOST_CHECK(wait.got == 7);
        HOST_CHECK(rv_await_until(&wait.recv.future, 0) == 0); /* finished */
        HOST_CHECK(rv_host_join(&sender) == 0);
        wait_close(&wait);
    }
    return 0;
}

RV_HOST_TEST(await, a_join_that_times_out_is_joined_later)
{
    struct rv_host_task task = {0};
    struct rv_oneshot_sender *sender;
    struct rv_oneshot_receiver *receiver;
    int value = 0;

    HOST_CHECK(rv_oneshot_new(&sender, &receiver, sizeof value, NULL) == 0);
    HOST_CHECK(rv_host_start(&task, send_7, sender) == 0);
    HOST_CHECK(rv_await_until(rv_host_future(&task), 0) == -ETIMEDOUT);
    HOST_CHECK(rv_host_join(&task) == 0);
    HOST_CHECK(rv_oneshot_recv(receiver, &value, RV_NEVER) == 0 && value == 7);
    rv_oneshot_receiver_close(receiver);
    return 0;
}

/* A sleep is in the timing wheel of the thread that polled it. */
RV_HOST_TEST(await, a_sleep_that_timed_out_is_awaited_again)
{
    struct rv_sleep sleep;

    rv_sleep_init(&sleep, rv_after_ms(3));
    while (rv_await_until(&sleep.future, rv_now_ns() + 200000) == -ETIMEDOUT)
        ;
    HOST_CHECK(sleep.future.at == RV_AT_END && sleep.future.result == 0);
    rv_sleep_init(&sleep, in_an_hour());
    HOST_CHECK(rv_await_until(&sleep.future, 0) == -ETIMEDOUT);
    rv_drop(&sleep.future);
    return 0;
}

static int32_t wait_an_hour(void *arg)
{
    struct rv_sleep sleep;
    int result;

    rv_sleep_init(&sleep, in_an_hour());
    result = arg ? rv_await_and_drop(&sleep.future, in_an_hour())
                 : rv_await_until(&sleep.future, in_an_hour());
    rv_drop(&sleep.future);
    HOST_CHECK(result == -ECANCELED);
    rv_sleep_init(&sleep, in_an_hour());
    HOST_CHECK(rv_await_until(&sleep.future, 0) == -ECANCELED);
    HOST_CHECK(rv_await_and_drop(&sleep.future, 0) == -ECANCELED);
    HOST_CHECK(sleep.future.at == RV_AT_END);
    return 0;
}

RV_TEST(await, a_canceled_wait_leaves_no_timer)
{
    for (int host = 0; host < RV_HOSTS; host++)
        for (int drop = 0; drop < 2; drop++)
            rv_host_check(rv_host_run_canceled((enum rv_host)host, wait_an_hour,
                                               drop ? &drop : NULL),
                          "wait_an_hour");
}

/* --- and drop ---------------------------------------------------------- */

RV_HOST_TEST(await, and_drop_leaves_nothing_to_drop)
{
    struct rv_sleep sleep;

    for (int i = 0; i < RV_TEST_PAST_TIMES; i++) {
        rv_sleep_init(&sleep, in_an_hour());
        HOST_CHECK(rv_await_and_drop(&sleep.future, rv_test_time(i)) ==
                   -ETIMEDOUT);
        HOST_CHECK(sleep.future.at == RV_AT_END);
    }
    rv_sleep_init(&sleep, in_an_hour());
    HOST_CHECK(rv_await_and_drop(&sleep.future, rv_after_ms(1)) == -ETIMEDOUT);
    for (int i = 0; i < RV_TEST_TIMES; i++) {
        rv_sleep_init(&sleep, 0);
        HOST_CHECK(rv_await_and_drop(&sleep.future, rv_test_time(i)) == 0);
        HOST_CHECK(rv_await_and_drop(&sleep.future, rv_test_time(i)) == 0);
    }
    return 0;
}

/* --- the future of it -------------------------------------------------- */

RV_HOST_TEST(await, either_borrows_both)
{
    struct rv_sleep sleeps[2];
    struct rv_either either;

    rv_sleep_init(&sleeps[0], in_an_hour());
    rv_sleep_init(&sleeps[1], in_an_hour());
    rv_either_init(&either, &sleeps[0].future, &sleeps[1].future, RV_NEVER);
    HOST_CHECK(rv_await_until(&either.future, 0) == -ETIMEDOUT);
    rv_drop(&either.future); /* pending */
    for (int i = 0; i < 2; i++) {
        HOST_CHECK(sleeps[i].future.at != RV_AT_END);
        rv_either_init(&either, &sleeps[0].future, &sleeps[1].future, 0);
        HOST_CHECK(rv_await(&either.future) == -ETIMEDOUT);
    }
    rv_drop(&sleeps[1].future);
    rv_sleep_init(&sleeps[1], rv_after_ms(1));
    rv_either_init(&either, &sleeps[0].future, &sleeps[1].future, RV_NEVER);
    HOST_CHECK(rv_await(&either.future) == 1);
    HOST_CHECK(sleeps[0].future.at != RV_AT_END);
    rv_drop(&sleeps[0].future);
    return 0;
}

RV_HOST_TEST(await, until_is_dropped_at_each_state)
{
    struct rv_until until;
    struct rv_sleep sleep;

    rv_sleep_init(&sleep, in_an_hour());
    rv_until_init(&until, &sleep.future, in_an_hour());
    rv_drop(&until.future); /* before its first poll */
    HOST_CHECK(sleep.future.at != RV_AT_END);
    rv_until_init(&until, &sleep.future, in_an_hour());
    HOST_CHECK(rv_await_until(&until.future, 0) == -ETIMEDOUT);
    rv_drop(&until.future); /* pending */
    HOST_CHECK(sleep.future.at != RV_AT_END);
    rv_until_init(&until, &sleep.future, 0);
    HOST_CHECK(rv_await(&until.future) == -ETIMEDOUT);
    rv_drop(&until.future); /* READY */
    HOST_CHECK(sleep.future.at != RV_AT_END);
    rv_drop(&sleep.future);
    rv_until_init(&until, &sleep.future, 0); /* a child that was dropped */
    HOST_CHECK(rv_await(&until.future) == -ECANCELED);
    return 0;
}
