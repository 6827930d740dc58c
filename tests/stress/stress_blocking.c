/* SPDX-License-Identifier: MIT */
/*
 * stress_blocking.c - calls on the pool, canceled, detached and awaited.
 *
 *     stress_blocking [COUNT]      20,000 calls to the first test
 *
 * Four tests in one run.
 *
 *   drop: threads with an executor each make calls, and drop some of them
 *     before, while and after they run. A call's argument is in use until the
 *     call is over, and is given back exactly once.
 *
 *   pairs: two calls that wait for each other get a thread each.
 *
 *   slow: slow calls occupy at most half of the threads at a time.
 *
 *   idle: threads give up just when the next call comes.
 *
 * Threads: the main one, submitters, the pool's.
 */
#include <pthread.h>
#include <sched.h>

#include "stress.h"

enum { SUBMITTERS = 2, WINDOW = 8, SLOW_AT_ONCE = 2 };

static struct rv_blocking_pool *pool;

static void open_pool(uint32_t max_threads, int64_t idle_ns)
{
    const struct rv_blocking_options options = {.max_threads = max_threads,
                                                .idle_ns = idle_ns};

    STRESS_CHECK(rv_blocking_pool_new(&pool, &options) == 0, "no pool");
}

static void close_pool(void)
{
    STRESS_CHECK(rv_blocking_pool_stop(pool, RV_NEVER) == 0,
                 "a thread of the pool is left");
}

/* --- an argument, and who has it --------------------------------------- */

struct arg {
    _Atomic int calls; /* that have begun */
    _Atomic bool over; /* the call is running */
    _Atomic bool given_back;
    uint32_t turns;
    struct arg *partner; /* wait until that call has started */
};

static int32_t work(void *memory)
{
    struct arg *arg = memory;

    STRESS_CHECK(arg->calls++ == 0, "called twice");
    stress_dawdle(arg->turns);
    while (arg->partner && arg->partner->calls == 0)
        sched_yield();
    STRESS_CHECK(!arg->given_back, "given back while in use");
    arg->over = true;
    return 42;
}

static void give_back(void *memory)
{
    struct arg *arg = memory;

    STRESS_CHECK(!atomic_exchange(&arg->given_back, true), "given back twice");
    STRESS_CHECK(arg->calls == 0 || arg->over, "given back while in use");
}

/* --- a window of calls ------------------------------------------------- */

struct submitter {
    pthread_t thread;
    struct rv_future future;
    struct rv_blocking calls[WINDOW];
    struct arg *args[WINDOW];
    struct arg *memory; /* of all that it makes */
    uint32_t count;
    uint32_t next;
    uint32_t random;
};

/* If a call has its result, the argument belongs to the caller. */
static void drop_call(struct submitter *self, int i)
{
    const bool ready = self->calls[i].future.at == RV_AT_END;

    if (!self->args[i])
        return;
    if (ready) {
        STRESS_CHECK(self->calls[i].future.result == 42, "no result");
        STRESS_CHECK(self->args[i]->over, "READY before its end");
        give_back(self->args[i]);
    }
    rv_drop(&self->calls[i].future);
    self->args[i] = NULL;
}

static void begin_call(struct submitter *self, int i, struct rv_cx *cx)
{
    struct arg *arg = &self->memory[self->next++];
    const bool slow = stress_random(&self->random) % 4 == 0;

    arg->turns = stress_random(&self->random) % 4096;
    self->args[i] = arg;
    if (slow)
        rv_blocking_init_slow(&self->calls[i], work, arg, give_back);
    else
        rv_blocking_init(&self->calls[i], work, arg, give_back);
    if (rv_poll(&self->calls[i].future, cx) == RV_READY)
        drop_call(self, i);
}

static enum rv_poll submitter_poll(struct rv_future *future, struct rv_cx *cx)
{
    struct submitter *self = RV_CONTAINER_OF(future, struct submitter, future);
    bool any = false;

    for (int i = 0; i < WINDOW; i++) {
        if (self->args[i] && (stress_random(&self->random) % 3 == 0 ||
                              rv_poll(&self->calls[i].future, cx) == RV_READY))
            drop_call(self, i);
        if (!self->args[i] && self->next < self->count)
            begin_call(self, i, cx);
        any |= self->args[i] != NULL;
    }
    return any ? RV_PENDING : RV_READY;
}

static void *submitter_main(void *arg)
{
    static const struct rv_future_ops ops = {.name = "submitter",
                                             .poll = submitter_poll};
    struct submitter *me = arg;
    struct rv_executor *executor;

    rv_blocking_enter(pool);
    rv_future_init(&me->future, &ops);
    STRESS_CHECK(rv_executor_new(&executor) == 0, "rv_executor_new");
    STRESS_CHECK(rv_block_on(executor, &me->future) == 0, "rv_block_on");
    rv_executor_free(executor);
    return NULL;
}

