/* SPDX-License-Identifier: MIT */
/*
 * test_drop_executor.c - every future of the executor and of the blocking
 * pool, dropped after each poll.
 *
 * Threads: see drop.h.
 */
#include <criterion/criterion.h>

#include "runtime/drop.h"

RV_TEST_SUITE(drop_executor);

enum { SOON_MS = 2 };

static int32_t nothing(void *arg)
{
    (void)arg;
    return 0;
}

static struct rv_future *init_blocking(struct world *world)
{
    rv_blocking_init(&world->subject.blocking, nothing, NULL, NULL);
    return &world->subject.blocking.future;
}

static struct rv_future *init_sleep(struct world *world)
{
    rv_sleep_init(&world->subject.sleep, rv_after_ms(SOON_MS));
    return &world->subject.sleep.future;
}

static struct rv_future *init_interval(struct world *world)
{
    rv_interval_init(&world->subject.interval, rv_after_ms(SOON_MS),
                     RV_NS_PER_MS, RV_TICK_SKIP);
    rv_interval_next(&world->subject.interval);
    return &world->subject.interval.future;
}

static struct rv_future *init_yield(struct world *world)
{
    rv_yield_init(&world->subject.yield);
    return &world->subject.yield.future;
}

/* One that ends soon, and one that ends later. */
static struct rv_future **two_sleeps(struct world *world)
{
    for (int i = 0; i < 2; i++) {
        rv_sleep_init(&world->children[i], rv_after_ms(SOON_MS + i * SOON_MS));
        world->list[i] = &world->children[i].future;
    }
    return world->list;
}

static struct rv_future *init_all(struct world *world)
{
    rv_all_init(&world->all, two_sleeps(world), 2);
    return &world->all.future;
}

static struct rv_future *init_try_all(struct world *world)
{
    rv_try_all_init(&world->try_all, two_sleeps(world), 2);
    return &world->try_all.future;
}

static struct rv_future *init_select(struct world *world)
{
    rv_select_init(&world->select, two_sleeps(world), 2);
    return &world->select.future;
}

static struct rv_future *init_timeout(struct world *world)
{
    two_sleeps(world);
    rv_timeout_init(&world->timeout, world->list[1], rv_after_ms(SOON_MS));
    return &world->timeout.future;
}

static struct rv_future *init_in_time(struct world *world)
{
    two_sleeps(world);
    rv_timeout_init(&world->timeout, world->list[0], RV_NEVER - 2);
    return &world->timeout.future;
}

static struct rv_future *new_sleep(void)
{
    struct rv_sleep *sleep = rv_alloc(sizeof *sleep);

    cr_assert_not_null(sleep);
    rv_sleep_init(sleep, rv_after_ms(SOON_MS));
    return &sleep->future;
}

static struct rv_future *init_scope(struct world *world)
{
    rv_scope_init(&world->subject.scope, world->executor);
    for (int i = 0; i < 2; i++)
        cr_assert_eq(rv_scope_spawn(&world->subject.scope, new_sleep()), 0);
    return &world->subject.scope.future;
}

static struct rv_future *init_embedded(struct world *world)
{
    static struct rv_embedded tasks[2];
    struct rv_future **sleeps = two_sleeps(world);

    rv_scope_init(&world->subject.scope, world->executor);
    for (int i = 0; i < 2; i++) {
        cr_assert(!rv_embedded_is_running(&tasks[i]));
        cr_assert_eq(rv_scope_spawn_embedded(&world->subject.scope, &tasks[i],
                                             sleeps[i], NULL),
                     0);
    }
    return &world->subject.scope.future;
}

/* Dropping it detaches its task, which is freed with the executor. */
static struct rv_future *init_join(struct world *world)
{
    cr_assert_eq(rv_spawn(world->executor, new_sleep(), &world->subject.join),
                 0);
    return &world->subject.join.future;
}

static void open_remote(struct world *world)
{
    cr_assert_eq(rv_remote_open(world->executor, &world->remote), 0);
}

static struct rv_future *init_remote_join(struct world *world)
{
    cr_assert_eq(rv_remote_spawn(world->remote, new_sleep(),
                                 &world->subject.remote_join),
                 0);
    return &world->subject.remote_join.future;
}

/* --- the table --------------------------------------------------------- */

static const struct kind executor_kinds[] = {
    {"blocking", NULL, init_blocking, NULL, 0, 0, 0},
    {"sleep", NULL, init_sleep, NULL, 0, 0, 0},
    {"interval", NULL, init_interval, NULL, 0, 0, 0},
    {"yield", NULL, init_yield, NULL, 0, 0, 0},
    {"all", NULL, init_all, NULL, 0, 0, 0},
    {"try_all", NULL, init_try_all, NULL, 0, 0, 0},
    {"select", NULL, init_select, NULL, 0, 0, 0},
    {"timeout", NULL, init_timeout, NULL, 0, 0, 0},
    {"timeout, in time", NULL, init_in_time, NULL, 0, 0, 0},
    {"scope", NULL, init_scope, NULL, 0, 0, 0},
    {"embedded", NULL, init_embedded, NULL, 0, 0, 0},
    {"join", NULL, init_join, NULL, 0, 0, 1},
    {"remote join", open_remote, init_remote_join, NULL, 0, 1, 2},
};

RV_TEST(drop_executor, nothing_is_left)
{
    drop_at_each_poll(executor_kinds, ROWS(executor_kinds), false);
}

RV_TEST(drop_executor, nothing_is_left_in_the_fused_mode)
{
    drop_at_each_poll(executor_kinds, ROWS(executor_kinds), true);
}
