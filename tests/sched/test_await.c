/* SPDX-License-Identifier: MIT */
/* test_await.c - waits of tasks of the scheduler: where they are polled, and
 * which worker a task stays on; tasks that start with a copy. */
#include <reveil/combine.h>
#include <string.h>

#include "sched/sched_internal.h"
#include "support/failing_alloc.h"
#include "tasks.h"

RV_TEST_SUITE(go_await);

/* --- a future that counts its polls ------------------------------------ */

struct counted {
    struct rv_future future;
    int polls;
    int ready_at; /* 1: in its first poll */
};

static enum rv_poll counted_poll(struct rv_future *future, struct rv_cx *cx)
{
    struct counted *self = RV_CONTAINER_OF(future, struct counted, future);

    if (++self->polls >= self->ready_at) {
        future->result = self->polls;
        return RV_READY;
    }
    rv_waker_wake(&cx->waker);
    return RV_PENDING;
}

static void counted_init(struct counted *counted, int ready_at)
{
    static const struct rv_future_ops ops = {.name = "counted",
                                             .poll = counted_poll};

    rv_future_init(&counted->future, &ops);
    counted->polls = 0;
    counted->ready_at = ready_at;
}

/* --- the first poll ---------------------------------------------------- */

static int32_t set_flag(void *flag)
{
    *(bool *)flag = true;
    return 0;
}

static int32_t await_ready(void *arg)
{
    struct counted counted;
    bool other_ran = false;

    (void)arg;
    TASK_CHECK(rv_go(NULL, set_flag, &other_ran) == 0);
    for (int i = 0; i < RV_IO_BUDGET / 2; i++) {
        counted_init(&counted, 1);
        TASK_CHECK(rv_await(&counted.future) == 1);
    }
    TASK_CHECK(!other_ran);
    for (int i = 0; i < RV_IO_BUDGET && !other_ran; i++) {
        counted_init(&counted, 1);
        TASK_CHECK(rv_await(&counted.future) == 1);
    }
    TASK_CHECK(other_ran);
    return 0;
}

/* Not for ever, so that such a task does not starve the others. */
RV_TEST(go_await, a_ready_future_does_not_suspend)
{
    cr_assert_eq(run_once(1, await_ready, NULL), 0);
}

static int32_t await_later(void *arg)
{
    struct counted counted;

    (void)arg;
    for (int i = 0; i < 3 * RV_IO_BUDGET; i++) {
        counted_init(&counted, 2);
        TASK_CHECK(rv_await(&counted.future) == 2);
    }
    return 0;
}

RV_TEST(go_await, no_poll_is_added)
{
    cr_assert_eq(run_once(SCHED_WORKERS, await_later, NULL), 0);
}

static enum rv_poll awaits_in_poll(struct rv_future *future, struct rv_cx *cx)
{
    struct rv_sleep sleep;

    (void)future;
    (void)cx;
    rv_sleep_init(&sleep, 0);
    rv_await(&sleep.future);
    return RV_READY;
}

static int32_t await_in_poll(void *arg)
{
    static const struct rv_future_ops ops = {.name = "nested",
                                             .poll = awaits_in_poll};
    struct rv_future future;

    (void)arg;
    rv_future_init(&future, &ops);
    return rv_await(&future);
}

static void misuse_await_in_poll(void)
{
    run_once(1, await_in_poll, NULL);
}

RV_TEST(go_await, an_await_inside_of_a_poll_is_misuse)
{
    rv_test_aborts(misuse_await_in_poll, "an await inside of a poll");
}

/* --- a pending future keeps the task on its worker ---------------------- */

static int32_t stay(void *arg)
{
    struct rv_sleep sleep;
    struct rv_go task;
    pthread_t thread;

    (void)arg;
    rv_sleep_init(&sleep, rv_after_ms(3600 * 1000));
    TASK_CHECK(rv_await_until(&sleep.future, rv_after_ms(1)) == -ETIMEDOUT);
    thread = pthread_self();
    for (int i = 0; i < 200; i++) {
        TASK_CHECK(rv_go(&task, return_arg, int_arg(i)) == 0);
        TASK_CHECK(rv_go_join(&task) == i);
        TASK_CHECK(rv_go_yield() == 0);
        TASK_CHECK(pthread_equal(thread, pthread_self()));
    }
    rv_drop(&sleep.future);
    return 0;
}

static int32_t many_stay(void *arg)
{
    struct rv_go tasks[16];

    (void)arg;
    for (int i = 0; i < 16; i++)
        TASK_CHECK(rv_go(&tasks[i], stay, NULL) == 0);
    for (int i = 0; i < 16; i++)
        TASK_CHECK(rv_go_join(&tasks[i]) == 0);
    return 0;
}

