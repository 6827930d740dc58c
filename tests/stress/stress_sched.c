/* SPDX-License-Identifier: MIT */
/*
 * stress_sched.c - workers that sleep, steal, join and stop, all at once.
 *
 *     stress_sched [COUNT [PHASE]]      500 rounds of each phase, about
 *
 * Nine phases, on three workers; with a PHASE only that one. Plain words are
 * written by one task and read by another: only the scheduler orders them.
 *
 *   meetings: tasks that occupy their workers until all three run. A worker
 *     that sleeps while a task is in a queue is a hang.
 *
 *   forks: the same for forks; and a sum over a tree, whose leaves are plain.
 *
 *   joins: tasks that are joined by a task as they end, by rv_await() of the
 *     handle, or by plain threads; or that are detached.
 *
 *   waits: tasks that sleep and yield, and continue on other threads.
 *
 *   borrowed: tasks that leave a wait pending on a worker, and come back to it.
 *
 *   requests: tasks that begin waits while another task or thread cancels them;
 *     in the end they wait in the time that they ask for. A request that is
 *     lost is a hang.
 *
 *   scopes: tasks that write into the frame of their owner, which ends, or is
 *     canceled, or cancels them, at any time.
 *
 *   memory: the owner of a scope waits for it while each allocation fails. A
 *     scope that is over and not seen to be is a hang.
 *
 *   stops: schedulers stopped while tasks are started, joined and awaited, or
 *     while the termination detection counts workers.
 */
#include <errno.h>
#include <pthread.h>
#include <sched.h>

#include "stress.h"

enum { WORKERS = 3, CROWD = 8, TREE = 9 };

static struct rv_sched *sched;
static _Atomic bool no_memory; /* each rv_alloc() of a worker fails */
static _Thread_local bool is_main;

static void start(uint32_t workers)
{
    const struct rv_sched_options options = {.workers = workers};

    STRESS_CHECK(rv_sched_start(&sched, &options) == 0, "rv_sched_start");
}

static void run(rv_go_fn fn, void *arg)
{
    STRESS_CHECK(rv_sched_run(sched, fn, arg) == 0, "a task failed");
}

/* --- meetings ---------------------------------------------------------- */

struct meeting {
    _Atomic int arrived;
};

static void arrive(void *arg)
{
    struct meeting *meeting = arg;

    atomic_fetch_add(&meeting->arrived, 1);
    while (atomic_load(&meeting->arrived) < WORKERS)
        sched_yield();
}

static int32_t arrive_task(void *arg)
{
    arrive(arg);
    return 0;
}

static int32_t meet(void *arg)
{
    struct meeting meeting = {.arrived = 0};
    struct rv_go tasks[WORKERS - 1];

    (void)arg;
    for (int i = 0; i < WORKERS - 1; i++)
        STRESS_CHECK(rv_go(&tasks[i], arrive_task, &meeting) == 0, "rv_go");
    arrive(&meeting);
    for (int i = 0; i < WORKERS - 1; i++)
        STRESS_CHECK(rv_go_join(&tasks[i]) == 0, "rv_go_join");
    return 0;
}

/* --- forks ------------------------------------------------------------- */

static int32_t meet_in_forks(void *arg)
{
    struct meeting meeting = {.arrived = 0};
    struct rv_fork forks[WORKERS - 1];

    (void)arg;
    for (int i = 0; i < WORKERS - 1; i++)
        rv_fork(&forks[i], arrive, &meeting);
    arrive(&meeting);
    for (int i = WORKERS - 2; i >= 0; i--)
        rv_sync(&forks[i]);
    return 0;
}

struct tree {
    int depth;
    uint32_t leaves; /* plain */
};

static void count_leaves(void *arg)
{
    struct tree *self = arg;
    struct tree left = {.depth = self->depth - 1};
    struct tree right = {.depth = self->depth - 1};
    struct rv_fork fork;

    self->leaves = 1;
    if (self->depth == 0)
        return;
    rv_fork(&fork, count_leaves, &left);
    count_leaves(&right);
    rv_sync(&fork);
    self->leaves = left.leaves + right.leaves;
}

static int32_t grow_tree(void *arg)
{
    struct tree tree = {.depth = TREE};

    (void)arg;
    count_leaves(&tree);
    STRESS_CHECK(tree.leaves == 1 << TREE, "a leaf is missing");
    return 0;
}

