/* SPDX-License-Identifier: MIT */
/*
 * test_old_kernel.c - a kernel that lacks a system call, simulated by seccomp.
 *
 * Threads: the test's.
 */
#include <criterion/criterion.h>

#include <errno.h>
#include <reveil/runtime.h>
#include <reveil/trace.h>
#include <sys/syscall.h>

#include "runtime/round_trip.h"
#include "support/support.h"
#include "support/take_away.h"

RV_TEST_SUITE(old_kernel);

/* A sleep and a round trip in fused mode: on time, and asleep in between. */
static void nap_and_trip(uint32_t error)
{
    static const struct rv_runtime_options fused = {.reactor =
                                                        RV_REACTOR_FUSED};
    struct rv_runtime *runtime;
    struct rv_sleep nap;
    int64_t deadline_ns;

    take_away(SYS_epoll_pwait2, error);
    cr_assert_eq(rv_runtime_start_with(&runtime, &fused), 0);
    rv_trace_start(RV_TRACE_COUNTERS);
    deadline_ns = rv_now_ns() + 30 * RV_NS_PER_MS + 1;
    rv_sleep_init(&nap, deadline_ns);
    cr_assert_eq(rv_runtime_block_on(runtime, &nap.future), 0);
    rv_trace_start(RV_TRACE_OFF);

    cr_assert_geq(rv_now_ns(), deadline_ns);
    cr_assert_leq(rv_trace_count(RV_EV_EPOLL_WAIT), 4, "it slept");
    cr_assert_eq(round_trip(rv_runtime_executor(runtime)), 0);
    rv_runtime_stop(runtime);
}

RV_TEST(old_kernel, without_epoll_pwait2_a_fused_executor_sleeps_all_the_same)
{
    nap_and_trip(ENOSYS);
}

RV_TEST(old_kernel, nor_does_it_need_it_where_a_sandbox_forbids_it)
{
    nap_and_trip(EPERM);
}
