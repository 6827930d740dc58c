/* SPDX-License-Identifier: MIT */
/*
 * test_wheel.c - the timing wheel alone, with a clock that the test advances.
 *
 * Threads: the test's.
 */
#include <criterion/criterion.h>

#include "executor/wheel.h"
#include "support/support.h"

RV_TEST_SUITE(wheel);

#define TICK_NS     (INT64_C(1) << RV_WHEEL_TICK_BITS)
#define LAST_TICK   ((RV_NEVER >> RV_WHEEL_TICK_BITS) << RV_WHEEL_TICK_BITS)
#define DAY_NS      (86400 * RV_NS_PER_S)
#define SOME_NOW_NS (INT64_C(1234567890123456))

/* A wheel is large: one for each test process. */
static struct rv_wheel wheel;

static struct rv_wheel_timer *add(struct rv_wheel_timer *timer,
                                  int64_t deadline_ns)
{
    timer->deadline_ns = deadline_ns;
    rv_list_init(&timer->node);
    rv_wheel_add(&wheel, timer);
    return timer;
}

/* Advance the clock. Returns: how many timers fired; the first in *first. */
static int advance(int64_t now_ns, struct rv_wheel_timer **first)
{
    struct rv_list fired;
    struct rv_list *node;
    int count = 0;

    rv_list_init(&fired);
    rv_wheel_advance(&wheel, now_ns, &fired);
    while ((node = rv_list_pop(&fired))) {
        struct rv_wheel_timer *timer =
            RV_CONTAINER_OF(node, struct rv_wheel_timer, node);

        cr_assert_leq(timer->deadline_ns, now_ns, "fired too early");
        if (!count++ && first)
            *first = timer;
    }
    return count;
}

/* --- one timer --------------------------------------------------------- */

RV_TEST(wheel, an_empty_one_has_nothing_to_do)
{
    rv_wheel_init(&wheel, SOME_NOW_NS);

    cr_assert_eq(rv_wheel_next_ns(&wheel), RV_NEVER);
    cr_assert_eq(advance(SOME_NOW_NS + DAY_NS, NULL), 0);
    cr_assert_eq(advance(RV_NEVER, NULL), 0);
}

RV_TEST(wheel, a_timer_fires_at_the_first_tick_not_before_its_deadline)
{
    struct rv_wheel_timer *fired = NULL;
    struct rv_wheel_timer timer;

    rv_wheel_init(&wheel, 0);
    add(&timer, 5 * TICK_NS + 1);

    cr_assert_eq(rv_wheel_next_ns(&wheel), 6 * TICK_NS);
    cr_assert_eq(advance(6 * TICK_NS - 1, NULL), 0);
    cr_assert_eq(advance(6 * TICK_NS, &fired), 1);
    cr_assert_eq(fired, &timer);
    cr_assert_eq(rv_wheel_next_ns(&wheel), RV_NEVER);
}

RV_TEST(wheel, a_deadline_on_a_tick_is_not_rounded_up)
{
    struct rv_wheel_timer timer;

    rv_wheel_init(&wheel, 0);
    add(&timer, 5 * TICK_NS);

    cr_assert_eq(rv_wheel_next_ns(&wheel), 5 * TICK_NS);
    cr_assert_eq(advance(5 * TICK_NS - 1, NULL), 0);
    cr_assert_eq(advance(5 * TICK_NS, NULL), 1);
}

RV_TEST(wheel, the_next_nanosecond_is_a_deadline_too)
{
    struct rv_wheel_timer timer;

    rv_wheel_init(&wheel, SOME_NOW_NS);
    add(&timer, SOME_NOW_NS + 1);

    cr_assert_gt(rv_wheel_next_ns(&wheel), SOME_NOW_NS);
    cr_assert_eq(advance(SOME_NOW_NS + TICK_NS, NULL), 1);
}

RV_TEST(wheel, a_fired_timer_may_be_added_again)
{
    struct rv_wheel_timer timer;

    rv_wheel_init(&wheel, 0);
    for (int64_t i = 1; i <= 200; i++) {
        add(&timer, i * 10 * TICK_NS);
        cr_assert_eq(advance(i * 10 * TICK_NS - 1, NULL), 0);
        cr_assert_eq(advance(i * 10 * TICK_NS, NULL), 1);
    }
}

RV_TEST(wheel, a_clock_that_steps_back_changes_nothing)
{
    struct rv_wheel_timer timer;

    rv_wheel_init(&wheel, SOME_NOW_NS);
    add(&timer, SOME_NOW_NS + DAY_NS);

    cr_assert_eq(advance(SOME_NOW_NS - DAY_NS, NULL), 0);
    cr_assert_eq(advance(SOME_NOW_NS + DAY_NS + TICK_NS, NULL), 1);
}

/* --- several levels ---------------------------------------------------- */

/* Advance from one rv_wheel_next_ns() to the next until the timer fires.
 * Returns: the number of steps. */
