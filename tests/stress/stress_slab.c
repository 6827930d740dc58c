/* SPDX-License-Identifier: MIT */
/*
 * stress_slab.c - ids are looked up while another thread allocates, frees and
 * grows the slab.
 *
 * Three kinds of ids are looked up. A kept id is found, always at the same
 * address. A dead id is not found. A fresh id may be found or not, since it is
 * freed at any moment; if it is, the slot has the right index.
 *
 * It has a plain main(), since it also runs under ThreadSanitizer.
 */
#include <reveil/base.h>

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/slab.h"

/* The slab grows to ROUNDS / KEEP_EVERY slots, which takes ten chunks. */
enum { READERS = 3, ROUNDS = 1000000, KEEP_EVERY = 16 };
enum { KEPT = ROUNDS / KEEP_EVERY, LIVE = 64 };

struct thing {
    struct rv_slab_item item;
    _Atomic uint32_t index_plus_1;
};

static struct rv_slab slab;

/* Written by the allocating thread. kept_len is stored with release, after
 * the ids and addresses below it, which do not change any more. */
static uint64_t kept_ids[KEPT];
static void *kept_slots[KEPT];
static _Atomic uint32_t kept_len;
static _Atomic uint64_t fresh_id;
static _Atomic uint64_t dead_id;
static _Atomic bool done;

static void expect(bool fine, const char *what)
{
    if (fine)
        return;
    fprintf(stderr, "stress_slab: %s\n", what);
    exit(1);
}

/* --- the thread that allocates ----------------------------------------- */

static uint64_t alloc_thing(void)
{
    const uint64_t id = rv_slab_alloc(&slab);
    struct thing *thing = rv_slab_get(&slab, id);

    expect(id != 0 && thing != NULL, "no memory");
    atomic_store_explicit(&thing->index_plus_1, rv_id_index(id) + 1,
                          memory_order_relaxed);
    /* release: publishes the index; pairs with look_up_fresh(). */
    atomic_store_explicit(&fresh_id, id, memory_order_release);
    return id;
}

static void keep(uint64_t id)
{
    const uint32_t len = atomic_load_explicit(&kept_len, memory_order_relaxed);

    kept_ids[len] = id;
    kept_slots[len] = rv_slab_get(&slab, id);
    atomic_store_explicit(&kept_len, len + 1, memory_order_release);
}

/* A few things live for a while; one in KEEP_EVERY is kept until the end. */
static void alloc_and_free(void)
{
    uint64_t live[LIVE] = {0};

    for (uint32_t round = 0; round < ROUNDS; round++) {
        uint64_t *slot = &live[round % LIVE];

        if (*slot != 0) {
            rv_slab_free(&slab, *slot);
            /* release: the free comes before; pairs with look_up_dead(). */
            atomic_store_explicit(&dead_id, *slot, memory_order_release);
        }
        *slot = alloc_thing();
        if (round % KEEP_EVERY == 0) {
            keep(*slot);
            *slot = 0;
        }
    }
    for (int i = 0; i < LIVE; i++)
        if (live[i] != 0)
            rv_slab_free(&slab, live[i]);
}

/* --- the threads that look up ------------------------------------------ */

static uint64_t look_up_kept(uint32_t choice)
{
    const uint32_t len = atomic_load_explicit(&kept_len, memory_order_acquire);
    const uint32_t i = len > 0 ? choice % len : 0;

    if (len == 0)
        return 0;
    expect(rv_slab_get(&slab, kept_ids[i]) == kept_slots[i],
           "a kept id was lost, or its slot moved");
    expect(rv_slab_at(&slab, rv_id_index(kept_ids[i])) == kept_slots[i],
           "an index leads to another slot");
    return 1;
}

static void look_up_dead(void)
{
    const uint64_t id = atomic_load_explicit(&dead_id, memory_order_acquire);

    expect(rv_slab_get(&slab, id) == NULL, "a dead id was found");
}

static void look_up_fresh(void)
{
    const uint64_t id = atomic_load_explicit(&fresh_id, memory_order_acquire);
    struct thing *thing = rv_slab_get(&slab, id);

    if (thing == NULL)
        return;
    expect(atomic_load_explicit(&thing->index_plus_1, memory_order_relaxed) ==
               rv_id_index(id) + 1,
           "a fresh id found another slot");
}

/* Ids that were never allocated, in chunks that may be added at this moment. */
static void look_up_wild(uint32_t choice)
{
    expect(rv_slab_get(&slab, choice) == NULL, "an even generation was found");
    expect(rv_slab_get(&slab, UINT64_MAX - choice) == NULL,
           "a wild id was found");
    (void)rv_slab_get(&slab, UINT64_C(1) << 32 | choice % (2 * KEPT));
}

static void *look_up(void *arg)
{
    uint32_t choice = *(const uint32_t *)arg;
    uint64_t *found = calloc(1, sizeof *found);

    expect(found != NULL, "no memory");
    /* At least once, also on a thread that starts too late. */
    while (!atomic_load(&done) || *found == 0) {
        choice = choice * UINT32_C(1664525) + 1013904223;
        *found += look_up_kept(choice >> 8);
        look_up_dead();
        look_up_fresh();
        look_up_wild(choice);
    }
    return found;
}

int main(void)
{
    pthread_t readers[READERS];
    uint32_t seeds[READERS];
    uint64_t found = 0;

    rv_slab_init(&slab, sizeof(struct thing));
    for (uint32_t i = 0; i < READERS; i++) {
        seeds[i] = i + 1;
        expect(pthread_create(&readers[i], NULL, look_up, &seeds[i]) == 0,
               "no thread");
    }
    alloc_and_free();
    atomic_store(&done, true);
    for (int i = 0; i < READERS; i++) {
        void *count;

        pthread_join(readers[i], &count);
        found += *(uint64_t *)count;
        free(count);
    }

    expect(slab.live == KEPT, "the live count is wrong");
    expect(found > 0, "nothing was looked up");
    printf("stress_slab: %d allocated, %llu lookups right\n", ROUNDS,
           (unsigned long long)found);
    rv_slab_fini(&slab);
    return 0;
}
