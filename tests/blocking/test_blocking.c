/* SPDX-License-Identifier: MIT */
/*
 * test_blocking.c - calls on the pool are made once or not at all; who owns the
 * argument.
 *
 * Threads: the test's, and the pool's.
 */
#include <criterion/criterion.h>

#include <errno.h>
#include <pthread.h>
#include <reveil/blocking.h>
#include <semaphore.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "executor/tasks.h"
#include "support/failing_alloc.h"
#include "support/support.h"
#include "waker/ready.h"

RV_TEST_SUITE(blocking);

/* A pool that the test's thread uses, and an executor. */
struct bench {
    struct rv_blocking_pool *pool;
    struct rv_executor *executor;
};

static void bench_init_with(struct bench *bench,
                            const struct rv_blocking_options *options)
{
    cr_assert_eq(rv_blocking_pool_new(&bench->pool, options), 0);
    bench->executor = new_executor();
    cr_assert_null(rv_blocking_enter(bench->pool));
}

static void bench_init(struct bench *bench, uint32_t max_threads)
{
    struct rv_blocking_options options = {.max_threads = max_threads};

    bench_init_with(bench, &options);
}

static void bench_fini(struct bench *bench)
{
    rv_executor_free(bench->executor);
    rv_blocking_enter(NULL);
    cr_assert_eq(rv_blocking_pool_stop(bench->pool, RV_NEVER), 0);
}

/* A call that reports its start, and waits until it may return. */
struct gate {
    sem_t entered;
    sem_t open;
    _Atomic int calls;
    _Atomic int frees;
};

static void gate_init(struct gate *gate)
{
    *gate = (struct gate){.calls = 0};
    sem_init(&gate->entered, 0, 0);
    sem_init(&gate->open, 0, 0);
}

static int32_t through_gate(void *arg)
{
    struct gate *gate = arg;

    sem_post(&gate->entered);
    while (sem_wait(&gate->open) < 0)
        ;
    return ++gate->calls;
}

static void free_gate(void *arg)
{
    ((struct gate *)arg)->frees++;
}

static int32_t answer(void *arg)
{
    return *(int *)arg;
}

static void poll_once(struct bench *bench, struct rv_future *future,
                      const struct rv_probe *probe)
{
    struct rv_cx cx = rv_probe_cx(probe);

    cx.executor = bench->executor;
    cr_assert_eq(rv_poll(future, &cx), RV_PENDING);
}

/* --- the call ---------------------------------------------------------- */

RV_TEST(blocking, the_result_is_what_the_call_returned)
{
    struct bench bench;
    struct rv_blocking call;
    int value = 42;

    bench_init(&bench, 2);
    rv_blocking_init(&call, answer, &value, NULL);

    cr_assert_eq(rv_test_block_on(bench.executor, &call.future), 42);
    cr_assert_eq(rv_blocking_threads(bench.pool), 1);
    bench_fini(&bench);
}

RV_TEST(blocking, the_argument_is_the_callers_again_when_it_is_ready)
{
    struct bench bench;
    struct rv_blocking call;
    struct gate gate;

    bench_init(&bench, 1);
    gate_init(&gate);
    sem_post(&gate.open);
    rv_blocking_init(&call, through_gate, &gate, free_gate);

    cr_assert_eq(rv_test_block_on(bench.executor, &call.future), 1);
    rv_drop(&call.future);
    bench_fini(&bench);
    cr_assert_eq(gate.frees, 0);
}

RV_TEST(blocking, without_a_pool_it_is_an_error)
{
    struct rv_executor *executor = new_executor();
    struct rv_blocking call;

    rv_blocking_init(&call, answer, NULL, NULL);

    cr_assert_eq(rv_test_block_on(executor, &call.future), -ENODEV);
    rv_executor_free(executor);
}

RV_TEST(blocking, threads_are_started_while_jobs_wait_up_to_the_limit)
{
    enum { JOBS = 5, LIMIT = 3 };
    struct bench bench;
    struct rv_blocking calls[JOBS];
    struct rv_probe probe;
    struct gate gate;

    bench_init(&bench, LIMIT);
    rv_probe_init(&probe);
    gate_init(&gate);
    for (int i = 0; i < JOBS; i++) {
        rv_blocking_init(&calls[i], through_gate, &gate, NULL);
        poll_once(&bench, &calls[i].future, &probe);
    }
    for (int i = 0; i < LIMIT; i++)
        sem_wait(&gate.entered);
    cr_assert_eq(rv_blocking_threads(bench.pool), LIMIT);
    for (int i = 0; i < JOBS; i++)
        sem_post(&gate.open);
    for (int i = 0; i < JOBS; i++)
        cr_assert_gt(rv_test_block_on(bench.executor, &calls[i].future), 0);
    cr_assert_eq(gate.calls, JOBS);
    rv_probe_fini(&probe);
    bench_fini(&bench);
}

