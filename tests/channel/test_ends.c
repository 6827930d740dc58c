/* SPDX-License-Identifier: MIT */
/*
 * test_ends.c - an end of a channel that is closed under a task that waits on
 * it, or that two tasks wait on: the program ends with a message. It would use
 * freed memory, or wait for ever.
 *
 * Threads: the test's; a child that was forked.
 */
#include "channel/polling.h"

#include <sys/wait.h>
#include <unistd.h>

RV_TEST_SUITE(ends);

enum end { SPSC_SEND, SPSC_RECV, MPSC, BOUNDED_SEND, BOUNDED_RECV, ONESHOT };
enum more_ends { PUBLISHER = ONESHOT + 1, SUBSCRIBER, ENDS };

/* A channel of each kind, whose two futures wait on one end. */
struct waits {
    int end;
    uint64_t value;
    struct rv_events events;
    struct rv_spsc_sender *spsc_sender;
    struct rv_spsc_receiver *spsc_receiver;
    struct rv_mpsc_sender *mpsc_sender;
    struct rv_mpsc_receiver *mpsc_receiver;
    struct rv_bounded_sender *bounded_sender;
    struct rv_bounded_receiver *bounded_receiver;
    struct rv_oneshot_sender *oneshot_sender;
    struct rv_oneshot_receiver *oneshot_receiver;
    struct rv_publisher *publisher;
    struct rv_subscriber *subscriber;
    union {
        struct rv_future future;
        struct rv_spsc_send spsc_send;
        struct rv_spsc_recv spsc_recv;
        struct rv_mpsc_recv mpsc_recv;
        struct rv_bounded_send bounded_send;
        struct rv_bounded_recv bounded_recv;
        struct rv_oneshot_recv oneshot_recv;
        struct rv_publisher_reserve reserve;
        struct rv_subscriber_recv recv;
    } wait[2];
    struct rv_probe probes[2];
};

/* The end that is tested, for the functions without an argument. */
static int tested;

/* Full where a send is tested, else empty. */
static void open_ends(struct waits *w)
{
    cr_assert_eq(rv_spsc_new(&w->spsc_sender, &w->spsc_receiver, 8, 1, NULL),
                 0);
    cr_assert_eq(rv_mpsc_new(&w->mpsc_sender, &w->mpsc_receiver, 8, NULL), 0);
    cr_assert_eq(
        rv_bounded_new(&w->bounded_sender, &w->bounded_receiver, 8, 1, NULL),
        0);
    cr_assert_eq(
        rv_oneshot_new(&w->oneshot_sender, &w->oneshot_receiver, 8, NULL), 0);
    cr_assert_eq(rv_publisher_new(&w->publisher, 8, 1, NULL), 0);
    cr_assert_eq(
        rv_publisher_subscribe(w->publisher, RV_FROM_NEXT, &w->subscriber), 0);
    if (w->end == SPSC_SEND)
        cr_assert_eq(rv_spsc_try_send(w->spsc_sender, &w->value), 0);
    if (w->end == BOUNDED_SEND)
        cr_assert_eq(rv_bounded_try_send(w->bounded_sender, &w->value), 0);
    if (w->end != PUBLISHER)
        return;
    cr_assert_eq(rv_publisher_try_reserve(w->publisher, 1, &w->events), 0);
    rv_publisher_commit(w->publisher);
}

static void init_wait(struct waits *w, int i)
{
    switch (w->end) {
    case SPSC_SEND:
        rv_spsc_send_init(&w->wait[i].spsc_send, w->spsc_sender, &w->value, 1);
        return;
    case SPSC_RECV:
        rv_spsc_recv_init(&w->wait[i].spsc_recv, w->spsc_receiver, &w->value,
                          1);
        return;
    case MPSC:
        rv_mpsc_recv_init(&w->wait[i].mpsc_recv, w->mpsc_receiver, &w->value,
                          1);
        return;
    case BOUNDED_SEND:
        rv_bounded_send_init(&w->wait[i].bounded_send, w->bounded_sender,
                             &w->value);
        return;
    case BOUNDED_RECV:
        rv_bounded_recv_init(&w->wait[i].bounded_recv, w->bounded_receiver,
                             &w->value, 1);
        return;
    case ONESHOT:
        rv_oneshot_recv_init(&w->wait[i].oneshot_recv, w->oneshot_receiver,
                             &w->value);
        return;
    case PUBLISHER:
        rv_publisher_reserve_init(&w->wait[i].reserve, w->publisher, 1);
        return;
    default:
        rv_subscriber_recv_init(&w->wait[i].recv, w->subscriber, 1);
    }
}

