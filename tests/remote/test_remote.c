/* SPDX-License-Identifier: MIT */
/*
 * test_remote.c - futures handed to the executor of another thread.
 *
 * Any thread may hand a future over, also the executor's own. So most of these
 * tests need one thread. The races are in tests/stress/stress_remote.c.
 *
 * Threads: the test's; host_main() another executor's.
 */
#include <criterion/criterion.h>

#include <errno.h>
#include <pthread.h>
#include <reveil/remote.h>
#include <sched.h>
#include <semaphore.h>

#include "base/chunk.h"
#include "executor/tasks.h"
#include "support/failing_alloc.h"
#include "support/support.h"

RV_TEST_SUITE(remote);

/* --- an executor on another thread ------------------------------------- */

struct host {
    pthread_t thread;
    sem_t open;
    struct rv_remote *remote;
    struct door door; /* opened: it ends */
};

static void *host_main(void *arg)
{
    struct host *host = arg;
    struct rv_executor *executor = new_executor();
    struct waiter main_future;

    cr_assert_eq(rv_remote_open(executor, &host->remote), 0);
    waiter_init(&main_future, &host->door);
    sem_post(&host->open);
    cr_assert_eq(rv_test_block_on(executor, &main_future.future), 0);
    rv_executor_free(executor);
    return NULL;
}

static void host_start(struct host *host)
{
    *host = (struct host){.remote = NULL};
    sem_init(&host->open, 0, 0);
    cr_assert_eq(pthread_create(&host->thread, NULL, host_main, host), 0);
    sem_wait(&host->open);
}

/* Records the threads on which it was polled and dropped, and opens a door. */
struct witness {
    struct rv_future future;
    struct host *host;
    pthread_t *polled;
    pthread_t *dropped;
};

static enum rv_poll witness_poll(struct rv_future *future, struct rv_cx *cx)
{
    struct witness *self = RV_CONTAINER_OF(future, struct witness, future);

    (void)cx;
    *self->polled = pthread_self();
    future->result = 7;
    return RV_READY;
}

static void witness_drop(struct rv_future *future)
{
    struct witness *self = RV_CONTAINER_OF(future, struct witness, future);

    *self->dropped = pthread_self();
}

/* A task that ends the host's rv_block_on(): the door is the host's own. */
static enum rv_poll opener_poll(struct rv_future *future, struct rv_cx *cx)
{
    struct host *host = RV_CONTAINER_OF(future, struct witness, future)->host;

    (void)cx;
    host->door.open = true;
    rv_waker_wake(&host->door.waker);
    rv_waker_drop(&host->door.waker);
    return RV_READY;
}

static void host_stop(struct host *host)
{
    static const struct rv_future_ops ops = {.name = "opener",
                                             .poll = opener_poll};
    struct witness *opener = rv_alloc(sizeof *opener);

    rv_future_init(&opener->future, &ops);
    opener->host = host;
    cr_assert_eq(rv_remote_spawn(host->remote, &opener->future, NULL), 0);
    pthread_join(host->thread, NULL);
    sem_destroy(&host->open);
}

static struct witness *new_witness(pthread_t *polled, pthread_t *dropped)
{
    static const struct rv_future_ops ops = {
        .name = "witness", .poll = witness_poll, .drop = witness_drop};
    struct witness *witness = rv_alloc(sizeof *witness);

    rv_future_init(&witness->future, &ops);
    witness->polled = polled;
    witness->dropped = dropped;
    return witness;
}

RV_TEST(remote, it_is_polled_and_dropped_on_the_other_thread)
{
    struct rv_executor *executor = new_executor();
    struct rv_remote_join join;
    struct host host;
    pthread_t polled;
    pthread_t dropped;

    host_start(&host);
    cr_assert_eq(rv_remote_spawn(host.remote,
                                 &new_witness(&polled, &dropped)->future,
                                 &join),
                 0);

    cr_assert_eq(rv_test_block_on(executor, &join.future), 7);
    cr_assert(pthread_equal(polled, host.thread));
    cr_assert(pthread_equal(dropped, host.thread));
    rv_remote_join_drop(&join);
    host_stop(&host);
    rv_remote_put(host.remote);
    rv_executor_free(executor);
}

RV_TEST(remote, a_handle_outlives_its_executor_which_takes_nothing_more)
{
    struct rv_remote_join join = {.task = NULL};
    struct log log = {.len = 0};
    struct stepper *task = new_stepper(&log, 'a', 1);
    struct host host;

    host_start(&host);
    host_stop(&host);

    cr_assert_eq(rv_remote_spawn(host.remote, &task->future, NULL), -ECANCELED);
    cr_assert_eq(rv_remote_spawn(host.remote, &task->future, &join),
                 -ECANCELED);
    cr_assert_null(join.task);
    cr_assert_eq(log.drops, 0);
    cr_assert_eq(task->future.at, 0); /* untouched */
    rv_remote_get(host.remote);
    rv_remote_put(host.remote);
    rv_remote_put(host.remote);
    rv_remote_put(NULL);
    rv_free(task);
}

