/* SPDX-License-Identifier: MIT */
/*
 * seccomp.h - take a system call away from this process.
 *
 * The filter stays for the life of the process, which Criterion makes anew for
 * each test.
 */
#ifndef RV_TEST_SECCOMP_H
#define RV_TEST_SECCOMP_H

#include <criterion/criterion.h>

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/prctl.h>

/* From now on this call gives `error`. */
static inline void take_away(uint32_t call, uint32_t error)
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

#endif /* RV_TEST_SECCOMP_H */
