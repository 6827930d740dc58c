/* SPDX-License-Identifier: MIT */
/*
 * test_run.c - a whole program in one call, and how signals end it.
 *
 * Threads: one.
 */
#include <criterion/criterion.h>

#include <errno.h>
#include <reveil/run.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "support/hosts.h"
#include "support/take_away.h"

RV_TEST_SUITE(run);

static int64_t in_an_hour(void)
{
    return rv_now_ns() + 3600 * RV_NS_PER_S;
}

static int32_t answer(void *arg)
{
    return rv_coro_sleep_until(rv_after_ms(1)) ? -1 : *(int *)arg;
}

RV_TEST(run, the_result_is_the_coroutines)
{
    int number = 42;

    cr_assert_eq(rv_run(answer, &number), 42);
    number = -ENXIO;
    cr_assert_eq(rv_run(answer, &number), -ENXIO);
}

static int32_t run_inside(void *arg)
{
    return rv_run(answer, arg);
}

RV_TEST(run, not_inside_of_itself)
{
    int number = 1;

    cr_assert_eq(rv_run(run_inside, &number), -EDEADLK);
}

static int32_t detached(void *arg)
{
    int *ended = arg;
    const int result = rv_coro_sleep_until(in_an_hour());

    *ended = result;
    return 0;
}

static int32_t leave_a_task(void *arg)
{
    return rv_coro_spawn(rv_executor_current(), detached, arg, NULL, NULL) ||
           rv_coro_yield();
}

RV_TEST(run, tasks_that_are_left_are_dropped)
{
    int ended = 0;

    cr_assert_eq(rv_run(leave_a_task, &ended), 0);
    cr_assert_eq(ended, -ECANCELED);
}

/* --- signals ----------------------------------------------------------- */

struct stopped {
    int number;      /* of the signal that it sends itself */
    int times;       /* how often */
    int64_t more_ns; /* how long the clean-up takes; 0: there is none */
    int first;       /* what the first wait returned */
    int clean_up;
    int32_t result;
};

static int32_t stop_itself(void *arg)
{
    struct stopped *self = arg;

    kill(getpid(), self->number);
    self->first = rv_coro_sleep_until(in_an_hour());
    rv_coro_grace(RV_NEVER);
    if (self->times > 1)
        kill(getpid(), self->number);
    if (self->more_ns)
        self->clean_up = rv_coro_sleep_until(rv_now_ns() + self->more_ns);
    return self->result ? self->result : self->first;
}

RV_TEST(run, a_signal_ends_it_in_order)
{
    const int numbers[] = {SIGINT, SIGTERM};

    for (int i = 0; i < 2; i++) {
        struct stopped stopped = {.number = numbers[i],
                                  .more_ns = RV_NS_PER_MS};

        cr_assert_eq(rv_run(stop_itself, &stopped), 0);
        cr_assert_eq(stopped.first, -ECANCELED);
        cr_assert_eq(stopped.clean_up, 0);
    }
}

RV_TEST(run, the_number_of_the_signal_is_told)
{
    struct stopped self = {.number = SIGTERM, .times = 1};
    int signal = -1;
    const struct rv_run_options options = {.signal = &signal};
    int number = 42;

    cr_assert_eq(rv_run_with(answer, &number, &options), 42);
    cr_assert_eq(signal, 0);
    cr_assert_eq(rv_run_with(stop_itself, &self, &options), 0);
    cr_assert_eq(signal, SIGTERM);
}

/* In a child: its signals can be seen, but not read. */
static _Noreturn void run_without_reading(void)
{
    struct stopped self = {.number = SIGTERM, .times = 1};

    alarm(60); /* a hang is another end */
    take_away(SYS_read, EIO);
    rv_run(stop_itself, &self);
    _exit(1);
}

RV_TEST(run, a_signal_that_cannot_be_read_kills)
{
    int status = 0;
    pid_t child = fork();

    if (child == 0)
        run_without_reading();
    cr_assert_eq(waitpid(child, &status, 0), child);
    cr_assert(WIFSIGNALED(status));
    cr_assert_eq(WTERMSIG(status), SIGTERM);
}

