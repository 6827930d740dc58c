/* SPDX-License-Identifier: MIT */
/*
 * test_coro.c - coroutines without a host: resume and suspend, what they keep,
 * what is misuse.
 *
 * Threads: the test's; one test hands a coroutine to another one.
 */
#include <criterion/criterion.h>

#include <errno.h>
#include <fenv.h>
#include <pthread.h>
#include <reveil/coro.h>
#include <signal.h>
#include <string.h>

#include "support/machine.h"
#include "support/support.h"

RV_TEST_SUITE(coro);

static struct rv_coro *new_coro(rv_coro_entry entry, void *arg)
{
    struct rv_coro *coro;

    cr_assert_eq(rv_coro_new(&coro, entry, arg, NULL), 0);
    return coro;
}

/* Counts its steps; it suspends three times. */
static int32_t three_steps(void *arg)
{
    int *steps = arg;

    for (int i = 0; i < 3; i++) {
        ++*steps;
        rv_coro_suspend();
    }
    return 42;
}

/* --- resume and suspend ------------------------------------------------ */

RV_TEST(coro, it_does_nothing_before_its_first_resume)
{
    int steps = 0;
    struct rv_coro *coro = new_coro(three_steps, &steps);

    cr_assert_eq(steps, 0);
    cr_assert(!rv_coro_finished(coro));
    rv_coro_free(coro);
}

RV_TEST(coro, each_resume_runs_it_to_the_next_suspend)
{
    int steps = 0;
    struct rv_coro *coro = new_coro(three_steps, &steps);

    for (int i = 1; i <= 3; i++) {
        cr_assert(!rv_coro_resume(coro));
        cr_assert_eq(steps, i);
    }
    cr_assert(!rv_coro_finished(coro));
    cr_assert(rv_coro_resume(coro));
    cr_assert(rv_coro_finished(coro));
    cr_assert_eq(rv_coro_result(coro), 42);
    rv_coro_free(coro);
}

static int32_t block_a_signal(void *arg)
{
    sigset_t one;

    sigemptyset(&one);
    sigaddset(&one, SIGUSR1);
    pthread_sigmask(SIG_BLOCK, &one, arg);
    rv_coro_suspend();
    return 0;
}

/* swapcontext() saves a signal mask for each side, which costs a system call;
 * the assembly does not touch the thread's mask. */
RV_TEST(coro, the_switch_is_assembly_where_there_is_any)
{
    sigset_t before;
    sigset_t after;
    struct rv_coro *coro;

#ifdef RV_CORO_UCONTEXT
    cr_skip_test("built with -Dcoro_switch=ucontext");
#endif
    if (!machine_has_assembly())
        cr_skip_test("no assembly for this processor");
    coro = new_coro(block_a_signal, &before);
    cr_assert(!rv_coro_resume(coro));
    pthread_sigmask(SIG_SETMASK, &before, &after);
    cr_assert(sigismember(&after, SIGUSR1));
    cr_assert(rv_coro_resume(coro));
    rv_coro_free(coro);
}

static void count_call(void *arg)
{
    ++*(int *)arg;
}

/* Adds up the values that its resumers pass, until one passes nothing. */
static int32_t sum_of_values(void *calls)
{
    int32_t sum = 0;

    for (;;) {
        const int value = rv_coro_suspend_then(count_call, calls);

        if (value == 0)
            return sum;
        sum += value;
    }
}

RV_TEST(coro, a_host_gives_each_suspension_its_value)
{
    int calls = 0;
    struct rv_coro *coro = new_coro(sum_of_values, &calls);

    cr_assert_not(rv_coro_resume_with(coro, 1000)); /* not requested */
    cr_assert_eq(calls, 1);
    cr_assert_not(rv_coro_resume_with(coro, 40));
    cr_assert_not(rv_coro_resume_with(coro, -7));
    cr_assert_eq(calls, 3);
    cr_assert(rv_coro_resume(coro));
    cr_assert_eq(rv_coro_result(coro), 33);
    cr_assert_eq(calls, 3);
    rv_coro_free(coro);
}

static int32_t note_current(void *arg)
{
    *(struct rv_coro **)arg = rv_coro_current();
    return 0;
}

