/* SPDX-License-Identifier: MIT */
/*
 * take_away.h - simulate a kernel that lacks a system call, with seccomp.
 *
 * The filter lasts for the life of the process, and Criterion starts a process
 * for each test. If the end of a test needs the call itself (a sanitizer clones
 * to search for leaks), a child of the test uses the filter.
 */
#ifndef RV_TEST_TAKE_AWAY_H
#define RV_TEST_TAKE_AWAY_H

#include <criterion/criterion.h>

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* From now on this call fails with `error`. */
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

/* In a child: the body returns 0, or the line in which it failed. */
static inline void in_child(int (*body)(void))
{
    int status = 0;
    pid_t child = fork();

    if (child == 0) {
        int line = body();

        if (line)
            dprintf(STDERR_FILENO, "failed in line %d\n", line);
        _exit(line ? 1 : 0);
    }
    cr_assert_eq(waitpid(child, &status, 0), child);
    cr_assert_eq(status, 0, "wait status %#x; see the line above", status);
}

/* For the body of in_child(). */
#define CHILD_CHECK(cond)    \
    do {                     \
        if (!(cond))         \
            return __LINE__; \
    } while (0)

#endif /* RV_TEST_TAKE_AWAY_H */
