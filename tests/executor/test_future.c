/* SPDX-License-Identifier: MIT */
/*
 * test_future.c - polling, dropping, the await macros, and their misuse.
 *
 * No executor: the test polls by hand, as any owner of a future may.
 */
#include <criterion/criterion.h>

#include <errno.h>
#include <reveil/async.h>
#include <reveil/future.h>

#include "support/support.h"

RV_TEST_SUITE(future);

/* --- a leaf that the test opens ---------------------------------------- */

struct gate {
    struct rv_future future;
    bool open;
    int polls;
    int drops;
};

static enum rv_poll gate_poll(struct rv_future *future, struct rv_cx *cx)
{
    struct gate *self = RV_CONTAINER_OF(future, struct gate, future);

    (void)cx;
    self->polls++;
    if (!self->open)
        return RV_PENDING;
    future->result = 40 + self->polls;
    return RV_READY;
}

static void gate_drop(struct rv_future *future)
{
    RV_CONTAINER_OF(future, struct gate, future)->drops++;
}

static const struct rv_future_ops gate_ops = {
    .name = "gate", .poll = gate_poll, .drop = gate_drop};

static const struct rv_future_ops bare_ops = {.name = "bare gate",
                                              .poll = gate_poll};

static void gate_init(struct gate *gate, const struct rv_future_ops *ops)
{
    *gate = (struct gate){.open = false};
    rv_future_init(&gate->future, ops);
}

/* --- poll and drop ----------------------------------------------------- */

RV_TEST(future, a_poll_has_a_budget_of_calls)
{
    struct rv_probe probe;
    struct rv_cx cx;

    rv_probe_init(&probe);
    cx = rv_probe_cx(&probe);
    for (int i = 0; i < RV_IO_BUDGET; i++)
        cr_assert(rv_may_go_on(&cx));
    cr_assert_not(rv_probe_take(&probe));
    cr_assert_not(rv_may_go_on(&cx));
    cr_assert(rv_probe_take(&probe), "it continues in its next poll");
    cx = rv_probe_cx(&probe);
    cr_assert(rv_may_go_on(&cx));
    rv_probe_fini(&probe);
}

RV_TEST(future, init_polls_nothing)
{
    struct gate gate;

    gate_init(&gate, &gate_ops);

    cr_assert_eq(gate.future.at, 0);
    cr_assert_eq(gate.future.result, 0);
    cr_assert_eq(gate.polls, 0);
}

RV_TEST(future, it_is_polled_until_it_is_ready)
{
    struct rv_cx cx = {0};
    struct gate gate;

    gate_init(&gate, &gate_ops);

    cr_assert_eq(rv_poll(&gate.future, &cx), RV_PENDING);
    cr_assert_eq(rv_poll(&gate.future, &cx), RV_PENDING);
    gate.open = true;
    cr_assert_eq(rv_poll(&gate.future, &cx), RV_READY);
    cr_assert_eq(gate.future.result, 43);
    cr_assert_eq(gate.future.at, RV_AT_END);
}

RV_TEST(future, drop_reaches_it_in_every_state_and_as_often_as_called)
{
    struct rv_cx cx = {0};
    struct gate gate;

    gate_init(&gate, &gate_ops);
    rv_drop(&gate.future);
    rv_drop(&gate.future);
    cr_assert_eq(gate.drops, 2);

    gate_init(&gate, &gate_ops);
    rv_poll(&gate.future, &cx);
    rv_drop(&gate.future);
    cr_assert_eq(gate.drops, 1);
    cr_assert_eq(gate.future.at, RV_AT_END);
}

RV_TEST(future, drop_of_a_finished_one_keeps_its_result)
{
    struct rv_cx cx = {0};
    struct gate gate;

    gate_init(&gate, &gate_ops);
    gate.open = true;
    rv_poll(&gate.future, &cx);
    rv_drop(&gate.future);

    cr_assert_eq(gate.future.result, 41);
    cr_assert_eq(gate.drops, 1);
}

RV_TEST(future, drop_is_harmless_without_a_drop_function_or_a_type)
{
    struct rv_future zero = {0};
    struct gate bare;

    gate_init(&bare, &bare_ops);
    rv_drop(&bare.future);
    rv_drop(&zero);

    cr_assert_eq(bare.future.at, RV_AT_END);
    cr_assert_eq(bare.drops, 0);
}

/* --- await ------------------------------------------------------------- */

/* Waits for two gates and then for a flag; returns the results of the gates. */
struct walk {
    struct rv_future future;
    struct gate first;
    struct gate second;
    int looks;
    bool flag;
    int error; /* the result to end with instead, after the first gate */
};

static bool look(struct walk *walk)
{
    walk->looks++;
    return walk->flag;
}

static enum rv_poll walk_poll(struct rv_future *future, struct rv_cx *cx)
{
    struct walk *self = RV_CONTAINER_OF(future, struct walk, future);

    RV_BEGIN(future);
    gate_init(&self->first, &gate_ops);
    RV_AWAIT(future, cx, &self->first.future);
    if (self->error)
        RV_RETURN(future, self->error);
    gate_init(&self->second, &gate_ops);
    RV_AWAIT(future, cx, &self->second.future);
    RV_AWAIT_UNTIL(future, look(self));
    RV_RETURN(future,
              self->first.future.result * 100 + self->second.future.result);
    RV_END(future);
}

static void walk_drop(struct rv_future *future)
{
    struct walk *self = RV_CONTAINER_OF(future, struct walk, future);

    rv_drop(&self->first.future);
    rv_drop(&self->second.future);
}

