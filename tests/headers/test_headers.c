/* SPDX-License-Identifier: MIT */
/*
 * test_headers.c - the examples at the heads of public headers, run.
 *
 * What is between "from NAME.h" and "end" has each line of the example in that
 * header, in order; tests/tools/check-heads compares them.
 */
#include <criterion/criterion.h>

#include <reveil/reveil.h>

#include "support/support.h"

/* from callable.h */
struct sum {
    int a, b;
};
static int32_t sum_call(void *state, void *result);
static const struct rv_callable_ops sum_ops = {.name = "sum",
                                               .call = sum_call,
                                               .state_bytes =
                                                   sizeof(struct sum),
                                               .pure = true};

static int32_t sum_call(void *state, void *result)
{
    const struct sum *sum = state;

    (void)result;
    return sum->a + sum->b;
}

RV_TEST(headers, callable)
{
    struct rv_callable *callable;

    rv_callable_new(&callable, &sum_ops, &(struct sum){1, 2});
    rv_callable_run(callable);
    cr_assert_eq(callable->returned, 3);
    rv_callable_put(callable);
}
/* end */

/* from coro.h */
static int32_t client(void *arg)
{
    struct rv_sleep nap;
    int error;

    (void)arg;
    rv_sleep_init(&nap, rv_after_ms(10));
    error = rv_await(&nap.future);
    rv_drop(&nap.future);
    return error;
}

RV_TEST(headers, coro)
{
    struct rv_executor *executor;
    struct rv_join join = {0};

    cr_assert_eq(rv_executor_new(&executor), 0);
    rv_coro_spawn(executor, client, NULL, NULL, &join);
    cr_assert_eq(rv_block_on(executor, &join.future), 0);
    rv_drop(&join.future);
    rv_executor_free(executor);
}
/* end */

RV_TEST(headers, executor)
{
    struct rv_sleep nap;
    struct rv_executor *executor;

    rv_sleep_init(&nap, rv_after_ms(1));
#define main_future nap.future
    /* from executor.h */
    rv_executor_new(&executor);
    rv_block_on(executor, &main_future);
    rv_executor_free(executor);
    /* end */
    cr_assert_eq(nap.future.at, RV_AT_END);
    cr_assert_eq(nap.future.result, 0);
}

RV_TEST(headers, runtime)
{
    struct rv_runtime *runtime;
    struct rv_sleep nap;
    int result;

    rv_sleep_init(&nap, rv_after_ms(1));
    /* from runtime.h */
    rv_runtime_start(&runtime);
    result = rv_runtime_block_on(runtime, &main_future);
    rv_runtime_stop(runtime);
    /* end */
#undef main_future
    cr_assert_eq(result, 0);
}

RV_TEST(headers, spsc)
{
    struct rv_spsc_sender *sender;
    struct rv_spsc_receiver *receiver;
    int value = 0;

    /* from spsc.h */
    rv_spsc_new(&sender, &receiver, sizeof(int), 2, NULL);
    rv_spsc_try_send(sender, &(int){42});
    rv_spsc_try_recv(receiver, &value);
    rv_spsc_sender_close(sender);
    rv_spsc_receiver_close(receiver);
    /* end */
    cr_assert_eq(value, 42);
}

RV_TEST(headers, mpsc)
{
    struct rv_mpsc_sender *sender, *another;
    struct rv_mpsc_receiver *receiver;
    int value = 0;

    /* from mpsc.h */
    rv_mpsc_new(&sender, &receiver, sizeof(int), NULL);
    rv_mpsc_sender_clone(sender, &another);
    rv_mpsc_send(another, &(int){42});
    rv_mpsc_try_recv(receiver, &value);
    /* end */
    rv_mpsc_sender_close(sender);
    rv_mpsc_sender_close(another);
    rv_mpsc_receiver_close(receiver);
    cr_assert_eq(value, 42);
}

RV_TEST(headers, oneshot)
{
    struct rv_oneshot_sender *sender;
    struct rv_oneshot_receiver *receiver;
    int value = 0;

    /* from oneshot.h */
    rv_oneshot_new(&sender, &receiver, sizeof(int), NULL);
    rv_oneshot_send(sender, &(int){42});
    rv_oneshot_try_recv(receiver, &value);
    rv_oneshot_receiver_close(receiver);
    /* end */
    cr_assert_eq(value, 42);
}

RV_TEST(headers, publisher)
{
    struct rv_publisher *publisher;
    struct rv_subscriber *subscriber;
    struct rv_events events;
    uint32_t sum = 0;
    int n;

    /* from publisher.h */
    rv_publisher_new(&publisher, sizeof(uint32_t), 8, NULL);
    rv_publisher_subscribe(publisher, RV_FROM_NEXT, &subscriber);

    rv_publisher_try_reserve(publisher, 4, &events);
    for (uint32_t i = 0; i < 4; i++)
        *(uint32_t *)rv_events_at(&events, i) = i;
    rv_publisher_commit(publisher);

    n = rv_subscriber_try_recv(subscriber, 4, &events);
    for (uint32_t i = 0; i < (uint32_t)n; i++)
        sum += *(uint32_t *)rv_events_at(&events, i);
    rv_subscriber_commit(subscriber);
    /* end */
    rv_subscriber_close(subscriber);
    rv_publisher_close(publisher);
    cr_assert_eq(n, 4);
    cr_assert_eq(sum, 6);
}

RV_TEST(headers, trace)
{
    struct rv_event event;
    uint64_t wakes;
    char line[200] = "";

    /* from trace.h */
    rv_trace_start(RV_TRACE_EVENTS);
    rv_trace(RV_EV_WAKE, 7, 0);
    wakes = rv_trace_count(RV_EV_WAKE);
    for (uint64_t n = 0; rv_trace_read(&n, &event) == 1;)
        rv_trace_format(&event, line, sizeof line);
    /* end */
    rv_trace_start(RV_TRACE_OFF);
    cr_assert_eq(wakes, 1);
    cr_assert_not_null(strstr(line, "wake"));
}