static int steps_until_fired(int64_t deadline_ns)
{
    int steps = 0;
    int64_t next_ns;

    do {
        next_ns = rv_wheel_next_ns(&wheel);
        cr_assert_neq(next_ns, RV_NEVER, "it is lost");
        cr_assert_lt(next_ns, deadline_ns + TICK_NS, "it would be late");
        cr_assert_leq(++steps, RV_WHEEL_LEVELS);
    } while (!advance(next_ns, NULL));
    return steps;
}

RV_TEST(wheel, a_timer_of_each_level_comes_down_and_fires)
{
    struct rv_wheel_timer timer;

    for (int level = 0; level < RV_WHEEL_LEVELS - 1; level++) {
        const int64_t deadline_ns =
            SOME_NOW_NS + (TICK_NS << (level * RV_WHEEL_DIGIT_BITS)) * 3 +
            12345;

        rv_wheel_init(&wheel, SOME_NOW_NS);
        add(&timer, deadline_ns);
        steps_until_fired(deadline_ns);
    }
}

/* What the executor does: small steps through all levels. */
RV_TEST(wheel, a_timer_survives_every_cascade_on_its_way)
{
    const int64_t deadline_ns = 3 * 64 * 64 * TICK_NS + 5 * 64 * TICK_NS + 7;
    struct rv_wheel_timer timer;
    int64_t now_ns = 0;

    rv_wheel_init(&wheel, now_ns);
    add(&timer, deadline_ns);
    for (; now_ns < deadline_ns; now_ns += 11 * TICK_NS + 3) {
        cr_assert_eq(advance(now_ns, NULL), 0);
        cr_assert_leq(rv_wheel_next_ns(&wheel), deadline_ns + TICK_NS);
    }
    cr_assert_eq(advance(now_ns + TICK_NS, NULL), 1);
}

RV_TEST(wheel, a_jump_over_all_levels_fires_everything)
{
    enum { TIMERS = RV_WHEEL_LEVELS - 1 };
    struct rv_wheel_timer timers[TIMERS];
    struct rv_wheel_timer *first = NULL;

    rv_wheel_init(&wheel, 0);
    for (int i = TIMERS - 1; i >= 0; i--)
        add(&timers[i], (TICK_NS << (i * RV_WHEEL_DIGIT_BITS)) + 1);

    cr_assert_eq(advance(RV_NEVER - 1, &first), TIMERS);
    cr_assert_eq(first, &timers[0], "the earliest comes first");
    cr_assert_eq(wheel.len, 0);
}

RV_TEST(wheel, the_farthest_deadlines_are_held_and_not_early)
{
    struct rv_wheel_timer year;
    struct rv_wheel_timer last;
    struct rv_wheel_timer beyond;
    struct rv_wheel_timer *fired = NULL;

    rv_wheel_init(&wheel, SOME_NOW_NS);
    add(&beyond, RV_NEVER - 1);
    add(&last, LAST_TICK);
    add(&year, SOME_NOW_NS + 365 * DAY_NS);

    cr_assert_eq(advance(SOME_NOW_NS + 364 * DAY_NS, NULL), 0);
    cr_assert_eq(advance(SOME_NOW_NS + 366 * DAY_NS, &fired), 1);
    cr_assert_eq(fired, &year);
    cr_assert_eq(rv_wheel_next_ns(&wheel), LAST_TICK);
    cr_assert_eq(advance(LAST_TICK - 1, NULL), 0);
    cr_assert_eq(advance(LAST_TICK, &fired), 1);
    cr_assert_eq(fired, &last);
    /* Its tick is after the largest time: it waits, and can be canceled. */
    cr_assert_eq(rv_wheel_next_ns(&wheel), RV_NEVER - 1);
    rv_wheel_cancel(&wheel, &beyond);
    cr_assert_eq(rv_wheel_next_ns(&wheel), RV_NEVER);
}

/* --- cancel ------------------------------------------------------------ */

RV_TEST(wheel, a_canceled_timer_does_not_fire)
{
    struct rv_wheel_timer timer;

    rv_wheel_init(&wheel, 0);
    add(&timer, 100 * TICK_NS);
    rv_wheel_cancel(&wheel, &timer);

    cr_assert_eq(rv_wheel_next_ns(&wheel), RV_NEVER);
    cr_assert_eq(wheel.len, 0);
    cr_assert_eq(advance(DAY_NS, NULL), 0);
}

RV_TEST(wheel, the_others_of_its_slot_stay)
{
    struct rv_wheel_timer timers[3];
    struct rv_wheel_timer *fired = NULL;

    rv_wheel_init(&wheel, 0);
    for (int i = 0; i < 3; i++)
        add(&timers[i], 100 * TICK_NS);
    rv_wheel_cancel(&wheel, &timers[1]);
    rv_wheel_cancel(&wheel, &timers[0]);

    cr_assert_eq(rv_wheel_next_ns(&wheel), 100 * TICK_NS);
    cr_assert_eq(advance(100 * TICK_NS, &fired), 1);
    cr_assert_eq(fired, &timers[2]);
}