static void walk_init(struct walk *walk)
{
    static const struct rv_future_ops ops = {
        .name = "walk", .poll = walk_poll, .drop = walk_drop};

    *walk = (struct walk){.flag = false};
    rv_future_init(&walk->future, &ops);
}

RV_TEST(future, await_goes_on_where_it_was_suspended)
{
    struct rv_cx cx = {0};
    struct walk walk;

    walk_init(&walk);
    cr_assert_eq(rv_poll(&walk.future, &cx), RV_PENDING);
    cr_assert_eq(rv_poll(&walk.future, &cx), RV_PENDING);
    cr_assert_eq(walk.first.polls, 2); /* gate_init() would have reset it */

    walk.first.open = true;
    cr_assert_eq(rv_poll(&walk.future, &cx), RV_PENDING);
    cr_assert_eq(walk.first.polls, 3);
    cr_assert_eq(walk.second.polls, 1); /* in the same poll */

    walk.second.open = true;
    walk.flag = true;
    cr_assert_eq(rv_poll(&walk.future, &cx), RV_READY);
    cr_assert_eq(walk.first.polls, 3);
    cr_assert_eq(walk.future.result, 4342);
}

RV_TEST(future, await_until_looks_at_each_poll)
{
    struct rv_cx cx = {0};
    struct walk walk;

    walk_init(&walk);
    rv_poll(&walk.future, &cx);
    walk.first.open = true;
    rv_poll(&walk.future, &cx);
    walk.second.open = true;

    cr_assert_eq(rv_poll(&walk.future, &cx), RV_PENDING);
    cr_assert_eq(rv_poll(&walk.future, &cx), RV_PENDING);
    cr_assert_eq(walk.looks, 2);
    walk.flag = true;
    cr_assert_eq(rv_poll(&walk.future, &cx), RV_READY);
    cr_assert_eq(walk.looks, 3);
}

RV_TEST(future, return_ends_it_early_with_an_error)
{
    struct rv_cx cx = {0};
    struct walk walk;

    walk_init(&walk);
    rv_poll(&walk.future, &cx);
    walk.first.open = true;
    walk.error = -ECONNRESET;

    cr_assert_eq(rv_poll(&walk.future, &cx), RV_READY);
    cr_assert_eq(walk.future.result, -ECONNRESET);
    cr_assert_eq(walk.second.polls, 0);
}

RV_TEST(future, drop_of_a_suspended_one_drops_its_children)
{
    struct rv_cx cx = {0};
    struct walk walk;

    walk_init(&walk);
    rv_poll(&walk.future, &cx);
    rv_drop(&walk.future);

    cr_assert_eq(walk.first.drops, 1);
    cr_assert_eq(walk.second.drops, 0); /* all zero: a no-op */
    cr_assert_eq(walk.future.at, RV_AT_END);
}

/* --- misuse ------------------------------------------------------------ */

static void poll_a_finished_one(void)
{
    struct rv_cx cx = {0};
    struct gate gate;

    gate_init(&gate, &gate_ops);
    gate.open = true;
    rv_poll(&gate.future, &cx);
    rv_poll(&gate.future, &cx);
}

RV_TEST(future, polling_a_finished_one_stops_the_program_with_its_name)
{
    rv_test_aborts(poll_a_finished_one, ": gate\n");
}

static void poll_a_dropped_one(void)
{
    struct rv_cx cx = {0};
    struct gate bare;

    gate_init(&bare, &bare_ops);
    rv_drop(&bare.future);
    rv_poll(&bare.future, &cx);
}

RV_TEST(future, polling_a_dropped_one_stops_the_program_with_its_name)
{
    rv_test_aborts(poll_a_dropped_one, ": bare gate\n");
}

static void poll_a_dropped_zero(void)
{
    struct rv_future zero = {0};
    struct rv_cx cx = {0};

    rv_drop(&zero);
    rv_poll(&zero, &cx);
}

RV_TEST(future, even_one_without_a_type_is_stopped)
{
    rv_test_aborts(poll_a_dropped_zero, "not initialized: all zero\n");
}

/* No compiler detects this: the label of the await is in the wrong switch. */
static enum rv_poll trap_poll(struct rv_future *future, struct rv_cx *cx)
{
    static struct gate gate;

    RV_BEGIN(future);
    gate_init(&gate, &gate_ops);
    switch (gate.drops) {
    case 0:
        RV_AWAIT(future, cx, &gate.future);
        break;
    default:
        break;
    }
    RV_RETURN(future, 0);
    RV_END(future);
}

static void await_inside_a_switch(void)
{
    static const struct rv_future_ops ops = {.name = "trap", .poll = trap_poll};
    struct rv_cx cx = {0};
    struct rv_future trap;

    rv_future_init(&trap, &ops);
    rv_poll(&trap, &cx);
    rv_poll(&trap, &cx); /* finds no case for its line */
}

RV_TEST(future, an_await_inside_an_inner_switch_stops_the_program)
{
    rv_test_aborts(await_inside_a_switch, ": trap\n");
}

static enum rv_poll runs_off_poll(struct rv_future *future, struct rv_cx *cx)
{
    (void)cx;
    RV_BEGIN(future);
    RV_END(future);
}

static void forget_the_return(void)
{
    static const struct rv_future_ops ops = {.name = "runs off",
                                             .poll = runs_off_poll};
    struct rv_cx cx = {0};
    struct rv_future future;

    rv_future_init(&future, &ops);
    rv_poll(&future, &cx);
}

RV_TEST(future, running_into_the_end_stops_the_program)
{
    rv_test_aborts(forget_the_return, ": runs off\n");
}