/* --- joins ------------------------------------------------------------- */

struct word {
    uint32_t value; /* plain */
    uint32_t turns;
};

static int32_t write_word(void *arg)
{
    struct word *word = arg;

    stress_dawdle(word->turns);
    word->value = 7;
    return 7;
}

static void check_word(const struct word *word, int result)
{
    STRESS_CHECK(result == 7 && word->value == 7, "what was written is lost");
}

static int32_t join_each_way(void *arg)
{
    uint32_t *random = arg;
    struct word words[CROWD];
    struct rv_go tasks[CROWD];

    for (int i = 0; i < CROWD; i++) {
        words[i] = (struct word){.turns = stress_random(random) % 512};
        STRESS_CHECK(rv_go(&tasks[i], write_word, &words[i]) == 0, "rv_go");
    }
    stress_dawdle(stress_random(random) % 512);
    for (int i = 0; i < CROWD; i++) {
        if (i % 2) {
            check_word(&words[i], rv_go_join(&tasks[i]));
        } else {
            check_word(&words[i], rv_await(&tasks[i].future));
            rv_go_drop(&tasks[i]);
        }
    }
    return 0;
}

static int32_t count_down(void *arg)
{
    atomic_fetch_sub((_Atomic uint32_t *)arg, 1);
    return 0;
}

static int32_t let_go(void *arg)
{
    _Atomic uint32_t left = CROWD;
    struct rv_go task;

    (void)arg;
    for (int i = 0; i < CROWD; i++) {
        STRESS_CHECK(rv_go(&task, count_down, &left) == 0, "rv_go");
        rv_go_drop(&task);
    }
    while (atomic_load(&left) > 0)
        STRESS_CHECK(rv_go_yield() == 0, "rv_go_yield");
    return 0;
}

static void *join_outside(void *arg)
{
    const uint32_t count = *(uint32_t *)arg;
    uint32_t random = count;

    for (uint32_t i = 0; i < count; i++) {
        struct word word = {.turns = stress_random(&random) % 512};
        struct rv_go task;

        STRESS_CHECK(rv_sched_go(sched, &task, "word", write_word, &word) == 0,
                     "rv_sched_go");
        stress_dawdle(stress_random(&random) % 512);
        check_word(&word, rv_go_join(&task));
    }
    return NULL;
}

static void test_joins(uint32_t count)
{
    uint32_t random = 1;
    pthread_t thread;

    STRESS_CHECK(pthread_create(&thread, NULL, join_outside, &count) == 0,
                 "pthread_create");
    for (uint32_t i = 0; i < count; i++) {
        run(join_each_way, &random);
        run(let_go, NULL);
    }
    pthread_join(thread, NULL);
}

/* --- waits ------------------------------------------------------------- */

static int wait_a_moment(int64_t ns)
{
    struct rv_sleep nap;
    int result;

    rv_sleep_init(&nap, rv_now_ns() + ns);
    result = rv_await(&nap.future);
    /* This may be another worker: the wheel of the first is not for it. */
    STRESS_CHECK(!nap.executor, "it is still in the wheel");
    rv_drop(&nap.future);
    return result;
}

static int32_t wander(void *arg)
{
    struct word *word = arg;

    for (uint32_t i = 0; i < 4; i++) {
        word->value++;
        STRESS_CHECK(rv_go_yield() == 0, "rv_go_yield");
        word->value++;
        STRESS_CHECK(wait_a_moment(word->turns * 100) == 0, "rv_await");
    }
    return (int32_t)word->value;
}

static int32_t crowd_wanders(void *arg)
{
    uint32_t *random = arg;
    struct word words[CROWD];
    struct rv_go tasks[CROWD];

    for (int i = 0; i < CROWD; i++) {
        words[i] = (struct word){.turns = stress_random(random) % 64};
        STRESS_CHECK(rv_go(&tasks[i], wander, &words[i]) == 0, "rv_go");
    }
    for (int i = 0; i < CROWD; i++)
        STRESS_CHECK(rv_go_join(&tasks[i]) == 8, "it wandered off");
    return 0;
}

static int32_t arrive_late(void *arg)
{
    (void)arg;
    return 0;
}

/* --- waits that leave their future ------------------------------------- */