RV_TEST(coro, the_current_one_is_the_one_that_runs)
{
    struct rv_coro *seen = NULL;
    struct rv_coro *coro = new_coro(note_current, &seen);

    cr_assert_null(rv_coro_current());
    cr_assert(rv_coro_resume(coro));
    cr_assert_eq(seen, coro);
    cr_assert_null(rv_coro_current());
    rv_coro_free(coro);
}

/* Resumes a coroutine of its own, and suspends between. */
static int32_t outer(void *arg)
{
    int *steps = arg;
    struct rv_coro *inner = new_coro(three_steps, steps);
    struct rv_coro *me = rv_coro_current();

    while (!rv_coro_resume(inner)) {
        cr_assert_eq(rv_coro_current(), me);
        rv_coro_suspend();
    }
    rv_coro_free(inner);
    return *steps;
}

RV_TEST(coro, one_may_resume_another_one)
{
    int steps = 0;
    struct rv_coro *coro = new_coro(outer, &steps);

    for (int i = 1; i <= 3; i++) {
        cr_assert(!rv_coro_resume(coro));
        cr_assert_eq(steps, i);
    }
    cr_assert(rv_coro_resume(coro));
    cr_assert_eq(rv_coro_result(coro), 3);
    rv_coro_free(coro);
}

/* Locals in registers, on the stack and in the floating-point unit. */
static int32_t keep_locals(void *arg)
{
    const int seed = *(const int *)arg;
    long numbers[64];
    double half = seed / 2.0;
    long sum = 0;

    for (int i = 0; i < 64; i++)
        numbers[i] = seed * i;
    for (int i = 0; i < 64; i++) {
        rv_coro_suspend();
        sum += numbers[i];
        half *= 1.5;
    }
    return sum == seed * 63L * 32 && half > 1e10 * seed;
}

RV_TEST(coro, locals_stay_while_others_run)
{
    enum { COROUTINES = 100 };
    struct rv_coro *coros[COROUTINES];
    int seeds[COROUTINES];

    for (int i = 0; i < COROUTINES; i++) {
        seeds[i] = i + 1;
        coros[i] = new_coro(keep_locals, &seeds[i]);
    }
    for (int round = 0; round <= 64; round++)
        for (int i = 0; i < COROUTINES; i++)
            cr_assert_eq(rv_coro_resume(coros[i]), round == 64);
    for (int i = 0; i < COROUTINES; i++) {
        cr_assert_eq(rv_coro_result(coros[i]), 1);
        rv_coro_free(coros[i]);
    }
}

static void *resume_elsewhere(void *coro)
{
    cr_assert(!rv_coro_resume(coro));
    return NULL;
}

RV_TEST(coro, it_goes_on_in_another_thread)
{
    int steps = 0;
    struct rv_coro *coro = new_coro(three_steps, &steps);
    pthread_t thread;

    cr_assert(!rv_coro_resume(coro));
    cr_assert_eq(pthread_create(&thread, NULL, resume_elsewhere, coro), 0);
    pthread_join(thread, NULL);
    cr_assert_eq(steps, 2);
    cr_assert(!rv_coro_resume(coro));
    cr_assert(rv_coro_resume(coro));
    rv_coro_free(coro);
}

/* --- the floating-point control words ---------------------------------- */

static int32_t round_up(void *arg)
{
    fesetround(FE_UPWARD);
    rv_coro_suspend();
    *(int *)arg = fegetround();
    return 0;
}

RV_TEST(coro, the_rounding_mode_is_its_own)
{
    int mode = -1;
    struct rv_coro *coro = new_coro(round_up, &mode);

    cr_assert(!rv_coro_resume(coro));
    cr_assert_eq(fegetround(), FE_TONEAREST);
    cr_assert(rv_coro_resume(coro));
    cr_assert_eq(mode, FE_UPWARD);
    cr_assert_eq(fegetround(), FE_TONEAREST);
    rv_coro_free(coro);
}

static int32_t note_rounding(void *arg)
{
    *(int *)arg = fegetround();
    return 0;
}

RV_TEST(coro, it_begins_with_the_rounding_mode_of_its_maker)
{
    int mode = -1;
    struct rv_coro *coro;

    fesetround(FE_DOWNWARD);
    coro = new_coro(note_rounding, &mode);
    fesetround(FE_TONEAREST);
    cr_assert(rv_coro_resume(coro));
    cr_assert_eq(mode, FE_DOWNWARD);
    rv_coro_free(coro);
}

