/* SPDX-License-Identifier: MIT */
/* test_fds.c - reserving descriptors: the limit, and the kernel's table. */
#include <criterion/criterion.h>

#include <errno.h>
#include <fcntl.h>
#include <reveil/base.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/base_internal.h"
#include "support/support.h"

RV_TEST_SUITE(fds);

/* The number of descriptors that the kernel's table has room for. */
static int table_size(void)
{
    FILE *status = fopen("/proc/self/status", "re");
    char line[256];
    int size = -1;

    cr_assert_not_null(status);
    while (fgets(line, sizeof line, status))
        if (sscanf(line, "FDSize: %d", &size) == 1)
            break;
    fclose(status);
    return size;
}

/* Not every process may set any limit: see valgrind. */
static void set_limit(rlim_t soft, rlim_t hard)
{
    const struct rlimit limit = {.rlim_cur = soft, .rlim_max = hard};

    if (setrlimit(RLIMIT_NOFILE, &limit) < 0)
        cr_skip_test("the limit of descriptors cannot be set");
}

static rlim_t soft_limit(void)
{
    struct rlimit limit;

    getrlimit(RLIMIT_NOFILE, &limit);
    return limit.rlim_cur;
}

RV_TEST(fds, the_limit_is_raised_and_the_table_grown)
{
    set_limit(256, 900);
    cr_assert_eq(rv_reserve_fds(900), 0);
    cr_assert_eq(soft_limit(), 900);
    cr_assert_geq(table_size(), 900);
    cr_assert_eq(fcntl(899, F_GETFD), -1, "the one it tried with is open");
}

RV_TEST(fds, the_soft_limit_is_raised_as_far_as_the_hard_one)
{
    set_limit(256, 900);
    cr_assert_eq(rv_fd_limit_raise(300), 300);
    cr_assert_eq(soft_limit(), 300);
    cr_assert_eq(rv_fd_limit_raise(299), 300);
    cr_assert_eq(rv_fd_limit_raise(901), 300);
    cr_assert_eq(soft_limit(), 300);
    cr_assert_eq(rv_fd_limit_raise(RV_FD_LIMIT_MAX), 900);
    cr_assert_eq(soft_limit(), 900);
}

RV_TEST(fds, a_limit_that_is_high_enough_stays)
{
    set_limit(800, 900);
    cr_assert_eq(rv_reserve_fds(700), 0);
    cr_assert_eq(soft_limit(), 800);
    cr_assert_geq(table_size(), 700);
    cr_assert_eq(rv_reserve_fds(0), 0);
}

RV_TEST(fds, more_than_the_system_allows_is_refused)
{
    set_limit(256, 900);
    cr_assert_eq(rv_reserve_fds(901), -EMFILE);
    cr_assert_eq(rv_reserve_fds(UINT32_MAX), -EMFILE);
    cr_assert_eq(soft_limit(), 256);
}

/* --- above stdio ------------------------------------------------------- */

/* Restores stdin at the end. */
RV_TEST(fds, what_got_a_number_of_stdio_is_moved_up)
{
    const int stdio = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 10);
    int fd;
    int moved;

    close(STDIN_FILENO);
    fd = open("/dev/null", O_RDWR | O_CLOEXEC);
    cr_assert_eq(fd, STDIN_FILENO);
    moved = rv_fd_above_stdio(fd);
    cr_assert_geq(moved, 3);
    cr_assert_eq(fcntl(moved, F_GETFD), FD_CLOEXEC);
    cr_assert_eq(fcntl(STDIN_FILENO, F_GETFD), -1, "the low one is open");
    cr_assert_eq(rv_fd_above_stdio(moved), moved, "it is where it should be");
    close(moved);
    dup2(stdio, STDIN_FILENO);
    close(stdio);
}

RV_TEST(fds, an_error_of_the_system_call_is_passed_on)
{
    errno = ENFILE;
    cr_assert_eq(rv_fd_above_stdio(-1), -ENFILE);
}

RV_TEST(fds, what_cannot_be_moved_up_is_closed)
{
    const int stdio = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 10);
    struct rlimit all;
    int ends[2];
    int error;

    getrlimit(RLIMIT_NOFILE, &all);
    close(STDIN_FILENO);
    cr_assert_eq(pipe2(ends, O_CLOEXEC), 0);
    cr_assert_eq(ends[0], STDIN_FILENO);
    set_limit(1, all.rlim_max);
    error = rv_fds_above_stdio(ends, 0);
    set_limit(all.rlim_cur, all.rlim_max);
    dup2(stdio, STDIN_FILENO);
    close(stdio);
    cr_assert_eq(error, -EMFILE); /* and RV_TEST counts the open descriptors */
}
