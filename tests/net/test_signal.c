/* SPDX-License-Identifier: MIT */
/*
 * test_signal.c - signals as futures, sent by the test to its own process.
 *
 * Threads: the test's and the reactor's.
 */
#include <criterion/criterion.h>

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <reveil/combine.h>
#include <reveil/runtime.h>
#include <reveil/signal.h>
#include <unistd.h>

#include "support/failing_alloc.h"
#include "support/support.h"

RV_TEST_SUITE(signals);

static const struct rv_runtime_options modes[] = {
    {.reactor = RV_REACTOR_THREAD}, {.reactor = RV_REACTOR_FUSED}};

/* A runtime, and the signals SIGUSR1, SIGUSR2 and SIGRTMIN. */
struct fixture {
    struct rv_runtime *runtime;
    struct rv_executor *executor;
    struct rv_signals signals;
};

static sigset_t set_of(int a, int b, int c)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, a);
    sigaddset(&set, b);
    sigaddset(&set, c);
    return set;
}

static void open_all(struct fixture *fixture, int mode)
{
    const sigset_t set = set_of(SIGUSR1, SIGUSR2, SIGRTMIN);

    cr_assert_eq(rv_runtime_start_with(&fixture->runtime, &modes[mode]), 0);
    fixture->executor = rv_runtime_executor(fixture->runtime);
    cr_assert_eq(rv_signals_open(&fixture->signals, &set), 0);
}

static void close_all(struct fixture *fixture)
{
    rv_signals_close(&fixture->signals);
    rv_runtime_stop(fixture->runtime);
}

/* The next signal's number. */
static int next(struct fixture *fixture)
{
    struct rv_signal_wait wait;
    int number;

    rv_signal_wait_init(&wait, &fixture->signals);
    number = rv_test_block_on(fixture->executor, &wait.future);
    if (number > 0)
        cr_assert_eq(wait.info.ssi_pid, (uint32_t)getpid());
    rv_drop(&wait.future);
    return number;
}

static bool is_blocked(int number)
{
    sigset_t now;

    pthread_sigmask(SIG_BLOCK, NULL, &now);
    return sigismember(&now, number) == 1;
}

/* Sends a signal when it is polled for the second time, so that the other
 * futures have been polled by then. */
struct late_kill {
    struct rv_future future;
    int number;
};

static enum rv_poll late_kill_poll(struct rv_future *future, struct rv_cx *cx)
{
    if (!future->at++) {
        rv_waker_wake(&cx->waker);
        return RV_PENDING;
    }
    kill(getpid(), RV_CONTAINER_OF(future, struct late_kill, future)->number);
    future->result = 0;
    return RV_READY;
}

/* The same for the thread that polls it. */
static enum rv_poll late_raise_poll(struct rv_future *future, struct rv_cx *cx)
{
    if (!future->at++) {
        rv_waker_wake(&cx->waker);
        return RV_PENDING;
    }
    raise(RV_CONTAINER_OF(future, struct late_kill, future)->number);
    future->result = 0;
    return RV_READY;
}

/* --- tests ------------------------------------------------------------- */

RV_TEST(signals, a_pending_signal_is_fetched_at_once)
{
    struct fixture fixture;

    for (int mode = 0; mode < 2; mode++) {
        open_all(&fixture, mode);
        kill(getpid(), SIGUSR1);
        cr_assert_eq(next(&fixture), SIGUSR1);
        close_all(&fixture);
    }
}

RV_TEST(signals, one_that_comes_later_wakes_the_task)
{
    static const struct rv_future_ops ops = {.name = "late_kill",
                                             .poll = late_kill_poll};

    for (int mode = 0; mode < 2; mode++) {
        struct late_kill sender = {.number = SIGUSR2};
        struct rv_future *both[2];
        struct rv_signal_wait wait;
        struct fixture fixture;
        struct rv_all all;

        open_all(&fixture, mode);
        rv_future_init(&sender.future, &ops);
        rv_signal_wait_init(&wait, &fixture.signals);
        both[0] = &wait.future;
        both[1] = &sender.future;
        rv_all_init(&all, both, 2);
        cr_assert_eq(rv_test_block_on(fixture.executor, &all.future), 0);
        cr_assert_eq(wait.future.result, SIGUSR2);
        rv_drop(&all.future);
        close_all(&fixture);
    }
}

