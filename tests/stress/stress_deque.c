/* SPDX-License-Identifier: MIT */
/*
 * stress_deque.c - one owner, two thieves, and every item is taken once.
 *
 *     stress_deque [COUNT]          1,000,000 items in each test, about
 *
 * Two tests in one run. An item is a word that the owner writes before the
 * push, and that the thread that takes it reads and marks. Only the deque
 * orders the two. If two threads take one item, that is a data race and a wrong
 * mark.
 *
 *   last item: the owner pushes one or two items and pops at once, so that
 *     owner and thieves compete for the last item all the time.
 *
 *   growing: new deques for two items, which the owner fills far beyond that
 *     while thieves steal, so that they read arrays that were just replaced.
 */
#include <pthread.h>
#include <sched.h>

#include "sched/deque.h"
#include "stress.h"

enum { THIEVES = 2, SMALL = 2, GROWN = 2000 };

struct item {
    uint32_t number; /* written before it is pushed */
    uint32_t taken;  /* how often */
};

static struct item *items;
static struct rv_deque deque;
static _Atomic uint32_t taken_items;
static _Atomic bool over;
static _Atomic int running_thieves;

static void take(struct item *item)
{
    STRESS_CHECK(item->number == (uint32_t)(item - items), "what item is it?");
    STRESS_CHECK(++item->taken == 1, "an item was taken twice");
    atomic_fetch_add_explicit(&taken_items, 1, memory_order_relaxed);
}

static void *thief_main(void *arg)
{
    void *item;

    (void)arg;
    atomic_fetch_add(&running_thieves, 1);
    while (!atomic_load_explicit(&over, memory_order_relaxed))
        if (rv_deque_steal(&deque, &item) == RV_STEAL_TAKEN)
            take(item);
    return NULL;
}

static void start_thieves(pthread_t *thieves)
{
    atomic_store(&over, false);
    for (int i = 0; i < THIEVES; i++)
        STRESS_CHECK(pthread_create(&thieves[i], NULL, thief_main, NULL) == 0,
                     "pthread_create");
    while (atomic_load(&running_thieves) < THIEVES)
        sched_yield();
}

static void join_thieves(pthread_t *thieves)
{
    atomic_store(&over, true);
    for (int i = 0; i < THIEVES; i++)
        pthread_join(thieves[i], NULL);
    atomic_store(&running_thieves, 0);
}

static void push(uint32_t number)
{
    items[number].number = number;
    items[number].taken = 0;
    STRESS_CHECK(rv_deque_push(&deque, &items[number]) == 0, "push");
}

static void pop_all(void)
{
    void *item;

    while ((item = rv_deque_pop(&deque)))
        take(item);
}

static void check_all_taken(uint32_t count)
{
    STRESS_CHECK(atomic_load(&taken_items) == count, "an item was lost");
    atomic_store(&taken_items, 0);
}

static void test_last_item(uint32_t count)
{
    pthread_t thieves[THIEVES];
    uint32_t random = 1;
    uint32_t next = 0;

    stress_phase = "last item";
    STRESS_CHECK(rv_deque_init(&deque, SMALL) == 0, "init");
    start_thieves(thieves);
    while (next < count) {
        push(next++);
        if (next < count && stress_random(&random) % 2)
            push(next++);
        stress_dawdle(stress_random(&random) % 64);
        pop_all();
    }
    join_thieves(thieves);
    check_all_taken(count);
    rv_deque_fini(&deque);
}

/* Returns: the number of items that it used. */
static uint32_t grow_once(uint32_t count)
{
    const uint32_t len = count < GROWN ? count : GROWN;
    pthread_t thieves[THIEVES];

    STRESS_CHECK(rv_deque_init(&deque, SMALL) == 0, "init");
    start_thieves(thieves);
    for (uint32_t i = 0; i < len; i++)
        push(i);
    pop_all();
    join_thieves(thieves);
    check_all_taken(len);
    rv_deque_fini(&deque);
    return len;
}

int main(int argc, char **argv)
{
    const uint32_t count = stress_count(argc, argv, 1000000);

    stress_watchdog();
    items = calloc(count < GROWN ? GROWN : count, sizeof *items);
    STRESS_CHECK(items, "no memory");
    test_last_item(count);
    stress_phase = "growing";
    for (uint32_t used = 0; used < count;)
        used += grow_once(count - used);
    free(items);
    return 0;
}
