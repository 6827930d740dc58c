/* SPDX-License-Identifier: MIT */
/*
 * test_slab.c - slots that do not move, ids that are not reused.
 */
#include <criterion/criterion.h>

#include <reveil/base.h>

#include <stdlib.h>

#include "base/slab.h"
#include "support/support.h"

struct thing {
    struct rv_slab_item item;
    uint64_t payload;
};

/* Enough for five chunks: 64 + 128 + 256 + 512 + some. */
enum { MANY = 1000 };

static struct rv_slab slab;

static void init(void)
{
    rv_slab_init(&slab, sizeof(struct thing));
}

static void fini(void)
{
    rv_slab_fini(&slab);
}

TestSuite(slab, .init = init, .fini = fini);

static struct thing *alloc_thing(uint64_t *id)
{
    *id = rv_slab_alloc(&slab);
    cr_assert_neq(*id, 0);
    return rv_slab_get(&slab, *id);
}

/* --- ids and slots ----------------------------------------------------- */

Test(slab, an_id_says_which_slot_and_which_use_of_it)
{
    uint64_t first;
    uint64_t second;
    struct thing *thing;

    alloc_thing(&first);
    thing = alloc_thing(&first);
    cr_assert_eq(rv_slab_at(&slab, rv_id_index(first)), thing);
    cr_assert_eq(rv_id_generation(first) % 2, 1);

    rv_slab_free(&slab, first);
    alloc_thing(&second);
    cr_assert_eq(rv_id_index(second), rv_id_index(first));
    cr_assert_neq(rv_id_generation(second), rv_id_generation(first));
    cr_assert_eq(rv_id_generation(second) % 2, 1);
}

Test(slab, a_new_slot_is_zeroed)
{
    uint64_t id;

    for (int i = 0; i < MANY; i++)
        cr_assert_eq(alloc_thing(&id)->payload, 0);
}

Test(slab, indexes_are_handed_out_from_0)
{
    for (uint32_t i = 0; i < MANY; i++)
        cr_assert_eq(rv_id_index(rv_slab_alloc(&slab)), i);
}

Test(slab, each_id_finds_its_own_slot)
{
    uint64_t ids[MANY];

    for (int i = 0; i < MANY; i++) {
        struct thing *thing = alloc_thing(&ids[i]);

        thing->payload = ids[i];
    }

    for (int i = 0; i < MANY; i++) {
        struct thing *thing = rv_slab_get(&slab, ids[i]);

        cr_assert_not_null(thing);
        cr_assert_eq(thing->payload, ids[i]);
        cr_assert_eq(rv_slab_at(&slab, rv_id_index(ids[i])), (void *)thing);
    }
}

Test(slab, a_slot_does_not_move_when_the_slab_grows)
{
    uint64_t id;
    struct thing *thing = alloc_thing(&id);

    for (int i = 0; i < MANY; i++)
        rv_slab_alloc(&slab);

    cr_assert_eq(rv_slab_get(&slab, id), (void *)thing);
}

Test(slab, a_freed_id_finds_nothing)
{
    uint64_t id;

    alloc_thing(&id);
    rv_slab_free(&slab, id);

    cr_assert_null(rv_slab_get(&slab, id));
}

Test(slab, an_old_id_does_not_find_the_new_owner_of_its_slot)
{
    uint64_t old_id;
    uint64_t new_id;
    struct thing *old_thing = alloc_thing(&old_id);

    rv_slab_free(&slab, old_id);
    cr_assert_eq(alloc_thing(&new_id), old_thing, "the slot is used again");

    cr_assert_neq(new_id, old_id);
    cr_assert_null(rv_slab_get(&slab, old_id));
}

Test(slab, a_slot_is_left_as_it_was)
{
    uint64_t id;

    alloc_thing(&id)->payload = 42;
    rv_slab_free(&slab, id);

    cr_assert_eq(((struct thing *)rv_slab_at(&slab, 0))->payload, 42);
    cr_assert_eq(alloc_thing(&id)->payload, 42);
}

Test(slab, the_slot_freed_last_is_used_first)
{
    uint64_t ids[3];

    for (int i = 0; i < 3; i++)
        alloc_thing(&ids[i]);
    for (int i = 0; i < 3; i++)
        rv_slab_free(&slab, ids[i]);

    for (int i = 2; i >= 0; i--)
        cr_assert_eq(rv_id_index(rv_slab_alloc(&slab)), rv_id_index(ids[i]));
    cr_assert_eq(slab.used, 3);
}

Test(slab, counts_what_is_live)
{
    uint64_t id;

    alloc_thing(&id);
    rv_slab_alloc(&slab);
    cr_assert_eq(slab.live, 2);

    rv_slab_free(&slab, id);
    cr_assert_eq(slab.live, 1);
}

/* --- ids that were never given ----------------------------------------- */

Test(slab, zero_finds_nothing)
{
    cr_assert_null(rv_slab_get(&slab, 0));
    rv_slab_alloc(&slab);
    cr_assert_null(rv_slab_get(&slab, 0));
}

Test(slab, a_slot_that_was_never_handed_out_is_not_found)
{
    rv_slab_alloc(&slab);

    /* An id in the chunk that exists, with the generation of an unused slot. */
    cr_assert_null(rv_slab_get(&slab, 1));
}

