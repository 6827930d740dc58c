/* SPDX-License-Identifier: MIT */
/* test_timer.c - functions that are called at a time; on a virtual clock. */
#include <criterion/criterion.h>

#include <errno.h>
#include <reveil/timer.h>

#include "executor/executor_internal.h"
#include "executor/tasks.h"
#include "support/support.h"

RV_TEST_SUITE(timer);

struct bench {
    struct rv_executor *executor;
    struct log log;
};

/* A timer that notes its letter, and then does one more thing. */
struct noter {
    struct rv_timer timer;
    struct bench *bench;
    char letter;
    int64_t called_ns;
    int64_t again_ns;     /* start it again after so long; 0: not */
    struct noter *stops;  /* stop this one */
    struct noter *starts; /* start this one at once */
    struct rv_join *aborts;
    bool frees;
};

static void note(struct rv_timer *timer, void *arg)
{
    struct noter *self = arg;

    cr_assert_eq(timer, &self->timer);
    cr_assert_not(rv_timer_is_started(timer));
    cr_assert_eq(rv_executor_current(), self->bench->executor);
    log_add(&self->bench->log, self->letter);
    self->called_ns = rv_now_ns();
    if (self->again_ns)
        rv_timer_start(timer, rv_now_ns() + self->again_ns);
    if (self->stops)
        rv_timer_stop(&self->stops->timer);
    if (self->starts)
        rv_timer_start(&self->starts->timer, 0);
    if (self->aborts)
        rv_join_abort(self->aborts);
    if (self->frees)
        rv_free(self);
}

static void open_bench(struct bench *bench)
{
    *bench = (struct bench){.executor = NULL};
    rv_clock_freeze(RV_NS_PER_S);
    bench->executor = new_executor();
}

static void close_bench(struct bench *bench)
{
    rv_executor_free(bench->executor);
    rv_clock_thaw();
}

static void noter_init(struct noter *noter, struct bench *bench, char letter)
{
    *noter = (struct noter){.bench = bench, .letter = letter};
    rv_timer_init(&noter->timer, bench->executor, note, noter);
}

/* Let the executor run for so long. */
static void run_for(struct bench *bench, int64_t ms)
{
    struct rv_sleep sleep;

    rv_sleep_init(&sleep, rv_after_ms(ms));
    cr_assert_eq(rv_block_on(bench->executor, &sleep.future), 0);
    rv_drop(&sleep.future);
}

RV_TEST(timer, functions_are_called_in_time_and_once)
{
    static const int64_t after_ms[] = {30, 10, 20, 10000};
    struct noter noters[4];
    int64_t deadlines[4];
    struct bench bench;

    open_bench(&bench);
    for (int i = 0; i < 4; i++) {
        noter_init(&noters[i], &bench, (char)('a' + i));
        deadlines[i] = rv_after_ms(after_ms[i]);
        rv_timer_start(&noters[i].timer, deadlines[i]);
        cr_assert(rv_timer_is_started(&noters[i].timer));
    }
    run_for(&bench, 40);
    cr_assert_str_eq(bench.log.text, "bca");
    run_for(&bench, 20000);
    cr_assert_str_eq(bench.log.text, "bcad");
    for (int i = 0; i < 4; i++) {
        cr_assert_geq(noters[i].called_ns, deadlines[i], "early");
        cr_assert_leq(noters[i].called_ns, deadlines[i] + RV_NS_PER_MS);
    }
    close_bench(&bench);
}

/* One that was never started, has been stopped, or was called. */
RV_TEST(timer, a_stopped_one_may_be_moved)
{
    static const int64_t deadlines_ns[] = {0, RV_NEVER, 3600 * RV_NS_PER_S};
    struct noter noters[2];
    struct bench bench;

    open_bench(&bench);
    noter_init(&noters[0], &bench, 'a');
    for (int i = 0; i < 3; i++) {
        struct noter *from = &noters[i % 2];
        struct noter *to = &noters[!(i % 2)];

        *to = *from;
        memset(from, 0xa5, sizeof *from);
        to->timer.arg = to; /* which is the program's own pointer */
        rv_timer_start(&to->timer, RV_NEVER);
        rv_timer_start(&to->timer, deadlines_ns[i]);
        run_for(&bench, 1);
        rv_timer_stop(&to->timer);
        cr_assert_not(rv_timer_is_started(&to->timer));
    }
    cr_assert_str_eq(bench.log.text, "a");
    close_bench(&bench);
}

RV_TEST(timer, a_start_moves_the_deadline)
{
    struct noter noter;
    struct bench bench;

    open_bench(&bench);
    noter_init(&noter, &bench, 'a');
    rv_timer_start(&noter.timer, rv_after_ms(20));
    for (int i = 0; i < 10; i++) {
        run_for(&bench, 10);
        rv_timer_start(&noter.timer, rv_after_ms(20));
    }
    cr_assert_str_eq(bench.log.text, "");
    rv_timer_start(&noter.timer, rv_after_ms(5));
    run_for(&bench, 6);
    cr_assert_str_eq(bench.log.text, "a");
    close_bench(&bench);
}