/* --- order, results, ends: on one thread ------------------------------- */

struct place {
    struct rv_executor *executor;
    struct rv_remote *remote;
    struct log log;
};

static void place_open(struct place *place)
{
    *place = (struct place){.executor = new_executor()};
    cr_assert_eq(rv_remote_open(place->executor, &place->remote), 0);
}

static void place_close(struct place *place)
{
    rv_remote_put(place->remote);
    rv_executor_free(place->executor);
}

/* Hand a stepper over. */
static void hand_over(struct place *place, char letter, int steps,
                      struct rv_remote_join *join)
{
    struct stepper *task = new_stepper(&place->log, letter, steps);

    task->result = letter;
    cr_assert_eq(rv_remote_spawn(place->remote, &task->future, join), 0);
}

RV_TEST(remote, they_begin_in_the_order_in_which_they_were_handed_over)
{
    struct place place;

    place_open(&place);
    hand_over(&place, 'a', 1,
              NULL); /* before the first poll of the inbox task */
    hand_over(&place, 'b', 1, NULL);
    run_batches(place.executor, 2);
    hand_over(&place, 'c', 1, NULL);
    hand_over(&place, 'd', 1, NULL);
    run_batches(place.executor, 3);

    cr_assert_str_eq(place.log.text, "abcd");
    cr_assert_eq(place.log.drops, 4);
    place_close(&place);
}

RV_TEST(remote, the_join_has_the_result)
{
    struct rv_remote_join joins[2];
    struct place place;

    place_open(&place);
    hand_over(&place, 'x', 3, &joins[0]);
    hand_over(&place, 'y', 1, &joins[1]);

    cr_assert_eq(rv_test_block_on(place.executor, &joins[0].future), 'x');
    cr_assert_eq(rv_test_block_on(place.executor, &joins[1].future), 'y');
    cr_assert_eq(place.log.drops, 2);
    rv_drop(&joins[0].future);
    rv_drop(&joins[0].future);
    place_close(&place);
}

RV_TEST(remote, a_dropped_join_detaches_its_task)
{
    struct rv_remote_join joins[2];
    struct place place;
    struct rv_cx cx;
    struct rv_probe probe;

    place_open(&place);
    hand_over(&place, 'x', 9, &joins[0]);
    hand_over(&place, 'y', 9, &joins[1]);
    rv_remote_join_drop(&joins[0]); /* before it has started */
    run_batches(place.executor, 2);
    rv_probe_init(&probe);
    cx = rv_probe_cx(&probe);
    cr_assert_eq(rv_poll(&joins[1].future, &cx), RV_PENDING);
    rv_remote_join_drop(&joins[1]); /* while a task waits for it */
    run_batches(place.executor, 9);

    cr_assert_str_eq(place.log.text, "xyxyxyxyxyxyxyxyxy");
    cr_assert_eq(place.log.drops, 2);
    cr_assert_not(rv_probe_take(&probe));
    rv_probe_fini(&probe);
    place_close(&place);
}

RV_TEST(remote, an_aborted_task_is_dropped_before_its_join_knows)
{
    struct rv_remote_join joins[2];
    struct door door = {.polls = 0};
    struct place place;

    place_open(&place);
    cr_assert_eq(
        rv_remote_spawn(place.remote, &new_waiter(&door)->future, &joins[0]),
        0);
    run_batches(place.executor, 3);
    hand_over(&place, 'n', 1, &joins[1]);
    rv_remote_abort(&joins[0]); /* it waits */
    rv_remote_abort(&joins[1]); /* it has not started */

    cr_assert_eq(rv_test_block_on(place.executor, &joins[0].future),
                 -ECANCELED);
    cr_assert_eq(door.polls, 1);
    cr_assert_eq(door.drops, 1);
    cr_assert_eq(rv_test_block_on(place.executor, &joins[1].future),
                 -ECANCELED);
    cr_assert_eq(place.log.len, 0);
    cr_assert_eq(place.log.drops, 1);
    rv_remote_abort(&joins[0]); /* a no-op */
    rv_waker_drop(&door.waker);
    place_close(&place);
}