RV_TEST(signals, several_may_queue)
{
    const union sigval values[] = {{.sival_int = 7}, {.sival_int = 8}};
    struct rv_signal_wait wait;
    struct fixture fixture;
    int seen = 0;

    open_all(&fixture, 0);
    kill(getpid(), SIGUSR2);
    kill(getpid(), SIGUSR1);
    kill(getpid(), SIGUSR1); /* the kernel keeps one of each number */
    seen |= next(&fixture) == SIGUSR1 ? 1 : 2;
    seen |= next(&fixture) == SIGUSR2 ? 2 : 1;
    cr_assert_eq(seen, 3);

    for (int i = 0; i < 2; i++) /* but all of the real-time ones */
        cr_assert_eq(sigqueue(getpid(), SIGRTMIN, values[i]), 0);
    for (int i = 0; i < 2; i++) {
        rv_signal_wait_init(&wait, &fixture.signals);
        cr_assert_eq(rv_test_block_on(fixture.executor, &wait.future),
                     SIGRTMIN);
        cr_assert_eq(wait.info.ssi_int, 7 + i);
        rv_drop(&wait.future);
    }
    close_all(&fixture);
}

/* Return when the reactor has reported all that became readable before. */
static void wait_for_the_reactor(void)
{
    int fds[2];
    struct rv_source *source;
    struct rv_probe probe;
    struct rv_cx cx;
    uint32_t tick;

    cr_assert_eq(pipe2(fds, O_NONBLOCK | O_CLOEXEC), 0);
    cr_assert_eq(rv_source_open(rv_reactor_current(), fds[0], &source), 0);
    rv_probe_init(&probe);
    cx = rv_probe_cx(&probe);
    while (rv_source_ready(source, RV_READ, &cx.waker, &tick))
        rv_source_clear(source, RV_READ, tick);
    cr_assert_eq(write(fds[1], "", 1), 1);
    cr_assert(rv_probe_wait(&probe));
    rv_source_close(source);
    rv_probe_fini(&probe);
    close(fds[0]);
    close(fds[1]);
}

/* What signal.h says of raise() and pthread_kill(): with a reactor on its own
 * thread they wake no task, and the next signal for the process brings them
 * along. */
RV_TEST(signals, one_for_a_thread_wakes_no_task_of_a_split_runtime)
{
    struct rv_signal_wait wait;
    struct fixture fixture;
    struct rv_probe probe;
    struct rv_cx cx;
    int seen = 0;

    open_all(&fixture, 0);
    rv_probe_init(&probe);
    cx = rv_probe_cx(&probe);
    rv_signal_wait_init(&wait, &fixture.signals);
    cr_assert_eq(rv_poll(&wait.future, &cx), RV_PENDING);
    cr_assert_eq(pthread_kill(pthread_self(), SIGUSR1), 0);
    wait_for_the_reactor();
    cr_assert_not(rv_probe_take(&probe));

    kill(getpid(), SIGUSR2);
    cr_assert(rv_probe_wait(&probe));
    cr_assert_eq(rv_poll(&wait.future, &cx), RV_READY);
    seen = wait.future.result;
    rv_probe_fini(&probe);
    cr_assert_eq(next(&fixture), seen == SIGUSR1 ? SIGUSR2 : SIGUSR1);
    close_all(&fixture);
}

RV_TEST(signals, one_for_the_executors_thread_is_seen_by_a_fused_runtime)
{
    static const struct rv_future_ops ops = {.name = "late_raise",
                                             .poll = late_raise_poll};
    struct late_kill sender = {.number = SIGUSR2};
    struct rv_future *both[2];
    struct rv_signal_wait wait;
    struct fixture fixture;
    struct rv_all all;

    open_all(&fixture, 1);
    rv_future_init(&sender.future, &ops);
    rv_signal_wait_init(&wait, &fixture.signals);
    both[0] = &wait.future;
    both[1] = &sender.future;
    rv_all_init(&all, both, 2);
    cr_assert_eq(rv_test_block_on(fixture.executor, &all.future), 0);
    cr_assert_eq(wait.future.result, SIGUSR2);
    rv_drop(&all.future);
    close_all(&fixture);
}