static int32_t own_niceness(void *unused)
{
    (void)unused;
    return getpriority(PRIO_PROCESS, 0); /* in Linux, per thread */
}

RV_TEST(blocking, threads_are_as_nice_as_the_options_say)
{
    const struct rv_blocking_options options = {.niceness = 3};
    const int before = getpriority(PRIO_PROCESS, 0);
    struct rv_blocking call;
    struct bench bench;

    bench_init_with(&bench, &options);
    rv_blocking_init(&call, own_niceness, NULL, NULL);
    cr_assert_eq(rv_test_block_on(bench.executor, &call.future),
                 before + 3 < 19 ? before + 3 : 19);
    cr_assert_eq(getpriority(PRIO_PROCESS, 0), before);
    bench_fini(&bench);
}

/* --- signals ----------------------------------------------------------- */

static const int faults[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGABRT};

/* Of each signal, whether the thread blocks it. */
static int32_t get_signal_mask(void *mask)
{
    return pthread_sigmask(SIG_SETMASK, NULL, mask);
}

RV_TEST(blocking, a_pool_thread_blocks_all_signals_but_those_of_faults)
{
    struct rv_blocking call;
    struct bench bench;
    sigset_t mask;

    bench_init(&bench, 1);
    rv_blocking_init(&call, get_signal_mask, &mask, NULL);
    cr_assert_eq(rv_test_block_on(bench.executor, &call.future), 0);
    for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++)
        cr_assert_eq(sigismember(&mask, faults[i]), 0, "%d", faults[i]);
    cr_assert(sigismember(&mask, SIGTERM));
    cr_assert(sigismember(&mask, SIGALRM));
    bench_fini(&bench);
}

/* The program's handler: it ends the process with the signal's number. */
static void end_by_handler(int signal)
{
    _exit(signal);
}

static int32_t write_to(void *page)
{
    *(volatile char *)page = 1;
    return 0;
}

RV_TEST(blocking, the_programs_handler_of_faults_runs_in_a_call)
{
    const pid_t child = fork();
    int status = 0;

    cr_assert_geq(child, 0);
    if (child == 0) {
        struct rv_blocking call;
        struct bench bench;

        void *page =
            mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

        signal(SIGSEGV, end_by_handler);
        bench_init(&bench, 1);
        rv_blocking_init(&call, write_to, page, NULL);
        rv_test_block_on(bench.executor, &call.future);
        _exit(0);
    }
    cr_assert_eq(waitpid(child, &status, 0), child);
    cr_assert(WIFEXITED(status), "ended by a signal, not by the handler");
    cr_assert_eq(WEXITSTATUS(status), SIGSEGV);
}

/* --- in a child of fork() ---------------------------------------------- */

/* Returns: 0 when the future ends in the child and keeps no waker. */
static int end_in_child(struct bench *bench, struct rv_blocking *call,
                        const struct rv_probe *probe, uint32_t references)
{
    struct rv_cx cx = rv_probe_cx(probe);

    cx.executor = bench->executor;
    if (rv_poll(&call->future, &cx) != RV_READY)
        return 1;
    if (call->future.result != -ESTALE)
        return 2;
    return atomic_load(&probe->queue->references) == references ? 0 : 3;
}

RV_TEST(blocking, in_a_child_of_fork_a_call_ends_and_its_waker_is_dropped)
{
    struct rv_blocking call;
    struct rv_probe probe;
    struct bench bench;
    struct gate gate;
    uint32_t references;
    int status = -1;
    pid_t child;

    bench_init(&bench, 1);
    rv_probe_init(&probe);
    gate_init(&gate);
    references = atomic_load(&probe.queue->references);
    rv_blocking_init(&call, through_gate, &gate, NULL);
    poll_once(&bench, &call.future, &probe);
    sem_wait(&gate.entered);
    cr_assert_eq(atomic_load(&probe.queue->references), references + 1);

    child = fork();
    if (child == 0)
        _exit(end_in_child(&bench, &call, &probe, references));
    cr_assert_eq(waitpid(child, &status, 0), child);
    cr_assert_eq(status, 0, "%d", WEXITSTATUS(status));
    sem_post(&gate.open);
    cr_assert_eq(rv_test_block_on(bench.executor, &call.future), 1);
    rv_probe_fini(&probe);
    bench_fini(&bench);
}