static void fork_nothing(void *arg)
{
    ++*(uint32_t *)arg;
}

/*
 * Between the waits the future is pending on one worker, so only that worker
 * may run the task, whatever makes it ready.
 */
static int32_t come_back(void *arg)
{
    struct word *word = arg;
    struct rv_fork fork;
    struct rv_sleep nap;
    struct rv_go task;

    rv_fork(&fork, fork_nothing, &word->value); /* may be stolen */
    rv_sleep_init(&nap, rv_now_ns() + word->turns * 10000);
    /* It is over in the first poll, on the task's stack, or in a later one. */
    while (rv_await_until(&nap.future, rv_now_ns() + word->turns % 4 * 50000) ==
           -ETIMEDOUT) {
        STRESS_CHECK(rv_go(&task, arrive_late, NULL) == 0, "rv_go");
        STRESS_CHECK(rv_go_join(&task) == 0, "rv_go_join");
        STRESS_CHECK(rv_go_yield() == 0, "rv_go_yield");
    }
    STRESS_CHECK(!nap.executor, "it is still in the wheel");
    rv_sleep_init(&nap, rv_now_ns() + 3600 * RV_NS_PER_S);
    STRESS_CHECK(rv_await_until(&nap.future, 0) == -ETIMEDOUT, "no time");
    STRESS_CHECK(rv_go_yield() == 0, "rv_go_yield");
    rv_sync(&fork);
    rv_drop(&nap.future);
    return (int32_t)word->value;
}

static int32_t crowd_comes_back(void *arg)
{
    uint32_t *random = arg;
    struct word words[CROWD];
    struct rv_go tasks[CROWD];

    for (int i = 0; i < CROWD; i++) {
        words[i] = (struct word){.turns = stress_random(random) % 64};
        STRESS_CHECK(rv_go(&tasks[i], come_back, &words[i]) == 0, "rv_go");
    }
    for (int i = 0; i < CROWD; i++)
        STRESS_CHECK(rv_go_join(&tasks[i]) == 1, "the fork did not run once");
    return 0;
}

/* --- requests ---------------------------------------------------------- */

static int32_t wait_until_canceled(void *arg)
{
    struct word *word = arg;
    struct rv_sleep nap;

    for (uint32_t i = 0; i < word->turns % 8; i++)
        if (wait_a_moment(i * 100) < 0)
            break;
    stress_dawdle(word->turns);
    rv_sleep_init(&nap, rv_now_ns() + 3600 * RV_NS_PER_S);
    if (word->turns % 2) /* leaves it pending on this worker */
        rv_await_until(&nap.future, rv_now_ns() + 1000);
    STRESS_CHECK(rv_await(&nap.future) == -ECANCELED, "not canceled");
    STRESS_CHECK(word->turns % 2 || !nap.executor, "it is still in the wheel");
    rv_drop(&nap.future);
    STRESS_CHECK(rv_coro_canceled(), "it is not told");
    STRESS_CHECK(rv_coro_grace(RV_NEVER) == 0, "no time");
    STRESS_CHECK(wait_a_moment(1000) == 0, "no time to wait");
    word->value = 7;
    return 7;
}

static int32_t cancel_each(void *arg)
{
    uint32_t *random = arg;
    struct word words[CROWD];
    struct rv_go tasks[CROWD];

    for (int i = 0; i < CROWD; i++) {
        words[i] = (struct word){.turns = stress_random(random) % 256};
        STRESS_CHECK(rv_go(&tasks[i], wait_until_canceled, &words[i]) == 0,
                     "rv_go");
    }
    for (int i = 0; i < CROWD; i++) {
        stress_dawdle(stress_random(random) % 1024);
        rv_go_cancel(&tasks[i]);
    }
    for (int i = 0; i < CROWD; i++)
        check_word(&words[i], rv_go_join(&tasks[i]));
    return 0;
}

static void *cancel_outside(void *arg)
{
    const uint32_t count = *(uint32_t *)arg;
    uint32_t random = 3;

    for (uint32_t i = 0; i < count; i++) {
        struct word word = {.turns = stress_random(&random) % 64};
        struct rv_go task;

        STRESS_CHECK(rv_sched_go(sched, &task, "outside", wait_until_canceled,
                                 &word) == 0,
                     "rv_sched_go");
        stress_dawdle(stress_random(&random) % 4096);
        rv_go_cancel(&task);
        check_word(&word, rv_go_join(&task));
    }
    return NULL;
}

