/* SPDX-License-Identifier: MIT */
/*
 * stress_coro.c - coroutines that change threads at each suspension.
 *
 *     stress_coro [COUNT]        40,000 turns in all
 *
 * Two tests in one run.
 *
 *   migrate: several threads take coroutines from one list and resume them. A
 *     coroutine is put back on the list when it has suspended. If that is too
 *     early, another thread resumes it while it still runs: then its locals
 *     change, or the sanitizer detects two threads on one stack. Coroutines
 *     end on any thread, and are freed on another.
 *
 *   tasks: each thread has an executor, and spawns, joins and aborts
 *     coroutines as tasks. All of them share the depot of stacks.
 */
#include <errno.h>
#include <pthread.h>

#include "stress.h"

enum { THREADS = 4, COROUTINES = 64, SPAWNS_A_TURN = 8 };

/* --- migrate ----------------------------------------------------------- */

struct wanderer {
    struct rv_list node;
    struct rv_coro *coro;
    uint32_t turns;
    uint32_t done; /* plain: the thread that runs it counts */
};

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static struct rv_list runnable;
static uint32_t unfinished;
static struct wanderer wanderers[COROUTINES];

/* On the resumer's stack: from here on any thread may resume it. */
static void put_back(void *arg)
{
    struct wanderer *wanderer = arg;

    pthread_mutex_lock(&mutex);
    rv_list_push(&runnable, &wanderer->node);
    pthread_mutex_unlock(&mutex);
}

static int32_t wander(void *arg)
{
    struct wanderer *self = arg;
    uint32_t random = (uint32_t)(self - wanderers);
    uint32_t locals[16];
    double halves = 0;

    for (uint32_t i = 0; i < self->turns; i++) {
        for (uint32_t k = 0; k < 16; k++)
            locals[k] = i + k;
        stress_dawdle(stress_random(&random) % 512);
        rv_coro_suspend_then(put_back, self);
        for (uint32_t k = 0; k < 16; k++)
            STRESS_CHECK(locals[k] == i + k, "a local was overwritten");
        STRESS_CHECK(rv_coro_current() == self->coro, "another one runs here");
        halves += 0.5;
        self->done++;
    }
    STRESS_CHECK(halves == 0.5 * self->turns, "a number was lost");
    return (int32_t)self->done;
}

static struct wanderer *take(void)
{
    struct rv_list *node;

    pthread_mutex_lock(&mutex);
    node = rv_list_pop(&runnable);
    pthread_mutex_unlock(&mutex);
    return node ? RV_CONTAINER_OF(node, struct wanderer, node) : NULL;
}

static void end_wanderer(struct wanderer *wanderer)
{
    STRESS_CHECK(wanderer->done == wanderer->turns, "turns were lost");
    STRESS_CHECK((uint32_t)rv_coro_result(wanderer->coro) == wanderer->turns,
                 "another result");
    rv_coro_free(wanderer->coro);
    pthread_mutex_lock(&mutex);
    unfinished--;
    pthread_mutex_unlock(&mutex);
}

static bool any_left(void)
{
    bool left;

    pthread_mutex_lock(&mutex);
    left = unfinished > 0;
    pthread_mutex_unlock(&mutex);
    return left;
}

static void *migrate_main(void *arg)
{
    while (any_left()) {
        struct wanderer *wanderer = take();

        if (!wanderer)
            stress_dawdle(100);
        else if (rv_coro_resume(wanderer->coro))
            end_wanderer(wanderer);
    }
    return arg;
}

static void run_threads(void *(*thread_main)(void *arg), void *arg)
{
    pthread_t threads[THREADS];

    for (int i = 0; i < THREADS; i++)
        STRESS_CHECK(pthread_create(&threads[i], NULL, thread_main, arg) == 0,
                     "no thread");
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
}

static void test_migrate(uint32_t turns)
{
    const struct rv_coro_options options = {
        .name = "wanderer", .stack_bytes = RV_CORO_MIN_STACK_BYTES};

    stress_phase = "migrate";
    rv_list_init(&runnable);
    unfinished = COROUTINES;
    for (int i = 0; i < COROUTINES; i++) {
        struct wanderer *wanderer = &wanderers[i];

        wanderer->turns = turns / COROUTINES + 1;
        STRESS_CHECK(rv_coro_new(&wanderer->coro, wander, wanderer, &options) ==
                         0,
                     "no memory");
        rv_list_push(&runnable, &wanderer->node);
    }
    run_threads(migrate_main, NULL);
}

/* --- tasks ------------------------------------------------------------- */

static int32_t nap(void *arg)
{
    const int error = rv_coro_sleep_until(rv_now_ns() + 1000);

    return error ? error : *(const int32_t *)arg;
}

/* Abort every other task, and join all. */
static void spawn_some(struct rv_executor *executor)
{
    struct rv_join joins[SPAWNS_A_TURN];
    const int32_t answer = 42;

    for (int i = 0; i < SPAWNS_A_TURN; i++)
        STRESS_CHECK(
            rv_coro_spawn(executor, nap, (void *)&answer, NULL, &joins[i]) == 0,
            "no memory");
    for (int i = 0; i < SPAWNS_A_TURN; i++)
        if (i % 2)
            rv_join_abort(&joins[i]);
    for (int i = 0; i < SPAWNS_A_TURN; i++) {
        const int result = rv_block_on(executor, &joins[i].future);

        STRESS_CHECK(result == (i % 2 ? -ECANCELED : answer), "another result");
        rv_join_drop(&joins[i]);
    }
}

static void *tasks_main(void *arg)
{
    const uint32_t turns = *(uint32_t *)arg;
    struct rv_executor *executor;

    STRESS_CHECK(rv_executor_new(&executor) == 0, "no memory");
    for (uint32_t i = 0; i < turns; i++)
        spawn_some(executor);
    rv_executor_free(executor);
    return NULL;
}

int main(int argc, char **argv)
{
    uint32_t count = stress_count(argc, argv, 40000);
    uint32_t turns = count / (4 * THREADS * SPAWNS_A_TURN) + 1;

    stress_watchdog();
    test_migrate(count);
    stress_phase = "tasks";
    run_threads(tasks_main, &turns);
    rv_coro_trim();
    printf("stress_coro: %u turns, %u tasks\n", count,
           turns * THREADS * SPAWNS_A_TURN);
    return 0;
}
