/* SPDX-License-Identifier: MIT */
/*
 * test_list.c - the intrusive list.
 */
#include <criterion/criterion.h>

#include <reveil/base.h>

enum { NODES = 4 };

struct lists {
    struct rv_list a;
    struct rv_list b;
    struct rv_list node[NODES];
};

/* Two lists, and nodes that are on none. */
static void init(struct lists *lists)
{
    rv_list_init(&lists->a);
    rv_list_init(&lists->b);
    for (int i = 0; i < NODES; i++)
        rv_list_init(&lists->node[i]);
}

/* Check that `list` holds these nodes, seen from both ends. */
static void expect(const struct lists *lists, const struct rv_list *list,
                   int len, const int *order)
{
    const struct rv_list *forward = list->next;
    const struct rv_list *backward = list->prev;

    for (int i = 0; i < len; i++) {
        cr_assert_eq(forward, &lists->node[order[i]]);
        cr_assert_eq(backward, &lists->node[order[len - 1 - i]]);
        forward = forward->next;
        backward = backward->prev;
    }
    cr_assert_eq(forward, list);
    cr_assert_eq(backward, list);
}

Test(list, a_new_list_is_empty)
{
    struct lists lists;

    init(&lists);

    cr_assert(rv_list_empty(&lists.a));
    cr_assert_null(rv_list_pop(&lists.a));
}

Test(list, push_puts_at_the_end)
{
    struct lists lists;

    init(&lists);
    for (int i = 0; i < 3; i++)
        rv_list_push(&lists.a, &lists.node[i]);

    cr_assert_not(rv_list_empty(&lists.a));
    cr_assert_not(rv_list_empty(&lists.node[0]));
    expect(&lists, &lists.a, 3, (const int[]){0, 1, 2});
}

Test(list, pop_takes_the_first)
{
    struct lists lists;

    init(&lists);
    for (int i = 0; i < 3; i++)
        rv_list_push(&lists.a, &lists.node[i]);

    cr_assert_eq(rv_list_pop(&lists.a), &lists.node[0]);

    cr_assert(rv_list_empty(&lists.node[0]), "it still is on a list");
    expect(&lists, &lists.a, 2, (const int[]){1, 2});
}

Test(list, remove_takes_a_node_from_anywhere)
{
    struct lists lists;

    init(&lists);
    for (int i = 0; i < NODES; i++)
        rv_list_push(&lists.a, &lists.node[i]);

    rv_list_remove(&lists.node[1]);
    expect(&lists, &lists.a, 3, (const int[]){0, 2, 3});
    rv_list_remove(&lists.node[3]);
    expect(&lists, &lists.a, 2, (const int[]){0, 2});
    rv_list_remove(&lists.node[0]);
    expect(&lists, &lists.a, 1, (const int[]){2});
    rv_list_remove(&lists.node[2]);
    cr_assert(rv_list_empty(&lists.a));
}

Test(list, remove_is_harmless_on_a_node_that_is_on_no_list)
{
    struct lists lists;

    init(&lists);
    rv_list_push(&lists.a, &lists.node[0]);
    rv_list_remove(&lists.node[1]);
    rv_list_remove(&lists.node[0]);
    rv_list_remove(&lists.node[0]);

    cr_assert(rv_list_empty(&lists.a));
    rv_list_push(&lists.a, &lists.node[0]);
    expect(&lists, &lists.a, 1, (const int[]){0});
}

Test(list, splice_moves_all_to_the_end_in_order)
{
    struct lists lists;

    init(&lists);
    rv_list_push(&lists.a, &lists.node[0]);
    rv_list_push(&lists.a, &lists.node[1]);
    rv_list_push(&lists.b, &lists.node[2]);
    rv_list_push(&lists.b, &lists.node[3]);

    rv_list_splice(&lists.a, &lists.b);

    expect(&lists, &lists.a, 4, (const int[]){0, 1, 2, 3});
    cr_assert(rv_list_empty(&lists.b));
}

Test(list, splice_works_onto_an_empty_list)
{
    struct lists lists;

    init(&lists);
    rv_list_push(&lists.b, &lists.node[0]);
    rv_list_push(&lists.b, &lists.node[1]);

    rv_list_splice(&lists.a, &lists.b);

    expect(&lists, &lists.a, 2, (const int[]){0, 1});
    cr_assert(rv_list_empty(&lists.b));
}

Test(list, splice_of_an_empty_list_changes_nothing)
{
    struct lists lists;

    init(&lists);
    rv_list_push(&lists.a, &lists.node[0]);

    rv_list_splice(&lists.a, &lists.b);

    expect(&lists, &lists.a, 1, (const int[]){0});
    cr_assert(rv_list_empty(&lists.b));
}