static void test_drop(uint32_t count)
{
    struct submitter submitters[SUBMITTERS] = {0};

    stress_phase = "drop";
    open_pool(4, RV_NS_PER_MS);
    for (uint32_t i = 0; i < SUBMITTERS; i++) {
        submitters[i].count = count / SUBMITTERS;
        submitters[i].random = i;
        submitters[i].memory = calloc(count, sizeof(struct arg));
        pthread_create(&submitters[i].thread, NULL, submitter_main,
                       &submitters[i]);
    }
    for (int i = 0; i < SUBMITTERS; i++)
        pthread_join(submitters[i].thread, NULL);
    close_pool();
    for (int i = 0; i < SUBMITTERS; i++) {
        for (uint32_t k = 0; k < submitters[i].next; k++)
            STRESS_CHECK(submitters[i].memory[k].given_back,
                         "never given back");
        free(submitters[i].memory);
    }
}

/* --- calls from one executor, all awaited ------------------------------ */

struct group {
    struct rv_future *list[WINDOW];
    struct rv_blocking calls[WINDOW];
    struct rv_all all;
};

/* Make `len` calls at once, and wait for them. */
static void call_all(struct rv_executor *executor, int32_t (*call)(void *arg),
                     struct arg *args, int len, bool slow)
{
    struct group group;

    for (int i = 0; i < len; i++) {
        if (slow)
            rv_blocking_init_slow(&group.calls[i], call, &args[i], NULL);
        else
            rv_blocking_init(&group.calls[i], call, &args[i], NULL);
        group.list[i] = &group.calls[i].future;
    }
    rv_all_init(&group.all, group.list, (uint32_t)len);
    STRESS_CHECK(rv_block_on(executor, &group.all.future) == 0, "rv_all");
    for (int i = 0; i < len; i++)
        STRESS_CHECK(group.calls[i].future.result == 42, "no result");
    rv_drop(&group.all.future);
}

/* Each time with one thread that has just become idle, and must not be counted
 * twice. */
static void test_pairs(struct rv_executor *executor, uint32_t count)
{
    stress_phase = "pairs";
    for (uint32_t i = 0; i < count; i++) {
        struct arg first = {.turns = 0};
        struct arg pair[2] = {{.turns = 0}, {.turns = 0}};

        open_pool(4, RV_NS_PER_S);
        rv_blocking_enter(pool);
        call_all(executor, work, &first, 1, false);
        for (int k = 0; k < 4; k++)
            sched_yield();
        pair[0].partner = &pair[1];
        pair[1].partner = &pair[0];
        call_all(executor, work, pair, 2, false);
        close_pool();
    }
}

static _Atomic int slow_now;

static int32_t slow_work(void *memory)
{
    STRESS_CHECK(++slow_now <= SLOW_AT_ONCE, "too many slow calls at once");
    sched_yield();
    slow_now--;
    return work(memory);
}

static void test_slow(struct rv_executor *executor, uint32_t count)
{
    stress_phase = "slow";
    open_pool(2 * SLOW_AT_ONCE, RV_NS_PER_S);
    rv_blocking_enter(pool);
    for (uint32_t i = 0; i < count; i++) {
        struct arg args[WINDOW] = {{.turns = 0}};

        call_all(executor, slow_work, args, WINDOW, true);
    }
    close_pool();
}

static void test_idle(struct rv_executor *executor, uint32_t count)
{
    uint32_t random = 5;

    stress_phase = "idle";
    open_pool(1, 20000);
    rv_blocking_enter(pool);
    for (uint32_t i = 0; i < count; i++) {
        struct arg arg = {.turns = 0};
        const int64_t until_ns =
            rv_now_ns() + 50000 + stress_random(&random) % 64000;

        call_all(executor, work, &arg, 1, false);
        while (rv_now_ns() <
               until_ns) /* about as long as an idle thread stays */
            stress_dawdle(16);
    }
    close_pool();
}

int main(int argc, char **argv)
{
    const uint32_t count = stress_count(argc, argv, 20000);
    struct rv_executor *executor;

    stress_watchdog();
    test_drop(count);
    STRESS_CHECK(rv_executor_new(&executor) == 0, "rv_executor_new");
    test_pairs(executor, count / 40);
    test_slow(executor, count / 40);
    test_idle(executor, count / 4);
    rv_blocking_enter(NULL);
    rv_executor_free(executor);
    printf("stress_blocking: %u calls, %u pairs\n", count, count / 40);
    return 0;
}