RV_TEST(timer, a_stopped_timer_is_not_called)
{
    struct rv_timer none = {.executor = NULL};
    struct noter noter;
    struct bench bench;

    open_bench(&bench);
    noter_init(&noter, &bench, 'a');
    rv_timer_stop(&none);
    rv_timer_stop(&noter.timer);
    rv_timer_start(&noter.timer, rv_after_ms(5));
    rv_timer_stop(&noter.timer);
    rv_timer_stop(&noter.timer);
    rv_timer_start(&noter.timer, RV_NEVER);
    cr_assert(rv_timer_is_started(&noter.timer));
    run_for(&bench, 1000);
    cr_assert_str_eq(bench.log.text, "");
    rv_timer_stop(&noter.timer);
    cr_assert_not(rv_timer_is_started(&noter.timer));
    close_bench(&bench);
}

RV_TEST(timer, a_deadline_in_the_past_is_called_by_the_executor)
{
    static const int64_t past[] = {0, -1, INT64_MIN};
    struct noter noter;
    struct bench bench;

    open_bench(&bench);
    noter_init(&noter, &bench, 'a');
    for (int i = 0; i < 3; i++) {
        rv_timer_start(&noter.timer, past[i]);
        cr_assert_eq(bench.log.len, (uint32_t)i, "not in the call");
        run_for(&bench, 1);
        cr_assert_eq(bench.log.len, (uint32_t)i + 1);
    }
    close_bench(&bench);
}

RV_TEST(timer, a_function_may_start_its_timer_again)
{
    struct noter noter;
    struct bench bench;

    open_bench(&bench);
    noter_init(&noter, &bench, 'a');
    noter.again_ns = 10 * RV_NS_PER_MS;
    rv_timer_start(&noter.timer, rv_after_ms(10));
    run_for(&bench, 35);
    cr_assert_str_eq(bench.log.text, "aaa");
    close_bench(&bench);
    cr_assert_not(rv_timer_is_started(&noter.timer), "the executor is freed");
}

/* All three are due at once: the first stops the second, which is in the list
 * of those that are called, and starts a fourth. */
RV_TEST(timer, a_function_may_stop_and_start_others)
{
    struct noter noters[4];
    struct bench bench;

    open_bench(&bench);
    for (int i = 0; i < 4; i++) {
        noter_init(&noters[i], &bench, (char)('a' + i));
        if (i < 3)
            rv_timer_start(&noters[i].timer, rv_after_ms(5));
    }
    noters[0].stops = &noters[1];
    noters[0].starts = &noters[3];
    run_for(&bench, 10);
    cr_assert_str_eq(bench.log.text, "acd");
    close_bench(&bench);
}

RV_TEST(timer, a_function_may_free_its_timer)
{
    struct noter *noter;
    struct bench bench;

    open_bench(&bench);
    noter = rv_alloc(sizeof *noter);
    noter_init(noter, &bench, 'a');
    noter->frees = true;
    rv_timer_start(&noter->timer, rv_after_ms(5));
    run_for(&bench, 10);
    cr_assert_str_eq(bench.log.text, "a");
    close_bench(&bench);
}

/* The function aborts a task whose sleep is due at the same time. */
RV_TEST(timer, a_function_may_drop_a_sleep_that_is_due)
{
    struct rv_sleep *sleep = rv_alloc(sizeof *sleep);
    struct noter noter;
    struct rv_join join;
    struct bench bench;

    open_bench(&bench);
    noter_init(&noter, &bench, 'a');
    noter.aborts = &join;
    rv_sleep_init(sleep, rv_after_ms(5));
    cr_assert_eq(rv_spawn(bench.executor, &sleep->future, &join), 0);
    rv_timer_start(&noter.timer, rv_after_ms(5));
    run_for(&bench, 10);
    cr_assert_str_eq(bench.log.text, "a");
    cr_assert_eq(join.future.result, -ECANCELED);
    rv_join_drop(&join);
    cr_assert_eq(bench.executor->wheel.len, 0);
    close_bench(&bench);
}

RV_TEST(timer, the_end_of_the_executor_stops_its_timers)
{
    struct noter noters[3];
    struct bench bench;

    open_bench(&bench);
    for (int i = 0; i < 3; i++) {
        noter_init(&noters[i], &bench, 'a');
        rv_timer_start(&noters[i].timer, i == 2 ? RV_NEVER : rv_after_ms(i));
    }
    close_bench(&bench);
    for (int i = 0; i < 3; i++) {
        cr_assert_not(rv_timer_is_started(&noters[i].timer));
        rv_timer_stop(&noters[i].timer);
    }
    cr_assert_str_eq(bench.log.text, "");
}
