/* SPDX-License-Identifier: MIT */
/* test_bytes.c - a buffer that grows. */
#include <criterion/criterion.h>

#include <errno.h>
#include <reveil/base.h>
#include <reveil/bytes.h>
#include <string.h>

#include "support/failing_alloc.h"
#include "support/support.h"

RV_TEST_SUITE(bytes);

RV_TEST(bytes, appended_data_follows_what_is_there)
{
    struct rv_bytes bytes = {0};

    cr_assert_eq(rv_bytes_append(&bytes, "", 0), 0);
    cr_assert_str_eq(bytes.data, "");
    for (int i = 0; i < 1000; i++)
        cr_assert_eq(rv_bytes_append(&bytes, "0123456789", 10), 0);
    cr_assert_eq(bytes.len_bytes, 10000);
    cr_assert_eq(strlen(bytes.data), 10000);
    for (int i = 0; i < 10000; i++)
        cr_assert_eq(bytes.data[i], '0' + i % 10);
    rv_bytes_fini(&bytes);
    cr_assert_null(bytes.data);
    rv_bytes_fini(&bytes);
}

RV_TEST(bytes, a_thousand_appends_allocate_a_few_times)
{
    struct rv_bytes bytes = {0};

    rv_count_allocs(0);
    for (int i = 0; i < 1000; i++)
        cr_assert_eq(rv_bytes_append(&bytes, "0123456789", 10), 0);
    cr_assert_leq(rv_alloc_calls(), 10);
    rv_bytes_fini(&bytes);
    cr_assert_eq(rv_stop_counting_allocs(), 0);
}

RV_TEST(bytes, the_limit_is_exact_and_leaves_the_contents)
{
    struct rv_bytes bytes;

    rv_bytes_init(&bytes, 5);
    cr_assert_eq(rv_bytes_append(&bytes, "abc", 3), 0);
    cr_assert_eq(rv_bytes_append(&bytes, "def", 3), -EMSGSIZE);
    cr_assert_eq(rv_bytes_printf(&bytes, "%d", 100), -EMSGSIZE);
    cr_assert_eq(rv_bytes_reserve(&bytes, SIZE_MAX), -ENOMEM);
    cr_assert_str_eq(bytes.data, "abc");
    cr_assert_eq(rv_bytes_printf(&bytes, "%d", 10), 0);
    cr_assert_str_eq(bytes.data, "abc10");
    cr_assert_eq(rv_bytes_append(&bytes, "x", 1), -EMSGSIZE);
    rv_bytes_fini(&bytes);
    cr_assert_eq(bytes.max_bytes, 5);
}

RV_TEST(bytes, sizes_do_not_wrap_around)
{
    struct rv_bytes bytes = {0};

    cr_assert_eq(rv_bytes_reserve(&bytes, SIZE_MAX), -ENOMEM);
    cr_assert_eq(rv_bytes_append(&bytes, "a", 1), 0);
    cr_assert_eq(rv_bytes_reserve(&bytes, SIZE_MAX), -ENOMEM);
    cr_assert_str_eq(bytes.data, "a");
    rv_bytes_fini(&bytes);
}

RV_TEST(bytes, without_memory_nothing_changes)
{
    struct rv_bytes bytes = {0};

    cr_assert_eq(rv_bytes_append(&bytes, "abc", 3), 0);
    rv_count_allocs(1);
    cr_assert_eq(rv_bytes_reserve(&bytes, 1000), -ENOMEM);
    rv_stop_counting_allocs();
    cr_assert_str_eq(bytes.data, "abc");
    rv_bytes_fini(&bytes);
}

RV_TEST(bytes, the_first_bytes_can_be_removed)
{
    struct rv_bytes bytes = {0};

    rv_bytes_remove(&bytes, 0);
    cr_assert_eq(rv_bytes_append(&bytes, "abcdef", 6), 0);
    rv_bytes_remove(&bytes, 2);
    cr_assert_str_eq(bytes.data, "cdef");
    rv_bytes_remove(&bytes, 4);
    cr_assert_str_eq(bytes.data, "");
    rv_bytes_fini(&bytes);
}

static void remove_too_much(void)
{
    struct rv_bytes bytes = {0};

    rv_bytes_remove(&bytes, 1);
}

RV_TEST(bytes, misuse_stops_the_program)
{
    rv_test_aborts(remove_too_much, "there are fewer bytes");
}