RV_TEST(remote, what_was_not_begun_is_dropped_with_the_executor)
{
    struct rv_executor *executor = new_executor();
    struct rv_remote_join joins[2];
    struct door door = {.polls = 0};
    struct place place;

    place_open(&place);
    cr_assert_eq(
        rv_remote_spawn(place.remote, &new_waiter(&door)->future, &joins[0]),
        0);
    run_batches(place.executor, 3);
    hand_over(&place, 'x', 1, &joins[1]); /* stays in the inbox */
    hand_over(&place, 'y', 1, NULL);
    place_close(&place);

    cr_assert_eq(door.drops, 1);
    cr_assert_eq(place.log.len, 0);
    cr_assert_eq(place.log.drops, 2);
    for (int i = 0; i < 2; i++)
        cr_assert_eq(rv_test_block_on(executor, &joins[i].future), -ECANCELED);
    rv_waker_drop(&door.waker);
    rv_executor_free(executor);
}

RV_TEST(remote, the_last_reference_ends_the_task_behind_it)
{
    struct place place;

    place_open(&place);
    rv_remote_get(place.remote);
    rv_remote_put(place.remote);
    run_batches(place.executor, 2);
    cr_assert_eq(rv_executor_tasks(place.executor), 1);
    hand_over(&place, 'x', 1, NULL);
    rv_remote_put(place.remote); /* what was handed over continues */
    run_batches(place.executor, 4);

    cr_assert_eq(rv_executor_tasks(place.executor), 0);
    cr_assert_str_eq(place.log.text, "x");
    rv_executor_free(place.executor);
}

/* --- no memory --------------------------------------------------------- */

struct ready {
    struct rv_future future;
};

static enum rv_poll ready_poll(struct rv_future *future, struct rv_cx *cx)
{
    (void)cx;
    future->result = 5;
    return RV_READY;
}

static struct ready *new_ready(void)
{
    static const struct rv_future_ops ops = {.name = "ready",
                                             .poll = ready_poll};
    struct ready *task = rv_alloc(sizeof *task);

    if (task)
        rv_future_init(&task->future, &ops);
    return task;
}

/* Open, hand over, wait. Returns: 0, negative errno. */
static int one_life(void *arg)
{
    struct rv_executor *executor = NULL;
    struct rv_remote *remote = NULL;
    struct rv_remote_join join = {.task = NULL};
    struct ready *task = new_ready();
    int error = task ? rv_executor_new(&executor) : -ENOMEM;

    (void)arg;
    if (!error)
        error = rv_remote_open(executor, &remote);
    if (!error)
        error = rv_remote_spawn(remote, &task->future, &join);
    if (!error) {
        task = NULL;
        error = rv_block_on(executor, &join.future);
        error = error == 5 ? 0 : error;
    }
    rv_free(task);
    rv_remote_join_drop(&join);
    rv_remote_put(remote);
    if (executor)
        rv_executor_free(executor);
    return error;
}

RV_TEST(remote, each_failing_allocation_leaves_nothing)
{
    cr_assert_geq(rv_fail_each_alloc_strictly(one_life, NULL), 8);
}

/* More tasks than fit into the executor's first chunk. */
enum { MANY = RV_SLAB_FIRST_CHUNK };

RV_TEST(remote, what_was_handed_over_waits_for_memory)
{
    struct rv_remote_join joins[MANY];
    struct place place;

    place_open(&place);
    for (int i = 0; i < MANY; i++)
        cr_assert_eq(
            rv_remote_spawn(place.remote, &new_ready()->future, &joins[i]), 0);
    rv_count_allocs(1); /* the next one: for a task */
    for (int i = 0; i < MANY; i++) {
        cr_assert_eq(rv_test_block_on(place.executor, &joins[i].future), 5);
        cr_assert(rv_alloc_failed());
        rv_remote_join_drop(&joins[i]);
    }
    place_close(&place);
    rv_stop_counting_allocs();
}

/* --- a clock that runs away -------------------------------------------- */

static void *let_time_pass(void *over)
{
    while (!*(_Atomic bool *)over)
        rv_clock_advance(RV_NS_PER_S);
    return NULL;
}

/* The pause after a shortage of memory ends before its first poll. */
RV_TEST(remote, nor_is_it_lost_when_the_pause_is_over_at_once)
{
    struct rv_remote_join joins[MANY];
    _Atomic bool over = false;
    struct place place;
    pthread_t thread;

    rv_clock_freeze(0);
    place_open(&place);
    for (int i = 0; i < MANY; i++)
        cr_assert_eq(
            rv_remote_spawn(place.remote, &new_ready()->future, &joins[i]), 0);
    pthread_create(&thread, NULL, let_time_pass, &over);
    while (rv_now_ns() < 1000 * RV_NS_PER_S)
        sched_yield();
    rv_count_allocs(1);
    for (int i = 0; i < MANY; i++) {
        cr_assert_eq(rv_block_on(place.executor, &joins[i].future), 5);
        cr_assert(rv_alloc_failed());
        rv_remote_join_drop(&joins[i]);
    }
    over = true;
    pthread_join(thread, NULL);
    place_close(&place);
    rv_stop_counting_allocs();
    rv_clock_thaw();
}