/* The end that is waited on is the first to be closed. */
static void close_ends(struct waits *w)
{
    if (w->end == SPSC_RECV)
        rv_spsc_receiver_close(w->spsc_receiver);
    rv_spsc_sender_close(w->spsc_sender);
    if (w->end != SPSC_RECV)
        rv_spsc_receiver_close(w->spsc_receiver);
    rv_mpsc_receiver_close(w->mpsc_receiver);
    rv_mpsc_sender_close(w->mpsc_sender);
    if (w->end == BOUNDED_RECV)
        rv_bounded_receiver_close(w->bounded_receiver);
    rv_bounded_sender_close(w->bounded_sender);
    if (w->end != BOUNDED_RECV)
        rv_bounded_receiver_close(w->bounded_receiver);
    rv_oneshot_receiver_close(w->oneshot_receiver);
    rv_oneshot_sender_close(w->oneshot_sender);
    if (w->end == SUBSCRIBER)
        rv_subscriber_close(w->subscriber);
    rv_publisher_close(w->publisher);
    if (w->end != SUBSCRIBER)
        rv_subscriber_close(w->subscriber);
}

static void begin(struct waits *w, int end)
{
    *w = (struct waits){.end = end};
    open_ends(w);
    for (int i = 0; i < 2; i++) {
        rv_probe_init(&w->probes[i]);
        init_wait(w, i);
    }
    cr_assert_eq(poll_as(&w->probes[0], &w->wait[0].future), RV_PENDING);
}

static void end(struct waits *w)
{
    close_ends(w);
    rv_probe_fini(&w->probes[0]);
    rv_probe_fini(&w->probes[1]);
}

static void close_under_it(void)
{
    struct waits w;

    begin(&w, tested);
    close_ends(&w);
}

static void wait_twice(void)
{
    struct waits w;

    begin(&w, tested);
    poll_as(&w.probes[1], &w.wait[1].future);
}

RV_TEST(ends, one_that_is_closed_under_a_future)
{
    for (tested = 0; tested < ENDS; tested++)
        rv_test_aborts(close_under_it, "is closed while a future waits on it");
}

/* Several sends of one sender of a bounded channel may wait: each is served. */
RV_TEST(ends, one_that_two_futures_wait_on)
{
    for (tested = 0; tested < ENDS; tested++)
        if (tested != BOUNDED_SEND)
            rv_test_aborts(wait_twice, "two futures wait on one end");
}

/* One future that another task polls, as after a time-out; and a second future,
 * after the first was dropped. */
RV_TEST(ends, one_that_futures_wait_on_in_turn)
{
    for (int i = 0; i < ENDS; i++) {
        struct waits w;

        begin(&w, i);
        cr_assert_eq(poll_as(&w.probes[1], &w.wait[0].future), RV_PENDING);
        rv_drop(&w.wait[0].future);
        cr_assert_eq(poll_as(&w.probes[1], &w.wait[1].future), RV_PENDING);
        rv_drop(&w.wait[1].future);
        end(&w);
    }
}

/* What a child of fork() has is a copy of a task that does not run there, and
 * that nothing unwinds. */
static void use_copies(void)
{
    struct waits w[ENDS];
    pid_t child;
    int status;

    for (int i = 0; i < ENDS; i++)
        begin(&w[i], i);
    child = fork();
    cr_assert_geq(child, 0);
    if (child == 0) {
        struct rv_probe own;

        rv_probe_init(&own);
        for (int i = 0; i < ENDS; i++) {
            if (i != BOUNDED_SEND) {
                poll_as(&own, &w[i].wait[1].future);
                rv_drop(&w[i].wait[1].future);
            }
            close_ends(&w[i]);
        }
        _exit(0);
    }
    cr_assert_eq(waitpid(child, &status, 0), child);
    cr_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    for (int i = 0; i < ENDS; i++) {
        rv_drop(&w[i].wait[0].future);
        end(&w[i]);
    }
}

RV_TEST(ends, those_of_a_child_of_fork_may_be_closed)
{
    use_copies();
}

/* --- with an executor ---------------------------------------------------- */

static struct waits shared;

static int32_t receive_one(void *arg)
{
    (void)arg;
    return rv_spsc_recv(shared.spsc_receiver, &shared.value, RV_NEVER);
}

static int32_t close_under_a_task(void *arg)
{
    struct rv_join join;

    (void)arg;
    if (rv_spsc_new(&shared.spsc_sender, &shared.spsc_receiver, 8, 1, NULL) ||
        rv_coro_spawn(rv_executor_current(), receive_one, NULL, NULL, &join) ||
        rv_coro_yield())
        return -1;
    rv_spsc_receiver_close(shared.spsc_receiver);
    rv_spsc_sender_close(shared.spsc_sender);
    return rv_await_and_drop(&join.future, RV_NEVER);
}

static void run_close_under_a_task(void)
{
    rv_run(close_under_a_task, NULL);
}

RV_TEST(ends, one_that_is_closed_under_a_task)
{
    rv_test_aborts(run_close_under_a_task,
                   "a future waits on it: rv_spsc_receiver_close");
}
