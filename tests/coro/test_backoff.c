/* SPDX-License-Identifier: MIT */
/* test_backoff.c - pauses that grow; on a virtual clock. */
#include <errno.h>
#include <reveil/backoff.h>

#include "support/hosts.h"

RV_TEST_SUITE(backoff);

enum { FIRST_NS = 1000, MOST_NS = 50 * 1000 };

static void freeze(struct rv_backoff *backoff, int64_t deadline_ns)
{
    rv_clock_freeze(RV_NS_PER_S);
    rv_backoff_init(backoff, FIRST_NS, MOST_NS, deadline_ns);
}

RV_TEST(backoff, pauses_double_up_to_the_longest)
{
    struct rv_backoff backoff;
    int64_t longest_ns = FIRST_NS;

    freeze(&backoff, RV_NEVER);
    for (uint32_t i = 1; i <= 100; i++) {
        const int64_t pause_ns = rv_backoff_next_ns(&backoff) - rv_now_ns();

        cr_assert_leq(pause_ns, longest_ns);
        cr_assert_geq(pause_ns, longest_ns / 2);
        cr_assert_eq(backoff.pauses, i);
        longest_ns = longest_ns * 2 > MOST_NS ? MOST_NS : longest_ns * 2;
    }
    rv_backoff_reset(&backoff);
    cr_assert_leq(rv_backoff_next_ns(&backoff) - rv_now_ns(), FIRST_NS);
    cr_assert_eq(backoff.pauses, 1);
    rv_clock_thaw();
}

RV_TEST(backoff, pauses_are_spread)
{
    struct rv_backoff backoff;
    int low = 0;

    freeze(&backoff, RV_NEVER);
    for (int i = 0; i < 1000; i++) {
        rv_backoff_reset(&backoff);
        low += rv_backoff_next_ns(&backoff) - rv_now_ns() < FIRST_NS * 3 / 4;
    }
    cr_assert(low > 300 && low < 700, "%d of 1000 are in the lower half", low);
    rv_clock_thaw();
}

RV_TEST(backoff, no_pause_ends_at_the_deadline_or_after_it)
{
    struct rv_backoff backoff;

    freeze(&backoff, RV_NS_PER_S + FIRST_NS / 2);
    cr_assert_eq(rv_backoff_next_ns(&backoff), RV_NEVER);
    rv_clock_freeze(RV_NEVER - 1);
    rv_backoff_init(&backoff, FIRST_NS, INT64_MAX, RV_NEVER);
    for (int i = 0; i < 80; i++)
        cr_assert_eq(rv_backoff_next_ns(&backoff), RV_NEVER);
    rv_clock_thaw();
}

static void bad_pauses(void)
{
    struct rv_backoff backoff;

    rv_backoff_init(&backoff, 2, 1, RV_NEVER);
}

RV_TEST(backoff, misuse_stops_the_program)
{
    rv_test_aborts(bad_pauses, "bad pauses");
}

RV_HOST_TEST(backoff, a_task_tries_until_the_deadline)
{
    struct rv_backoff backoff;
    int tries = 0;

    rv_backoff_init(&backoff, RV_NS_PER_MS, 4 * RV_NS_PER_MS, rv_after_ms(30));
    do {
        tries++;
    } while (rv_backoff_wait(&backoff) == 0);
    HOST_CHECK(tries > 1);
    rv_backoff_init(&backoff, 1, 1, 0);
    HOST_CHECK(rv_backoff_wait(&backoff) == -ETIMEDOUT);

    rv_backoff_init(&backoff, 1, 1, RV_NEVER);
    for (tries = 0; tries < 5; tries++)
        HOST_CHECK(rv_backoff_wait(&backoff) == 0);
    HOST_CHECK(backoff.pauses == 5);
    return 0;
}

static int32_t wait_long(void *arg)
{
    struct rv_backoff backoff;

    (void)arg;
    rv_backoff_init(&backoff, 3600 * RV_NS_PER_S, 3600 * RV_NS_PER_S, RV_NEVER);
    return rv_backoff_wait(&backoff);
}

RV_TEST(backoff, a_canceled_coroutine_stops_waiting)
{
    for (int host = 0; host < RV_HOSTS; host++)
        cr_assert_eq(rv_host_run_canceled((enum rv_host)host, wait_long, NULL),
                     -ECANCELED);
}

RV_TEST(backoff, a_dropped_pause_leaves_no_timer)
{
    struct rv_runtime *runtime = rv_host_start_runtime(RV_HOST_FUSED);
    struct rv_backoff_wait wait;
    struct rv_backoff backoff;

    rv_backoff_init(&backoff, 1, 1, 0);
    rv_backoff_wait_init(&wait, &backoff);
    rv_drop(&wait.future);
    rv_backoff_wait_init(&wait, &backoff);
    cr_assert_eq(rv_runtime_block_on(runtime, &wait.future), -ETIMEDOUT);
    rv_drop(&wait.future);
    rv_runtime_stop(runtime);
}