static void test_requests(uint32_t count)
{
    uint32_t random = 1;
    pthread_t thread;

    STRESS_CHECK(pthread_create(&thread, NULL, cancel_outside, &count) == 0,
                 "pthread_create");
    for (uint32_t i = 0; i < count / 8; i++)
        run(cancel_each, &random);
    pthread_join(thread, NULL);
}

/* --- scopes ------------------------------------------------------------ */

enum { GENERATIONS = 3 };

struct member {
    struct rv_go_scope *scope;
    uint32_t *words; /* plain; in the owner's frame, one for each task */
    uint32_t index;
    uint32_t turns;
};

/* The task of an index starts those of 2 * index and 2 * index + 1. */
static int32_t be_member(void *arg)
{
    struct member *self = arg;
    struct member child = *self;

    self->words[self->index] = 1;
    stress_dawdle(self->turns);
    if (self->turns % 4 == 0)
        wait_a_moment(self->turns * 100);
    for (uint32_t i = 0; i < 2; i++) {
        child.index = 2 * self->index + i;
        if (child.index < 1 << GENERATIONS &&
            rv_go_scope_spawn(self->scope, be_member, &child, sizeof child) < 0)
            break;
    }
    if (self->turns % 8 == 1)
        rv_go_yield();
    if (self->turns % 64 == 2)
        rv_go_scope_cancel(self->scope);
    self->words[self->index] = 2;
    return 0;
}

static int32_t own_scope(void *arg)
{
    uint32_t words[1 << GENERATIONS] = {0};
    struct rv_go_scope scope;
    struct member first = {&scope, words, 1, *(uint32_t *)arg};
    int result;

    rv_go_scope_init(&scope);
    if (rv_go_scope_spawn(&scope, be_member, &first, sizeof first) < 0)
        return 0;
    result = rv_go_scope_wait(&scope);
    STRESS_CHECK(result == 0 || rv_coro_canceled(), "an error");
    for (int i = 0; i < 1 << GENERATIONS; i++)
        STRESS_CHECK(words[i] != 1, "a task has outlived its scope");
    return 0;
}

static int32_t crowd_owns(void *arg)
{
    uint32_t *random = arg;
    struct rv_go_scope scope;

    rv_go_scope_init(&scope);
    for (int i = 0; i < CROWD; i++) {
        const uint32_t turns = stress_random(random) % 256;

        STRESS_CHECK(
            rv_go_scope_spawn(&scope, own_scope, &turns, sizeof turns) == 0,
            "rv_go_scope_spawn");
    }
    stress_dawdle(stress_random(random) % 4096);
    if (stress_random(random) % 2)
        rv_go_scope_cancel(&scope);
    STRESS_CHECK(rv_go_scope_wait(&scope) == 0, "rv_go_scope_wait");
    return 0;
}

/* --- memory ------------------------------------------------------------ */

static void *alloc_or_not(size_t size_bytes)
{
    return no_memory && !is_main ? NULL : calloc(1, size_bytes);
}

static int32_t yield_often(void *arg)
{
    for (uint32_t i = 0; i < *(uint32_t *)arg; i++)
        rv_go_yield();
    return 0;
}

/* The first wait of a worker's executor: it needs memory. */
static int32_t own_without_memory(void *arg)
{
    struct rv_go_scope scope;
    int result;

    rv_go_scope_init(&scope);
    for (int i = 0; i < 2; i++)
        STRESS_CHECK(
            rv_go_scope_spawn(&scope, yield_often, arg, sizeof(uint32_t)) == 0,
            "rv_go_scope_spawn");
    no_memory = true;
    result = rv_go_scope_wait(&scope);
    no_memory = false;
    return result;
}

static void test_memory(uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        uint32_t turns = i % 4;

        start(1 + i % 2);
        run(own_without_memory, &turns);
        rv_sched_stop(sched);
    }
}

/* --- stops ------------------------------------------------------------- */

static int32_t wait_long(void *arg)
{
    (void)arg;
    return wait_a_moment(3600 * RV_NS_PER_S);
}