/* --- canceling --------------------------------------------------------- */

RV_TEST(blocking, dropped_in_the_queue_the_call_is_not_made)
{
    struct bench bench;
    struct rv_blocking first;
    struct rv_blocking second;
    struct rv_probe probe;
    struct gate gate;
    struct gate never;

    bench_init(&bench, 1);
    rv_probe_init(&probe);
    gate_init(&gate);
    gate_init(&never);
    rv_blocking_init(&first, through_gate, &gate, NULL);
    rv_blocking_init(&second, through_gate, &never, free_gate);
    poll_once(&bench, &first.future, &probe);
    sem_wait(&gate.entered);
    cr_assert_not(rv_blocking_is_lent(&second), "before its first poll");
    poll_once(&bench, &second.future, &probe);
    cr_assert(rv_blocking_is_lent(&second));

    rv_drop(&second.future);
    rv_drop(&second.future);
    cr_assert_eq(never.frees, 1);
    sem_post(&gate.open);
    cr_assert_eq(rv_test_block_on(bench.executor, &first.future), 1);
    cr_assert_not(rv_blocking_is_lent(&first), "when it is READY");
    rv_probe_fini(&probe);
    bench_fini(&bench);
    cr_assert_eq(never.calls, 0);
}

RV_TEST(blocking, dropped_while_it_runs_the_call_ends_by_itself)
{
    struct bench bench;
    struct rv_blocking call;
    struct rv_probe probe;
    struct gate gate;

    bench_init(&bench, 1);
    rv_probe_init(&probe);
    gate_init(&gate);
    rv_blocking_init(&call, through_gate, &gate, free_gate);
    poll_once(&bench, &call.future, &probe);
    sem_wait(&gate.entered);

    rv_drop(&call.future);
    cr_assert_eq(gate.frees, 0, "the call still has its argument");
    sem_post(&gate.open);
    bench_fini(&bench);
    cr_assert_eq(gate.calls, 1);
    cr_assert_eq(gate.frees, 1);
    rv_probe_fini(&probe);
}

/* --- classes ----------------------------------------------------------- */

RV_TEST(blocking, slow_calls_leave_half_of_the_threads_to_the_others)
{
    struct bench bench;
    struct rv_blocking slow[3];
    struct rv_blocking fast;
    struct rv_probe probe;
    struct gate gate;
    int value = 5;

    bench_init(&bench, 4);
    rv_probe_init(&probe);
    gate_init(&gate);
    for (int i = 0; i < 3; i++) {
        rv_blocking_init_slow(&slow[i], through_gate, &gate, NULL);
        poll_once(&bench, &slow[i].future, &probe);
    }
    rv_blocking_init(&fast, answer, &value, NULL);

    cr_assert_eq(rv_test_block_on(bench.executor, &fast.future), 5);
    sem_wait(&gate.entered);
    sem_wait(&gate.entered);
    cr_assert_neq(sem_trywait(&gate.entered), 0, "half of four is two");
    for (int i = 0; i < 3; i++)
        sem_post(&gate.open);
    for (int i = 0; i < 3; i++)
        cr_assert_gt(rv_test_block_on(bench.executor, &slow[i].future), 0);
    rv_probe_fini(&probe);
    bench_fini(&bench);
}

/* --- stopping ---------------------------------------------------------- */

RV_TEST(blocking, stop_cancels_what_is_queued_and_gives_up_at_the_deadline)
{
    struct bench bench;
    struct rv_blocking first;
    struct rv_blocking second;
    struct rv_probe probe;
    struct gate gate;
    uint32_t threads = rv_test_threads();

    bench_init(&bench, 1);
    rv_probe_init(&probe);
    gate_init(&gate);
    rv_blocking_init(&first, through_gate, &gate, NULL);
    rv_blocking_init(&second, through_gate, &gate, NULL);
    poll_once(&bench, &first.future, &probe);
    sem_wait(&gate.entered);
    poll_once(&bench, &second.future, &probe);

    rv_blocking_enter(NULL);
    cr_assert_eq(rv_blocking_pool_stop(bench.pool, rv_after_ms(5)), -ETIMEDOUT);
    cr_assert_eq(rv_test_block_on(bench.executor, &second.future), -ECANCELED);
    sem_post(&gate.open);
    cr_assert_eq(rv_test_block_on(bench.executor, &first.future), 1);
    rv_probe_fini(&probe);
    rv_executor_free(bench.executor);
    rv_test_wait_for_threads(threads);
}