RV_TEST(run, its_own_result_is_kept)
{
    struct stopped stopped = {.number = SIGINT, .result = -EIO};

    cr_assert_eq(rv_run(stop_itself, &stopped), -EIO);
    stopped.result = 3;
    cr_assert_eq(rv_run(stop_itself, &stopped), 3);
}

RV_TEST(run, a_second_signal_does_not_wait)
{
    struct stopped stopped = {
        .number = SIGINT, .times = 2, .more_ns = 3600 * RV_NS_PER_S};

    cr_assert_eq(rv_run(stop_itself, &stopped), 0);
    cr_assert_eq(stopped.clean_up, -ECANCELED);
}

RV_TEST(run, nor_does_the_end_of_the_grace_time)
{
    const struct rv_run_options options = {.grace_ns = RV_NS_PER_MS};
    struct stopped stopped = {.number = SIGINT, .more_ns = 3600 * RV_NS_PER_S};

    cr_assert_eq(rv_run_with(stop_itself, &stopped, &options), 0);
    cr_assert_eq(stopped.clean_up, -ECANCELED);
}

RV_TEST(run, an_ignored_signal_stays_ignored)
{
    struct stopped stopped = {.number = SIGINT};
    struct sigaction action;
    int number = 5;

    signal(SIGINT, SIG_IGN);
    kill(getpid(), SIGINT);
    cr_assert_eq(rv_run(answer, &number), 5);
    sigaction(SIGINT, NULL, &action);
    cr_assert(action.sa_handler == SIG_IGN);
    stopped.number = SIGTERM; /* the other one still ends it */
    cr_assert_eq(rv_run(stop_itself, &stopped), 0);
}

static int32_t read_mask(void *arg)
{
    return sigprocmask(SIG_SETMASK, NULL, arg);
}

RV_TEST(run, signals_may_be_left_alone)
{
    const struct rv_run_options options = {.no_signals = true};
    sigset_t inside;
    sigset_t after;

    cr_assert_eq(rv_run_with(read_mask, &inside, &options), 0);
    cr_assert_not(sigismember(&inside, SIGINT));
    cr_assert_eq(rv_run(read_mask, &inside), 0);
    cr_assert(sigismember(&inside, SIGINT));
    sigprocmask(SIG_SETMASK, NULL, &after);
    cr_assert_not(sigismember(&after, SIGINT));
}

/* --- a future ---------------------------------------------------------- */

RV_TEST(run, a_future_runs_to_its_end)
{
    struct rv_sleep sleep;

    rv_sleep_init(&sleep, rv_after_ms(1));
    cr_assert_eq(rv_run_future(&sleep.future, NULL), 0);
    cr_assert_eq(sleep.future.at, RV_AT_END);
}

static int32_t run_a_future_inside(void *arg)
{
    struct rv_sleep sleep;

    (void)arg;
    rv_sleep_init(&sleep, in_an_hour());
    cr_assert_eq(rv_run_future(&sleep.future, NULL), -EDEADLK);
    cr_assert_eq(sleep.future.at, RV_AT_END);
    return sleep.future.result;
}

RV_TEST(run, a_future_that_cannot_be_run_is_dropped)
{
    cr_assert_eq(rv_run(run_a_future_inside, NULL), -ECANCELED);
}

RV_TEST(run, a_signal_drops_the_future)
{
    struct rv_sleep sleep;
    sigset_t set;

    /* It stays pending until rv_run_future() fetches it. */
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigprocmask(SIG_BLOCK, &set, NULL);
    kill(getpid(), SIGTERM);
    rv_sleep_init(&sleep, in_an_hour());
    cr_assert_eq(rv_run_future(&sleep.future, NULL), 0);
    cr_assert_eq(sleep.future.at, RV_AT_END);
    cr_assert_eq(sleep.future.result, -ECANCELED);
}