static int32_t breed(void *arg)
{
    struct rv_go task;

    while (rv_go(&task, wait_long, NULL) == 0) {
        STRESS_CHECK(rv_go(NULL, arrive_late, arg) != -ENOMEM, "rv_go");
        if (rv_go_yield() < 0) {
            STRESS_CHECK(rv_go_join(&task) == -ECANCELED, "not canceled");
            STRESS_CHECK(!task.task, "its parent has not waited for it");
            return 0;
        }
        rv_go_drop(&task);
    }
    return 0;
}

/* Its workers are about to sleep when the stop comes. */
static int32_t join_long(void *arg)
{
    struct rv_go task;

    (void)arg;
    if (rv_go(&task, wait_long, NULL) < 0)
        return 0;
    STRESS_CHECK(rv_go_join(&task) == -ECANCELED, "not canceled");
    STRESS_CHECK(!task.task, "its parent has not waited for it");
    return 0;
}

static int32_t receive_nothing(void *arg)
{
    int element;

    return rv_mpsc_recv(arg, &element, RV_NEVER);
}

/* Deadlocked: the child waits for a task, and no task will send. */
static int32_t join_receiver(void *arg)
{
    struct rv_mpsc_sender *sender;
    struct rv_mpsc_receiver *receiver;
    struct rv_go task;

    (void)arg;
    STRESS_CHECK(rv_mpsc_new(&sender, &receiver, sizeof(int), NULL) == 0,
                 "rv_mpsc_new");
    if (rv_go(&task, receive_nothing, receiver) == 0) {
        STRESS_CHECK(rv_go_join(&task) == -ECANCELED, "not canceled");
        STRESS_CHECK(!task.task, "its parent has not waited for it");
    }
    rv_mpsc_receiver_close(receiver);
    rv_mpsc_sender_close(sender);
    return 0;
}

static int32_t breed_receivers(void *arg)
{
    for (uint32_t i = 0; i < WORKERS; i++)
        if (rv_go(NULL, join_receiver, arg) < 0)
            break;
    return 0;
}

/*
 * While a join waits, the termination detection may count workers before the
 * stop. It must not end the deadlock with them after the stop.
 */
static void test_joined_stops(uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        struct rv_go go;

        start(2 + i % 2);
        STRESS_CHECK(rv_sched_go(sched, &go, "root", breed_receivers, NULL) ==
                         0,
                     "rv_sched_go");
        stress_dawdle(i % 16 * 8000);
        STRESS_CHECK(rv_go_join(&go) == 0, "rv_go_join");
        stress_dawdle(i % 64 * 300);
        rv_sched_stop(sched);
    }
}

static void test_stops(uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        start(i % 2 ? WORKERS : 1);
        STRESS_CHECK(rv_sched_go(sched, NULL, "task",
                                 i % 4 < 2 ? breed : join_long, NULL) == 0,
                     "rv_sched_go");
        stress_dawdle(i % 64 * 1000);
        rv_sched_stop(sched);
    }
}

int main(int argc, char **argv)
{
    static const struct rv_alloc_hook hook = {alloc_or_not, free};
    const uint32_t count = stress_count_and_phase(argc, argv, 500);
    uint32_t random = 1;

    stress_watchdog();
    is_main = true;
    rv_set_alloc_hook(&hook);
    start(WORKERS);
    if (stress_enter("meetings"))
        for (uint32_t i = 0; i < count; i++)
            run(meet, NULL);
    if (stress_enter("forks"))
        for (uint32_t i = 0; i < count; i++) {
            run(meet_in_forks, NULL);
            run(grow_tree, NULL);
        }
    if (stress_enter("joins"))
        test_joins(count);
    if (stress_enter("waits"))
        for (uint32_t i = 0; i < count / 8; i++)
            run(crowd_wanders, &random);
    if (stress_enter("borrowed"))
        for (uint32_t i = 0; i < count / 8; i++)
            run(crowd_comes_back, &random);
    if (stress_enter("requests"))
        test_requests(count);
    if (stress_enter("scopes"))
        for (uint32_t i = 0; i < count / 2; i++)
            run(crowd_owns, &random);
    rv_sched_stop(sched);
    if (stress_enter("memory"))
        test_memory(count / 8);
    if (stress_enter("stops")) {
        test_stops(count / 8);
        test_joined_stops(count / 8);
    }
    return stress_end();
}