RV_TEST(blocking, an_idle_thread_ends_and_another_is_started_later)
{
    struct rv_blocking_options options = {.max_threads = 1, .idle_ns = 1};
    struct rv_blocking_pool *pool;
    struct rv_executor *executor = new_executor();
    struct rv_blocking call;
    uint32_t threads = rv_test_threads();
    int value = 3;

    cr_assert_eq(rv_blocking_pool_new(&pool, &options), 0);
    rv_blocking_enter(pool);
    for (int i = 0; i < 3; i++) {
        rv_blocking_init(&call, answer, &value, NULL);
        cr_assert_eq(rv_test_block_on(executor, &call.future), 3);
        rv_test_wait_for_threads(threads);
        cr_assert_eq(rv_blocking_threads(pool), 0);
    }
    rv_blocking_enter(NULL);
    cr_assert_eq(rv_blocking_pool_stop(pool, RV_NEVER), 0);
    rv_executor_free(executor);
}

/* A deadline that overflows does not make the wait spin. */
RV_TEST(blocking, an_idle_thread_may_stay_for_ever)
{
    struct rv_blocking_options options = {.max_threads = 1,
                                          .idle_ns = RV_NEVER};
    struct rv_executor *executor = new_executor();
    struct rv_blocking_pool *pool;
    struct rv_blocking call;
    struct rv_sleep nap;
    uint64_t stops;
    int value = 3;

    cr_assert_eq(rv_blocking_pool_new(&pool, &options), 0);
    rv_blocking_enter(pool);
    rv_blocking_init(&call, answer, &value, NULL);
    cr_assert_eq(rv_test_block_on(executor, &call.future), 3);
    /* While it sleeps, it is not woken again. */
    rv_test_wait_for_sleep();
    stops = rv_test_stops();
    rv_sleep_init(&nap, rv_after_ms(100));
    rv_test_block_on(executor, &nap.future);
    rv_test_wait_for_sleep();
    cr_assert_eq(rv_test_stops(), stops);
    cr_assert_eq(rv_blocking_threads(pool), 1);
    rv_blocking_enter(NULL);
    cr_assert_eq(rv_blocking_pool_stop(pool, RV_NEVER), 0);
    rv_executor_free(executor);
}

/* BLOCKING_POOL-4: threads end at about the time when the next job is
 * queued. */
RV_TEST(blocking, a_thread_that_gives_up_leaves_no_job_behind)
{
    struct rv_blocking_options options = {.max_threads = 1, .idle_ns = 30000};
    struct rv_blocking_pool *pool;
    struct rv_executor *executor = new_executor();
    struct rv_blocking call;
    uint32_t threads = rv_test_threads();
    int value = 3;

    cr_assert_eq(rv_blocking_pool_new(&pool, &options), 0);
    rv_blocking_enter(pool);
    for (int i = 0; i < 2000; i++) {
        struct rv_sleep nap;

        rv_blocking_init(&call, answer, &value, NULL);
        cr_assert_eq(rv_test_block_on(executor, &call.future), 3);
        rv_sleep_init(&nap, rv_now_ns() + i * 50);
        rv_test_block_on(executor, &nap.future);
    }
    rv_blocking_enter(NULL);
    cr_assert_eq(rv_blocking_pool_stop(pool, RV_NEVER), 0);
    rv_executor_free(executor);
    rv_test_wait_for_threads(threads);
}

static int one_call(void *arg)
{
    struct rv_blocking_pool *pool;
    struct rv_executor *executor;
    struct rv_blocking call;
    int result = rv_executor_new(&executor);

    if (result)
        return result;
    result = rv_blocking_pool_new(&pool, NULL);
    if (!result) {
        rv_blocking_enter(pool);
        rv_blocking_init(&call, answer, arg, NULL);
        result = rv_block_on(executor, &call.future);
        rv_blocking_enter(NULL);
        rv_blocking_pool_stop(pool, RV_NEVER);
    }
    rv_executor_free(executor);
    return result;
}

RV_TEST(blocking, without_memory_it_is_an_error_and_nothing_is_left)
{
    int zero = 0;

    cr_assert_gt(rv_fail_each_alloc_strictly(one_call, &zero), 3);
}
