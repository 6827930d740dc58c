/* SPDX-License-Identifier: MIT */
/*
 * failing_alloc.c - see failing_alloc.h.
 *
 * Threads: any for the hook's functions, hence the atomics; the test's for the
 * rest. The counters use the default memory order: a weaker one would gain
 * nothing here.
 */
#include "support/failing_alloc.h"

#include <errno.h>
#include <reveil/base.h>
#include <stdlib.h>

#include "support/support.h"

/* More than any scenario allocates: ends one that fails for another reason. */
enum { SCENARIOS_AT_MOST = 2000 };

static uint64_t fail_call;
static bool fail_on; /* that one, and all that follow */
static _Atomic uint64_t calls;
static _Atomic int64_t live;

static void *counting_alloc(size_t size_bytes)
{
    const uint64_t call = atomic_fetch_add(&calls, 1) + 1;
    void *memory;

    if (call == fail_call || (fail_on && call > fail_call))
        return NULL;
    memory = calloc(1, size_bytes);
    atomic_fetch_add(&live, memory != NULL);
    return memory;
}

static void counting_free(void *memory)
{
    atomic_fetch_sub(&live, 1);
    free(memory);
}

void rv_count_allocs(uint64_t fail_at)
{
    static const struct rv_alloc_hook hook = {counting_alloc, counting_free};

    fail_call = fail_at;
    fail_on = false;
    atomic_store(&calls, 0);
    atomic_store(&live, 0);
    rv_set_alloc_hook(&hook);
}

uint64_t rv_alloc_calls(void)
{
    return atomic_load(&calls);
}

bool rv_alloc_failed(void)
{
    return fail_call && rv_alloc_calls() >= fail_call;
}

int64_t rv_alloc_live(void)
{
    return atomic_load(&live);
}

int64_t rv_stop_counting_allocs(void)
{
    rv_set_alloc_hook(NULL);
    return rv_alloc_live();
}

/* Run it with one allocation failing, or with all from that one on. Returns:
 * false if it succeeded without reaching that one. */
static bool fail_at_one(int (*scenario)(void *arg), void *arg, uint64_t fail_at,
                        bool on, bool strictly)
{
    const uint32_t fds = rv_test_fds();
    const uint32_t threads = rv_test_threads();
    int64_t left;
    int result;

    rv_count_allocs(fail_at);
    fail_on = on;
    result = scenario(arg);
    left = rv_stop_counting_allocs();

    cr_assert_eq(left, 0, "allocation %u failed: %d blocks left",
                 (unsigned)fail_at, (int)left);
    cr_assert_eq(rv_test_fds(), fds, "allocation %u failed: descriptors left",
                 (unsigned)fail_at);
    rv_test_wait_for_threads(threads);
    if (!rv_alloc_failed())
        cr_assert_eq(result, 0, "nothing failed: %d", result);
    else if (strictly)
        cr_assert_eq(result, -ENOMEM, "allocation %u failed: %d",
                     (unsigned)fail_at, result);
    return rv_alloc_failed();
}

/* A run in which one fails must return -ENOMEM; only that one fails. */
enum { STRICTLY = 1, ALONE = 2 };

static uint64_t fail_each(int (*scenario)(void *arg), void *arg, int how)
{
    const bool strictly = how & STRICTLY;
    uint64_t fail_at = 1;

    while (fail_at_one(scenario, arg, fail_at, false, strictly) &&
           (how & ALONE || fail_at_one(scenario, arg, fail_at, true, strictly)))
        cr_assert_leq(++fail_at, SCENARIOS_AT_MOST, "it never gets through");
    return fail_at - 1;
}

uint64_t rv_fail_each_alloc(int (*scenario)(void *arg), void *arg)
{
    return fail_each(scenario, arg, 0);
}

uint64_t rv_fail_each_alloc_strictly(int (*scenario)(void *arg), void *arg)
{
    return fail_each(scenario, arg, STRICTLY);
}

uint64_t rv_fail_each_alloc_alone(int (*scenario)(void *arg), void *arg)
{
    return fail_each(scenario, arg, ALONE);
}
