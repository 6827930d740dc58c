/* SPDX-License-Identifier: MIT */
/*
 * test_private.c - the public headers do not define types that only the library
 * uses. This file defines types with their names, and would not compile.
 *
 * Threads: the test's.
 */
#include <criterion/criterion.h>

#include <reveil/reveil.h>

/* Not support.h, which includes internal headers. */

struct rv_slab {
    char ours;
};
struct rv_slab_item {
    char ours;
};
struct rv_wake_batch {
    char ours;
};
struct rv_executor {
    char ours;
};
struct rv_reactor {
    char ours;
};
struct rv_source {
    char ours;
};
struct rv_ready {
    char ours;
};

Test(private_types, are_free_for_the_program)
{
    cr_assert_eq(sizeof(struct rv_slab) + sizeof(struct rv_slab_item) +
                     sizeof(struct rv_wake_batch) + sizeof(struct rv_executor) +
                     sizeof(struct rv_reactor) + sizeof(struct rv_source) +
                     sizeof(struct rv_ready),
                 7);
}
