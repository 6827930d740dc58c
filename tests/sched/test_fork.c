/* SPDX-License-Identifier: MIT */
/* test_fork.c - both parts of a fork have run, on whatever thread. */
#include <reveil/combine.h>
#include <sched.h>

#include "support/failing_alloc.h"
#include "tasks.h"

RV_TEST_SUITE(fork);

/* --- fib --------------------------------------------------------------- */

struct fib {
    int n;
    uint64_t result;
};

static void fib(void *arg)
{
    struct fib *self = arg;
    struct fib left = {.n = self->n - 1};
    struct fib right = {.n = self->n - 2};
    struct rv_fork fork;

    self->result = (uint64_t)self->n;
    if (self->n < 2)
        return;
    rv_fork(&fork, fib, &left);
    fib(&right);
    rv_sync(&fork);
    self->result = left.result + right.result;
}

static int32_t fib_task(void *arg)
{
    fib(arg);
    return 0;
}

RV_TEST(fork, fib_on_one_worker_and_on_several)
{
    for (uint32_t workers = 1; workers <= 4; workers++) {
        struct fib result = {.n = 20};

        cr_assert_eq(run_once(workers, fib_task, &result), 0);
        cr_assert_eq(result.result, 6765);
    }
}

RV_TEST(fork, outside_of_a_task_it_runs_in_sync)
{
    struct fib result = {.n = 10};

    fib(&result);
    cr_assert_eq(result.result, 55);
}

/* --- one that is stolen ------------------------------------------------ */

struct meeting {
    _Atomic int arrived;
};

/* Ends when two of them run at the same time. */
static void arrive(void *arg)
{
    struct meeting *meeting = arg;

    atomic_fetch_add(&meeting->arrived, 1);
    while (atomic_load(&meeting->arrived) < 2)
        sched_yield();
}

static int32_t meet(void *arg)
{
    struct meeting meeting = {.arrived = 0};
    struct rv_fork fork;

    (void)arg;
    rv_fork(&fork, arrive, &meeting);
    arrive(&meeting);
    rv_sync(&fork);
    return 0;
}

RV_TEST(fork, a_fork_is_taken_by_a_worker_that_has_nothing_to_do)
{
    struct rv_sched *sched = start_sched(SCHED_WORKERS);

    for (int i = 0; i < 200; i++)
        cr_assert_eq(rv_sched_run(sched, meet, NULL), 0);
    rv_sched_stop(sched);
}

struct slow {
    struct meeting meeting;
    int done;
};

/* Is stolen, and runs for a while: the joiner has to wait. */
static void arrive_and_nap(void *arg)
{
    struct slow *slow = arg;

    arrive(&slow->meeting);
    if (sleep_ms(2) == 0)
        slow->done = 1;
}

static int32_t wait_for_thief(void *arg)
{
    struct slow slow = {.done = 0};
    struct rv_fork fork;

    (void)arg;
    rv_fork(&fork, arrive_and_nap, &slow);
    arrive(&slow.meeting);
    rv_sync(&fork);
    TASK_CHECK(slow.done == 1);
    return 0;
}

RV_TEST(fork, sync_waits_for_the_thief_and_a_stolen_fork_may_wait_too)
{
    struct rv_sched *sched = start_sched(SCHED_WORKERS);

    for (int i = 0; i < 20; i++)
        cr_assert_eq(rv_sched_run(sched, wait_for_thief, NULL), 0);
    rv_sched_stop(sched);
}

/* --- between fork and sync --------------------------------------------- */

static void set(void *arg)
{
    *(int *)arg = 1;
}

static int32_t wait_between(void *arg)
{
    int outer = 0;
    int inner = 0;
    struct rv_fork forks[2];

    (void)arg;
    rv_fork(&forks[0], set, &outer);
    TASK_CHECK(rv_go_yield() == 0);
    rv_fork(&forks[1], set, &inner);
    TASK_CHECK(sleep_ms(1) == 0);
    rv_sync(&forks[1]);
    TASK_CHECK(inner == 1);
    rv_sync(&forks[0]);
    TASK_CHECK(outer == 1);
    return 0;
}

static int32_t many_wait_between(void *arg)
{
    struct rv_go tasks[20];

    (void)arg;
    for (int i = 0; i < 20; i++)
        TASK_CHECK(rv_go(&tasks[i], wait_between, NULL) == 0);
    for (int i = 0; i < 20; i++)
        TASK_CHECK(rv_go_join(&tasks[i]) == 0);
    return 0;
}

RV_TEST(fork, a_task_may_wait_between_fork_and_sync)
{
    cr_assert_eq(run_once(1, many_wait_between, NULL), 0);
    cr_assert_eq(run_once(SCHED_WORKERS, many_wait_between, NULL), 0);
}

