/* SPDX-License-Identifier: MIT */
/* test_await.c - the functions for coroutines, with many coroutines on one
 * executor. */
#include "channel/polling.h"
#include "executor/tasks.h"

RV_TEST_SUITE(await_channel);

/* Run two coroutines to their ends; each returns 0. */
static void run_both(rv_coro_entry first, rv_coro_entry second, void *arg)
{
    struct rv_executor *executor = new_executor();
    struct rv_join joins[2];

    cr_assert_eq(rv_coro_spawn(executor, first, arg, NULL, &joins[0]), 0);
    cr_assert_eq(rv_coro_spawn(executor, second, arg, NULL, &joins[1]), 0);
    for (int i = 0; i < 2; i++) {
        cr_assert_eq(rv_test_block_on(executor, &joins[i].future), 0);
        rv_join_drop(&joins[i]);
    }
    rv_executor_free(executor);
}

enum { COUNT = 1000 };

/* --- spsc -------------------------------------------------------------- */

struct spsc_ends {
    struct rv_spsc_sender *sender;
    struct rv_spsc_receiver *receiver;
};

static int32_t spsc_send(void *arg)
{
    struct spsc_ends *ends = arg;

    for (int i = 0; i < COUNT; i++)
        if (rv_spsc_send(ends->sender, &i, RV_NEVER) != 0)
            return -EIO;
    rv_spsc_sender_close(ends->sender);
    return 0;
}

static int32_t spsc_recv(void *arg)
{
    struct spsc_ends *ends = arg;
    int value;

    for (int i = 0; i < COUNT; i++)
        if (rv_spsc_recv(ends->receiver, &value, RV_NEVER) != 0 || value != i)
            return -EIO;
    if (rv_spsc_recv(ends->receiver, &value, RV_NEVER) != -EPIPE)
        return -EIO;
    rv_spsc_receiver_close(ends->receiver);
    return 0;
}

RV_TEST(await_channel, a_bounded_channel_makes_both_ends_wait)
{
    for (int swap = 0; swap < 2; swap++) {
        struct spsc_ends ends;

        cr_assert_eq(
            rv_spsc_new(&ends.sender, &ends.receiver, sizeof(int), 3, NULL), 0);
        run_both(swap ? spsc_recv : spsc_send, swap ? spsc_send : spsc_recv,
                 &ends);
    }
}

/* --- mpsc, whose values are oneshots to answer on ---------------------- */

struct mpsc_ends {
    struct rv_mpsc_sender *sender;
    struct rv_mpsc_receiver *receiver;
};

static int32_t ask(void *arg)
{
    struct mpsc_ends *ends = arg;
    int answer;

    for (int i = 0; i < COUNT; i++) {
        struct rv_oneshot_receiver *receiver;
        struct rv_oneshot_sender *sender;

        if (rv_oneshot_new(&sender, &receiver, sizeof(int), NULL) != 0 ||
            rv_mpsc_send(ends->sender, &sender) != 0 ||
            rv_oneshot_recv(receiver, &answer, RV_NEVER) != 0 || answer != i)
            return -EIO;
        rv_oneshot_receiver_close(receiver);
    }
    rv_mpsc_sender_close(ends->sender);
    return 0;
}

static int32_t answer(void *arg)
{
    struct mpsc_ends *ends = arg;
    struct rv_oneshot_sender *sender;
    int number = 0;
    int error;

    while ((error = rv_mpsc_recv(ends->receiver, &sender, RV_NEVER)) == 0) {
        if (rv_oneshot_send(sender, &number) != 0)
            return -EIO;
        number++;
    }
    rv_mpsc_receiver_close(ends->receiver);
    return error == -EPIPE && number == COUNT ? 0 : -EIO;
}

RV_TEST(await_channel, questions_carry_the_channel_of_their_answer)
{
    struct mpsc_ends ends;

    cr_assert_eq(
        rv_mpsc_new(&ends.sender, &ends.receiver, sizeof(void *), NULL), 0);
    run_both(ask, answer, &ends);
}

/* --- publisher --------------------------------------------------------- */

struct paper {
    struct rv_publisher *publisher;
    struct rv_subscriber *subscriber;
};

static int32_t publish(void *arg)
{
    struct paper *paper = arg;
    struct rv_events events;

    for (int i = 0; i < COUNT; i += 4) {
        if (rv_publisher_reserve(paper->publisher, 4, &events, RV_NEVER) != 0)
            return -EIO;
        for (int k = 0; k < 4; k++)
            *(int *)rv_events_at(&events, (uint32_t)k) = i + k;
        rv_publisher_commit(paper->publisher);
    }
    rv_publisher_close(paper->publisher);
    return 0;
}

static int32_t read_all(void *arg)
{
    struct paper *paper = arg;
    struct rv_events events;
    int next = 0;
    int n;

    while ((n = rv_subscriber_recv(paper->subscriber, 3, &events, RV_NEVER)) >
           0) {
        for (int i = 0; i < n; i++)
            if (*(int *)rv_events_at(&events, (uint32_t)i) != next++)
                return -EIO;
        rv_subscriber_commit(paper->subscriber);
    }
    rv_subscriber_close(paper->subscriber);
    return n == -EPIPE && next == COUNT ? 0 : -EIO;
}