Test(slab, an_even_generation_finds_nothing)
{
    const uint64_t id = rv_slab_alloc(&slab);

    rv_slab_free(&slab, id);

    cr_assert_null(rv_slab_get(&slab, id + (UINT64_C(1) << 32)));
}

Test(slab, an_index_past_the_end_finds_nothing)
{
    const uint64_t generation = UINT64_C(1) << 32;

    rv_slab_alloc(&slab);

    cr_assert_null(rv_slab_get(&slab, generation | RV_SLAB_FIRST_CHUNK));
    cr_assert_null(rv_slab_get(&slab, generation | UINT32_MAX));
    cr_assert_null(rv_slab_get(&slab, UINT64_MAX));
    cr_assert_null(rv_slab_at(&slab, UINT32_MAX));
}

/* --- the end of the generations ---------------------------------------- */

static void set_generation(struct thing *thing, uint32_t generation)
{
    atomic_store(&thing->item.generation, generation);
}

Test(slab, no_id_comes_again_after_two_billion_uses_of_a_slot)
{
    const uint64_t first_id = rv_slab_alloc(&slab);
    const uint64_t last_id = first_id | UINT64_C(0xffffffff) << 32;

    set_generation(rv_slab_get(&slab, first_id), UINT32_MAX);
    rv_slab_free(&slab, last_id);

    cr_assert_null(rv_slab_get(&slab, last_id));
    cr_assert_null(rv_slab_get(&slab, first_id));
    cr_assert_neq(rv_id_index(rv_slab_alloc(&slab)), rv_id_index(first_id));
    cr_assert_null(rv_slab_get(&slab, first_id));
}

/* --- memory ------------------------------------------------------------ */

static int allocs_left;
static int blocks;

static void *limited_alloc(size_t size_bytes)
{
    if (allocs_left == 0)
        return NULL;
    allocs_left--;
    blocks++;
    return calloc(1, size_bytes);
}

static void limited_free(void *memory)
{
    blocks--;
    free(memory);
}

static void limit_allocs(int count)
{
    const struct rv_alloc_hook hook = {limited_alloc, limited_free};

    allocs_left = count;
    rv_set_alloc_hook(&hook);
}

Test(slab, without_memory_there_is_no_first_slot)
{
    limit_allocs(0);

    cr_assert_eq(rv_slab_alloc(&slab), 0);
    cr_assert_eq(slab.live, 0);
    cr_assert_eq(slab.used, 0);
}

Test(slab, out_of_memory_leaves_the_slab_as_it_was)
{
    uint64_t ids[RV_SLAB_FIRST_CHUNK];

    limit_allocs(1);
    for (int i = 0; i < RV_SLAB_FIRST_CHUNK; i++)
        alloc_thing(&ids[i]);
    cr_assert_eq(rv_slab_alloc(&slab), 0);
    cr_assert_eq(rv_slab_alloc(&slab), 0);

    cr_assert_eq(slab.live, RV_SLAB_FIRST_CHUNK);
    for (int i = 0; i < RV_SLAB_FIRST_CHUNK; i++)
        cr_assert_not_null(rv_slab_get(&slab, ids[i]));

    /* Allocation works again when there is a free slot, or memory. */
    rv_slab_free(&slab, ids[3]);
    cr_assert_eq(rv_id_index(rv_slab_alloc(&slab)), 3);
    allocs_left = 1;
    cr_assert_eq(rv_id_index(rv_slab_alloc(&slab)), RV_SLAB_FIRST_CHUNK);
}

Test(slab, alloc_and_free_take_no_memory_once_it_has_its_size)
{
    uint64_t ids[MANY];

    limit_allocs(-1);
    for (int i = 0; i < MANY; i++)
        alloc_thing(&ids[i]);
    for (int i = 0; i < MANY; i++)
        rv_slab_free(&slab, ids[i]);

    allocs_left = 0;
    for (int i = 0; i < MANY; i++)
        cr_assert_neq(rv_slab_alloc(&slab), 0);
}

Test(slab, fini_gives_all_memory_back_and_may_be_called_again)
{
    limit_allocs(-1);
    for (int i = 0; i < MANY; i++)
        rv_slab_alloc(&slab);
    cr_assert_eq(blocks, 5);

    rv_slab_fini(&slab);
    rv_slab_fini(&slab);

    cr_assert_eq(blocks, 0);
}

/* --- misuse ------------------------------------------------------------ */

static void free_twice(void)
{
    const uint64_t id = rv_slab_alloc(&slab);

    rv_slab_free(&slab, id);
    rv_slab_free(&slab, id);
}

static void free_what_was_never_allocated(void)
{
    rv_slab_free(&slab, 7);
}

static void init_without_room(void)
{
    rv_slab_init(&slab, sizeof(struct rv_slab_item) - 1);
}

Test(slab, freeing_twice_stops_the_program)
{
    rv_test_aborts(free_twice, "freed twice, or never allocated: rv_slab_free");
    rv_test_aborts(free_what_was_never_allocated,
                   "freed twice, or never allocated: rv_slab_free");
}

Test(slab, an_item_without_room_for_its_head_stops_the_program)
{
    rv_test_aborts(init_without_room, "item too small: rv_slab_init");
}