/* --- a fork below another one, on a worker that is never idle ----------- */

struct pile {
    bool bound; /* the lower task is */
    bool lower_forked;
    bool upper_forked;
    bool done;
};

static int32_t sync_below(void *arg)
{
    struct pile *pile = arg;
    struct rv_fork fork;
    struct rv_sleep sleep;
    int ran = 0;

    rv_sleep_init(&sleep, rv_after_ms(3600 * 1000));
    if (pile->bound)
        TASK_CHECK(rv_await_until(&sleep.future, 0) == -ETIMEDOUT);
    rv_fork(&fork, set, &ran);
    pile->lower_forked = true;
    while (!pile->upper_forked)
        TASK_CHECK(rv_go_yield() == 0);
    rv_sync(&fork);
    pile->done = true;
    rv_drop(&sleep.future);
    return ran;
}

static int32_t fork_above(void *arg)
{
    struct pile *pile = arg;
    struct rv_fork fork;
    int ran = 0;

    while (!pile->lower_forked)
        TASK_CHECK(rv_go_yield() == 0);
    rv_fork(&fork, set, &ran);
    pile->upper_forked = true;
    TASK_CHECK(sleep_ms(20) == 0);
    rv_sync(&fork);
    return ran;
}

static int32_t yield_until_done(void *arg)
{
    const int64_t end_ns = rv_after_ms(10 * 1000);
    struct pile *pile = arg;
    struct rv_go tasks[2];

    TASK_CHECK(rv_go(&tasks[0], sync_below, pile) == 0);
    TASK_CHECK(rv_go(&tasks[1], fork_above, pile) == 0);
    while (!pile->done && rv_now_ns() < end_ns)
        TASK_CHECK(rv_go_yield() == 0);
    TASK_CHECK(pile->done);
    TASK_CHECK(rv_go_join(&tasks[0]) == 1);
    TASK_CHECK(rv_go_join(&tasks[1]) == 1);
    return 0;
}

RV_TEST(fork, a_fork_has_its_turn_while_tasks_yield)
{
    struct pile pile = {.bound = false};

    cr_assert_eq(run_once(1, yield_until_done, &pile), 0);
}

/* It waits by yielding. */
RV_TEST(fork, a_fork_has_its_turn_while_a_bound_task_waits_for_it)
{
    struct pile pile = {.bound = true};

    cr_assert_eq(run_once(1, yield_until_done, &pile), 0);
}

/* --- a sort, which reads what the other part wrote --------------------- */

struct range {
    int *begin;
    int *scratch;
    int len;
};

static void merge(struct range *whole, int middle)
{
    int left = 0;
    int right = middle;

    for (int i = 0; i < whole->len; i++) {
        const bool take_left =
            right == whole->len ||
            (left < middle && whole->begin[left] <= whole->begin[right]);

        whole->scratch[i] = whole->begin[take_left ? left++ : right++];
    }
    for (int i = 0; i < whole->len; i++)
        whole->begin[i] = whole->scratch[i];
}

static void sort(void *arg)
{
    struct range *self = arg;
    const int middle = self->len / 2;
    struct range left = {self->begin, self->scratch, middle};
    struct range right = {self->begin + middle, self->scratch + middle,
                          self->len - middle};
    struct rv_fork fork;

    if (self->len < 2)
        return;
    rv_fork(&fork, sort, &left);
    sort(&right);
    rv_sync(&fork);
    merge(self, middle);
}

static int32_t sort_task(void *arg)
{
    sort(arg);
    return 0;
}

RV_TEST(fork, what_the_other_part_wrote_is_seen)
{
    enum { LEN = 100000 };
    static int numbers[LEN];
    static int scratch[LEN];
    struct range range = {numbers, scratch, LEN};
    uint32_t state = 1;

    for (int i = 0; i < LEN; i++) {
        state = state * 1664525u + 1013904223u;
        numbers[i] = (int)(state >> 8);
    }
    cr_assert_eq(run_once(SCHED_WORKERS, sort_task, &range), 0);
    for (int i = 1; i < LEN; i++)
        cr_assert_leq(numbers[i - 1], numbers[i]);
}

/* --- without memory ---------------------------------------------------- */

static int fork_deeply(void *arg)
{
    struct fib result = {.n = 15};
    struct rv_sched *sched;
    int error;

    (void)arg;
    error = rv_sched_start(&sched, &(struct rv_sched_options){.workers = 1});
    if (error < 0)
        return error;
    error = rv_sched_run(sched, fib_task, &result);
    rv_sched_stop(sched);
    if (error < 0)
        return error;
    return result.result == 610 ? 0 : -EINVAL;
}

RV_TEST(fork, without_memory_nothing_is_lost)
{
    rv_fail_each_alloc_strictly(fork_deeply, NULL);
}