RV_TEST(go_await, a_task_with_a_pending_future_stays)
{
    cr_assert_eq(run_once(4, many_stay, NULL), 0);
}

/* The rv_until is READY in an earlier poll than the rv_all that it is in. */
static int32_t stay_after_all(void *arg)
{
    struct rv_sleep sleep;
    struct rv_sleep last;
    struct rv_until until;
    struct rv_all all;
    struct rv_future *children[] = {&until.future, &last.future};

    rv_sleep_init(&sleep, rv_after_ms(3600 * 1000));
    rv_sleep_init(&last, rv_after_ms(20));
    rv_until_init(&until, &sleep.future, rv_after_ms(*(int64_t *)arg));
    rv_all_init(&all, children, 2);
    TASK_CHECK(rv_await(&all.future) == 0);
    TASK_CHECK(until.future.result == -ETIMEDOUT);
    TASK_CHECK(rv_go_current()->bound);
    rv_drop(&sleep.future);
    return 0;
}

RV_TEST(go_await, a_future_left_in_an_earlier_poll_keeps_the_task)
{
    int64_t wait_ms[] = {0, 1};

    for (int i = 0; i < 2; i++)
        cr_assert_eq(run_once(2, stay_after_all, &wait_ms[i]), 0);
}

/* --- a copy of the argument -------------------------------------------- */

struct big {
    char bytes[RV_CORO_COPY_BYTES];
};

static int32_t sum_copy(void *arg)
{
    const struct big *big = arg;
    int32_t sum = 0;

    TASK_CHECK((uintptr_t)arg % 16 == 0);
    for (size_t i = 0; i < sizeof big->bytes; i++)
        sum += big->bytes[i];
    return sum;
}

static int32_t start_copies(void *arg)
{
    struct big big;
    struct rv_go tasks[8];

    (void)arg;
    for (int i = 0; i < 8; i++) {
        memset(big.bytes, i, sizeof big.bytes);
        TASK_CHECK(rv_go_copy(&tasks[i], sum_copy, &big, sizeof big) == 0);
    }
    memset(big.bytes, 100, sizeof big.bytes);
    for (int i = 0; i < 8; i++)
        TASK_CHECK(rv_go_join(&tasks[i]) == i * RV_CORO_COPY_BYTES);
    TASK_CHECK(rv_go_copy(NULL, sum_copy, &big, 0) == -EINVAL);
    TASK_CHECK(rv_go_copy_literal(NULL, "big", sum_copy, &big,
                                  sizeof big + 1) == -EINVAL);
    return 0;
}

RV_TEST(go_await, a_task_starts_with_a_copy)
{
    cr_assert_eq(run_once(1, start_copies, NULL), 0);
    cr_assert_eq(run_once(SCHED_WORKERS, start_copies, NULL), 0);
}

static int32_t ignore(void *arg)
{
    (void)arg;
    return 0;
}

static int32_t copy_and_await(void *arg)
{
    const int64_t value = 7;
    struct counted counted;
    struct rv_go task;
    int result = rv_go_copy(&task, ignore, &value, sizeof value);

    (void)arg;
    if (result < 0)
        return result;
    result = rv_go_join(&task);
    if (result < 0)
        return result;
    counted_init(&counted, 1);
    result = rv_await(&counted.future);
    return result < 0 ? result : 0;
}

static int without_memory(void *arg)
{
    struct rv_sched_options options = {.workers = 1, .ring.off = true};
    struct rv_sched *sched;
    int result = rv_sched_start(&sched, &options);

    if (result)
        return result;
    result = rv_sched_run(sched, copy_and_await, arg);
    rv_sched_stop(sched);
    return result;
}

RV_TEST(go_await, without_memory_it_fails_and_leaves_nothing)
{
    rv_fail_each_alloc(without_memory, NULL);
}

static int32_t copy_when_canceled(void *arg)
{
    const int value = 1;

    TASK_CHECK(sleep_for_an_hour(NULL) == -ECANCELED);
    *(int *)arg = rv_go_copy(NULL, ignore, &value, sizeof value);
    return 0;
}

RV_TEST(go_await, no_copy_starts_in_a_scheduler_that_stops)
{
    struct rv_sched *sched = start_sched(SCHED_WORKERS);
    int error = 0;

    cr_assert_eq(rv_sched_go(sched, NULL, "late", copy_when_canceled, &error),
                 0);
    rv_test_wait_for_sleep();
    rv_sched_stop(sched);
    cr_assert_eq(error, -ECANCELED);
}
