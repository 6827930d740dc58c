/* SPDX-License-Identifier: MIT */
/*
 * test_old_kernel.c - a kernel that lacks a system call, played by seccomp.
 *
 * The filter stays for the life of the process, which Criterion makes anew for
 * each test.
 *
 * Threads: the test's.
 */
#include <criterion/criterion.h>

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <reveil/runtime.h>
#include <reveil/trace.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "runtime/round_trip.h"
#include "support/support.h"

RV_TEST_SUITE(old_kernel);

/* From now on this call gives `error`. */
static void take_away(uint32_t call, uint32_t error)
{
    struct sock_filter steps[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, call, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | error),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {sizeof steps / sizeof steps[0], steps};

    cr_assert_eq(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
    cr_assert_eq(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program), 0);
}

/* A nap and a round trip in the fused mode: on time, and asleep meanwhile. */
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