/* It stays pending: the first poll fetches it, in both modes. */
RV_TEST(signals, one_for_the_thread_is_fetched_by_the_first_poll)
{
    struct fixture fixture;

    for (int mode = 0; mode < 2; mode++) {
        open_all(&fixture, mode);
        cr_assert_eq(pthread_kill(pthread_self(), SIGUSR1), 0);
        cr_assert_eq(next(&fixture), SIGUSR1);
        close_all(&fixture);
    }
}

RV_TEST(signals, close_gives_the_mask_back)
{
    const sigset_t before = set_of(SIGUSR2, SIGUSR2, SIGUSR2);
    struct fixture fixture;

    pthread_sigmask(SIG_BLOCK, &before, NULL);
    open_all(&fixture, 0);
    cr_assert(is_blocked(SIGUSR1) && is_blocked(SIGUSR2));
    cr_assert_not(is_blocked(SIGHUP));
    close_all(&fixture);
    rv_signals_close(&fixture.signals); /* a no-op */

    cr_assert_not(is_blocked(SIGUSR1));
    cr_assert(is_blocked(SIGUSR2), "it was blocked before");
    pthread_sigmask(SIG_UNBLOCK, &before, NULL);
}

RV_TEST(signals, a_wait_leaves_nothing_and_fetches_nothing)
{
    struct rv_signal_wait wait;
    struct fixture fixture;
    struct rv_probe probe;
    struct rv_cx cx;
    int64_t live;

    rv_count_allocs(0);
    open_all(&fixture, 0);
    live = rv_alloc_live();
    rv_probe_init(&probe);
    cx = rv_probe_cx(&probe);
    rv_signal_wait_init(&wait, &fixture.signals);
    rv_drop(&wait.future); /* before its first poll */
    rv_signal_wait_init(&wait, &fixture.signals);
    cr_assert_eq(rv_poll(&wait.future, &cx), RV_PENDING);
    rv_drop(&wait.future); /* while it waits */
    rv_drop(&wait.future);
    rv_signal_wait_init(&wait, &fixture.signals);
    cr_assert_eq(rv_poll(&wait.future, &cx), RV_PENDING);
    kill(getpid(), SIGUSR1);
    cr_assert(rv_probe_wait(&probe));
    rv_drop(&wait.future); /* woken, but not polled */
    rv_probe_fini(&probe);
    for (int64_t limit_ns = rv_after_ms(RV_TEST_WAIT_MS);
         rv_alloc_live() != live && rv_now_ns() < limit_ns;)
        ; /* the wake may hold the queue for a moment longer */
    cr_assert_eq(rv_alloc_live(), live);

    cr_assert_eq(next(&fixture), SIGUSR1);
    close_all(&fixture);
    cr_assert_eq(rv_stop_counting_allocs(), 0);
}

RV_TEST(signals, they_may_be_closed_before_the_wait_is_dropped)
{
    struct rv_signal_wait wait;
    struct fixture fixture;
    struct rv_probe probe;
    struct rv_cx cx;

    open_all(&fixture, 0);
    rv_probe_init(&probe);
    cx = rv_probe_cx(&probe);
    rv_signal_wait_init(&wait, &fixture.signals);
    cr_assert_eq(rv_poll(&wait.future, &cx), RV_PENDING);
    rv_signals_close(&fixture.signals);
    rv_drop(&wait.future);
    rv_probe_fini(&probe);
    close_all(&fixture);
}

RV_TEST(signals, without_a_reactor_it_is_enodev_and_blocks_nothing)
{
    const sigset_t set = set_of(SIGUSR1, SIGUSR1, SIGUSR1);
    struct rv_signals signals;

    cr_assert_eq(rv_signals_open(&signals, &set), -ENODEV);
    cr_assert_not(is_blocked(SIGUSR1));
    rv_signals_close(&signals);
}
