/* SPDX-License-Identifier: MIT */
/*
 * test_errors.c - the words and the names of errors.
 */
#include <criterion/criterion.h>

#include <reveil/errors.h>

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

Test(errors, the_librarys_own_meanings_are_said)
{
    cr_assert_str_eq(rv_strerror(-ENXIO), "no such host");
    cr_assert_str_eq(rv_strerror(-EREMOTEIO), "the name servers do not answer");
    cr_assert_str_eq(rv_strerror(-ENOMSG), "the input ended too early");
    cr_assert(strstr(rv_strerror(-EAGAIN), "not ready"));
    cr_assert(strstr(rv_strerror(-ESTALE), "parent process"));
}

Test(errors, both_signs_are_accepted)
{
    cr_assert_str_eq(rv_strerror(ECONNREFUSED), "connection refused");
    cr_assert_str_eq(rv_strerror(-ECONNREFUSED), "connection refused");
    cr_assert_str_eq(rv_error_name(ECONNREFUSED), "ECONNREFUSED");
    cr_assert_str_eq(rv_error_name(-ECONNREFUSED), "ECONNREFUSED");
}

Test(errors, zero_is_success)
{
    cr_assert_str_eq(rv_strerror(0), "success");
    cr_assert_str_eq(rv_error_name(0), "0");
}

Test(errors, every_errno_has_words_and_a_name)
{
    int known = 0;

    for (int number = 1; number < 134; number++) {
        if (!strerrorname_np(number))
            continue;
        known++;
        cr_assert_str_eq(rv_error_name(-number), strerrorname_np(number));
        cr_assert_gt(strlen(rv_strerror(-number)), 4, "%d", number);
        cr_assert_str_neq(rv_strerror(-number), "unknown error", "%d", number);
    }
    cr_assert_gt(known, 100);
}

Test(errors, unknown_numbers_are_named_as_such)
{
    const int unknown[] = {INT_MIN, INT_MAX, -INT_MAX, -1000, -1001, 4096};

    for (size_t i = 0; i < sizeof unknown / sizeof unknown[0]; i++) {
        cr_assert_str_eq(rv_strerror(unknown[i]), "unknown error");
        cr_assert_str_eq(rv_error_name(unknown[i]), "?");
    }
}

Test(errors, an_error_is_printed_and_is_the_exit_status)
{
    char text[64] = "";
    int ends[2];
    int stderr_copy;

    cr_assert_eq(pipe(ends), 0);
    stderr_copy = dup(STDERR_FILENO);
    dup2(ends[1], STDERR_FILENO);
    cr_expect_eq(rv_exit_status("quiet", 0), 0);
    cr_expect_eq(rv_exit_status("quiet", 7), 0);
    cr_expect_eq(rv_exit_status("loud", -ENXIO), 1);
    dup2(stderr_copy, STDERR_FILENO);
    cr_assert_gt(read(ends[0], text, sizeof text - 1), 0);
    cr_assert_str_eq(text, "loud: no such host\n");
}