RV_TEST(await_channel, publisher_and_subscriber_wait_for_each_other)
{
    struct paper paper;

    cr_assert_eq(rv_publisher_new(&paper.publisher, sizeof(int), 10, NULL), 0);
    cr_assert_eq(rv_publisher_subscribe(paper.publisher, RV_FROM_NEXT,
                                        &paper.subscriber),
                 0);
    run_both(publish, read_all, &paper);
}

/* --- sync -------------------------------------------------------------- */

struct shared {
    struct rv_mutex mutex;
    struct rv_semaphore semaphore;
    struct rv_notify notify;
    int inside;
    int count;
};

static int32_t count_up(void *arg)
{
    struct shared *shared = arg;

    for (int i = 0; i < COUNT; i++) {
        if (rv_mutex_lock(&shared->mutex, RV_NEVER) != 0 ||
            shared->inside++ != 0)
            return -EIO;
        rv_coro_yield();
        shared->count++;
        shared->inside--;
        rv_mutex_unlock(&shared->mutex);
    }
    return 0;
}

RV_TEST(await_channel, a_mutex_keeps_one_inside_across_awaits)
{
    struct shared shared = {.count = 0};

    rv_mutex_init(&shared.mutex);
    run_both(count_up, count_up, &shared);
    cr_assert_eq(shared.count, 2 * COUNT);
    rv_mutex_fini(&shared.mutex);
}

static int32_t ping(void *arg)
{
    struct shared *shared = arg;

    for (int i = 0; i < COUNT; i++) {
        rv_notify_one(&shared->notify);
        if (rv_semaphore_acquire(&shared->semaphore, 2, RV_NEVER) != 0)
            return -EIO;
    }
    return 0;
}

static int32_t pong(void *arg)
{
    struct shared *shared = arg;

    for (int i = 0; i < COUNT; i++) {
        if (rv_notify_wait(&shared->notify, RV_NEVER) != 0)
            return -EIO;
        rv_semaphore_release(&shared->semaphore, 2);
    }
    return 0;
}

RV_TEST(await_channel, notify_and_semaphore_play_ping_pong)
{
    struct shared shared = {.count = 0};

    rv_semaphore_init(&shared.semaphore, 0);
    rv_notify_init(&shared.notify);
    run_both(ping, pong, &shared);
    rv_semaphore_fini(&shared.semaphore);
    rv_notify_fini(&shared.notify);
}

/* --- canceled ---------------------------------------------------------- */

static int32_t wait_for_ever(void *arg)
{
    struct spsc_ends *ends = arg;
    int value;
    int result = rv_spsc_recv(ends->receiver, &value, RV_NEVER);

    rv_spsc_receiver_close(ends->receiver);
    ends->receiver = NULL;
    return result;
}

RV_TEST(await_channel, a_canceled_coroutine_closes_its_end)
{
    struct rv_executor *executor = new_executor();
    struct spsc_ends ends;
    struct rv_join join;

    cr_assert_eq(
        rv_spsc_new(&ends.sender, &ends.receiver, sizeof(int), 3, NULL), 0);
    cr_assert_eq(rv_coro_spawn(executor, wait_for_ever, &ends, NULL, &join), 0);
    run_batches(executor, 2);
    rv_join_abort(&join);
    run_batches(executor, 2);
    cr_assert_null(ends.receiver);
    cr_assert_eq(rv_spsc_try_send(ends.sender, &(int){1}), -EPIPE);
    rv_join_drop(&join);
    rv_spsc_sender_close(ends.sender);
    rv_executor_free(executor);
}

/* --- stuck ------------------------------------------------------------- */

struct pair {
    struct spsc_ends full;
    struct spsc_ends empty;
};

static int32_t recv_for_ever(void *arg)
{
    struct pair *pair = arg;
    int value;

    return rv_spsc_recv(pair->empty.receiver, &value, RV_NEVER);
}

static int32_t send_for_ever(void *arg)
{
    struct pair *pair = arg;
    int value = 0;
    struct rv_go task;
    int error = rv_go(&task, recv_for_ever, pair);

    while (!error)
        error = rv_spsc_send(pair->full.sender, &value, RV_NEVER);
    rv_go_join(&task);
    return error;
}

RV_TEST(await_channel, a_deadlock_is_reported_in_the_words_of_the_channels)
{
    static const struct rv_channel_options full = {.name = "full"};
    static const struct rv_channel_options empty = {.name = "empty"};
    const struct rv_sched_options options = {.workers = 2};
    struct rv_sched *sched;
    struct pair pair;
    const char *report;

    rv_spsc_new(&pair.full.sender, &pair.full.receiver, sizeof(int), 3, &full);
    rv_spsc_new(&pair.empty.sender, &pair.empty.receiver, sizeof(int), 3,
                &empty);
    cr_assert_eq(rv_sched_start(&sched, &options), 0);
    cr_assert_eq(rv_sched_run(sched, send_for_ever, &pair), -EDEADLK);
    report = rv_sched_deadlock(sched);
    cr_assert_not_null(report);
    cr_assert_not_null(strstr(report, "task 'root' waits for send on channel "
                                      "full, full (3 of 3)\n"));
    cr_assert_not_null(strstr(report,
                              "task 'recv_for_ever' waits for receive on "
                              "channel empty, empty\n"));
    rv_sched_stop(sched);
    rv_spsc_sender_close(pair.full.sender);
    rv_spsc_receiver_close(pair.full.receiver);
    rv_spsc_sender_close(pair.empty.sender);
    rv_spsc_receiver_close(pair.empty.receiver);
}