RV_TEST(wheel, one_that_came_down_a_level_can_be_canceled)
{
    struct rv_wheel_timer timer;
    struct rv_wheel_timer other;

    rv_wheel_init(&wheel, 0);
    add(&timer, 70 * TICK_NS);
    add(&other, 71 * TICK_NS);
    cr_assert_eq(advance(65 * TICK_NS, NULL), 0);
    rv_wheel_cancel(&wheel, &timer);

    cr_assert_eq(rv_wheel_next_ns(&wheel), 71 * TICK_NS);
    cr_assert_eq(advance(70 * TICK_NS, NULL), 0);
    cr_assert_eq(advance(71 * TICK_NS, NULL), 1);
}

/* rv_wheel_next_ns() may be too early then, but must advance. */
RV_TEST(wheel, after_the_earliest_was_canceled_it_still_moves_on)
{
    struct rv_wheel_timer earliest;
    struct rv_wheel_timer later;

    rv_wheel_init(&wheel, 0);
    add(&earliest, 130 * TICK_NS);
    add(&later, 190 * TICK_NS);
    rv_wheel_cancel(&wheel, &earliest);

    steps_until_fired(190 * TICK_NS);
}

/* --- against a list that is searched from end to end ------------------- */

enum { MODEL_TIMERS = 300, MODEL_STEPS = 6000 };

struct model {
    struct rv_wheel_timer timers[MODEL_TIMERS];
    bool pending[MODEL_TIMERS];
    int64_t now_ns;
    uint64_t seed;
    int fired;
};

/* xorshift64: the same numbers in each run. */
static uint64_t random_of(struct model *model)
{
    model->seed ^= model->seed << 13;
    model->seed ^= model->seed >> 7;
    model->seed ^= model->seed << 17;
    return model->seed;
}

/* From nanoseconds to years, each magnitude equally often. */
static int64_t random_span(struct model *model, int max_bits)
{
    const int bits = (int)(random_of(model) % (uint64_t)max_bits);

    return 1 + (int64_t)(random_of(model) & ((UINT64_C(1) << bits) - 1));
}

/* The naive rule: a timer is due at the tick that its deadline is rounded up
 * to. */
static bool due(int64_t deadline_ns, int64_t now_ns)
{
    return (deadline_ns + TICK_NS - 1) / TICK_NS <= now_ns / TICK_NS;
}

static void model_add_or_cancel(struct model *model)
{
    const uint64_t k = random_of(model) % MODEL_TIMERS;

    if (model->pending[k])
        rv_wheel_cancel(&wheel, &model->timers[k]);
    else
        add(&model->timers[k], model->now_ns + random_span(model, 58));
    model->pending[k] = !model->pending[k];
}

static void model_take_fired(struct model *model, struct rv_list *fired)
{
    struct rv_list *node;

    while ((node = rv_list_pop(fired))) {
        struct rv_wheel_timer *timer =
            RV_CONTAINER_OF(node, struct rv_wheel_timer, node);
        const size_t k = (size_t)(timer - model->timers);

        cr_assert(model->pending[k], "%zu fired without being added", k);
        cr_assert(due(timer->deadline_ns, model->now_ns), "%zu is early", k);
        model->pending[k] = false;
        model->fired++;
    }
}

static void model_check(const struct model *model)
{
    const int64_t next_ns = rv_wheel_next_ns(&wheel);
    uint64_t len = 0;

    for (size_t k = 0; k < MODEL_TIMERS; k++) {
        const int64_t deadline_ns = model->timers[k].deadline_ns;

        if (!model->pending[k])
            continue;
        len++;
        cr_assert_not(due(deadline_ns, model->now_ns), "%zu is lost", k);
        cr_assert(!due(deadline_ns, next_ns - TICK_NS), "%zu: next too late",
                  k);
    }
    cr_assert_eq(wheel.len, len);
    cr_assert_eq(next_ns == RV_NEVER, len == 0);
    cr_assert_gt(next_ns, model->now_ns);
}

static void model_advance(struct model *model)
{
    const int64_t next_ns = rv_wheel_next_ns(&wheel);
    struct rv_list fired;

    if (random_of(model) % 2 && next_ns != RV_NEVER)
        model->now_ns = next_ns; /* as the executor does */
    else
        model->now_ns += random_span(model, 50);
    rv_list_init(&fired);
    rv_wheel_advance(&wheel, model->now_ns, &fired);
    model_take_fired(model, &fired);
}

RV_TEST(wheel, random_use_agrees_with_a_naive_list)
{
    static struct model model = {.now_ns = SOME_NOW_NS, .seed = 20240229};

    rv_wheel_init(&wheel, model.now_ns);
    for (int i = 0; i < MODEL_STEPS; i++) {
        if (random_of(&model) % 3)
            model_add_or_cancel(&model);
        else
            model_advance(&model);
        model_check(&model);
    }
    cr_assert_gt(model.fired, 500, "the test did too little: %d", model.fired);
}