/* --- what is called behind the switch ---------------------------------- */

struct commit {
    struct rv_coro *coro;
    bool outside; /* no coroutine was running at the call */
    bool suspended;
};

static void commit(void *arg)
{
    struct commit *commit = arg;
    int local;

    commit->outside = rv_coro_current() == NULL &&
                      ((char *)&local < (char *)commit->coro - 65536 ||
                       (char *)&local > (char *)commit->coro);
    /* From here on it may be resumed, and even freed. */
    commit->suspended = rv_coro_resume(commit->coro);
    rv_coro_free(commit->coro);
}

static int32_t commit_and_end(void *arg)
{
    rv_coro_suspend_then(commit, arg);
    return 0;
}

RV_TEST(coro, the_commit_may_resume_and_free_what_was_suspended)
{
    struct commit state = {.coro = NULL};

    state.coro = new_coro(commit_and_end, &state);
    cr_assert(!rv_coro_resume(state.coro));
    cr_assert(state.outside);
    cr_assert(state.suspended);
}

/* --- options ----------------------------------------------------------- */

RV_TEST(coro, options_are_kept)
{
    static const struct rv_coro_options options = {
        .name = "worker", .stack_bytes = 40000, .data_bytes = 100};
    struct rv_coro *coro;
    char *data;

    cr_assert_eq(rv_coro_new(&coro, three_steps, NULL, &options), 0);
    cr_assert_str_eq(rv_coro_name(coro), "worker");
    cr_assert_eq(rv_coro_stack_bytes(coro), 65536);
    data = rv_coro_data(coro);
    cr_assert_eq((uintptr_t)data % 16, 0);
    for (int i = 0; i < 100; i++)
        cr_assert_eq(data[i], 0);
    memset(data, 0x55, 100);
    rv_coro_free(coro);

    /* The next coroutine on the same stack finds zeroes again. */
    cr_assert_eq(rv_coro_new(&coro, three_steps, NULL, &options), 0);
    cr_assert_eq(((char *)rv_coro_data(coro))[99], 0);
    rv_coro_free(coro);
}

RV_TEST(coro, too_much_is_an_error)
{
    struct rv_coro_options options = {.stack_bytes = (1u << 30) + 1};
    struct rv_coro *coro = NULL;

    cr_assert_eq(rv_coro_new(&coro, three_steps, NULL, &options), -EINVAL);
    options = (struct rv_coro_options){.data_bytes = 1025};
    cr_assert_eq(rv_coro_new(&coro, three_steps, NULL, &options), -EINVAL);
    cr_assert_null(coro);
}

/* --- misuse ------------------------------------------------------------ */

static int32_t resume_self(void *arg)
{
    (void)arg;
    rv_coro_resume(rv_coro_current());
    return 0;
}

static void misuse_resume_running(void)
{
    rv_coro_resume(new_coro(resume_self, NULL));
}

static int32_t nothing(void *arg)
{
    (void)arg;
    return 0;
}

static void misuse_resume_finished(void)
{
    struct rv_coro *coro = new_coro(nothing, NULL);

    rv_coro_resume(coro);
    rv_coro_resume(coro);
}

static int32_t free_self(void *arg)
{
    (void)arg;
    rv_coro_free(rv_coro_current());
    return 0;
}

static void misuse_free_running(void)
{
    rv_coro_resume(new_coro(free_self, NULL));
}

static int32_t await_without_host(void *arg)
{
    struct rv_yield yield;

    (void)arg;
    rv_yield_init(&yield);
    return rv_await(&yield.future);
}

static void misuse_await(void)
{
    rv_coro_resume(new_coro(await_without_host, NULL));
}

RV_TEST(coro, misuse_stops_the_program)
{
    rv_test_aborts(misuse_resume_running, "rv_coro_resume");
    rv_test_aborts(misuse_resume_finished, "rv_coro_resume");
    rv_test_aborts(misuse_free_running, "rv_coro_free");
    rv_test_aborts(rv_coro_suspend, "rv_coro_suspend");
    rv_test_aborts(misuse_await, "rv_await");
}
